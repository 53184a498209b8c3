module;
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>
module repal.neurotasks;

import repal.tuning_report;

namespace repal {
namespace {

Config study_config(const Config& config) {
    const Config study = config.at("studies").at("neurotasks");
    if (study.has("groups")) throw study.at("groups").error("this key is called `curricula` now");
    study.require_keys(
        {"tasks", "rulesets", "data", "curricula", "networks", "training", "trajectories", "comparisons", "bootstrap"});
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
      networks_(study_config(config), seed_, data_, config.yaml()),
      comparisons_(read_comparisons(study_config(config), data_, networks_)),
      dissimilarity_(std::move(comparisons_.experiments), read_reduced_metrics(config, registry)),
      bootstrap_(read_bootstrap(study_config(config).at_or_empty("bootstrap"))) {
    const auto learned_data = [this](const RunOptions& options) { return networks_.needed_data(options); };
    const auto compared_data = [this](const RunOptions& /*options*/) {
        std::set<std::string> names;
        for (const DataItem& item : comparisons_.data) names.insert(item.name);
        return names;
    };
    stages_ = {
        {.name = "generate",
         .needs = {},
         .plan =
             [this](const auto& results, const Selection& selection) {
                 PlannedItems planned;
                 for (const DataItem& item : data_items(selection))
                     planned.emplace_back(item, NeurotaskData::state(item, results));
                 return planned;
             },
         .run = [this](const RunOptions& options,
                       Progress& progress) { data_.generate(data_items(options.selection), options, progress); }},
        {.name = "train",
         .needs = {{"generate", learned_data}},
         .plan = [this](const auto& results, const Selection& selection) { return networks_.plan(results, selection); },
         .run = [this](const RunOptions& options, Progress& progress) { networks_.train(options, progress); }}};
    std::ranges::move(
        dissimilarity_.stages(
            {{"generate", compared_data}, {"train"}},
            [this](const Selection& selection) { networks_.selected(selection); }, texts_of(comparison_names)),
        std::back_inserter(stages_));
}

/// The data of the selected networks; without a selection also that of tasks which no network learns.
std::vector<DataItem> NeurotaskStudy::data_items(const Selection& selection) const {
    std::vector<DataItem> items =
        selection.where.empty() ? data_.items() : data_.items(networks_.learned_tasks(networks_.selected(selection)));
    std::erase_if(items, [&](const DataItem& item) { return !selection.includes(item); });
    return items;
}

std::size_t NeurotaskStudy::n_replaced(const std::filesystem::path& results) const {
    return networks_.n_others(results);
}

std::vector<std::string> NeurotaskStudy::tables() const {
    return {"data.csv",          "networks.csv",
            "dissimilarity.csv", "summary.csv",
            "tests.csv",         "regressions.csv",
            "map.csv",           "maps.csv",
            "checks.csv",        "tune.csv",
            "failures.csv",      "manifest.json",
            "learned.csv",       "summary_trained.csv",
            "tests_trained.csv", "regressions_trained.csv"};
}

Findings NeurotaskStudy::find(const std::filesystem::path& results) const {
    const std::vector<NetworkResult> networks = networks_.results(results);
    const std::vector<TunedSet> settings = dissimilarity_.settings().found(results);
    const NeurotaskFindings found = find_in_pairs(read_all_scores(dissimilarity_, results));
    std::vector<ScoredPair> trained = pairs_of_trained(found.pairs, networks);
    const bool are_all_trained = trained.size() == found.pairs.size();
    const NeurotaskFindings of_trained = are_all_trained ? found : find_in_pairs(std::move(trained));
    const auto& [summary, tests, regressions, maps, checks, pairs] = found;
    Findings findings{.tables = {{"data.csv", data_.table(results)},
                                 {"networks.csv", networks_table(networks)},
                                 {"learned.csv", learned_table(networks)}},
                      .overview = {training_table(networks, networks_.target_fraction())},
                      .failures = {},
                      .report = report_of(found, networks, settings, results)};
    if (!pairs.empty()) {
        findings.tables.insert(findings.tables.end(),
                               {{"dissimilarity.csv", dissimilarity_table(pairs)},
                                {"summary.csv", means_table(summary)},
                                {"tests.csv", tests_table(tests)},
                                {"regressions.csv", regressions_table(regressions)},
                                {"map.csv", map_table(maps)},
                                {"maps.csv", maps_table(maps)},
                                {"tune.csv", settings_table(settings)},
                                {"summary_trained.csv", means_table(of_trained.summary)},
                                {"tests_trained.csv", tests_table(of_trained.tests)},
                                {"regressions_trained.csv", regressions_table(of_trained.regressions)},
                                {"checks.csv", checks.rows}});
        findings.overview.push_back(chosen_table(settings));
        findings.overview.push_back(groups_table(summary, comparisons_));
    }
    Table failures = failures_table(pairs);
    for (const NetworkResult& network : networks)
        if (!network.is_done) failures.push_back({"train", "", network.item->name, "", "failed", network.cause});
    findings.tables.emplace_back("failures.csv", std::move(failures));

    if (const auto failed = std::ranges::count(networks, false, &NetworkResult::is_done); failed > 0)
        findings.failures += fmt::format("{} of {} networks failed; ", failed, networks.size());
    const auto failed = std::ranges::count_if(pairs, [](const ScoredPair& pair) {
        return pair.result.score.status == Status::failed || pair.result.score.status == Status::not_converged;
    });
    if (failed > 0) findings.failures += fmt::format("{} of {} comparisons failed; ", failed, pairs.size());
    for (const auto& [item, tuning] : settings)
        if (tuning && !tuning->chosen)
            findings.failures += fmt::format("{} has no settings for the networks of {}: {}; ", item->metric->name,
                                             item->set->name, settled(*item->metric, *tuning, "metrics.").cause);
    for (const std::string& broken : checks.broken) findings.failures += broken + "; ";
    if (!findings.failures.empty())
        findings.failures += fmt::format("the causes are in {}", (results / "failures.csv").string());
    return findings;
}

NeurotaskFindings NeurotaskStudy::find_in_pairs(std::vector<ScoredPair> pairs) const {
    leave_out_repeated_states(pairs);
    const Stream stream = Stream(seed_).child("statistics");
    return {.summary = summarise(pairs, bootstrap_, stream),
            .tests = group_tests(pairs, comparisons_, bootstrap_, stream),
            .regressions = group_regressions(pairs, comparisons_, bootstrap_, stream),
            .maps = network_maps(pairs, comparisons_, bootstrap_, stream),
            .checks = checks_of(pairs, comparisons_, dissimilarity_.metrics()),
            .pairs = std::move(pairs)};
}

Report NeurotaskStudy::report_of(const NeurotaskFindings& found, const std::vector<NetworkResult>& networks,
                                 const std::vector<TunedSet>& settings, const std::filesystem::path& results) const {
    const std::vector<Experiment>& experiments = dissimilarity_.experiments();
    Report report{.title = "Neurotasks: networks that learned compositions of tasks",
                  .summary =
                      "Recurrent networks learned the same task in different ways. How alike is what they do, on "
                      "the same stored test trials? Each metric's noise floor is a network on the test against "
                      "itself on a second draw of it.",
                  .provenance = {},
                  .reproduce = {},
                  .sections = {task_section(data_, seed_), training_section(data_, networks_, networks, results),
                               activity_section(experiments, results), settings_section(settings)}};
    for (const Ruleset& ruleset : networks_.rulesets())
        if (!ruleset.curricula.empty())
            report.sections.push_back(comparison_section(ruleset, experiments, comparisons_.kinds, found, bootstrap_));
    report.sections.push_back(failure_section(found, networks));
    return report;
}

}  // namespace repal
