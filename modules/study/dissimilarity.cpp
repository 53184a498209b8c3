module;
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>
module repal.dissimilarity;

import repal.hash;
import repal.parallel;

namespace repal {
namespace {

// Small enough that an interruption loses seconds, large enough that files are few.
constexpr std::size_t pairs_per_cell = 32;

std::string block_name(const Experiment& experiment, const Part& part, const ChosenMetric& metric, std::size_t block) {
    return fmt::format("{}/{}/{}-{:04}", experiment.name, metric.name, part.name, block);
}

/// A metric that harmonises sees all systems of a part, so all of them determine every pair.
std::string part_text(const Part& part, const Sampling& sampling) {
    std::string text = fmt::format("trials={} shared={} seed={}", sampling.trials, sampling.is_shared, sampling.seed);
    for (const NamedSystem& system : part.systems)
        text += fmt::format("\n{} {} draw={}", system.name, system.system.text(), system.draw);
    return text;
}

std::vector<DissimilarityCell> cut_into_cells(const std::vector<Experiment>& experiments,
                                              const std::vector<ChosenMetric>& metrics, const Sampling& sampling) {
    std::vector<DissimilarityCell> cells;
    for (std::size_t e = 0; e < experiments.size(); ++e)
        for (std::size_t p = 0; p < experiments[e].parts.size(); ++p) {
            const Part& part = experiments[e].parts[p];
            const std::string systems = part_text(part, sampling);
            for (std::size_t m = 0; m < metrics.size(); ++m)
                for (std::size_t first = 0; first < part.pairs.size(); first += pairs_per_cell) {
                    const std::size_t end = std::min(first + pairs_per_cell, part.pairs.size());
                    std::string determined_by = metrics[m].text + "\n" + systems;
                    for (std::size_t pair = first; pair < end; ++pair)
                        determined_by += fmt::format("\n{} {}", part.pairs[pair].a, part.pairs[pair].b);
                    const std::string name = block_name(experiments[e], part, metrics[m], first / pairs_per_cell);
                    cells.push_back({{"dissimilarity", name, hash_hex(determined_by)}, e, p, m, first, end});
                }
        }
    return cells;
}

std::string to_json(const std::vector<Score>& scores) {
    auto list = nlohmann::ordered_json::array();
    for (const Score& score : scores) {
        nlohmann::ordered_json entry;
        entry["status"] = to_string(score.status);
        if (score.status == Status::ok) entry["angle_rad"] = score.angle_rad;
        if (score.lower_bound_rad) entry["lower_bound_rad"] = *score.lower_bound_rad;
        if (!score.detail.empty()) entry["detail"] = score.detail;
        list.push_back(std::move(entry));
    }
    return list.dump();
}

Score score_from(const nlohmann::json& entry) {
    for (const Status status : {Status::not_applicable, Status::not_converged, Status::failed})
        if (entry.at("status") == to_string(status)) return Score::without_value(status, entry.value("detail", ""));
    Score score = Score::of(entry.at("angle_rad"));
    if (entry.contains("lower_bound_rad")) score.lower_bound_rad = entry.at("lower_bound_rad").get<double>();
    return score;
}

/// The first system's warning, and how many more there are.
std::string first_warning(std::span<const std::unique_ptr<Embedding>> embeddings, std::span<const std::string> names) {
    std::string text;
    std::size_t others = 0;
    for (std::size_t i = 0; i < embeddings.size(); ++i) {
        if (embeddings[i]->warning.empty()) continue;
        if (text.empty())
            text = fmt::format("{}: {}", names[i], embeddings[i]->warning);
        else
            ++others;
    }
    return others == 0 ? text
                       : fmt::format("{} ({} of {} systems have a warning)", text, others + 1, embeddings.size());
}

std::vector<Trajectories> simulate_all(const Part& part, const Sampling& sampling, int jobs) {
    std::vector<std::optional<Trajectories>> simulated(part.systems.size());
    for_each_index(part.systems.size(), jobs, [&](std::size_t i) {
        Sampling drawn = sampling;
        drawn.draw = part.systems[i].draw;
        try {
            simulated[i] = part.systems[i].system.simulate(drawn);
        } catch (const InvalidTrajectories& invalid) {
            throw InputError(part.systems[i].name, invalid.what());
        }
    });
    std::vector<Trajectories> systems;
    for (auto& system : simulated) systems.push_back(std::move(*system));
    return systems;
}

}  // namespace

ChosenMetric choose_metric(const LoadedMetric& loaded, const Config& config) {
    const OptionValues options = config.at_or_empty(loaded.info.name).options(loaded.info.options);
    return {loaded.info.name,
            fmt::format("{}-{}({})", loaded.info.name, loaded.info.version, canonical(loaded.info.options, options)),
            loaded.plugin->make(options)};
}

std::vector<ChosenMetric> read_metrics(const Config& config, const Registry& registry) {
    std::vector<ChosenMetric> metrics;
    for (const auto& [name, options] : config.items()) {
        try {
            metrics.push_back(choose_metric(registry.metric(name), config));
        } catch (const InputError& error) {
            if (!error.where().empty()) throw;
            throw options.error(error.problem(), error.hint());
        }
    }
    if (metrics.empty()) throw config.error("no metric is chosen");
    return metrics;
}

Prepared prepare_all(const ChosenMetric& metric, std::span<const Trajectories> systems,
                     std::span<const std::string> names, int jobs) {
    Prepared prepared;
    prepared.embeddings.resize(systems.size());
    for_each_index(systems.size(), jobs, [&](std::size_t i) {
        try {
            prepared.embeddings[i] = metric.metric->prepare(systems[i]);
        } catch (const InvalidTrajectories& invalid) {
            throw invalid.at(names[i]);
        }
    });
    std::vector<Embedding*> together;
    for (const auto& embedding : prepared.embeddings) together.push_back(embedding.get());
    metric.metric->harmonise(together);
    prepared.warning = first_warning(prepared.embeddings, names);
    return prepared;
}

Score compare_safely(const Metric& metric, const Embedding& a, const Embedding& b) {
    try {
        Score score = metric.compare(a, b);
        if (score.status == Status::ok && !(std::isfinite(score.angle_rad) && score.angle_rad >= 0))
            return Score::without_value(Status::failed,
                                        fmt::format("the metric returned the angle {}", score.angle_rad));
        return score;
    } catch (const std::exception& error) {
        return Score::without_value(Status::failed, error.what());
    } catch (...) {
        return Score::without_value(Status::failed, "the metric threw something that is not a std::exception");
    }
}

DissimilarityStage::DissimilarityStage(std::vector<Experiment> experiments, std::vector<ChosenMetric> metrics,
                                       Sampling sampling)
    : experiments_(std::move(experiments)),
      metrics_(std::move(metrics)),
      sampling_(sampling),
      cells_(cut_into_cells(experiments_, metrics_, sampling_)) {}

void DissimilarityStage::run(const CellFiles& files, const Shard& shard, int jobs, Reporter& reporter) const {
    // Cells of one part share its systems, so they are done together.
    std::map<std::pair<std::size_t, std::size_t>, CellList> parts;
    std::size_t missing = 0;
    for (std::size_t i = 0; i < cells_.size(); ++i) {
        if (!shard.owns(i) || files.state(cells_[i]) == CellState::done) continue;
        parts[{cells_[i].experiment, cells_[i].part}].push_back(&cells_[i]);
        ++missing;
    }
    if (missing == 0) return;
    reporter.begin("comparing", missing);
    for (const auto& part : parts) run_part(part.second, files, jobs, reporter);
    reporter.end();
}

void DissimilarityStage::run_part(const CellList& cells, const CellFiles& files, int jobs, Reporter& reporter) const {
    const Part& part = experiments_[cells.front()->experiment].parts[cells.front()->part];
    const std::vector<Trajectories> systems = simulate_all(part, sampling_, jobs);
    std::vector<std::string> names;
    for (const NamedSystem& system : part.systems) names.push_back(system.name);

    for (std::size_t m = 0; m < metrics_.size(); ++m) {
        CellList of_metric;
        std::ranges::copy_if(cells, std::back_inserter(of_metric), [&](const auto* cell) { return cell->metric == m; });
        if (of_metric.empty()) continue;
        const Prepared prepared = prepare_all(metrics_[m], systems, names, jobs);
        if (!prepared.warning.empty()) reporter.warn(metrics_[m].name, prepared.warning);
        run_cells(of_metric, prepared, files, jobs, reporter);
    }
}

void DissimilarityStage::run_cells(const CellList& cells, const Prepared& prepared, const CellFiles& files, int jobs,
                                   Reporter& reporter) const {
    // All pairs of all cells are one loop, so that the last cell does not leave threads idle.
    std::vector<std::vector<Score>> scores;
    std::vector<std::pair<std::size_t, std::size_t>> work;
    std::vector<std::atomic<std::size_t>> left(cells.size());
    for (std::size_t c = 0; c < cells.size(); ++c) {
        scores.emplace_back(cells[c]->end_pair - cells[c]->first_pair);
        left[c] = scores.back().size();
        for (std::size_t i = 0; i < scores.back().size(); ++i) work.emplace_back(c, i);
    }
    for_each_index(work.size(), jobs, [&](std::size_t w) {
        const auto [c, i] = work[w];
        const DissimilarityCell& cell = *cells[c];
        const Pair& pair = experiments_[cell.experiment].parts[cell.part].pairs[cell.first_pair + i];
        scores[c][i] =
            compare_safely(*metrics_[cell.metric].metric, *prepared.embeddings[pair.a], *prepared.embeddings[pair.b]);
        if (--left[c] > 0) return;
        const bool has_failed =
            std::ranges::any_of(scores[c], [](const Score& score) { return score.status == Status::failed; });
        files.write(cell, has_failed ? CellState::failed : CellState::done, to_json(scores[c]));
        reporter.advance();
    });
}

std::vector<Score> DissimilarityStage::read_scores(const CellFiles& files, const DissimilarityCell& cell) {
    std::vector<Score> scores;
    if (const auto json = files.read(cell))
        for (const auto& entry : nlohmann::json::parse(*json)) scores.push_back(score_from(entry));
    return scores;
}

}  // namespace repal
