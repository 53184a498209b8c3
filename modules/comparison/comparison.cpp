module;
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>
module repal.comparison;

import repal.parallel;
import repal.time_step;

namespace repal {
namespace {

/// Some pairs of a part, in one batch.
std::vector<PairResult> compare_batch(const Metric& metric, const Part& part, std::span<const Pair> pairs,
                                      std::span<const PreparedSystem> prepared) {
    std::vector<PairResult> results;
    std::vector<EmbeddingPair> batch;
    std::vector<std::size_t> places;  // in results, of what is in the batch
    for (const Pair& pair : pairs) {
        const PreparedSystem& a = prepared[pair.a];
        const PreparedSystem& b = prepared[pair.b];
        PairResult& result = results.emplace_back(PairResult{.score = {}, .a = a.state, .b = b.state});
        if (const auto score = score_without_comparing(a, b)) {
            result.score = *score;
            continue;
        }
        if (part.needs_distinct_states && a.state.name == b.state.name) {
            result.score = Score::without_value(Status::not_applicable, fmt::format("both are {}", a.state.name));
            continue;
        }
        batch.push_back({*a.embedding, *b.embedding});
        places.push_back(results.size() - 1);
    }
    if (batch.empty()) return results;
    const std::vector<Score> scores = compare_safely(metric, batch);
    for (std::size_t i = 0; i < scores.size(); ++i) {
        Score& score = results[places[i]].score = scores[i];
        const Pair& pair = pairs[places[i]];
        for (const std::size_t system : {pair.a, pair.b})
            if (const std::string& warning = prepared[system].embedding->warning;
                score.status == Status::ok && !warning.empty())
                score.warnings.push_back(fmt::format("{}: {}", part.systems[system].name, warning));
    }
    return results;
}

/// What cannot be reduced, e.g. since it is constant, cannot be prepared either, which says why.
std::optional<ReducedSystem> reduced_if_possible(const ChosenMetric& metric, const Trajectories& x) {
    try {
        return metric.reduced(x);
    } catch (const InvalidTrajectories&) {
        return {};
    }
}

/// A system at another time of a step, or with its trials in the order of their names.
class Corresponding final : public System {
 public:
    Corresponding(std::shared_ptr<const System> system, std::optional<double> step, bool with_all_phases,
                  bool is_ordered)
        : system_(std::move(system)), step_(step), with_all_phases_(with_all_phases), is_ordered_(is_ordered) {}

    std::string identity() const override {
        std::string identity = system_->identity();
        if (step_) identity += fmt::format(" at {} s a step", *step_);
        if (is_ordered_) identity += " in the usual order of names";
        return identity;
    }
    bool is_ready(const std::filesystem::path& results) const override { return system_->is_ready(results); }
    std::size_t bytes() const override { return system_->bytes(); }
    Observed observe(const std::filesystem::path& results) const override {
        Observed observed = system_->observe(results);
        if (step_) observed = at_step(observed, *step_, with_all_phases_);
        return is_ordered_ ? observed.in_order_of_names() : observed;
    }

 private:
    std::shared_ptr<const System> system_;
    std::optional<double> step_;
    bool with_all_phases_;
    bool is_ordered_;
};

/// Whether the embeddings of all systems are brought to one form.
bool has_common_form(const ChosenMetric& metric, const Part& part) {
    return !part.has_independent_pairs && metric.info.has_common_form;
}

Unsuitable what_unsuitable_do(const Part& part) {
    return part.has_independent_pairs || part.keeps_unsuitable ? Unsuitable::has_no_value : Unsuitable::throws;
}

std::size_t pairs_per_batch(const ChosenMetric& metric) {
    return std::max<std::size_t>(1, metric.metric->pairs_per_batch());
}

}  // namespace

std::vector<NamedSystem> corresponding(const ChosenMetric& metric, const std::vector<NamedSystem>& systems) {
    const auto step = common_step(systems);
    const bool takes_all_phases = !metric.compares_samples() && !metric.compares_conditions();
    std::vector<NamedSystem> found = systems;
    for (NamedSystem& system : found) {
        // Each for itself, so that no system changes the numbers of others.
        const bool is_ordered = metric.compares_samples() && !system.system->observe({}).has_rising_names();
        if (step || is_ordered)
            system.system = std::make_shared<const Corresponding>(system.system, step, takes_all_phases, is_ordered);
    }
    return found;
}

SeenSystems seen_by(const ChosenMetric& metric, const std::vector<NamedSystem>& systems, int jobs) {
    SeenSystems seen{.metric = metric,
                     .systems = corresponding(metric, systems),
                     .variance_kept = std::vector<std::optional<double>>(systems.size())};
    for_each_index(systems.size(), jobs, [&](std::size_t i) {
        const System& system = *seen.systems[i].system;
        try {
            Observed observed = system.observe({});
            std::string identity = system.identity();
            if (auto reduced = reduced_if_possible(metric, observed.trajectories())) {
                seen.variance_kept[i] = reduced->variance_kept;
                observed = observed.with(std::move(reduced->x));
                identity += " in components";
            }
            if (identity != systems[i].system->identity())
                seen.systems[i].system = given(identity, std::move(observed));
        } catch (const InvalidTrajectories& invalid) {
            throw invalid.at(systems[i].name);
        }
    });
    seen.metric.sees_components =
        std::ranges::any_of(seen.variance_kept, [](const auto& kept) { return kept.has_value(); });
    return seen;
}

std::string warning_of_components(const ChosenMetric& metric, std::span<const std::optional<double>> variance_kept) {
    std::optional<double> least;
    for (const auto& kept : variance_kept)
        if (kept) least = std::min(least.value_or(1), *kept);
    if (!least || metric.pca) return {};
    return fmt::format(
        "wide systems are seen in principal components, which hold at least {:.3g} % of their variance; "
        "pca.{}.variance=1 keeps all",
        100 * *least, metric.name);
}

ChosenMetric at_common_rank(const ChosenMetric& metric, std::span<const PairResult> results) {
    const auto common = metric.options.find("common_rank");
    const auto rank = std::ranges::find(metric.info.values, "rank", &ValueInfo::name);
    if (common == metric.options.end() || common->second != OptionValue(true) || rank == metric.info.values.end())
        return metric;
    const auto place = static_cast<std::size_t>(rank - metric.info.values.begin());
    for (const PairResult& result : results)
        if (result.score.status == Status::ok && place < result.score.values.size())
            return metric.with(
                {{"common_rank", false}, {"rank", static_cast<std::int64_t>(result.score.values[place])}});
    return metric;
}

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

std::vector<PreparedSystem> prepare(const ChosenMetric& metric, const Part& part, std::span<const std::size_t> needed,
                                    PreparedSystems& prepared, int jobs, Progress& progress,
                                    const std::function<void()>& advance) {
    std::vector<NamedSystem> systems;
    for (const std::size_t system : needed) systems.push_back(part.systems[system]);
    const Unsuitable unsuitable = what_unsuitable_do(part);
    std::vector<PreparedSystem> found = prepared.of(metric, systems, unsuitable, jobs, [&] {
        if (advance) advance();
        progress.stop_if_requested();
    });
    if (const std::string warning = first_warning(found, systems); !warning.empty())
        progress.warn(metric.name, warning);
    if (has_common_form(metric, part)) harmonise(*metric.metric, found);
    std::vector<PreparedSystem> all(part.systems.size());
    for (std::size_t i = 0; i < found.size(); ++i) all[needed[i]] = std::move(found[i]);
    return all;
}

void compare(const ChosenMetric& metric, const Part& part, std::span<const PreparedSystem> prepared,
             std::span<const PairRange> ranges, int jobs, const Progress& progress, const Finished& finished) {
    struct Batch {
        std::size_t range;
        PairRange pairs;
    };
    using Clock = std::chrono::steady_clock;
    const std::size_t most = pairs_per_batch(metric);
    std::vector<Batch> batches;
    std::vector<std::vector<PairResult>> results;
    std::vector<std::atomic<std::size_t>> left(ranges.size());
    std::vector<std::atomic<double>> seconds(ranges.size());
    for (std::size_t r = 0; r < ranges.size(); ++r) {
        const auto [begin, end] = ranges[r];
        results.emplace_back(end - begin);
        left[r] = end - begin;
        for (std::size_t first = begin; first < end; first += most)
            batches.push_back({r, {first, std::min(first + most, end)}});
    }
    for_each_index(batches.size(), jobs, [&](std::size_t b) {
        progress.stop_if_requested();
        const auto begin = Clock::now();
        const auto [range, pairs] = batches[b];
        const auto some = std::span(part.pairs).subspan(pairs.first, pairs.end - pairs.first);
        std::ranges::move(compare_batch(*metric.metric, part, some, prepared),
                          results[range].begin() + static_cast<std::ptrdiff_t>(pairs.first - ranges[range].first));
        seconds[range] += std::chrono::duration<double>(Clock::now() - begin).count();
        const std::size_t still_left = left[range] -= some.size();
        if (still_left == 0) finished(range, std::move(results[range]), seconds[range]);
    });
}

namespace {

/// Pairs of which the embeddings are in memory at the same time.
struct Block {
    std::vector<std::size_t> systems;
    std::vector<std::size_t> pairs;
};

/// How many systems stay in memory, and how many pass by them at a time.
struct Tiles {
    std::size_t staying;
    std::size_t passing;
};

/// The pairs by tiles of systems: those of one tile stay while all others pass by, few at a time, so that a system is
/// prepared about as often as there are tiles, halved. A common form needs all systems, also those of which no pair is
/// left.
std::vector<Block> blocks_of(const ChosenMetric& metric, const Part& part, std::span<const std::size_t> pairs,
                             const Tiles& tiles) {
    std::map<std::pair<std::size_t, std::size_t>, Block> blocks;  // of a tile that stays, and one that passes
    for (const std::size_t pair : pairs) {
        const auto [first, last] = std::minmax(part.pairs[pair].a, part.pairs[pair].b);
        Block& block = blocks[{first / tiles.staying, last / tiles.passing}];
        block.pairs.push_back(pair);
        for (const std::size_t system : {part.pairs[pair].a, part.pairs[pair].b}) block.systems.push_back(system);
    }
    std::vector<Block> ordered;
    for (auto& [place, block] : blocks) {
        for (std::size_t i = 0; i < part.systems.size() && has_common_form(metric, part); ++i)
            block.systems.push_back(i);
        std::ranges::sort(block.systems);
        block.systems.erase(std::ranges::unique(block.systems).begin(), block.systems.end());
        ordered.push_back(std::move(block));
    }
    return ordered;
}

/// All systems stay, unless they are so many that their embeddings, as large as the first one's, would take more memory
/// than is kept: then an eighth of it is for those that pass.
Tiles tiles_of(const ChosenMetric& metric, const Part& part, PreparedSystems& prepared) {
    constexpr std::size_t passing_share = 8;
    const std::size_t n = std::max<std::size_t>(1, part.systems.size());
    if (has_common_form(metric, part) || part.systems.empty()) return {n, n};
    const std::size_t bytes =
        prepared.of(metric, std::span(part.systems).first(1), what_unsuitable_do(part), 1).front().bytes;
    const std::size_t held = bytes == 0 ? n : prepared.max_bytes() / bytes;
    if (n <= held) return {n, n};
    const std::size_t passing = std::max<std::size_t>(1, held / passing_share);
    return {held > passing ? held - passing : 1, passing};
}

}  // namespace

std::vector<PairResult> compare_all(const ChosenMetric& metric, const Part& part, PreparedSystems& prepared, int jobs,
                                    Progress& progress, const KeptPairs& kept) {
    std::vector<PairResult> all(part.pairs.size());
    std::vector<std::size_t> missing;  // pairs
    for (std::size_t pair = 0; pair < all.size(); ++pair) {
        if (auto known = kept.find ? kept.find(pair) : std::nullopt)
            all[pair] = *std::move(known);
        else
            missing.push_back(pair);
    }
    const Tiles tiles = missing.empty() ? Tiles{1, 1} : tiles_of(metric, part, prepared);
    const std::vector<Block> blocks = blocks_of(metric, part, missing, tiles);
    const bool is_whole = blocks.size() == 1;
    Part some = part;  // with the pairs of a block
    if (!is_whole && !missing.empty()) progress.begin(metric.name + ": comparing", missing.size());
    for (const Block& block : blocks) {
        if (is_whole) progress.begin(metric.name + ": embedding", block.systems.size());
        const std::vector<PreparedSystem> systems = prepare(metric, part, block.systems, prepared, jobs, progress, [&] {
            if (is_whole) progress.advance();
        });
        if (is_whole) progress.end();

        some.pairs.clear();
        for (const std::size_t pair : block.pairs) some.pairs.push_back(part.pairs[pair]);
        std::vector<PairRange> ranges;
        for (std::size_t first = 0; first < some.pairs.size(); first += pairs_per_batch(metric))
            ranges.push_back({first, std::min(first + pairs_per_batch(metric), some.pairs.size())});
        if (is_whole) progress.begin(metric.name + ": comparing", some.pairs.size());
        compare(metric, some, systems, ranges, jobs, progress,
                [&](std::size_t range, std::vector<PairResult> results, double /*seconds*/) {
                    for (std::size_t i = 0; i < results.size(); ++i) {
                        const std::size_t pair = block.pairs[ranges[range].first + i];
                        if (kept.add) kept.add(pair, results[i]);
                        all[pair] = std::move(results[i]);
                        progress.advance();
                    }
                });
        if (is_whole) progress.end();
    }
    if (!is_whole && !missing.empty()) progress.end();
    for (std::size_t i = 0; i < all.size(); ++i) {
        const std::string& a = part.systems[part.pairs[i].a].name;
        const std::string& b = part.systems[part.pairs[i].b].name;
        for (const std::string& warning : all[i].score.warnings)
            if (!warning.starts_with(a + ": ") && !warning.starts_with(b + ": "))  // prepare() tells those
                progress.warn(metric.name, fmt::format("{} and {}: {}", a, b, warning));
    }
    return all;
}

}  // namespace repal
