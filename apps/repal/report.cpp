#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <memory>
#include <string>

#include "commands.hpp"

import repal.config;
import repal.registry;
import repal.store;
import repal.studies;

namespace command {
namespace {

int report(const std::string& name, const CommonOptions& common) {
    const std::filesystem::path results = std::filesystem::path(common.results) / name;
    // Results know what they were made with.
    const std::filesystem::path of_results = results / "config.yaml";
    const bool has_own = !common.is_config_given && std::filesystem::is_regular_file(of_results);

    const auto registry = repal::Registry::load(repal::plugin_path(common.plugin_path));
    const auto config = repal::Config::load(has_own ? of_results.string() : common.config, common.overrides);
    const auto study = repal::make_study(name, config, registry);
    const std::filesystem::path file = results / "report.html";
    const repal::Report page = study->report({.results = results, .shard = {}, .command = common.typed});
    repal::write_file(file, repal::html(page, repal::plotting_library()));
    fmt::print("report: {}\n", file.string());
    return done;
}

}  // namespace

void add_report(CLI::App& app, const CommonOptions& common, Chosen& chosen) {
    auto study = std::make_shared<std::string>();
    auto* sub = app.add_subcommand("report", "a page with figures of what a study has found so far");
    sub->add_option("study", *study, fmt::format("{}", fmt::join(repal::study_names(), " or ")))->required();
    sub->callback([&common, &chosen, study] { chosen = [&common, study] { return report(*study, common); }; });
}

}  // namespace command
