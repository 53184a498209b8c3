module;
#include <Eigen/Core>
export module repal.dsa.alignment:optimisers;

import :overlap;

namespace repal {

/// A point of the search: Z and g(Z).
struct Candidate {
    Eigen::MatrixXd z;
    double overlap = 0;
    double gradient_norm = 0;  ///< of trust_region
    int iterations = 0;        ///< spent on it so far
};

/// Jacobi sweeps: in every plane of coordinates (i, j) the best of all rotations and reflections, exactly. Stops after
/// `max_sweeps` or when a sweep gains less than `tolerance`. Leaves the saddle points at which gradients vanish, and
/// crosses between the determinants.
Candidate sweep(const Overlap<double>& overlap, const Candidate& start, int max_sweeps, double tolerance);

/// Limited-memory BFGS of Ceres on the orthogonal group, until the gradient norm or the number of iterations is met.
Candidate descend(const Overlap<double>& overlap, const Candidate& start, double gradient_tolerance,
                  int max_iterations);

/// Riemannian trust region with truncated conjugate gradients (Absil, Baker, Gallivan 2007). Converges quadratically
/// where L-BFGS would crawl, down to the rounding of the gradient. The steps are found in float.
template <class Scalar>
Candidate trust_region(const Overlap<Scalar>& overlap, Candidate start, double gradient_tolerance, int max_iterations);

/// A product of rotations is orthogonal up to rounding; one step of Newton and Schulz removes that.
Eigen::MatrixXd orthogonalised(const Eigen::MatrixXd& x);

/// Cayley transform (I - W)^-1 (I + W) Z of a skew W: orthogonal, and exp(2 W) Z up to the third order.
template <class Scalar>
Matrix<Scalar> cayley(const Matrix<Scalar>& w, const Matrix<Scalar>& z);

}  // namespace repal
