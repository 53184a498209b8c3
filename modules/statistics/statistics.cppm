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

/// Pearson's correlation of as many values; NaN if all of one are equal.
export double correlation(std::span<const double> x, std::span<const double> y);

/// 1 for the smallest; of equal values the mean of theirs.
export std::vector<double> ranks(std::span<const double> values);

/// Spearman's: that of their ranks.
export double rank_correlation(std::span<const double> x, std::span<const double> y);

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

/// The variance of a statistic of values that depend on `units`, given how often each counts, and the degrees of
/// freedom.
export struct JackknifeVariance {
    double variance;  ///< NaN: there are fewer than two units, or without one of them nothing is left
    double freedom;
};

/// Each cluster is left out once, with all values that depend on it; if there is only one, each of its members.
/// Source: Efron & Tibshirani 1993, ch. 11; Arvesen 1969 for means over pairs.
export JackknifeVariance jackknife_variance(std::span<const std::vector<Unit>> units,
                                            const std::function<double(std::span<const double>)>& statistic);

/// estimate +- Student's t times the standard error; NaN as the variance.
export Interval t_interval(double estimate, const JackknifeVariance& variance, double confidence);

/// Units from which on percentiles of the bootstrap are far enough apart.
export inline constexpr std::size_t enough_units = 20;

/// Interval of the mean, for all tables: of fewer than enough_units clusters by the jackknife, of more by the
/// bootstrap. Both ends are NaN where nothing is known, e.g. if all values depend on one unit.
export Interval interval_of_mean(std::span<const Observation> observations, int resamples, double confidence,
                                 const Stream& stream);

}  // namespace repal
