module;
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>
module repal.attractors;

import repal.attractor_experiments;
import repal.claims;
import repal.costs;
import repal.figures;
import repal.file;
import repal.hash;
import repal.store;
import repal.tuning_report;

namespace repal {
namespace {

Config study_config(const Config& config) {
    const Config study = config.at("studies").at("attractors");
    study.require_keys({"simulation", "systems", "experiments", "bootstrap"});
    return study;
}

Sampling read_sampling(const Config& config) {
    const Config simulation = study_config(config).at("simulation");
    const std::vector<std::string> initial_points = {"shared", "own"};
    return {.trials = simulation.at("trials").integer(1),
            .is_shared = simulation.text_or("initial_points", "shared", initial_points) == "shared",
            .seed = static_cast<std::uint64_t>(config.at("seed").integer(0))};
}

/// The keys of `simulation` are the sampling and options of tasks: each must be known to one task at least.
void require_task_options(const Config& simulation, const Registry& registry) {
    std::vector<std::string> known = {"trials", "initial_points"};
    for (const auto& [name, task] : registry.tasks())
        for (const OptionInfo& option : task.info.options) known.push_back(option.name);
    simulation.require_keys(known);
}

DissimilarityStage read_comparisons(const Config& config, const Registry& registry) {
    const Config study = study_config(config);
    require_task_options(study.at("simulation"), registry);
    const Simulations simulations{RecipeCatalogue(study.at("systems"), study.at("simulation"), registry),
                                  read_sampling(config), read_metrics(config.at("metrics"), registry)};
    return {read_experiments(study.at("experiments"), simulations), simulations.metrics};
}

Array array_of(const Trajectories& x) {
    const auto& [trials, steps, channels] = x.shape();
    return {.shape = {static_cast<std::uint64_t>(trials), static_cast<std::uint64_t>(steps),
                      static_cast<std::uint64_t>(channels)},
            .values = std::vector<double>(x.rows().data(), x.rows().data() + x.rows().size()),
            .attributes = {{"axes", "trial,time,channel"}}};
}

std::string trajectories_file(const std::string& experiment) {
    return "trajectories/" + experiment + ".h5";
}

/// What a system did, or why its task did nothing. Throws InputError if the user can mend it.
std::variant<Observed, std::string> observed_or_cause(const NamedSystem& system) {
    try {
        return system.system->observe({});
    } catch (const InputError&) {
        throw;
    } catch (...) {
        return fmt::format("{}: {}", system.name, text_of_exception());
    }
}

void require_no_attributes(const Selection& selection) {
    if (!selection.where.empty()) throw InputError("", "the attractor study has no networks, so none can be selected");
}

}  // namespace

AttractorStudy::AttractorStudy(const Config& config, const Registry& registry)
    : Study("attractors", config, registry),
      dissimilarity_(read_comparisons(config, registry)),
      sampling_(read_sampling(config)),
      bootstrap_(read_bootstrap(study_config(config).at_or_empty("bootstrap"))) {
    stages_ = {
        {.name = "generate",
         .needs = {},
         .plan = [this](const auto& results, const Selection& selection) { return plan_generate(results, selection); },
         .run = [this](const RunOptions& options, Progress& progress) { generate(options, progress); }}};
    std::ranges::move(dissimilarity_.stages({{"generate"}}, require_no_attributes), std::back_inserter(stages_));
}

PlannedItems AttractorStudy::plan_generate(const std::filesystem::path& results, const Selection& selection) const {
    require_no_attributes(selection);
    const ItemFiles files(results);
    PlannedItems planned;
    for (const Experiment& experiment : dissimilarity_.experiments()) {
        std::string determined_by;
        for (const NamedSystem& system : experiment.stored)
            determined_by += system.name + " " + system.system->identity() + "\n";
        const Item item{
            .stage = "generate", .name = experiment.name, .key = hash_hex(determined_by), .job = "generate_data"};
        planned.emplace_back(item, files.state(item, results / trajectories_file(item.name)));
    }
    return planned;
}

void AttractorStudy::generate(const RunOptions& options, Progress& progress) const {
    const PlannedItems items = plan_generate(options.results, options.selection);
    const std::vector<std::size_t> missing = unfinished(items, options.shard);
    if (missing.empty()) return;

    progress.begin("simulating", missing.size());
    const auto item = [&](std::size_t i) -> const Item& { return items[missing[i]].first; };
    Claims claims(options.results, progress);
    do_shared(
        {.n = missing.size(),
         .item = item,
         .state =
             [&](std::size_t i) {
                 return ItemFiles(options.results).state(item(i), options.results / trajectories_file(item(i).name));
             },
         .work = [&](std::size_t i) { generate(item(i), missing[i], options.results); }},
        claims, options.jobs, progress);
    progress.end();
}

void AttractorStudy::generate(const Item& item, std::size_t experiment, const std::filesystem::path& results) const {
    const Stopwatch stopwatch(results, item);
    Archive archive{.arrays = {},
                    .attributes = {{"program", "repal " REPAL_VERSION},
                                   {"study", "attractors"},
                                   {"key", item.key},
                                   {"seed", fmt::format("{}", sampling_.seed)}}};
    for (const NamedSystem& system : dissimilarity_.experiments()[experiment].stored) {
        const auto observed = observed_or_cause(system);
        if (const auto* cause = std::get_if<std::string>(&observed)) {
            ItemFiles(results).write(
                item, ItemState::failed,
                nlohmann::json(*cause).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
            return;
        }
        archive.arrays.emplace(system.name, array_of(std::get<Observed>(observed).trajectories()));
    }
    const std::string file = trajectories_file(item.name);
    write_archive(results / file, archive);
    ItemFiles(results).write(item, ItemState::done, nlohmann::json(file).dump());
}

std::vector<std::string> AttractorStudy::tables() const {
    return {"dissimilarity.csv", "summary.csv", "tune.csv", "search.csv", "failures.csv", "manifest.json"};
}

Findings AttractorStudy::find(const std::filesystem::path& results) const {
    const std::vector<ScoredPair> pairs = read_all_scores(dissimilarity_, results);
    const std::vector<SummaryRow> summary = summarise(pairs, bootstrap_, Stream(sampling_.seed));
    const std::vector<TunedSet> settings = dissimilarity_.settings().found(results);
    Findings findings{.tables = {{"dissimilarity.csv", dissimilarity_table(pairs)},
                                 {"summary.csv", means_table(summary)},
                                 {"tune.csv", settings_table(settings)},
                                 {"failures.csv", failures_table(pairs)}},
                      .overview = {chosen_table(settings)},
                      .failures = {},
                      .report = {}};
    std::vector<SummaryRow> shown = summary;
    std::vector<SearchedSetting> searched;
    for (const Experiment& experiment : dissimilarity_.experiments()) {
        if (!experiment.search) continue;
        searched = searched_settings(experiment, pairs, summary, settings);
        findings.tables.emplace_back("search.csv", search_table(searched));
        std::erase_if(shown, [&](const SummaryRow& row) { return row.experiment == experiment.name; });
    }
    findings.overview.push_back(summary_table(shown));
    if (!searched.empty()) findings.overview.push_back(search_overview(searched));
    findings.report = report_of(pairs, shown, settings, searched);
    const auto without_value =
        std::ranges::count_if(pairs, [](const ScoredPair& pair) { return pair.result.score.status != Status::ok; });
    if (without_value > 0)
        findings.failures = fmt::format("{} of {} pairs have no value; the causes are in {}", without_value,
                                        pairs.size(), (results / "failures.csv").string());
    return findings;
}

Report AttractorStudy::report_of(const std::vector<ScoredPair>& pairs, const std::vector<SummaryRow>& summary,
                                 const std::vector<TunedSet>& settings,
                                 const std::vector<SearchedSetting>& searched) const {
    Report report{.title = "Attractors: what similarity metrics make of known dynamics",
                  .summary =
                      "Systems whose likeness is known are compared with each other. A metric that measures "
                      "dynamics puts like systems near, and its noise floor, a system against a fresh draw of "
                      "itself, is far below the differences that it shows.",
                  .provenance = {},
                  .reproduce = {},
                  .sections = {}};
    Section overview{.id = "overview", .title = "Overview"};
    if (pairs.empty()) overview.text = "No pair of systems has been compared.";
    overview.figures.emplace_back(TableFigure{
        .id = "means",
        .title = "Means of all groups",
        .caption = fmt::format("Mean dissimilarity in units of π/2 with {}.", text_of(bootstrap_, "systems")),
        .rows = summary_table(summary)});
    report.sections.push_back(std::move(overview));
    report.sections.push_back(trajectory_section());
    report.sections.push_back(settings_section(settings));
    for (const Experiment& experiment : dissimilarity_.experiments())
        report.sections.push_back(experiment.search ? search_section(experiment, searched)
                                                    : section_of(experiment, pairs, summary));

    Section failures{.id = "failures", .title = "Failures and exclusions"};
    failures.figures.emplace_back(failure_table("failures-table", comparisons_of(pairs)));
    report.sections.push_back(std::move(failures));
    return report;
}

/// The systems that are stored, simulated again: the same bits.
Section AttractorStudy::trajectory_section() const {
    Figure figure{.id = "trajectories-figure",
                  .title = "Simulated systems",
                  .caption =
                      "Mean over all trials and the first ten trials of a system, without units (each channel is "
                      "normalised if the configuration says so); drag to rotate.",
                  .choice = "system",
                  .variants = {}};
    for (const Experiment& experiment : dissimilarity_.experiments())
        for (const NamedSystem& system : experiment.stored) {
            const auto observed = observed_or_cause(system);
            if (const auto* found = std::get_if<Observed>(&observed))
                figure.variants.push_back(
                    {experiment.name + ": " + system.name, trial_paths(found->trajectories(), {"x", "y", "z"})});
        }
    Section section{.id = "trajectories", .title = "Trajectories"};
    if (figure.variants.empty())
        section.text = "The configuration has no systems.";
    else
        section.figures.emplace_back(std::move(figure));
    return section;
}

Section AttractorStudy::section_of(const Experiment& experiment, const std::vector<ScoredPair>& all_pairs,
                                   const std::vector<SummaryRow>& all_summary) const {
    std::vector<ScoredPair> pairs;
    for (const ScoredPair& pair : all_pairs)
        if (pair.experiment == &experiment) pairs.push_back(pair);
    std::vector<SummaryRow> summary;
    for (const SummaryRow& row : all_summary)
        if (row.experiment == experiment.name) summary.push_back(row);

    Section section{.id = "experiment-" + anchor(experiment.name), .title = "Experiment " + experiment.name};
    if (pairs.empty()) {
        section.text = "Nothing has been compared yet.";
        return section;
    }
    for (std::size_t i = 0; i < experiment.axes.size(); ++i) {
        Figure figure = group_figure(fmt::format("{}-groups-{}", section.id, i + 1), experiment.axes[i], pairs, summary,
                                     bootstrap_, "systems");
        if (!figure.variants.empty()) section.figures.emplace_back(std::move(figure));
    }
    if (section.figures.empty()) section.text = "There are no two systems to compare, only a noise floor.";
    const std::vector<Comparison> comparisons = comparisons_of(pairs);
    // All systems are compared with all others where there is one part; others would be mostly empty.
    if (experiment.parts.size() == 1 && !section.figures.empty()) {
        std::vector<std::string> names;
        for (const Pair& pair : experiment.parts.front().pairs)
            if (pair.groups.front() == noise_floor) names.push_back(experiment.parts.front().systems[pair.a].name);
        section.figures.emplace_back(dissimilarity_map(section.id + "-map", comparisons, names));
    }
    if (Figure certified = certificates(section.id + "-certificates", comparisons); !certified.variants.empty())
        section.figures.emplace_back(std::move(certified));
    return section;
}

}  // namespace repal
