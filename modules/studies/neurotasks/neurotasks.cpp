module;
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>
module repal.neurotasks;

import repal.file;

namespace repal {
namespace {

Config study_config(const Config& config) {
    const Config study = config.at("studies").at("neurotasks");
    study.require_keys(
        {"tasks", "rulesets", "data", "groups", "networks", "training", "trajectories", "comparisons", "bootstrap"});
    return study;
}

std::vector<ChosenMetric> read_reduced_metrics(const Config& config, const Registry& registry) {
    std::vector<ChosenMetric> metrics = read_metrics(config.at("metrics"), registry);
    read_pca(study_config(config).at_or_empty("trajectories").at_or_empty("pca"), registry, metrics);
    return metrics;
}

}  // namespace

NeurotaskStudy::NeurotaskStudy(const Config& config, const Registry& registry)
    : Study("neurotasks", config, registry),
      seed_(static_cast<std::uint64_t>(config.at("seed").integer(0))),
      data_(study_config(config), seed_, registry),
      networks_(study_config(config), seed_, data_),
      comparisons_(read_comparisons(study_config(config), data_, networks_)),
      dissimilarity_(std::move(comparisons_.experiments), read_reduced_metrics(config, registry)),
      bootstrap_(read_bootstrap(study_config(config).at_or_empty("bootstrap"))) {}

std::vector<std::string> NeurotaskStudy::stages() const {
    return {"generate", "train", "dissimilarity"};
}

/// Of the selected networks; without a selection also of tasks that no network learns.
std::vector<DataItem> NeurotaskStudy::data_items(const Selection& selection) const {
    if (selection.groups.empty() && selection.where.empty()) return data_.items();
    return data_.items(networks_.learned_tasks(networks_.selected(selection)));
}

std::vector<std::pair<Item, ItemState>> NeurotaskStudy::plan(const std::filesystem::path& results,
                                                             const std::string& stage,
                                                             const Selection& selection) const {
    std::vector<std::pair<Item, ItemState>> planned;
    const std::vector<std::size_t> chosen = networks_.selected(selection);
    if (stage == "generate") {
        for (const DataItem& item : data_items(selection))
            planned.emplace_back(item, NeurotaskData::state(item, results));
    } else if (stage == "train") {
        for (const std::size_t i : chosen)
            planned.emplace_back(networks_.items()[i], NeurotaskNetworks::state(networks_.items()[i], results));
    } else {
        for (const Item* item : dissimilarity_.selected(selection.experiments, comparison_names()))
            planned.emplace_back(*item, ItemFiles(results).state(*item));
    }
    return planned;
}

void NeurotaskStudy::run_stage(const std::string& stage, const RunOptions& options, Progress& progress) const {
    if (stage == "generate") {
        generate(options, progress);
    } else if (stage == "train") {
        networks_.train(options, progress);
    } else {
        data_.generate(comparisons_.data, options, progress);
        dissimilarity_.run(dissimilarity_.selected(options.selection.experiments, comparison_names()), options.results,
                           options.shard, options.jobs, progress);
    }
}

void NeurotaskStudy::generate(const RunOptions& options, Progress& progress) const {
    const std::vector<DataItem> items = data_items(options.selection);
    std::vector<DataItem> owned;
    for (std::size_t i = 0; i < items.size(); ++i)
        if (options.shard.owns(i)) owned.push_back(items[i]);
    data_.generate(owned, options, progress);
}

std::vector<std::string> NeurotaskStudy::tables() const {
    return {"data.csv", "networks.csv", "dissimilarity.csv", "summary.csv",  "tests.csv",    "regressions.csv",
            "map.csv",  "maps.csv",     "checks.csv",        "failures.csv", "manifest.json"};
}

Outcome NeurotaskStudy::write_tables(const RunOptions& options) const {
    const std::vector<NetworkResult> networks = networks_.results(options.results);
    const NeurotaskFindings findings = findings_of(options.results);
    Table failures = failures_table(findings.pairs);
    for (const NetworkResult& result : networks)
        if (!result.is_done) failures.push_back({"train", "", result.item->name, "", "failed", result.cause});
    write_file(options.results / "data.csv", csv_text(data_.table(options.results)));
    write_file(options.results / "networks.csv", csv_text(networks_table(networks)));
    write_file(options.results / "failures.csv", csv_text(failures));

    Outcome outcome;
    if (!findings.pairs.empty()) outcome = write_findings(findings, options.results);
    outcome.tables.insert(outcome.tables.begin(), training_table(networks, networks_.target_fraction()));
    if (const auto failed = std::ranges::count(networks, false, &NetworkResult::is_done); failed > 0)
        outcome.failures = fmt::format("{} of {} networks failed; {}", failed, networks.size(), outcome.failures);
    if (!outcome.failures.empty())
        outcome.failures += fmt::format("the causes are in {}", (options.results / "failures.csv").string());
    return outcome;
}

NeurotaskFindings NeurotaskStudy::findings_of(const std::filesystem::path& results) const {
    std::vector<ScoredPair> pairs = read_all_scores(dissimilarity_, ItemFiles(results));
    leave_out_repeated_states(pairs);
    const Stream stream = Stream(seed_).child("statistics");
    return {.summary = summarise(pairs, bootstrap_, stream),
            .tests = group_tests(pairs, comparisons_, bootstrap_, stream),
            .regressions = group_regressions(pairs, bootstrap_, stream),
            .maps = network_maps(pairs, comparisons_),
            .checks = checks_of(pairs, dissimilarity_.metrics()),
            .pairs = std::move(pairs)};
}

/// Tables of the comparisons; the outcome says how many of them failed.
Outcome NeurotaskStudy::write_findings(const NeurotaskFindings& findings, const std::filesystem::path& results) const {
    const auto& [summary, tests, regressions, maps, checks, pairs] = findings;
    const auto write = [&](const char* name, const Table& rows) { write_file(results / name, csv_text(rows)); };
    write("dissimilarity.csv", dissimilarity_table(pairs));
    write("summary.csv", means_table(summary));
    write("tests.csv", tests_table(tests));
    write("regressions.csv", regressions_table(regressions));
    write("map.csv", map_table(maps));
    write("maps.csv", maps_table(maps));
    write("checks.csv", checks.rows);

    Outcome outcome{.tables = {groups_table(summary, comparisons_)}};
    const auto failed = std::ranges::count_if(pairs, [](const ScoredPair& pair) {
        return pair.result.score.status == Status::failed || pair.result.score.status == Status::not_converged;
    });
    if (failed > 0) outcome.failures += fmt::format("{} of {} comparisons failed; ", failed, pairs.size());
    for (const std::string& broken : checks.broken) outcome.failures += broken + "; ";
    return outcome;
}

Report NeurotaskStudy::findings(const RunOptions& options) const {
    const NeurotaskFindings found = findings_of(options.results);
    const std::vector<Experiment>& experiments = dissimilarity_.experiments();
    Report report{.title = "Neurotasks: networks that learned compositions of tasks",
                  .summary =
                      "Recurrent networks learned the same task in different ways. How alike is what they do, on "
                      "the same stored test trials? Each metric's noise floor is a network on the test against "
                      "itself on a second draw of it.",
                  .provenance = {},
                  .reproduce = {},
                  .sections = {task_section(data_, seed_), training_section(data_, networks_, options.results),
                               activity_section(experiments, options.results)}};
    for (const Ruleset& ruleset : networks_.rulesets())
        if (!ruleset.groups.empty())
            report.sections.push_back(comparison_section(ruleset, experiments, found, bootstrap_));
    report.sections.push_back(failure_section(found, networks_.results(options.results)));
    return report;
}

}  // namespace repal
