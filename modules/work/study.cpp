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
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>
module repal.study;

import repal.costs;
import repal.file;

namespace repal {
namespace {

constexpr const char* manifest_name = "manifest.json";

}  // namespace

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

bool Selection::includes(const Item& item) const {
    return (job.empty() || job == item.job_name()) && (!items || items->contains(item.name));
}

const Stage& Study::stage(const std::string& name) const {
    const auto found = std::ranges::find(stages_, name, &Stage::name);
    if (found != stages_.end()) return *found;
    std::vector<std::string> names;
    for (const Stage& stage : stages_) names.push_back(stage.name);
    throw InputError("", fmt::format("the study '{}' has no stage '{}'", name_, name), suggest(name, names));
}

Plan Study::plan(const std::filesystem::path& results) const {
    Plan plan;
    for (const Stage& stage : stages_) plan.emplace_back(stage.name, stage.plan(results, {}));
    return plan;
}

std::size_t count(const Plan& plan, ItemState state) {
    std::size_t n = 0;
    for (const auto& [stage, items] : plan)
        n += static_cast<std::size_t>(std::ranges::count(items, state, &PlannedItems::value_type::second));
    return n;
}

std::vector<Job> Study::jobs(const Plan& plan) const {
    std::map<std::string, std::vector<std::string>> of_stage;
    std::vector<Job> all;
    for (const auto& [name, items] : plan) {
        std::vector<std::string> after;
        for (const Need& need : stage(name).needs)
            for (const std::string& job : of_stage[need.stage])
                if (std::ranges::find(after, job) == after.end()) after.push_back(job);
        // Who waits for a job waits for all that the job waits for.
        for (const Job& job : all)
            if (std::ranges::find(after, job.name) != after.end())
                for (const std::string& before : job.after) std::erase(after, before);
        for (const auto& [item, state] : items) {
            auto& names = of_stage[name];
            if (std::ranges::find(names, item.job_name()) != names.end()) continue;
            names.push_back(item.job_name());
            all.push_back({item.job_name(), after});
        }
        // Who waits for a stage without items waits for what that waits for.
        if (items.empty()) of_stage[name] = after;
    }
    return all;
}

void Study::run(const Stage& stage, const RunOptions& options, Progress& progress) const {
    for (const Need& need : stage.needs) {
        if (!need.items) continue;
        RunOptions of_need = options;
        of_need.shard = {};
        of_need.selection = {.where = {}, .items = need.items(options)};
        this->stage(need.stage).run(of_need, progress);
    }
    stage.run(options, progress);
}

namespace {

/// The file of that name, or all that a '*' in it stands for.
void remove_all(const std::filesystem::path& folder, const std::string& name) {
    const std::size_t star = name.find('*');
    if (star == std::string::npos) {
        std::filesystem::remove(folder / name);
        return;
    }
    const std::string_view before = std::string_view(name).substr(0, star);
    const std::string_view after = std::string_view(name).substr(star + 1);
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const std::string file = entry.path().filename().string();
        if (file.size() >= name.size() - 1 && file.starts_with(before) && file.ends_with(after))
            found.push_back(entry.path());
    }
    for (const std::filesystem::path& file : found) std::filesystem::remove(file);
}

}  // namespace

bool Study::has_others(const std::filesystem::path& results) const {
    const std::filesystem::path file = results / "config.yaml";
    return std::filesystem::is_regular_file(file) && read_file(file) != config_yaml_ + "\n";
}

void Study::begin(const std::filesystem::path& results) const {
    if (has_others(results)) {
        for (const std::string& table : tables()) remove_all(results, table);
        std::filesystem::remove(results / "report.html");
    }
    write_file(results / "config.yaml", config_yaml_ + "\n");
}

std::size_t Study::n_replaced(const std::filesystem::path& /*results*/) const {
    return 0;
}

void Study::forget_tables(const std::filesystem::path& results) const {
    std::filesystem::remove(results / manifest_name);
}

bool Study::has_tables(const std::filesystem::path& results) const {
    const std::filesystem::path file = results / manifest_name;
    if (!std::filesystem::is_regular_file(file)) return false;
    const auto written = nlohmann::json::parse(read_file(file), nullptr, false);
    if (!written.is_object() || written.value("config", nlohmann::json()) != config_yaml_) return false;
    const nlohmann::json tables = written.value("tables", nlohmann::json());
    return tables.is_object() && std::ranges::all_of(tables.items(), [&](const auto& table) {
               std::error_code none;
               return table.value() == std::filesystem::file_size(results / table.key(), none) && !none;
           });
}

void Study::write(const Findings& findings, const RunOptions& options) const {
    std::map<std::string, std::uintmax_t> bytes;
    for (const auto& [name, rows] : findings.tables) {
        write_file(options.results / name, csv_text(rows));
        bytes[name] = std::filesystem::file_size(options.results / name);
    }
    for (const auto& [name, archive] : findings.archives) {
        write_archive(options.results / name, archive);
        bytes[name] = std::filesystem::file_size(options.results / name);
    }
    write_file(options.results / manifest_name, manifest(options, bytes));
}

std::string Study::manifest(const RunOptions& options, const std::map<std::string, std::uintmax_t>& tables) const {
    utsname machine{};
    uname(&machine);
    nlohmann::ordered_json json;
    json["program"] = "repal " REPAL_VERSION;
    json["study"] = name_;
    json["command"] = options.command;
    json["seed"] = seed_;
    json["finished"] = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
    json["tables"] = tables;
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

Report Study::page(const Findings& findings, const Plan& plan, const RunOptions& options) const {
    // The page names the run that finished the study; if none has, this one.
    nlohmann::ordered_json json = nlohmann::ordered_json::parse(manifest(options, {}));
    json.erase("finished");
    if (const auto file = options.results / manifest_name; std::filesystem::is_regular_file(file)) {
        auto written = nlohmann::ordered_json::parse(read_file(file), nullptr, false);
        const auto has_form_of = [](const nlohmann::ordered_json& a, const nlohmann::ordered_json& b) {
            return a.is_object() && std::ranges::all_of(b.items(), [&](const auto& entry) {
                       return a.contains(entry.key()) && a[entry.key()].type() == entry.value().type();
                   });
        };
        // Somebody may have changed it.
        if (has_form_of(written, json) && has_form_of(written["machine"], json["machine"]) &&
            written["config"] == config_yaml_)
            json = std::move(written);
    }

    Report report = findings.report;
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
    if (const HeldCost cost = read_held(options.results); cost.held > 0) {
        constexpr double hour = 3600;
        report.provenance.emplace_back(
            "core hours", fmt::format("{:.3g} in items, {:.3g} held by processes ({:.0f} % used)", cost.of_items / hour,
                                      cost.held / hour, 100 * cost.of_items / cost.held));
    }
    const std::filesystem::path own = options.results / "config.yaml";
    report.reproduce = fmt::format("repal run {} --config {} --results elsewhere", name_,
                                   std::filesystem::is_regular_file(own) ? own.string() : file);
    report.configuration = config_yaml_;

    Section missing_items = missing(plan);
    if (!missing_items.figures.empty()) report.sections.insert(report.sections.begin(), std::move(missing_items));
    return report;
}

/// A table of what is still to be done; without it if all is done.
Section Study::missing(const Plan& plan) const {
    TableFigure table{.id = "missing-items",
                      .title = "Items",
                      .caption = "An item is one dataset, one network, or one block of comparisons.",
                      .rows = {{"stage", "items", "done", "failed", "missing"}}};
    for (const auto& [stage, items] : plan) {
        std::vector<std::string> row = {stage, fmt::format("{}", items.size())};
        for (const ItemState state : {ItemState::done, ItemState::failed, ItemState::missing})
            row.push_back(fmt::format("{}", count({{stage, items}}, state)));
        table.rows.push_back(std::move(row));
    }
    Section section{.id = "missing", .title = "What is missing"};
    if (count(plan, ItemState::missing) == 0) return section;
    section.text = fmt::format(
        "This study is not finished: the figures show what is there. `repal run {}` with the same "
        "configuration and results folder does the rest.",
        name_);
    section.figures.emplace_back(std::move(table));
    return section;
}

std::vector<std::size_t> unfinished(const PlannedItems& items, const Shard& shard) {
    std::vector<std::size_t> indices;
    for (std::size_t i = 0; i < items.size(); ++i)
        if (shard.owns(i) && items[i].second != ItemState::done) indices.push_back(i);
    return indices;
}

}  // namespace repal
