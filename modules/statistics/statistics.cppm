module;
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>
export module repal.statistics;

import repal.random;

namespace repal {

export double mean(std::span<const double> values);
export double median(std::span<const double> values);

/// Standard deviation (n - 1) / sqrt(n); NaN for fewer than two values. Takes the values as independent.
export double standard_error(std::span<const double> values);

export struct Interval {
    double low;
    double high;
};

/// Something independent that values depend on: a member of a cluster (a replicate in a setting), or a cluster alone.
export struct Unit {
    std::size_t cluster;
    std::size_t member = 0;
    auto operator<=>(const Unit&) const = default;
};

/// A value and the units that it depends on (one, or the two systems of a pair).
export struct Observation {
    double value;
    std::vector<Unit> units;
};

/// Percentile bootstrap interval of the mean, resampling clusters, and then members of each drawn cluster: in each of
/// `resamples` draws, n clusters are drawn with replacement, and in each of these copies its n members. A value counts
/// as often as the product of how often its units were drawn, units of one cluster in the same copy. Values that share
/// a system are therefore not taken as independent. Both ends are NaN if there is only one value or unit.
/// Source: Snijders & Borgatti 1999 (vertex bootstrap); Davison & Hinkley 1997, 3.8 (hierarchical data);
/// Efron & Tibshirani 1993, ch. 13.
export Interval bootstrap_interval(std::span<const Observation> observations, int resamples, double confidence,
                                   Stream stream);

/// The same of any statistic of values that depend on `units`, given how often each counts. Draws in which it is NaN
/// are left out.
export Interval bootstrap_interval(std::span<const std::vector<Unit>> units,
                                   const std::function<double(std::span<const double>)>& statistic, int resamples,
                                   double confidence, Stream stream);

}  // namespace repal
