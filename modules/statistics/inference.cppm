module;
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <vector>
export module repal.inference;

import repal.random;
export import repal.statistics;

namespace repal {

/// A test whether differences of pairs have the mean 0.
export struct PairedTest {
    std::size_t n = 0;
    double mean_difference = 0;
    double t = 0;            ///< mean / (standard deviation / sqrt(n)), for comparison with the literature
    double p = 1;            ///< of the permutation test, two-sided
    double effect_size = 0;  ///< mean / standard deviation (Cohen's d of differences)
};

/// Sign-flip permutation test: under the null hypothesis the members of each pair are exchangeable, so every sign of
/// every difference is as likely. All 2^n signs if they are at most `resamples`, else as many draws, the observed one
/// among them. The smallest p that n differences can give is 2 / 2^n.
/// t and effect size are NaN for fewer than two differences.
/// Source: Fisher 1935; Phipson & Smyth 2010 for p of draws.
export PairedTest paired_test(std::span<const double> differences, int resamples, Stream stream);

/// p-values adjusted so that rejecting those up to q keeps the false discovery rate below q, in the same order. NaN, a
/// test that could not be made, stays NaN and does not count.
/// Source: Benjamini & Hochberg 1995.
export std::vector<double> benjamini_hochberg(std::span<const double> p);

/// A value of two different things, e.g. the dissimilarity of two groups in one setting and replicate.
export struct Dyad {
    double y;
    std::size_t a;  ///< below the number of things
    std::size_t b;
    std::vector<Unit> units;
};

/// x of a dyad if thing i had the attributes of thing order[i]; none if it is not defined.
export using DyadPredictor = std::function<std::optional<double>(const Dyad&, std::span<const std::size_t> order)>;

export struct Regression {
    std::size_t n = 0;           ///< dyads with an x
    std::size_t n_excluded = 0;  ///< without one
    double slope = 0;
    double intercept = 0;
    double r_squared = 0;
    Interval interval{};  ///< of the slope, by the jackknife of units and of things
    double p = 1;         ///< of the slope, two-sided
};

/// Least squares of y on x. Dyads that share a thing are not independent, so p is that of the quadratic assignment
/// procedure: under the null hypothesis the attributes could have been assigned to the things in any order. All orders
/// if they are at most `resamples`, else as many draws. NaN where x does not vary.
/// Source: Krackhardt 1988.
export Regression regress(std::span<const Dyad> dyads, std::size_t n_things, const DyadPredictor& x, int resamples,
                          double confidence, const Stream& stream);

}  // namespace repal
