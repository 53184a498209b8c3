module;
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>
module repal.dissimilarity;

import repal.claims;
import repal.costs;
import repal.hash;
import repal.parallel;

namespace repal {

/// What run() works with.
struct DissimilarityStage::Run {
    const std::filesystem::path& results;
    int jobs;
    Embeddings embeddings;
    Claims claims;
    Reporter& reporter;
};

namespace {

// Small enough that an interruption loses seconds, large enough that files are few.
constexpr std::size_t pairs_per_cell = 32;

// Of embeddings of independent pairs that are in memory together, and of what is kept of earlier ones: 24 networks of
// 256 units in 200 trials of 200 steps.
constexpr std::size_t bytes_at_once = std::size_t{1} << 31;
constexpr std::size_t systems_per_cell = 24;

std::string block_name(const Experiment& experiment, const Part& part, const ChosenMetric& metric, std::size_t block) {
    return fmt::format("{}/{}/{}-{:04}", experiment.name, metric.name, part.name, block);
}

std::size_t bytes_of(const Part& part, const std::set<std::size_t>& systems) {
    std::size_t bytes = 0;
    for (const std::size_t system : systems) bytes += part.systems[system].source->bytes();
    return bytes;
}

/// The blocks of a part's pairs, each with few pairs and few systems, as [first, end).
std::vector<std::pair<std::size_t, std::size_t>> blocks_of(const Part& part) {
    std::vector<std::pair<std::size_t, std::size_t>> blocks;
    std::set<std::size_t> systems;
    std::size_t first = 0;
    for (std::size_t pair = 0; pair < part.pairs.size(); ++pair) {
        systems.insert({part.pairs[pair].a, part.pairs[pair].b});
        const bool are_too_many = part.has_independent_pairs && pair > first &&
                                  (systems.size() > systems_per_cell || bytes_of(part, systems) > bytes_at_once);
        if (pair - first < pairs_per_cell && !are_too_many) continue;
        blocks.emplace_back(first, pair);
        systems = {part.pairs[pair].a, part.pairs[pair].b};
        first = pair;
    }
    if (first < part.pairs.size()) blocks.emplace_back(first, part.pairs.size());
    return blocks;
}

/// A metric that harmonises a part sees all its systems, so all of them determine every pair.
std::string text_of(const Part& part) {
    std::string text = part.needs_distinct_states ? "distinct" : "";
    if (part.has_independent_pairs) return text;
    for (const NamedSystem& system : part.systems) text += "\n" + system.name + " " + system.source->text();
    return text;
}

std::vector<std::string> texts_of_pairs(const Part& part) {
    std::vector<std::string> systems;
    for (const NamedSystem& system : part.systems) systems.push_back(system.source->text());
    std::vector<std::string> texts;
    for (const Pair& pair : part.pairs)
        texts.push_back(part.has_independent_pairs ? systems[pair.a] + " | " + systems[pair.b]
                                                   : fmt::format("{} {}", pair.a, pair.b));
    return texts;
}

std::vector<DissimilarityCell> cut_into_cells(const std::vector<Experiment>& experiments,
                                              const std::vector<ChosenMetric>& metrics) {
    std::vector<DissimilarityCell> cells;
    for (std::size_t e = 0; e < experiments.size(); ++e)
        for (std::size_t p = 0; p < experiments[e].parts.size(); ++p) {
            const Part& part = experiments[e].parts[p];
            const std::string systems = text_of(part);
            const std::vector<std::string> pairs = texts_of_pairs(part);
            const auto blocks = blocks_of(part);
            for (std::size_t m = 0; m < metrics.size(); ++m)
                for (std::size_t block = 0; block < blocks.size(); ++block) {
                    const auto [first, end] = blocks[block];
                    std::string determined_by = metrics[m].text + "\n" + systems;
                    for (std::size_t pair = first; pair < end; ++pair) determined_by += "\n" + pairs[pair];
                    const std::string name = block_name(experiments[e], part, metrics[m], block);
                    cells.push_back({{"dissimilarity", name, hash_hex(determined_by)}, e, p, m, first, end});
                }
        }
    return cells;
}

nlohmann::ordered_json to_json(const NetworkState& state) {
    nlohmann::ordered_json json = {{"state", state.name}};
    if (state.performance) json["performance"] = *state.performance;
    return json;
}

NetworkState state_from(const nlohmann::json& entry, const char* side) {
    if (!entry.contains(side)) return {};
    const auto& json = entry.at(side);
    NetworkState state{json.at("state").get<std::string>(), {}};
    if (json.contains("performance")) state.performance = json.at("performance").get<double>();
    return state;
}

std::string to_json(const std::vector<PairResult>& results) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& [score, a, b] : results) {
        nlohmann::ordered_json entry;
        entry["status"] = to_string(score.status);
        if (score.status == Status::ok) entry["angle_rad"] = score.angle_rad;
        if (score.lower_bound_rad) entry["lower_bound_rad"] = *score.lower_bound_rad;
        if (!score.detail.empty()) entry["detail"] = score.detail;
        if (!a.name.empty()) entry["a"] = to_json(a);
        if (!b.name.empty()) entry["b"] = to_json(b);
        list.push_back(std::move(entry));
    }
    return list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);  // causes are the text of plugins
}

Score score_from(const nlohmann::json& entry) {
    for (const Status status : {Status::not_applicable, Status::not_converged, Status::failed})
        if (entry.at("status") == to_string(status)) return Score::without_value(status, entry.value("detail", ""));
    Score score = Score::of(entry.at("angle_rad"));
    if (entry.contains("lower_bound_rad")) score.lower_bound_rad = entry.at("lower_bound_rad").get<double>();
    return score;
}

}  // namespace

std::vector<Score> compare_safely(const Metric& metric, std::span<const EmbeddingPair> pairs) {
    std::vector<Score> scores;
    try {
        scores = metric.compare_batch(pairs);
        if (scores.size() != pairs.size())
            throw SystemFailed(fmt::format("the metric gave {} scores for {} pairs", scores.size(), pairs.size()));
    } catch (...) {
        if (pairs.size() == 1) return {Score::without_value(Status::failed, text_of_exception())};
        scores.clear();
        for (std::size_t i = 0; i < pairs.size(); ++i)
            scores.push_back(compare_safely(metric, pairs.subspan(i, 1)).front());
    }
    for (Score& score : scores) {
        if (score.status != Status::ok) {
            score = Score::without_value(score.status, score.detail);
        } else if (!std::isfinite(score.angle_rad) || score.angle_rad < 0) {
            score =
                Score::without_value(Status::failed, fmt::format("the metric returned the angle {}", score.angle_rad));
        } else if (const auto bound = score.lower_bound_rad;
                   bound && (!std::isfinite(*bound) || *bound > score.angle_rad)) {
            score = Score::without_value(
                Status::failed, fmt::format("the metric returned the lower bound {} of {}", *bound, score.angle_rad));
        }
    }
    return scores;
}

DissimilarityStage::DissimilarityStage(std::vector<Experiment> experiments, std::vector<ChosenMetric> metrics)
    : experiments_(std::move(experiments)),
      metrics_(std::move(metrics)),
      cells_(cut_into_cells(experiments_, metrics_)) {}

DissimilarityStage::CellList DissimilarityStage::selected(const std::vector<std::string>& names,
                                                          const std::vector<std::string>& may_be_absent) const {
    const auto short_name = [](const std::string& name) { return name.substr(name.rfind('/') + 1); };
    std::vector<std::string> known = may_be_absent;
    for (const Experiment& experiment : experiments_) {
        known.push_back(experiment.name);
        if (std::ranges::find(known, short_name(experiment.name)) == known.end())
            known.push_back(short_name(experiment.name));
    }
    for (const std::string& name : names)
        if (std::ranges::find(known, name) == known.end())
            throw InputError("--experiment", fmt::format("there is no '{}'", name), suggest(name, known));

    CellList chosen;
    for (const DissimilarityCell& cell : cells_) {
        const std::string& name = experiments_[cell.experiment].name;
        if (names.empty() || std::ranges::find(names, name) != names.end() ||
            std::ranges::find(names, short_name(name)) != names.end())
            chosen.push_back(&cell);
    }
    return chosen;
}

void DissimilarityStage::run(const CellList& cells, const std::filesystem::path& results, const Shard& shard, int jobs,
                             Reporter& reporter) const {
    const CellList missing = cells_to_do(cells, results, shard, reporter);
    if (missing.empty()) return;
    Run run{.results = results,
            .jobs = jobs,
            .embeddings = Embeddings(results, bytes_at_once),
            .claims = Claims(results, reporter),
            .reporter = reporter};
    reporter.begin("comparing", missing.size());
    CellList left = missing;
    const auto run_the_free = [&](CellState settled) {
        left = run_free(left, settled, run);
        return left.size();
    };
    repeat_until_settled(run_the_free, reporter);
    reporter.end();
}

/// Does those that no other process is doing and that are not `settled`, or better, by now; gives back the others.
DissimilarityStage::CellList DissimilarityStage::run_free(const CellList& cells, CellState settled, Run& run) const {
    const CellFiles files(run.results);
    CellList elsewhere;
    for (auto rest = std::span(cells); !rest.empty();) {
        const auto together = rest.first(n_together(rest));
        rest = rest.subspan(together.size());
        CellList taken;
        CellList to_do;
        for (const DissimilarityCell* cell : together) {
            if (!run.claims.take(*cell)) {
                elsewhere.push_back(cell);
                continue;
            }
            taken.push_back(cell);
            if (files.state(*cell) < settled)
                to_do.push_back(cell);
            else
                run.reporter.advance();
        }
        if (!to_do.empty()) run_together(to_do, run);
        for (const DissimilarityCell* cell : taken) run.claims.release(*cell);
    }
    return elsewhere;
}

/// How many of the first cells are done together: those of one metric and part, or as many of them as have few systems.
std::size_t DissimilarityStage::n_together(std::span<const DissimilarityCell* const> cells) const {
    const DissimilarityCell& first = *cells.front();
    const Part& part = experiments_[first.experiment].parts[first.part];
    std::set<std::size_t> systems;
    std::size_t n = 0;
    for (const DissimilarityCell* cell : cells) {
        if (cell->experiment != first.experiment || cell->part != first.part || cell->metric != first.metric) break;
        systems.merge(systems_of({cell}));
        if (part.has_independent_pairs && n > 0 && bytes_of(part, systems) > bytes_at_once) break;
        ++n;
    }
    return n;
}

DissimilarityStage::CellList DissimilarityStage::cells_to_do(const CellList& cells,
                                                             const std::filesystem::path& results, const Shard& shard,
                                                             Reporter& reporter) const {
    const CellFiles files(results);
    std::map<const Source*, bool> is_ready;
    const auto knows = [&](const Source* source) {
        const auto place = is_ready.find(source);
        return place != is_ready.end() ? place->second : is_ready[source] = source->is_ready(results);
    };
    CellList to_do;
    std::size_t waiting = 0;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const DissimilarityCell& cell = *cells[i];
        if (!shard.owns(i) || files.state(cell) == CellState::done) continue;
        const Part& part = experiments_[cell.experiment].parts[cell.part];
        const bool can_be_done = std::ranges::all_of(
            systems_of({&cell}), [&](std::size_t system) { return knows(part.systems[system].source.get()); });
        if (can_be_done)
            to_do.push_back(&cell);
        else
            ++waiting;
    }
    if (waiting > 0)
        reporter.warn("dissimilarity",
                      fmt::format("{} cells wait for networks that are not trained yet; run this again", waiting));
    return to_do;
}

/// Of cells of one part: those that their pairs need, as indices.
std::set<std::size_t> DissimilarityStage::systems_of(const CellList& cells) const {
    const Part& part = experiments_[cells.front()->experiment].parts[cells.front()->part];
    std::set<std::size_t> systems;
    for (std::size_t i = 0; i < part.systems.size() && !part.has_independent_pairs; ++i) systems.insert(i);
    if (part.has_independent_pairs)
        for (const DissimilarityCell* cell : cells)
            for (std::size_t pair = cell->first_pair; pair < cell->end_pair; ++pair)
                systems.insert({part.pairs[pair].a, part.pairs[pair].b});
    return systems;
}

/// Of the systems that the cells need, by their index in the part.
std::vector<Embedded> DissimilarityStage::embeddings_for(const CellList& cells, Run& run) const {
    const Part& part = experiments_[cells.front()->experiment].parts[cells.front()->part];
    const ChosenMetric& metric = metrics_[cells.front()->metric];
    const std::set<std::size_t> of_cells = systems_of(cells);
    const std::vector<std::size_t> needed(of_cells.begin(), of_cells.end());
    std::vector<NamedSystem> systems;
    for (const std::size_t system : needed) systems.push_back(part.systems[system]);
    std::vector<Embedded> found = run.embeddings.of(metric, systems, part.has_independent_pairs, run.jobs);

    std::vector<std::string> names;
    for (const NamedSystem& system : systems) names.push_back(system.name);
    if (const std::string warning = first_warning(found, names); !warning.empty())
        run.reporter.warn(metric.name, warning);
    if (!part.has_independent_pairs) harmonise(*metric.metric, found);
    std::vector<Embedded> embedded(part.systems.size());
    for (std::size_t i = 0; i < found.size(); ++i) embedded[needed[i]] = std::move(found[i]);
    return embedded;
}

void DissimilarityStage::run_together(const CellList& cells, Run& run) const {
    const Stopwatch preparing;
    const Part& part = experiments_[cells.front()->experiment].parts[cells.front()->part];
    const ChosenMetric& metric = metrics_[cells.front()->metric];
    const std::vector<Embedded> embedded = embeddings_for(cells, run);
    // Of a common form that one system is missing from, no pair is final.
    const bool is_final = part.has_independent_pairs || std::ranges::none_of(embedded, &Embedded::has_failed);
    const double preparation = preparing.seconds() * run.jobs / static_cast<double>(cells.size());

    // All pairs of all cells are one loop, so that the last cell does not leave threads idle.
    const CellFiles files(run.results);
    std::vector<std::vector<PairResult>> results;
    std::vector<std::atomic<double>> seconds(cells.size());
    struct Block {
        std::size_t cell;
        std::size_t first;
        std::size_t end;
    };
    const std::size_t batch = std::max<std::size_t>(1, metric.metric->pairs_per_batch());
    std::vector<Block> work;
    std::vector<std::atomic<std::size_t>> left(cells.size());
    for (std::size_t c = 0; c < cells.size(); ++c) {
        results.emplace_back(cells[c]->end_pair - cells[c]->first_pair);
        left[c] = results.back().size();
        for (std::size_t first = 0; first < left[c]; first += batch)
            work.push_back({c, first, std::min(first + batch, results.back().size())});
    }
    for_each_index(work.size(), run.jobs, [&](std::size_t w) {
        run.reporter.stop_if_requested();
        const Stopwatch comparing;
        const auto [c, first, end] = work[w];
        const auto pairs = std::span(part.pairs).subspan(cells[c]->first_pair + first, end - first);
        std::ranges::move(compare(*cells[c], pairs, embedded), results[c].begin() + static_cast<std::ptrdiff_t>(first));
        seconds[c] += comparing.seconds();
        if ((left[c] -= pairs.size()) > 0) return;
        const bool has_failed = !is_final || std::ranges::any_of(results[c], [](const PairResult& result) {
            return result.score.status == Status::failed;
        });
        files.write(*cells[c], has_failed ? CellState::failed : CellState::done, to_json(results[c]));
        record_cost(run.results, *cells[c], preparation + seconds[c]);
        run.reporter.advance();
    });
}

std::vector<PairResult> DissimilarityStage::compare(const DissimilarityCell& cell, std::span<const Pair> pairs,
                                                    const std::vector<Embedded>& embedded) const {
    const Part& part = experiments_[cell.experiment].parts[cell.part];
    const Metric& metric = *metrics_[cell.metric].metric;
    std::vector<PairResult> results;
    std::vector<std::vector<Embedded>> compared;
    std::vector<std::size_t> places;  // in results, of what is compared
    for (const Pair& pair : pairs) {
        const Embedded& a = embedded[pair.a];
        const Embedded& b = embedded[pair.b];
        PairResult& result = results.emplace_back(PairResult{.score = {}, .a = a.state, .b = b.state});
        if (const auto score = score_without_embedding(a, b)) {
            result.score = *score;
            continue;
        }
        if (part.needs_distinct_states && a.state.name == b.state.name) {
            result.score = Score::without_value(Status::not_applicable, fmt::format("both are {}", a.state.name));
            continue;
        }
        std::vector<Embedded> both = {a, b};
        if (part.has_independent_pairs) harmonise(metric, both);
        if (const auto score = score_without_embedding(both[0], both[1])) {
            result.score = *score;
            continue;
        }
        compared.push_back(std::move(both));
        places.push_back(results.size() - 1);
    }
    std::vector<EmbeddingPair> batch;
    for (const auto& both : compared) batch.push_back({*both[0].embedding, *both[1].embedding});
    if (batch.empty()) return results;
    const std::vector<Score> scores = compare_safely(metric, batch);
    for (std::size_t i = 0; i < scores.size(); ++i) results[places[i]].score = scores[i];
    return results;
}

std::vector<PairResult> DissimilarityStage::read_results(const CellFiles& files, const DissimilarityCell& cell) {
    std::vector<PairResult> results;
    if (const auto json = files.read(cell))
        for (const auto& entry : nlohmann::json::parse(*json))
            results.push_back({score_from(entry), state_from(entry, "a"), state_from(entry, "b")});
    return results;
}

}  // namespace repal
