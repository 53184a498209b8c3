module;
#include <Eigen/Core>
module repal.dsa.alignment:search;

import :optimisers;
import :overlap;

namespace repal {

/// What a search found: the best maximum of the overlap, and the median overlap of all its descents.
struct Found {
    Candidate best;
    double median_overlap = 0;
};

/// basis_a, basis_b: of the operators, for starting points that need them. descents >= 1.
Found search(const Overlap<double>& overlap, const Eigen::MatrixXd& basis_a, const Eigen::MatrixXd& basis_b,
             int descents, double gradient_tolerance, int max_iterations);

}  // namespace repal
