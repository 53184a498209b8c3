module;
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>
module repal.attractors;

import repal.archive;
import repal.hash;
import repal.store;

namespace repal {
namespace {

Config study_config(const Config& config) {
    config.require_keys({"seed", "metrics", "studies"});
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

Bootstrap read_bootstrap(const Config& config) {
    const Config bootstrap = study_config(config).at_or_empty("bootstrap");
    bootstrap.require_keys({"resamples", "confidence"});
    return {.resamples = static_cast<int>(bootstrap.integer_or("resamples", Bootstrap{}.resamples, 1)),
            .confidence = bootstrap.number_or("confidence", Bootstrap{}.confidence, 0.01, 0.9999)};
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
    const SystemCatalogue catalogue(study.at("systems"), study.at("simulation"), registry);
    return {read_experiments(study.at("experiments"), catalogue), read_metrics(config.at("metrics"), registry),
            read_sampling(config)};
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
    : config_yaml_(config.yaml()),
      config_file_(config.where()),
      dissimilarity_(read_comparisons(config, registry)),
      bootstrap_(read_bootstrap(config)) {
    for (const auto& [name, task] : registry.tasks()) plugins_.push_back("task " + name + " " + task.info.version);
    for (const auto& [name, metric] : registry.metrics())
        plugins_.push_back("metric " + name + " " + metric.info.version);
}

const std::vector<std::string>& AttractorStudy::stages() {
    static const std::vector<std::string> names = {"generate", "dissimilarity"};
    return names;
}

std::vector<Cell> AttractorStudy::generate_cells() const {
    std::vector<Cell> cells;
    for (const Experiment& experiment : dissimilarity_.experiments()) {
        std::string determined_by = fmt::format("trials={} shared={} seed={}", dissimilarity_.sampling().trials,
                                                dissimilarity_.sampling().is_shared, dissimilarity_.sampling().seed);
        for (const NamedSystem& system : experiment.stored) determined_by += "\n" + system.name + system.system.text();
        cells.push_back({"generate", experiment.name, hash_hex(determined_by)});
    }
    return cells;
}

std::vector<std::pair<Cell, CellState>> AttractorStudy::plan(const std::filesystem::path& results,
                                                             const std::string& stage) const {
    const CellFiles files(results);
    std::vector<std::pair<Cell, CellState>> planned;
    if (stage == "generate")
        for (const Cell& cell : generate_cells()) {
            const bool is_there = std::filesystem::exists(results / trajectories_file(cell.name));
            planned.emplace_back(cell, is_there ? files.state(cell) : CellState::missing);
        }
    else
        for (const Cell& cell : dissimilarity_.cells()) planned.emplace_back(cell, files.state(cell));
    return planned;
}

void AttractorStudy::run_stage(const std::string& stage, const RunOptions& options, Reporter& reporter) const {
    if (stage == "generate") return generate(options, reporter);
    dissimilarity_.run(CellFiles(options.results), options.shard, options.jobs, reporter);
}

void AttractorStudy::generate(const RunOptions& options, Reporter& reporter) const {
    const auto cells = plan(options.results, "generate");
    std::vector<std::size_t> missing;
    for (std::size_t i = 0; i < cells.size(); ++i)
        if (options.shard.owns(i) && cells[i].second != CellState::done) missing.push_back(i);
    if (missing.empty()) return;

    reporter.begin("simulating", missing.size());
    for (const std::size_t i : missing) {
        const Experiment& experiment = dissimilarity_.experiments()[i];
        Archive archive{.arrays = {},
                        .attributes = {{"program", "repal " REPAL_VERSION},
                                       {"study", "attractors"},
                                       {"key", cells[i].first.key},
                                       {"seed", fmt::format("{}", dissimilarity_.sampling().seed)}}};
        for (const NamedSystem& system : experiment.stored)
            archive.arrays.emplace(system.name, array_of(system.system.simulate(dissimilarity_.sampling())));
        const std::string file = trajectories_file(experiment.name);
        write_archive(options.results / file, archive);
        CellFiles(options.results).write(cells[i].first, CellState::done, nlohmann::json(file).dump());
        reporter.advance();
    }
    reporter.end();
}

AttractorStudy::Tables AttractorStudy::write_tables(const RunOptions& options) const {
    for (const std::string& stage : stages())
        for (const auto& [cell, state] : plan(options.results, stage))
            if (state == CellState::missing) return {.is_complete = false, .n_pairs = 0, .n_without_value = 0};

    const std::vector<ScoredPair> pairs = read_all_scores(dissimilarity_, CellFiles(options.results));
    Tables tables{.is_complete = true, .n_pairs = pairs.size(), .n_without_value = 0};
    for (const ScoredPair& pair : pairs) tables.n_without_value += pair.score.status == Status::ok ? 0 : 1;
    tables.summary = summarise(pairs, bootstrap_, Stream(dissimilarity_.sampling().seed));

    write_file(options.results / "dissimilarity.csv", dissimilarity_csv(pairs));
    write_file(options.results / "summary.csv", summary_csv(tables.summary));
    write_file(options.results / "failures.csv", failures_csv(pairs));
    write_file(options.results / "manifest.json", manifest(options));
    return tables;
}

std::string AttractorStudy::manifest(const RunOptions& options) const {
    utsname machine{};
    uname(&machine);
    nlohmann::ordered_json json;
    json["program"] = "repal " REPAL_VERSION;
    json["study"] = "attractors";
    json["command"] = options.command;
    json["seed"] = dissimilarity_.sampling().seed;
    json["finished"] = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
    json["abi"] = abi_tag;
    json["plugins"] = plugins_;
    json["machine"] = {{"name", machine.nodename},
                       {"system", fmt::format("{} {}", machine.sysname, machine.release)},
                       {"architecture", machine.machine},
                       {"processors", std::thread::hardware_concurrency()}};
    json["config_file"] = config_file_;
    json["config"] = config_yaml_;
    return json.dump(2) + "\n";
}

}  // namespace repal
