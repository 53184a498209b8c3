module;
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
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
    if (score_without_embedding(a, b)) return {};
    const std::array pair = {EmbeddingPair{*a.embedding, *b.embedding}};
    const Score score = compare_safely(metric, pair).front();
    if (score.status != Status::ok) return {};
    return score.angle_rad;
}

}  // namespace

std::optional<double> angle_between(const Metric& metric, const PreparedSystem& a, const PreparedSystem& b) {
    std::vector<PreparedSystem> both = {a, b};
    if (score_without_embedding(a, b)) return {};
    harmonise(metric, both);
    return angle_of(metric, both[0], both[1]);
}

ResampledSystem::ResampledSystem(const ChosenMetric& metric, std::string name, const Trajectories& x)
    : name_(std::move(name)), metric_(metric.metric) {
    const auto reduced = metric.reduced(x);
    x_ = std::make_shared<const Trajectories>(reduced ? reduced->x : x);
    sums_ = metric_->prepare_trials(*x_);
}

PreparedSystem ResampledSystem::embedding(const TrialWeights& weights) const {
    PreparedSystem prepared;
    try {
        prepared.embedding =
            sums_ != nullptr ? sums_->embedding(weights) : metric_->prepare(x_->of_trials(drawn(weights)));
        if (prepared.embedding == nullptr) prepared.cause = "the metric gave no embedding";
    } catch (...) {  // whatever a plugin throws
        prepared.cause = fmt::format("{}: {}", name_, text_of_exception());
    }
    return prepared;
}

std::pair<TrialWeights, TrialWeights> halves_of(Eigen::Index trials, const std::string& system, const Stream& stream) {
    const auto n = static_cast<std::size_t>(trials);
    const std::vector<std::size_t> order = stream.child(system).permutation(n);
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
        const Trajectories x = systems[i].system->observe({}).trajectories();
        try {
            const Eigen::Index least = metric.metric->least_steps();
            made[i].emplace(metric, systems[i].name, x.shape().trials > 1 ? x : in_two_parts(x, least - 2, least));
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
    for (std::size_t i = 0; i < systems.size(); ++i) order.emplace_back(stream.child(systems[i].name).bits(), i);
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
    std::vector<std::array<PreparedSystem, 2>> halves(n * splits);
    for_each_index(halves.size(), jobs, [&](std::size_t i) {
        const ResampledSystem& system = systems[i % n];
        const auto [a, b] = halves_of(system.trials(), system.name(), stream.child("halves").child(i / n));
        halves[i] = {system.embedding(a), system.embedding(b)};
    });
    // All are compared with each other, and so have one common form, e.g. one rank.
    std::vector<PreparedSystem> common;
    for (const auto& both : halves) common.insert(common.end(), both.begin(), both.end());
    harmonise(*metric.metric, common);
    for (std::size_t i = 0; i < halves.size(); ++i) halves[i] = {common[2 * i], common[2 * i + 1]};
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
        const auto& first = halves[split * n + i];
        const auto& second = halves[split * n + j];
        const auto forth = angle_of(*metric.metric, first[0], second[1]);
        if (i == j) {
            angles[c] = forth;
            return;
        }
        const auto back = angle_of(*metric.metric, first[1], second[0]);
        if (forth && back) angles[c] = (*forth + *back) / 2;
    });
    Separation found;
    for (std::size_t c = 0; c < comparisons.size(); ++c) {
        if (!angles[c]) continue;
        const bool is_within = comparisons[c].i == comparisons[c].j;
        (is_within ? found.within : found.between) += *angles[c];
        ++(is_within ? found.n_within : found.n_between);
    }
    constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
    found.within = found.n_within > 0 ? found.within / static_cast<double>(found.n_within) : unknown;
    found.between = found.n_between > 0 ? found.between / static_cast<double>(found.n_between) : unknown;
    found.ratio = found.between / found.within;
    return found;
}

}  // namespace repal
