module;
#include <Eigen/Core>
#include <functional>
#include <vector>
export module repal.linalg;

import repal.trajectories;

namespace repal {

/// The eigenvalues (falling) and eigenvectors of a symmetric matrix that is positive semidefinite.
export struct Eigenpairs {
    Eigen::VectorXd values;   ///< (n), at least 0
    Eigen::MatrixXd vectors;  ///< (rows, n)
};

/// Newest-first delay embedding of every trial, stacked.
///
/// Row (k, t) holds [x(t + (n-1)tau), ..., x(t)] of trial k, with n = n_delays and tau = delay_interval.
/// Source: Ostrow et al. 2023, eq. 2.
export struct DelayEmbedding {
    Eigen::Index n_delays = 1;
    Eigen::Index delay_interval = 1;  ///< steps
    Eigen::VectorXd weights = {};     ///< (n_delays) that delays are multiplied by, newest first; empty: 1

    /// Steps that a trial needs for two rows, that is one transition: (n-1)tau + 2. As large as an Index can be, if it
    /// is more.
    Eigen::Index least_steps() const;

    /// Rows of a trial of so many steps: steps - (n-1)tau; 0 if that is less than two, and so of no use.
    Eigen::Index rows(Eigen::Index steps) const;

    /// Throws InvalidTrajectories unless some trial has rows.
    void require_rows(const Trajectories& x) const;

    /// Rows of one trial that has them. Shape: (rows, n_delays * channels).
    Eigen::MatrixXd of_trial(const Trajectories& x, Eigen::Index trial) const;

    /// Shape: (sum of the trials' rows, n_delays * channels). Throws as require_rows().
    Eigen::MatrixXd operator()(const Trajectories& x) const;

    /// H^T H of the rows of the trials with `is_used`; of many columns by blocks of equal lag, O(n) instead of O(n^2)
    /// products.
    /// Shape: (n_delays * channels, n_delays * channels).
    Eigen::MatrixXd gram(const Trajectories& x, const std::vector<bool>& is_used) const;

    /// H H^T of the same rows, trial by trial. Shape: (sum of their rows, sum of their rows).
    Eigen::MatrixXd gram_of_rows(const Trajectories& x, const std::vector<bool>& is_used) const;

    /// The leading n eigenpairs of gram(), as approximate_eigenpairs() finds them, by the shorter side of H. Fewer
    /// where H has fewer rows than columns and no more directions that are told from rounding.
    Eigenpairs directions(const Trajectories& x, const std::vector<bool>& is_used, Eigen::Index n) const;

    /// H * directions, without H. Shape: (rows of the trial, columns of `directions`).
    Eigen::MatrixXd projected(const Trajectories& x, Eigen::Index trial, const Eigen::MatrixXd& directions) const;

    /// H^T * left, of the rows of the trials with `is_used`, without H. Shape: (n_delays * channels, columns of
    /// `left`).
    Eigen::MatrixXd transposed_times(const Trajectories& x, const std::vector<bool>& is_used,
                                     const Eigen::MatrixXd& left) const;
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

/// The same, always from the matrix itself: for who knows already that the Gram matrix is not accurate enough.
export LeftSvd decomposed(const Eigen::MatrixXd& x, Eigen::Index leading);

/// The first n, or all if there are fewer. Of a large matrix from block Krylov spaces, begun anew until the residuals
/// are rounding; where the eigenvalues have no gap, so that this would take long, all are computed.
/// `start`: orthonormal columns near the eigenvectors, six more than n; else they are drawn.
/// Source: Golub and Van Loan 2013, section 10.3.6 (block Lanczos); Musco and Musco 2015.
export Eigenpairs leading_eigenpairs(const Eigen::MatrixXd& symmetric, Eigen::Index n,
                                     const Eigen::MatrixXd& start = {});

/// From one such space, whatever the gaps are: those that stand out are exact, a few among nearly equal ones are some
/// combination of these.
export Eigenpairs approximate_eigenpairs(const Eigen::MatrixXd& symmetric, Eigen::Index n);

/// A power of two that brings values, of which `largest` is the largest, near 1 if their squares would leave the range
/// of double; 1 for all others. What is computed of values times it has the same bits, where both can be computed.
export double scale_into_range(double largest);

/// How many singular values (falling) are above tolerance * the largest.
export Eigen::Index numerical_rank(const Eigen::VectorXd& singular_values, double tolerance);

/// Columns minus their means, divided by the Frobenius norm of that; empty (0 x 0) if all rows are equal.
export Eigen::MatrixXd centred_unit(const RowMatrix& x);

/// The Frobenius norm of columns minus their means.
export double centred_norm(const RowMatrix& x);

/// rad, of two vectors of norm 1, with all digits at 0 and at pi.
export double angle_between(const Eigen::VectorXd& a, const Eigen::VectorXd& b);

/// Of a cosine that is the best of an alignment of two things of norm 1; `distance` gives the length of their
/// difference then, exact where arccos loses half of the digits.
export double aligned_angle(double cosine, const std::function<double()>& distance);

/// Sum of the singular values.
export double nuclear_norm(const Eigen::MatrixXd& x);

/// U V^T of x = U S V^T: of all matrices with orthonormal columns or rows the one with the largest product with x.
export Eigen::MatrixXd polar_factor(const Eigen::MatrixXd& x);

/// The same rows in other coordinates, of which there are no more than rows: X = Y Q^T with orthonormal columns of Q,
/// so that products of rows, and all that is blind to rotations, are the same. As it is, unless it has more columns.
/// Shape: (rows, min(rows, columns)).
export Eigen::MatrixXd narrowed(Eigen::MatrixXd x);

/// A strict order of matrices of any size by their contents. Metrics compare in this order, so that d(a, b) and
/// d(b, a) are the same bits.
export bool precedes(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b);

}  // namespace repal
