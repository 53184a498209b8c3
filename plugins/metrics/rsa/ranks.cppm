module;
#include <Eigen/Core>
export module repal.rsa.ranks;

namespace repal {

/// Ranks from 0; values that differ by `tie` or less, one after the other, have the mean of their ranks.
export Eigen::VectorXd ranks(const Eigen::VectorXd& values, double tie);

/// Kendall's coefficients of concordant less discordant pairs of places.
export struct Kendall {
    double tau_a;  ///< share of all pairs
    double tau_b;  ///< of those without ties: the cosine of the signs of all differences; NaN if one has ties only
};

/// Of two vectors of ranks of one length, O(n log n) in whole numbers.
/// Source: Knight 1966.
export Kendall kendall(const Eigen::VectorXd& a, const Eigen::VectorXd& b);

}  // namespace repal
