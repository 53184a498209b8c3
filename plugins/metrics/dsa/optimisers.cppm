module;
#include <Eigen/Core>
module repal.dsa.alignment:optimisers;

import :overlap;

namespace repal {

/// A point of the search: Z and g(Z).
struct Candidate {
    Eigen::MatrixXd z;
    double overlap = 0;
    int iterations = 0;  ///< spent on it so far
};

struct Finish {
    Candidate candidate;
    double gradient_norm = 0;
};

/// Jacobi sweeps: in every plane of coordinates (i, j) the best of all rotations and reflections, exactly. Stops after
/// `max_sweeps` or when a sweep gains less than `tolerance`. Leaves the saddle points at which gradients vanish, and
/// crosses between the determinants.
Candidate sweep(const Overlap& overlap, Candidate start, int max_sweeps, double tolerance);

/// Limited-memory BFGS of Ceres on the orthogonal group, until the gradient norm or the number of iterations is met.
Candidate descend(const Overlap& overlap, Candidate start, double gradient_tolerance, int max_iterations);

/// Riemannian trust region with truncated conjugate gradients (Absil, Baker, Gallivan 2007). Converges quadratically
/// where L-BFGS would crawl, down to the rounding of the gradient.
Finish finish(const Overlap& overlap, Candidate start, double gradient_tolerance, int max_iterations);

/// Cayley transform (I - W)^-1 (I + W) Z of a skew W: orthogonal, and exp(2 W) Z up to the third order.
Eigen::MatrixXd cayley(const Eigen::MatrixXd& w, const Eigen::MatrixXd& z);

}  // namespace repal
