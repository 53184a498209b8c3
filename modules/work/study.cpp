module;
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>
module repal.study;

import repal.file;

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
    if (std::filesystem::is_regular_file(file) && read_file(file) != config) {
        for (const std::string& table : tables()) std::filesystem::remove(results / table);
        std::filesystem::remove(results / "report.html");
    }
    write_file(file, config);
}

Outcome Study::finish(const RunOptions& options) const {
    for (const std::string& stage : stages())
        for (const auto& [item, state] : plan(options.results, stage, {}))
            if (state == ItemState::missing) return {};
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
    return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

Report Study::report(const RunOptions& options) const {
    // Of a finished study, the run that finished it; else this one.
    nlohmann::ordered_json json = nlohmann::ordered_json::parse(manifest(options));
    json.erase("finished");
    if (const auto file = options.results / "manifest.json"; std::filesystem::is_regular_file(file)) {
        auto written = nlohmann::ordered_json::parse(read_file(file), nullptr, false);
        if (written.is_object() && written.contains("config") && written["config"] == config_yaml_)
            json = std::move(written);
    }

    Report report = findings(options);
    const auto text = [](const nlohmann::ordered_json& value) {
        return value.is_string() ? value.get<std::string>() : value.dump();
    };
    for (const char* name : {"program", "command", "seed", "finished"})
        if (json.contains(name)) report.provenance.emplace_back(name, text(json[name]));
    const std::string where = text(json["config_file"]);
    const std::string file = where.substr(0, where.find(':'));
    report.provenance.emplace_back("configuration", file);
    std::string plugins;
    for (const auto& plugin : json["plugins"]) plugins += (plugins.empty() ? "" : ", ") + text(plugin);
    report.provenance.emplace_back("plugins", plugins);
    const auto& machine = json["machine"];
    report.provenance.emplace_back(
        "machine", fmt::format("{}, {} {}, {} processors", text(machine["name"]), text(machine["system"]),
                               text(machine["architecture"]), text(machine["processors"])));
    const std::filesystem::path own = options.results / "config.yaml";
    report.reproduce = fmt::format("repal run {} --config {} --results elsewhere", name_,
                                   std::filesystem::is_regular_file(own) ? own.string() : file);
    report.configuration = config_yaml_;

    Section missing_items = missing(options);
    if (!missing_items.figures.empty()) report.sections.insert(report.sections.begin(), std::move(missing_items));
    return report;
}

/// A table of what is still to be done; without it if all is done.
Section Study::missing(const RunOptions& options) const {
    TableFigure table{.id = "missing-items",
                      .title = "Items",
                      .caption = "A item is one dataset, one network, or one block of comparisons.",
                      .rows = {{"stage", "items", "done", "failed", "missing"}}};
    std::size_t n_missing = 0;
    for (const std::string& stage : stages()) {
        std::size_t counts[3] = {};
        const auto items = plan(options.results, stage, {});
        for (const auto& [item, state] : items) ++counts[static_cast<std::size_t>(state)];
        const auto count = [&](ItemState state) { return counts[static_cast<std::size_t>(state)]; };
        n_missing += count(ItemState::missing);
        table.rows.push_back({stage, fmt::format("{}", items.size()), fmt::format("{}", count(ItemState::done)),
                              fmt::format("{}", count(ItemState::failed)),
                              fmt::format("{}", count(ItemState::missing))});
    }
    Section section{.id = "missing", .title = "What is missing"};
    if (n_missing == 0) return section;
    section.text = fmt::format(
        "This study is not finished: the figures show what is there. `repal run {}` with the same "
        "configuration and results folder does the rest.",
        name_);
    section.figures.emplace_back(std::move(table));
    return section;
}

std::vector<std::size_t> unfinished(const std::vector<std::pair<Item, ItemState>>& items, const Shard& shard) {
    std::vector<std::size_t> indices;
    for (std::size_t i = 0; i < items.size(); ++i)
        if (shard.owns(i) && items[i].second != ItemState::done) indices.push_back(i);
    return indices;
}

}  // namespace repal
