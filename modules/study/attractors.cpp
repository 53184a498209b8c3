module;
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>
module repal.attractors;

import repal.archive;
import repal.hash;
import repal.store;

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
    const Simulations simulations{SystemCatalogue(study.at("systems"), study.at("simulation"), registry),
                                  read_sampling(config)};
    return {read_experiments(study.at("experiments"), simulations), read_metrics(config.at("metrics"), registry)};
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

}  // namespace

AttractorStudy::AttractorStudy(const Config& config, const Registry& registry)
    : Study("attractors", config, registry),
      dissimilarity_(read_comparisons(config, registry)),
      sampling_(read_sampling(config)),
      bootstrap_(read_bootstrap(study_config(config).at_or_empty("bootstrap"))) {}

std::vector<std::string> AttractorStudy::stages() const {
    return {"generate", "dissimilarity"};
}

std::vector<Cell> AttractorStudy::generate_cells() const {
    std::vector<Cell> cells;
    for (const Experiment& experiment : dissimilarity_.experiments()) {
        std::string determined_by;
        for (const NamedSystem& system : experiment.stored)
            determined_by += system.name + " " + system.source->text() + "\n";
        cells.push_back({"generate", experiment.name, hash_hex(determined_by)});
    }
    return cells;
}

std::vector<std::pair<Cell, CellState>> AttractorStudy::plan(const std::filesystem::path& results,
                                                             const std::string& stage,
                                                             const Selection& selection) const {
    if (!selection.groups.empty() || !selection.where.empty())
        throw InputError("", "the attractor study has no networks, so none can be selected");
    const CellFiles files(results);
    std::vector<std::pair<Cell, CellState>> planned;
    if (stage == "generate")
        for (const Cell& cell : generate_cells())
            planned.emplace_back(cell, files.state(cell, results / trajectories_file(cell.name)));
    else
        for (const Cell& cell : dissimilarity_.cells()) planned.emplace_back(cell, files.state(cell));
    return planned;
}

void AttractorStudy::run_stage(const std::string& stage, const RunOptions& options, Reporter& reporter) const {
    if (stage == "generate") return generate(options, reporter);
    dissimilarity_.run(options.results, options.shard, options.jobs, reporter);
}

void AttractorStudy::generate(const RunOptions& options, Reporter& reporter) const {
    const auto cells = plan(options.results, "generate", {});
    const std::vector<std::size_t> missing = unfinished(cells, options.shard);
    if (missing.empty()) return;

    reporter.begin("simulating", missing.size());
    for (const std::size_t i : missing) {
        const Experiment& experiment = dissimilarity_.experiments()[i];
        Archive archive{.arrays = {},
                        .attributes = {{"program", "repal " REPAL_VERSION},
                                       {"study", "attractors"},
                                       {"key", cells[i].first.key},
                                       {"seed", fmt::format("{}", sampling_.seed)}}};
        for (const NamedSystem& system : experiment.stored)
            archive.arrays.emplace(system.name, array_of(system.source->observe({}).trajectories));
        const std::string file = trajectories_file(experiment.name);
        write_archive(options.results / file, archive);
        CellFiles(options.results).write(cells[i].first, CellState::done, nlohmann::json(file).dump());
        reporter.advance();
    }
    reporter.end();
}

std::vector<std::string> AttractorStudy::tables() const {
    return {"dissimilarity.csv", "summary.csv", "failures.csv", "manifest.json"};
}

Outcome AttractorStudy::write_tables(const RunOptions& options) const {
    const std::vector<ScoredPair> pairs = read_all_scores(dissimilarity_, CellFiles(options.results));
    const auto without_value =
        std::ranges::count_if(pairs, [](const ScoredPair& pair) { return pair.result.score.status != Status::ok; });
    const std::vector<SummaryRow> summary = summarise(pairs, bootstrap_, Stream(sampling_.seed));

    const std::filesystem::path failures = options.results / "failures.csv";
    write_file(options.results / "dissimilarity.csv", dissimilarity_csv(pairs));
    write_file(options.results / "summary.csv", summary_csv(summary));
    write_file(failures, failures_csv(pairs));
    Outcome outcome{.tables = {summary_table(summary)}};
    if (without_value > 0)
        outcome.failures = fmt::format("{} of {} pairs have no value; the causes are in {}", without_value,
                                       pairs.size(), failures.string());
    return outcome;
}

}  // namespace repal
