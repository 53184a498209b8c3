module;
#include <Eigen/Core>
#include <vector>
module repal.dsa.alignment:starts;

import repal.random;
import :overlap;

namespace repal {

/// Starting points that follow from the two operators, the most promising first. C = basis_a Z basis_b^T.
std::vector<Eigen::MatrixXd> structural_starts(const Overlap& overlap, const Eigen::MatrixXd& basis_a,
                                               const Eigen::MatrixXd& basis_b);

/// Uniform on the orthogonal group, both determinants.
Eigen::MatrixXd random_orthogonal(Eigen::Index n, Stream& stream);

}  // namespace repal
