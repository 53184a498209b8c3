#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <memory>
#include <string>

#include "commands.hpp"

import command.load_plugins;
import repal.config;
import repal.error;
import repal.file;
import repal.studies;

namespace command {
namespace {

int report(const std::string& name, const CommonOptions& common) {
    const std::filesystem::path results = std::filesystem::path(common.results) / name;
    const auto registry = load_plugins(common);
    const std::string file_of_config = config_of(results, common);
    const auto config = repal::Config::load(file_of_config, common.overrides);
    const auto study = repal::make_study(name, config, registry);
    if (study->has_others(results))
        throw repal::InputError(
            file_of_config,
            fmt::format("the results in {} are of another configuration{}", results.string(),
                        common.overrides.empty() ? "" : ", without --set"),
            "the page is of theirs without --config and --set; `run` with them replaces what is there");
    const repal::RunOptions options{.results = results, .shard = {}, .command = common.typed};
    const repal::Plan plan = study->plan(results);
    const repal::Findings findings = study->find(results);
    // All may be done although no process has lived to say so.
    if (count(plan, repal::ItemState::missing) == 0 && !study->has_tables(results)) study->write(findings, options);
    const std::filesystem::path file = results / "report.html";
    repal::write_file(file, repal::html(study->page(findings, plan, options), repal::plotting_library()));
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
