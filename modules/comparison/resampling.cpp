module;
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <numbers>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.resampling;

import repal.parallel;

namespace repal {
namespace {

/// The trials with a weight, each as often as it counts.
std::vector<Eigen::Index> drawn(const TrialWeights& weights) {
    std::vector<Eigen::Index> trials;
    for (std::size_t k = 0; k < weights.size(); ++k)
        for (long left = std::lround(weights[k]); left > 0; --left) trials.push_back(static_cast<Eigen::Index>(k));
    return trials;
}

/// As they are.
std::optional<double> angle_of(const Metric& metric, const PreparedSystem& a, const PreparedSystem& b) {
    if (score_without_comparing(a, b)) return {};
    const std::array pair = {EmbeddingPair{*a.embedding, *b.embedding}};
    const Score score = compare_safely(metric, pair).front();
    if (score.status != Status::ok) return {};
    return score.angle_rad;
}

struct Halves {
    PreparedSystem a;
    PreparedSystem b;
};

/// Random halves of all systems in one common form, e.g. of one rank: (split, system). `joint`: of the same trials.
std::vector<Halves> halves_in_common_form(const Metric& metric, const std::vector<ResampledSystem>& systems,
                                          std::size_t splits, bool joint, const Stream& stream, int jobs) {
    const std::size_t n = systems.size();
    std::vector<PreparedSystem> prepared(2 * n * splits);
    for_each_index(n * splits, jobs, [&](std::size_t i) {
        const ResampledSystem& system = systems[i % n];
        const auto [a, b] =
            halves_of(system.units(), joint ? "all systems" : system.key(), stream.child("halves").child(i / n));
        prepared[2 * i] = system.embedding(a);
        prepared[2 * i + 1] = system.embedding(b);
    });
    harmonise(metric, prepared);
    std::vector<Halves> halves;
    for (std::size_t i = 0; i < n * splits; ++i) halves.push_back({prepared[2 * i], prepared[2 * i + 1]});
    return halves;
}

}  // namespace

std::optional<double> angle_between(const Metric& metric, const PreparedSystem& a, const PreparedSystem& b) {
    std::vector<PreparedSystem> both = {a, b};
    if (score_without_comparing(a, b)) return {};
    harmonise(metric, both);
    return angle_of(metric, both[0], both[1]);
}

std::vector<double> permuted_angles(const Metric& metric, const PreparedSystem& a, const PreparedSystem& b,
                                    std::span<const std::vector<Eigen::Index>> orders) {
    if (score_without_comparing(a, b)) return {};
    std::vector<double> angles;
    try {
        for (const Score& score : metric.compare_permuted(*a.embedding, *b.embedding, orders))
            angles.push_back(score.status == Status::ok ? score.angle_rad : std::numbers::pi);
    } catch (...) {  // whatever a plugin throws: it is tried anew, as if it could not do it
        return {};
    }
    return angles.size() == orders.size() ? angles : std::vector<double>{};
}

ResampledSystem::ResampledSystem(const ChosenMetric& metric, const NamedSystem& system, const Observed& observed)
    : name_(system.name),
      key_(system.key()),
      metric_(metric.metric),
      unit_of_(observed.units()),
      n_units_(static_cast<Eigen::Index>(observed.n_units())) {
    const auto reduced = metric.reduced(observed.trajectories());
    x_ = std::make_shared<const Trajectories>(reduced ? reduced->x : observed.trajectories());
    sums_ = metric_->prepare_trials(*x_);
}

PreparedSystem ResampledSystem::embedding(const TrialWeights& of_units) const {
    PreparedSystem prepared;
    TrialWeights weights;
    for (const std::size_t unit : unit_of_) weights.push_back(of_units[unit]);
    try {
        prepared.embedding =
            sums_ != nullptr ? sums_->embedding(weights) : metric_->prepare(x_->of_trials(drawn(weights)));
        if (prepared.embedding == nullptr) prepared.cause = "the metric gave no embedding";
    } catch (...) {  // whatever a plugin throws
        prepared.cause = fmt::format("{}: {}", name_, text_of_exception());
    }
    return prepared;
}

std::pair<TrialWeights, TrialWeights> halves_of(Eigen::Index units, const std::string& key, const Stream& stream) {
    const auto n = static_cast<std::size_t>(units);
    const std::vector<std::size_t> order = stream.child(key).permutation(n);
    std::pair halves(TrialWeights(n, 0.0), TrialWeights(n, 0.0));
    for (std::size_t i = 0; i < n / 2; ++i) {
        halves.first[order[i]] = 1;
        halves.second[order[n / 2 + i]] = 1;
    }
    return halves;
}

Trajectories in_two_parts(const Trajectories& x, Eigen::Index gap, Eigen::Index least) {
    const Eigen::Index steps = x.steps(0);
    const Eigen::Index half = (steps - gap) / 2;
    if (half < least)
        throw InvalidTrajectories(
            fmt::format("one trial of {} steps, of which two parts of at least {} are needed", steps, least),
            "more trials or a longer one");
    const std::array<RowMatrix, 2> parts = {x.trial(0).topRows(half), x.trial(0).bottomRows(half)};
    return Trajectories::from_trials(parts).with_dt(x.dt());
}

std::vector<ResampledSystem> resampled(const ChosenMetric& metric, const std::vector<NamedSystem>& systems, int jobs) {
    std::vector<std::optional<ResampledSystem>> made(systems.size());
    for_each_index(systems.size(), jobs, [&](std::size_t i) {
        const Observed observed = systems[i].system->observe({});
        try {
            const Eigen::Index least = metric.metric->least_steps();
            made[i].emplace(metric, systems[i],
                            observed.n_units() > 1
                                ? observed
                                : observed.with(in_two_parts(observed.trajectories(), least - 2, least)));
        } catch (...) {  // whatever a plugin throws: such a system has no value, which its pairs say
            made[i].reset();
        }
    });
    std::vector<ResampledSystem> all;
    for (auto& system : made)
        if (system) all.push_back(*std::move(system));
    return all;
}

std::vector<NamedSystem> in_drawn_order(const std::vector<NamedSystem>& systems, const Stream& stream) {
    std::vector<std::pair<std::uint64_t, std::size_t>> order;
    for (std::size_t i = 0; i < systems.size(); ++i) order.emplace_back(stream.child(systems[i].key()).bits(), i);
    std::ranges::sort(order);
    std::vector<NamedSystem> ordered;
    for (const auto& entry : order) ordered.push_back(systems[entry.second]);
    return ordered;
}

std::vector<NamedSystem> some_of(const std::vector<NamedSystem>& systems, const Stream& stream) {
    std::vector<NamedSystem> chosen = in_drawn_order(systems, stream);
    chosen.resize(std::min(chosen.size(), most_systems_that_choose));
    return chosen;
}

Separation separation_of(const ChosenMetric& metric, const std::vector<NamedSystem>& all, std::size_t splits,
                         const Stream& stream, int jobs) {
    const std::vector<ResampledSystem> systems = resampled(metric, some_of(all, stream.child("systems")), jobs);
    const std::size_t n = systems.size();
    const std::vector<Halves> halves =
        halves_in_common_form(*metric.metric, systems, splits, metric.compares_samples(), stream, jobs);
    struct Comparison {
        std::size_t split;
        std::size_t i;
        std::size_t j;
    };
    std::vector<Comparison> comparisons;
    for (std::size_t split = 0; split < splits; ++split)
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = i; j < n; ++j) comparisons.push_back({split, i, j});
    std::vector<std::optional<double>> angles(comparisons.size());
    for_each_index(comparisons.size(), jobs, [&](std::size_t c) {
        const auto [split, i, j] = comparisons[c];
        const Halves& first = halves[split * n + i];
        const Halves& second = halves[split * n + j];
        const auto forth = angle_of(*metric.metric, first.a, second.b);
        if (i == j) {
            angles[c] = forth;
            return;
        }
        const auto back = angle_of(*metric.metric, first.b, second.a);
        if (forth && back) angles[c] = (*forth + *back) / 2;
    });
    Separation found;
    std::vector<double> sums(n * n, 0);
    std::vector<double> counts(n * n, 0);
    for (std::size_t c = 0; c < comparisons.size(); ++c) {
        const auto [split, i, j] = comparisons[c];
        if (!angles[c]) continue;
        (i == j ? found.within : found.between) += *angles[c];
        ++(i == j ? found.n_within : found.n_between);
        sums[i * n + j] += *angles[c];
        ++counts[i * n + j];
    }
    constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
    found.within = found.n_within > 0 ? found.within / static_cast<double>(found.n_within) : unknown;
    found.between = found.n_between > 0 ? found.between / static_cast<double>(found.n_between) : unknown;
    found.ratio = found.between / found.within;
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = i + 1; j < n; ++j) found.of_pairs.push_back(sums[i * n + j] / counts[i * n + j]);
    return found;
}

std::optional<double> reliability_of(const ChosenMetric& metric, const std::vector<NamedSystem>& all,
                                     std::size_t splits, const Stream& stream, int jobs) {
    const std::vector<ResampledSystem> systems = resampled(metric, some_of(all, stream.child("systems")), jobs);
    const std::size_t n = systems.size();
    if (n < least_systems_for_reliability) return {};
    const std::vector<Halves> halves =
        halves_in_common_form(*metric.metric, systems, splits, metric.compares_samples(), stream, jobs);
    std::vector<std::pair<std::size_t, std::size_t>> pairs;
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = i + 1; j < n; ++j) pairs.emplace_back(i, j);
    std::vector<std::optional<double>> of_a(splits * pairs.size());
    std::vector<std::optional<double>> of_b(splits * pairs.size());
    for_each_index(of_a.size(), jobs, [&](std::size_t c) {
        const auto [i, j] = pairs[c % pairs.size()];
        const Halves& first = halves[c / pairs.size() * n + i];
        const Halves& second = halves[c / pairs.size() * n + j];
        of_a[c] = angle_of(*metric.metric, first.a, second.a);
        of_b[c] = angle_of(*metric.metric, first.b, second.b);
    });
    std::vector<double> correlations;
    for (std::size_t split = 0; split < splits; ++split) {
        std::vector<double> a;
        std::vector<double> b;
        for (std::size_t c = split * pairs.size(); c < (split + 1) * pairs.size(); ++c) {
            if (!of_a[c] || !of_b[c]) continue;
            a.push_back(*of_a[c]);
            b.push_back(*of_b[c]);
        }
        if (const double found = correlation(a, b); std::isfinite(found)) correlations.push_back(found);
    }
    if (correlations.empty()) return {};
    return mean(correlations);
}

}  // namespace repal
