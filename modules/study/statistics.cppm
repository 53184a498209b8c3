module;
#include <cstdint>
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

/// A value and the independent units that it depends on (one, or the two systems of a pair).
export struct Observation {
    double value;
    std::vector<std::size_t> units;
};

/// Percentile bootstrap interval of the mean, resampling units: in each of `resamples` draws, n units are drawn with
/// replacement and a value counts as often as the product of how often its units were drawn. Values that share a
/// system are therefore not taken as independent. Both ends are NaN if there is only one unit.
/// Source: Snijders & Borgatti 1999 (vertex bootstrap); Efron & Tibshirani 1993, ch. 13.
export Interval bootstrap_interval(std::span<const Observation> observations, int resamples, double confidence,
                                   Stream stream);

}  // namespace repal
