module;
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <numbers>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.calibration;

import repal.parallel;

namespace repal {
namespace {

using Eigen::Index;

double square(double x) {
    return x * x;
}

/// Weight 1 for all trials but those of a group.
TrialWeights without(const std::vector<std::size_t>& groups, std::size_t left_out) {
    TrialWeights weights;
    for (const std::size_t group : groups) weights.push_back(group == left_out ? 0 : 1);
    return weights;
}

TrialWeights all_of(Index trials) {
    TrialWeights weights(static_cast<std::size_t>(trials), 1.0);
    return weights;
}

/// As many trials as there are, drawn with replacement.
TrialWeights bootstrap_of(Index trials, Stream stream) {
    TrialWeights weights(static_cast<std::size_t>(trials), 0.0);
    for (Index i = 0; i < trials; ++i) ++weights[stream.below(static_cast<std::uint64_t>(trials))];
    return weights;
}

/// The trials that are drawn of a system: its own, or blocks of its only one.
struct Units {
    Observed observed;
    std::string text;
    bool are_enough;
};

Units units_of(const Observed& observed, Index window) {
    const auto n_units = static_cast<Index>(observed.n_units());
    if (n_units > 1) return {observed, fmt::format("{} trials", n_units), n_units >= least_trials};
    const Trajectories& x = observed.trajectories();
    constexpr Index least_blocks = 8;
    const Index steps = std::max<Index>(50, 5 * window);
    const Index n = x.steps(0) / steps;
    if (n < least_blocks)
        return {observed,
                fmt::format("1 trial of {} steps, which has no {} blocks of {}", x.steps(0), least_blocks, steps),
                false};
    std::vector<RowMatrix> blocks;
    for (Index i = 0; i < n; ++i) blocks.emplace_back(x.trial(0).middleRows(i * steps, steps));
    return {observed.with(Trajectories::from_trials(blocks).with_dt(x.dt())),
            fmt::format("{} blocks of {} steps of one trial", n, steps), true};
}

double rms(const std::vector<double>& values) {
    double sum = 0;
    for (const double value : values) sum += square(value);
    return std::sqrt(sum / static_cast<double>(values.size()));
}

Units units_of(const ChosenMetric& metric, const NamedSystem& system) {
    return units_of(system.system->observe({}), metric.metric->least_steps() - 2);
}

/// Angles between disjoint halves of the trials of a system.
std::vector<double> angles_of_halves(const Metric& metric, const ResampledSystem& system, std::size_t splits,
                                     const Stream& stream) {
    std::vector<double> angles;
    for (std::size_t split = 0; split < splits; ++split) {
        const auto [first, second] = halves_of(system.units(), system.key(), stream.child(split));
        if (const auto found = angle_between(metric, system.embedding(first), system.embedding(second)))
            angles.push_back(*found);
    }
    return angles;
}

/// Halves of channels and of trials together, of systems wide enough.
std::optional<double> floor_of_channels(const ChosenMetric& metric, const NamedSystem& system, const Observed& observed,
                                        std::size_t splits, const Stream& stream) {
    const Trajectories& x = observed.trajectories();
    constexpr Index least_channels = 8;
    const Index channels = x.shape().channels;
    if (!has(metric.info.invariances, Invariance::orthogonal) || channels < least_channels) return {};
    std::vector<double> angles;
    for (std::size_t split = 0; split < splits; ++split) {
        const Stream draws = stream.child("channels").child(system.key()).child(split);
        const auto order = Stream(draws.child("channels")).permutation(static_cast<std::size_t>(channels));
        const auto [first, second] = halves_of(static_cast<Index>(observed.n_units()), system.key(), draws);
        std::array<PreparedSystem, 2> parts;
        for (const std::size_t side : {0U, 1U}) {
            RowMatrix rows(x.rows().rows(), channels / 2);
            for (Index c = 0; c < channels / 2; ++c)
                rows.col(c) = x.rows().col(static_cast<Index>(
                    order[side * static_cast<std::size_t>(channels / 2) + static_cast<std::size_t>(c)]));
            parts[side] =
                prepare(metric, system.name, observed.with(x.with_rows(rows)).of_units(side == 0 ? first : second),
                        Unsuitable::has_no_value);
        }
        if (const auto found = angle_between(*metric.metric, parts[0], parts[1])) angles.push_back(*found);
    }
    if (angles.empty()) return {};
    return rms(angles) / std::numbers::sqrt2;
}

/// A system, and what it is without each group of its trials.
struct Jackknifed {
    PreparedSystem whole = {};
    std::vector<PreparedSystem> left_out = {};
};

Jackknifed jackknifed(const ChosenMetric& metric, const NamedSystem& named, const CalibrationOptions& options,
                      const Stream& stream) {
    const ResampledSystem system(metric, named, units_of(metric, named).observed);
    const auto groups = trial_groups(system.units(), options.groups, system.key(), stream.child("jackknife"));
    Jackknifed found{.whole = system.embedding(all_of(system.units()))};
    for (std::size_t g = 0; g < count_of(groups); ++g) found.left_out.push_back(system.embedding(without(groups, g)));
    return found;
}

/// The pairs of a metric that draws the trials of each system on its own.
class PairsOfDynamics {
 public:
    PairsOfDynamics(const ChosenMetric& metric, const Part& part, const std::vector<SystemCalibration>& systems,
                    const CalibrationOptions& options)
        : metric_(metric), part_(part), systems_(systems), options_(options), jackknifed_(systems.size()) {}

    std::vector<PairCalibration> run(const std::vector<std::optional<double>>& angles, const Stream& stream, int jobs,
                                     Progress& progress) {
        for_each_index(systems_.size(), jobs, [&](std::size_t i) {
            progress.stop_if_requested();
            if (systems_[i].was_drawn) jackknifed_[i] = jackknifed(metric_, part_.systems[i], options_, stream);
        });
        std::vector<PairCalibration> found(part_.pairs.size());
        progress.begin(metric_.name + ": intervals", found.size());
        for_each_index(found.size(), jobs, [&](std::size_t p) {
            progress.stop_if_requested();
            found[p] = of_pair(part_.pairs[p], angles[p]);
            progress.advance();
        });
        progress.end();
        return found;
    }

 private:
    std::optional<double> angle(const PreparedSystem& a, const PreparedSystem& b) const {
        return angle_between(*metric_.metric, a, b);
    }

    std::optional<double> of_both(std::size_t i, std::size_t j,
                                  std::optional<double> SystemCalibration::* floor) const {
        const auto& a = systems_[i].*floor;
        const auto& b = systems_[j].*floor;
        if (!a || !b) return {};
        return std::sqrt((square(*a) + square(*b)) / 2);
    }

    PairCalibration of_pair(const Pair& of, const std::optional<double>& whole) const {
        auto [i, j] = std::pair(of.a, of.b);
        // Sums are in the order of keys, so that the order of files changes no bit.
        if (part_.systems[j].key() < part_.systems[i].key()) std::swap(i, j);
        PairCalibration pair;
        pair.floor_rad = of_both(i, j, &SystemCalibration::floor_rad);
        pair.floor_channels_rad = of_both(i, j, &SystemCalibration::floor_channels_rad);
        if (!systems_[i].was_drawn || !systems_[j].was_drawn) {
            const std::size_t poor = systems_[i].was_drawn ? j : i;
            add_note(pair, fmt::format("{} has {}: intervals and p need {} trials", part_.systems[poor].name,
                                       systems_[poor].units, least_trials));
            return pair;
        }
        if (!whole) return pair;
        const auto reference = angle(jackknifed_[i].whole, jackknifed_[j].whole);
        if (!reference) return pair;
        constexpr double share_that_matters = 0.05;
        if (std::abs(*reference - *whole) > share_that_matters * std::max(*reference, *whole))
            add_note(pair, fmt::format("intervals and p are of an angle of {:.4g} rad, of {} and {} alone", *reference,
                                       systems_[i].units, systems_[j].units));
        std::array<std::vector<double>, 2> left_out;
        for (const PreparedSystem& part : jackknifed_[i].left_out)
            if (const auto found = angle(part, jackknifed_[j].whole)) left_out[0].push_back(*found);
        for (const PreparedSystem& part : jackknifed_[j].left_out)
            if (const auto found = angle(jackknifed_[i].whole, part)) left_out[1].push_back(*found);
        if (left_out[0].size() == jackknifed_[i].left_out.size() &&
            left_out[1].size() == jackknifed_[j].left_out.size())
            add_interval(pair, *reference, left_out, options_.confidence, metric_.info.largest_rad);
        else
            add_note(pair, "without some trials the pair has no value, so that there is no interval");
        std::vector<double> nulls = systems_[i].nulls;
        nulls.insert(nulls.end(), systems_[j].nulls.begin(), systems_[j].nulls.end());
        if (nulls.size() != 2 * (options_.resamples / 2)) {
            add_note(pair, "some draws of the trials have no value, so that there is no p");
            return pair;
        }
        const auto as_large = std::ranges::count_if(nulls, [&](double null) { return null >= *reference; });
        pair.p_differ = static_cast<double>(as_large + 1) / static_cast<double>(nulls.size() + 1);
        pair.null_rad = null_quantiles(std::move(nulls));
        return pair;
    }

    const ChosenMetric& metric_;
    const Part& part_;
    const std::vector<SystemCalibration>& systems_;
    const CalibrationOptions& options_;
    std::vector<Jackknifed> jackknifed_;
};

}  // namespace

SystemCalibration calibrate_system(const ChosenMetric& metric, const NamedSystem& named,
                                   const CalibrationOptions& options, const Stream& stream) {
    SystemCalibration found;
    if (metric.compares_conditions()) {
        found.units = repeats_are_no_draws;
        return found;
    }
    try {
        const Units units = units_of(metric, named);
        found.units = units.text;
        if (!units.are_enough) return found;
        const ResampledSystem system(metric, named, units.observed);
        const auto k = static_cast<double>(system.units());
        const std::vector<double> halves =
            angles_of_halves(*metric.metric, system, options.splits, stream.child("halves"));
        if (!halves.empty()) found.floor_rad = rms(halves) * std::sqrt(std::floor(k / 2) / k);
        found.floor_channels_rad = floor_of_channels(metric, named, units.observed, options.splits, stream);
        for (std::size_t draw = 0; draw < options.resamples / 2; ++draw) {
            const Stream draws = stream.child("null").child(system.key()).child(draw);
            const auto first = system.embedding(bootstrap_of(system.units(), draws.child("first")));
            const auto second = system.embedding(bootstrap_of(system.units(), draws.child("second")));
            if (const auto null = angle_between(*metric.metric, first, second)) found.nulls.push_back(*null);
        }
        found.was_drawn = true;
    } catch (...) {  // whatever a plugin throws; the pairs of this system say why, where it matters
        found.units = text_of_exception();
    }
    return found;
}

std::vector<PairCalibration> calibrate_dynamics(const ChosenMetric& metric, const Part& part,
                                                const std::vector<SystemCalibration>& systems,
                                                const std::vector<std::optional<double>>& angles,
                                                const CalibrationOptions& options, const Stream& stream, int jobs,
                                                Progress& progress) {
    return PairsOfDynamics(metric, part, systems, options).run(angles, stream, jobs, progress);
}

}  // namespace repal
