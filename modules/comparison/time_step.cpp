module;
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.time_step;

namespace repal {
namespace {

using Eigen::Index;

constexpr double tolerance = 1e-3;  // of steps that rounded times tell

/// Every q-th row from `first` on.
RowMatrix thinned(const RowMatrix& rows, Index first, Index q) {
    RowMatrix some((rows.rows() - first + q - 1) / q, rows.cols());
    for (Index t = 0; t < some.rows(); ++t) some.row(t) = rows.row(first + t * q);
    return some;
}

/// Rows at other times: t * ratio, in steps of the rows.
RowMatrix resampled(const RowMatrix& rows, double ratio) {
    constexpr double of_nyquist = 0.9;
    constexpr double half_width = 16;  // zeros of the sinc on each side
    const double cutoff = of_nyquist / (2 * ratio);
    const double reach = half_width / (2 * cutoff);
    const auto n = static_cast<Index>(std::floor(static_cast<double>(rows.rows() - 1) / ratio * (1 + 1e-12))) + 1;
    RowMatrix some = RowMatrix::Zero(n, rows.cols());
    for (Index t = 0; t < n; ++t) {
        const double place = static_cast<double>(t) * ratio;
        double sum = 0;
        const auto first = std::max(Index{0}, static_cast<Index>(std::ceil(place - reach)));
        const auto last = std::min(rows.rows() - 1, static_cast<Index>(std::floor(place + reach)));
        for (Index i = first; i <= last; ++i) {
            const double away = static_cast<double>(i) - place;
            const double x = 2 * cutoff * away * std::numbers::pi;
            const double window = std::cos(away / reach * std::numbers::pi / 2);
            const double weight = (std::abs(x) < 1e-12 ? 1 : std::sin(x) / x) * window * window;
            some.row(t) += weight * rows.row(i);
            sum += weight;
        }
        some.row(t) /= sum;  // what is constant stays so, also at the ends
    }
    return some;
}

}  // namespace

bool is_whole_ratio(double longer, double shorter) {
    const double ratio = longer / shorter;
    return std::abs(ratio - std::round(ratio)) <= tolerance * ratio;
}

std::optional<double> common_step(const std::vector<NamedSystem>& systems) {
    std::optional<double> longest;
    std::optional<double> shortest;
    for (const NamedSystem& system : systems) {
        const auto step = system.system->observe({}).trajectories().dt();
        if (!step) return {};
        longest = std::max(longest.value_or(*step), *step);
        shortest = std::min(shortest.value_or(*step), *step);
    }
    if (!longest || *longest - *shortest <= tolerance * *longest) return {};
    return longest;
}

Observed at_step(const Observed& system, double step, bool with_all_phases) {
    const Trajectories& x = system.trajectories();
    const double own = x.dt().value_or(step);
    if (std::abs(step - own) <= tolerance * step) return system;
    const double ratio = step / own;
    const auto q = static_cast<Index>(std::lround(ratio));
    std::vector<RowMatrix> trials;
    std::vector<std::size_t> units;
    std::vector<std::string> names;
    std::vector<std::int64_t> conditions;
    const std::vector<std::size_t> of_trials = system.units();
    const auto add = [&](RowMatrix rows, Index trial) {
        trials.push_back(std::move(rows));
        units.push_back(of_trials[static_cast<std::size_t>(trial)]);
        if (!x.conditions().empty()) conditions.push_back(x.conditions()[static_cast<std::size_t>(trial)]);
        if (!system.trial_names().empty()) names.push_back(system.trial_names()[static_cast<std::size_t>(trial)]);
    };
    constexpr Index least_steps = 2;
    bool is_cut = system.is_cut;
    for (Index k = 0; k < x.shape().trials; ++k) {
        const RowMatrix rows = x.trial(k);
        const std::size_t before = trials.size();
        const Index phases = is_whole_ratio(step, own) ? (with_all_phases ? q : 1) : 0;
        for (Index phase = 0; phase < phases; ++phase)
            if (RowMatrix some = thinned(rows, phase, q); some.rows() >= least_steps) add(std::move(some), k);
        if (phases == 0) add(resampled(rows, ratio), k);
        is_cut |= trials.size() == before;
    }
    if (trials.empty()) throw InvalidTrajectories("its trials are shorter than two steps of the common time");
    Trajectories seen = Trajectories::from_trials(trials).with_dt(step);
    if (!conditions.empty()) seen = seen.with_conditions(std::move(conditions));
    Observed at{std::move(seen), system.state};
    at.set_units(std::move(units));
    at.set_trial_names(std::move(names));
    at.is_cut = is_cut;
    at.are_steps_cut = system.are_steps_cut;
    return at;
}

}  // namespace repal
