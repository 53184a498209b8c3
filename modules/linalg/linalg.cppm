module;
#include <Eigen/Core>
export module repal.linalg;

import repal.trajectories;

namespace repal {

/// Newest-first delay embedding of every trial, stacked.
///
/// Row (k, t) holds [x(t + (n-1)tau), ..., x(t)] of trial k, with n = n_delays and tau = delay_interval.
/// Source: Ostrow et al. 2023, eq. 2.
export struct DelayEmbedding {
    Eigen::Index n_delays = 1;
    Eigen::Index delay_interval = 1;  ///< steps

    /// Rows of one trial: steps - (n-1)tau. Throws InvalidTrajectories if that is less than two.
    Eigen::Index rows_per_trial(const Shape& shape) const;

    /// Shape: (trials * rows_per_trial, n_delays * channels).
    Eigen::MatrixXd operator()(const Trajectories& x) const;
};

/// Principal components of a system, centred over all trials and steps.
export struct Pca {
    Eigen::Index components = 0;  ///< the first ones, or all if there are fewer; 0: as `variance` says
    double variance = 1;          ///< as few as hold this share of the variance

    /// (trial, time, component), of falling variance. The largest weight of a component is positive.
    Trajectories operator()(const Trajectories& x) const;
};

/// The part of a thin singular value decomposition X = U S V^T that belongs to the rows of X.
export struct LeftSvd {
    Eigen::MatrixXd vectors;          ///< the first columns of U (rows, leading)
    Eigen::VectorXd singular_values;  ///< S (min(rows, columns)), falling
};

/// The first `leading` (at least 1) vectors, or all if there are fewer, and all singular values.
///
/// From the Gram matrix, twice as fast, if the leading singular values are above 1e-3 of the largest: squaring makes
/// vectors of relative size s uncertain by 1e-16 / s^2, so those are good to 1e-10. Else from the matrix itself.
/// Singular values below 1e-7 of the largest then tell only that they are small.
export LeftSvd left_svd(const Eigen::MatrixXd& x, Eigen::Index leading);

/// How many singular values (falling) are above tolerance * the largest.
export Eigen::Index numerical_rank(const Eigen::VectorXd& singular_values, double tolerance);

/// Columns minus their means, divided by the Frobenius norm of that; empty (0 x 0) if all rows are equal.
export Eigen::MatrixXd centred_unit(const RowMatrix& x);

/// A strict order of matrices of any size by their contents. Metrics compare in this order, so that d(a, b) and
/// d(b, a) are the same bits.
export bool precedes(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b);

}  // namespace repal
