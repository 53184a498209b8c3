module;
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>
module repal.study;

import repal.store;

namespace repal {

Study::~Study() = default;

Study::Study(std::string name, const Config& config, const Registry& registry)
    : name_(std::move(name)),
      config_yaml_(config.yaml()),
      config_file_(config.where()),
      seed_(config.at("seed").integer(0)) {
    for (const auto& [task_name, task] : registry.tasks())
        plugins_.push_back("task " + task_name + " " + task.info.version);
    for (const auto& [metric_name, metric] : registry.metrics())
        plugins_.push_back("metric " + metric_name + " " + metric.info.version);
}

void Study::require_stage(const std::string& stage) const {
    const std::vector<std::string> names = stages();
    if (std::ranges::find(names, stage) == names.end())
        throw InputError("", fmt::format("the study '{}' has no stage '{}'", name_, stage), suggest(stage, names));
}

void Study::begin(const std::filesystem::path& results) const {
    const std::filesystem::path file = results / "config.yaml";
    const std::string config = config_yaml_ + "\n";
    if (std::filesystem::is_regular_file(file) && read_file(file) != config)
        for (const std::string& table : tables()) std::filesystem::remove(results / table);
    write_file(file, config);
}

Outcome Study::finish(const RunOptions& options) const {
    for (const std::string& stage : stages())
        for (const auto& [cell, state] : plan(options.results, stage, {}))
            if (state == CellState::missing) return {};
    Outcome outcome = write_tables(options);
    outcome.is_complete = true;
    write_file(options.results / "manifest.json", manifest(options));
    return outcome;
}

std::string Study::manifest(const RunOptions& options) const {
    utsname machine{};
    uname(&machine);
    nlohmann::ordered_json json;
    json["program"] = "repal " REPAL_VERSION;
    json["study"] = name_;
    json["command"] = options.command;
    json["seed"] = seed_;
    json["finished"] = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
    json["abi"] = abi_tag;
    json["plugins"] = plugins_;
    json["machine"] = {{"name", machine.nodename},
                       {"system", fmt::format("{} {}", machine.sysname, machine.release)},
                       {"architecture", machine.machine},
                       {"processors", std::thread::hardware_concurrency()}};
    json["config_file"] = config_file_;
    json["config"] = config_yaml_;
    return json.dump(2) + "\n";
}

std::vector<std::size_t> unfinished(const std::vector<std::pair<Cell, CellState>>& cells, const Shard& shard) {
    std::vector<std::size_t> indices;
    for (std::size_t i = 0; i < cells.size(); ++i)
        if (shard.owns(i) && cells[i].second != CellState::done) indices.push_back(i);
    return indices;
}

}  // namespace repal
