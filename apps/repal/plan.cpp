#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "commands.hpp"
#include "submission.hpp"

import command.load_plugins;
import command.selection;
import command.terminal;
import repal.allocation;
import repal.config;
import repal.studies;

namespace command {
namespace {

struct PlanOptions {
    std::string study;
    std::string stage;
    bool is_json = false;
    bool is_for_slurm = false;
    int processors = 4;  ///< of a task
    SelectionOptions selection;
};

/// 125 -> 2:05:00
std::string hours(int minutes) {
    return fmt::format("{}:{:02}:00", minutes / 60, minutes % 60);
}

/// What to ask the cluster for, stage by stage, and in one line for all.
void print_allocations(const repal::Study& study, const PlanOptions& options, const CommonOptions& common) {
    const std::filesystem::path results = std::filesystem::path(common.results) / options.study;
    const auto costs = repal::read_costs(results);
    const auto [plugins, arguments, settings] = submission_of(options.study, common.config, common);
    std::vector<std::vector<std::string>> rows = {
        {"stage", "to do", "measured", "core hours", "array", "time", "memory"}};
    std::string unmeasured;
    repal::Allocation largest;
    for (const std::string& stage : study.stages()) {
        if (!options.stage.empty() && stage != options.stage) continue;
        const auto items = study.plan(results, stage, read_selection(options.selection));
        const auto to_do =
            std::ranges::count_if(items, [](const auto& planned) { return planned.second != repal::ItemState::done; });
        const auto cost = costs.find(stage);
        const auto found =
            cost == costs.end() ? std::nullopt : repal::allocate(items, cost->second, options.processors);
        std::vector<std::string> row = {stage, fmt::format("{}", to_do)};
        if (!found && to_do > 0) {
            row.insert(row.end(), {"0", "?", "?", "?", "?"});
            unmeasured += fmt::format("\n  {}repal {} {} --array 0/{}", plugins, stage, arguments, items.size());
        } else if (found && to_do > 0) {
            row.insert(row.end(),
                       {fmt::format("{}", found->measured), fmt::format("{:.2g}", found->core_seconds / 3600),
                        fmt::format("0-{}", found->tasks - 1), hours(found->limit_minutes),
                        fmt::format("{}M", found->megabytes)});
            largest.tasks = std::max(largest.tasks, found->tasks);
            largest.limit_minutes = std::max(largest.limit_minutes, found->limit_minutes);
            largest.megabytes = std::max(largest.megabytes, found->megabytes);
        }
        rows.push_back(std::move(row));
    }
    fmt::print("{}", table(rows));
    if (!unmeasured.empty()) fmt::print("not measured here yet; one item of each is, after{}\n", unmeasured);
    if (largest.limit_minutes > 0)
        fmt::print("for all: {}sbatch/submit.sh {} --shards {} --time={} --mem={}M --cpus-per-task={}\n", plugins,
                   arguments, largest.tasks, hours(largest.limit_minutes), largest.megabytes, options.processors);
}

int plan(const PlanOptions& options, const CommonOptions& common) {
    const auto registry = load_plugins(common);
    const auto study = repal::make_study(options.study, repal::Config::load(common.config, common.overrides), registry);
    const std::filesystem::path results = std::filesystem::path(common.results) / options.study;

    if (!options.stage.empty()) study->require_stage(options.stage);
    if (options.is_for_slurm) {
        print_allocations(*study, options, common);
        return done;
    }
    auto list = nlohmann::ordered_json::array();
    std::vector<std::vector<std::string>> rows = {{"stage", "items", "done", "failed", "missing", "GFLOP to do"}};
    for (const std::string& stage : study->stages()) {
        if (!options.stage.empty() && stage != options.stage) continue;
        std::size_t counts[3] = {};
        const auto items = study->plan(results, stage, read_selection(options.selection));
        double gflop = 0;
        for (const auto& [item, state] : items) {
            ++counts[static_cast<std::size_t>(state)];
            if (state != repal::ItemState::done) gflop += item.gflop;
            list.push_back({{"stage", stage},
                            {"item", item.name},
                            {"state", to_string(state)},
                            {"key", item.key},
                            {"gflop", item.gflop}});
        }
        const auto count = [&](repal::ItemState state) {
            return fmt::format("{}", counts[static_cast<std::size_t>(state)]);
        };
        rows.push_back({stage, fmt::format("{}", items.size()), count(repal::ItemState::done),
                        count(repal::ItemState::failed), count(repal::ItemState::missing),
                        gflop > 0 ? fmt::format("{:.0f}", gflop) : ""});
    }
    if (options.is_json) {
        fmt::print("{}\n", list.dump(2));
        return done;
    }
    fmt::print("{}", table(rows));
    if (common.is_verbose)
        for (const auto& item : list)
            fmt::print("{}/{}: {}\n", item["stage"].get<std::string>(), item["item"].get<std::string>(),
                       item["state"].get<std::string>());
    return done;
}

}  // namespace

void add_plan(CLI::App& app, const CommonOptions& common, Chosen& chosen) {
    auto options = std::make_shared<PlanOptions>();
    auto* sub = app.add_subcommand("plan", "the items of a study: done, failed, missing (each with -v)");
    sub->add_option("study", options->study, fmt::format("{}", fmt::join(repal::study_names(), " or ")))->required();
    sub->add_option("--stage", options->stage, "only this stage");
    add_selection(*sub, options->selection);
    auto* json = sub->add_flag("--json", options->is_json, "print JSON");
    auto* slurm = sub->add_flag("--slurm", options->is_for_slurm,
                                "what to ask a cluster for, from what items have cost that are done");
    slurm->excludes(json);
    sub->add_option("--cpus-per-task", options->processors, "of a task of the cluster")
        ->check(CLI::Range(1, 4096))
        ->capture_default_str()
        ->needs(slurm);
    sub->callback([&common, &chosen, options] { chosen = [&common, options] { return plan(*options, common); }; });
}

}  // namespace command
