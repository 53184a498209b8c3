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
    return TrialWeights(static_cast<std::size_t>(trials), 1.0);
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

/// Calibration of a metric that draws the trials of each system on its own.
class OfDynamics {
 public:
    OfDynamics(const ChosenMetric& metric, const Part& part, const CalibrationOptions& options, const Stream& stream)
        : metric_(metric), part_(part), options_(options), stream_(stream) {}

    Calibration run(const std::vector<std::optional<double>>& angles, int jobs, Progress& progress) {
        const std::size_t n = part_.systems.size();
        found_.systems.resize(n);
        found_.pairs.resize(part_.pairs.size());
        left_out_.resize(n);
        whole_.resize(n);
        nulls_.resize(n);
        is_ready_.assign(n, false);
        progress.begin(metric_.name + ": noise floors", n);
        for_each_index(n, jobs, [&](std::size_t i) {
            progress.stop_if_requested();
            of_system(i);
            progress.advance();
        });
        progress.end();
        progress.begin(metric_.name + ": intervals", part_.pairs.size());
        for_each_index(part_.pairs.size(), jobs, [&](std::size_t p) {
            progress.stop_if_requested();
            of_pair(p, angles[p]);
            progress.advance();
        });
        progress.end();
        return std::move(found_);
    }

 private:
    std::optional<double> angle(const PreparedSystem& a, const PreparedSystem& b) const {
        return angle_between(*metric_.metric, a, b);
    }

    /// Angles between disjoint halves of the trials of a system.
    std::vector<double> angles_of_halves(const ResampledSystem& system, const Stream& stream) const {
        std::vector<double> angles;
        const auto n = static_cast<std::size_t>(system.units());
        const std::size_t size = n / 2;
        for (std::size_t split = 0; split < options_.splits; ++split) {
            const auto order = stream.child(system.key()).child(split).permutation(n);
            std::array<TrialWeights, 2> parts = {TrialWeights(n, 0.0), TrialWeights(n, 0.0)};
            for (std::size_t i = 0; i < size; ++i) {
                parts[0][order[i]] = 1;
                parts[1][order[size + i]] = 1;
            }
            if (const auto found = angle(system.embedding(parts[0]), system.embedding(parts[1])))
                angles.push_back(*found);
        }
        return angles;
    }

    void of_system(std::size_t i) {
        const NamedSystem& named = part_.systems[i];
        SystemCalibration& found = found_.systems[i];
        try {
            const Observed observed = named.system->observe({});
            const Index window = metric_.metric->least_steps() - 2;
            const Units units = units_of(observed, window);
            found.units = units.text;
            if (!units.are_enough) return;
            const ResampledSystem system(metric_, named, units.observed);
            const auto k = static_cast<double>(system.units());
            const double half = std::floor(k / 2);
            const std::vector<double> halves = angles_of_halves(system, stream_.child("halves"));
            if (!halves.empty()) found.floor_rad = rms(halves) * std::sqrt(half / k);
            add_channel_floor(i, units.observed);
            const auto groups = trial_groups(system.units(), options_.groups, system.key(), stream_.child("jackknife"));
            whole_[i] = system.embedding(all_of(system.units()));
            for (std::size_t g = 0; g < count_of(groups); ++g)
                left_out_[i].push_back(system.embedding(without(groups, g)));
            for (std::size_t draw = 0; draw < options_.resamples / 2; ++draw) {
                const Stream draws = stream_.child("null").child(system.key()).child(draw);
                const auto first = system.embedding(bootstrap_of(system.units(), draws.child("first")));
                const auto second = system.embedding(bootstrap_of(system.units(), draws.child("second")));
                if (const auto null = angle(first, second)) nulls_[i].push_back(*null);
            }
            is_ready_[i] = true;
        } catch (...) {  // whatever a plugin throws; the pairs of this system say why, where it matters
            found.units = text_of_exception();
        }
    }

    /// Halves of channels and of trials together, of systems wide enough.
    void add_channel_floor(std::size_t i, const Observed& observed) {
        const Trajectories& x = observed.trajectories();
        constexpr Index least_channels = 8;
        const Index channels = x.shape().channels;
        if (!has(metric_.invariances, Invariance::orthogonal) || channels < least_channels) return;
        std::vector<double> angles;
        const auto& [name, key] = std::pair(part_.systems[i].name, part_.systems[i].key());
        for (std::size_t split = 0; split < options_.splits; ++split) {
            const Stream draws = stream_.child("channels").child(key).child(split);
            const auto order = Stream(draws.child("channels")).permutation(static_cast<std::size_t>(channels));
            const auto [first, second] = halves_of(static_cast<Index>(observed.n_units()), key, draws);
            std::array<PreparedSystem, 2> parts;
            for (const std::size_t side : {0U, 1U}) {
                RowMatrix rows(x.rows().rows(), channels / 2);
                for (Index c = 0; c < channels / 2; ++c)
                    rows.col(c) = x.rows().col(static_cast<Index>(
                        order[side * static_cast<std::size_t>(channels / 2) + static_cast<std::size_t>(c)]));
                parts[side] =
                    prepare(metric_, name, observed.with(x.with_rows(rows)).of_units(side == 0 ? first : second),
                            Unsuitable::has_no_value);
            }
            if (const auto found = angle(parts[0], parts[1])) angles.push_back(*found);
        }
        if (!angles.empty()) found_.systems[i].floor_channels_rad = rms(angles) / std::numbers::sqrt2;
    }

    void of_pair(std::size_t p, const std::optional<double>& whole) {
        auto [i, j] = std::pair(part_.pairs[p].a, part_.pairs[p].b);
        // Sums are in the order of keys, so that the order of files changes no bit.
        if (part_.systems[j].key() < part_.systems[i].key()) std::swap(i, j);
        PairCalibration& pair = found_.pairs[p];
        const auto of_both = [&](auto SystemCalibration::* member) -> std::optional<double> {
            const auto& a = found_.systems[i].*member;
            const auto& b = found_.systems[j].*member;
            if (!a || !b) return {};
            return std::sqrt((square(*a) + square(*b)) / 2);
        };
        pair.floor_rad = of_both(&SystemCalibration::floor_rad);
        pair.floor_channels_rad = of_both(&SystemCalibration::floor_channels_rad);
        if (!is_ready_[i] || !is_ready_[j]) {
            const std::size_t poor = is_ready_[i] ? j : i;
            add_note(pair, fmt::format("{} has {}: intervals and p need {} trials", part_.systems[poor].name,
                                       found_.systems[poor].units, least_trials));
            return;
        }
        if (!whole) return;
        const auto reference = angle(whole_[i], whole_[j]);
        if (!reference) return;
        constexpr double share_that_matters = 0.05;
        if (std::abs(*reference - *whole) > share_that_matters * std::max(*reference, *whole))
            add_note(pair, fmt::format("intervals and p are of an angle of {:.4g} rad, of {} and {} alone", *reference,
                                       found_.systems[i].units, found_.systems[j].units));
        std::array<std::vector<double>, 2> left_out;
        for (const PreparedSystem& part : left_out_[i])
            if (const auto found = angle(part, whole_[j])) left_out[0].push_back(*found);
        for (const PreparedSystem& part : left_out_[j])
            if (const auto found = angle(whole_[i], part)) left_out[1].push_back(*found);
        if (left_out[0].size() == left_out_[i].size() && left_out[1].size() == left_out_[j].size())
            add_interval(pair, *reference, left_out, options_.confidence, metric_.info.largest_rad);
        else
            add_note(pair, "without some trials the pair has no value, so that there is no interval");
        std::size_t as_large = 0;
        std::size_t n = 0;
        for (const std::size_t system : {i, j})
            for (const double null : nulls_[system]) {
                ++n;
                if (null >= *reference) ++as_large;
            }
        if (n == 2 * (options_.resamples / 2))
            pair.p_differ = static_cast<double>(as_large + 1) / static_cast<double>(n + 1);
        else
            add_note(pair, "some draws of the trials have no value, so that there is no p");
    }

    const ChosenMetric& metric_;
    const Part& part_;
    const CalibrationOptions& options_;
    Stream stream_;
    Calibration found_;
    std::vector<std::vector<PreparedSystem>> left_out_;
    std::vector<PreparedSystem> whole_;
    std::vector<std::vector<double>> nulls_;
    std::vector<char> is_ready_;
};

}  // namespace

Calibration calibrate_dynamics(const ChosenMetric& metric, const Part& part,
                               const std::vector<std::optional<double>>& angles, const CalibrationOptions& options,
                               const Stream& stream, int jobs, Progress& progress) {
    return OfDynamics(metric, part, options, stream).run(angles, jobs, progress);
}

}  // namespace repal
