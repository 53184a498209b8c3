#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "commands.hpp"
#include "selection.hpp"
#include "terminal.hpp"

import repal.config;
import repal.registry;
import repal.studies;

namespace command {
namespace {

struct PlanOptions {
    std::string study;
    std::string stage;
    bool is_json = false;
    SelectionOptions selection;
};

int plan(const PlanOptions& options, const CommonOptions& common) {
    const auto registry = repal::Registry::load(repal::plugin_path(common.plugin_path));
    const auto study = repal::make_study(options.study, repal::Config::load(common.config, common.overrides), registry);
    const std::filesystem::path results = std::filesystem::path(common.results) / options.study;

    if (!options.stage.empty()) study->require_stage(options.stage);
    auto list = nlohmann::ordered_json::array();
    std::vector<std::vector<std::string>> rows = {{"stage", "cells", "done", "failed", "missing", "GFLOP to do"}};
    for (const std::string& stage : study->stages()) {
        if (!options.stage.empty() && stage != options.stage) continue;
        std::size_t counts[3] = {};
        const auto cells = study->plan(results, stage, read_selection(options.selection));
        double gflop = 0;
        for (const auto& [cell, state] : cells) {
            ++counts[static_cast<std::size_t>(state)];
            if (state != repal::CellState::done) gflop += cell.gflop;
            list.push_back({{"stage", stage},
                            {"cell", cell.name},
                            {"state", to_string(state)},
                            {"key", cell.key},
                            {"gflop", cell.gflop}});
        }
        const auto count = [&](repal::CellState state) {
            return fmt::format("{}", counts[static_cast<std::size_t>(state)]);
        };
        rows.push_back({stage, fmt::format("{}", cells.size()), count(repal::CellState::done),
                        count(repal::CellState::failed), count(repal::CellState::missing),
                        gflop > 0 ? fmt::format("{:.0f}", gflop) : ""});
    }
    if (options.is_json) {
        fmt::print("{}\n", list.dump(2));
        return done;
    }
    fmt::print("{}", table(rows));
    if (common.is_verbose)
        for (const auto& cell : list)
            fmt::print("{}/{}: {}\n", cell["stage"].get<std::string>(), cell["cell"].get<std::string>(),
                       cell["state"].get<std::string>());
    return done;
}

}  // namespace

void add_plan(CLI::App& app, const CommonOptions& common, Chosen& chosen) {
    auto options = std::make_shared<PlanOptions>();
    auto* sub = app.add_subcommand("plan", "the cells of a study: done, failed, missing (each with -v)");
    sub->add_option("study", options->study, fmt::format("{}", fmt::join(repal::study_names(), " or ")))->required();
    sub->add_option("--stage", options->stage, "only this stage");
    add_selection(*sub, options->selection);
    sub->add_flag("--json", options->is_json, "print JSON");
    sub->callback([&common, &chosen, options] { chosen = [&common, options] { return plan(*options, common); }; });
}

}  // namespace command
