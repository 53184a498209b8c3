module;
#include <Eigen/Core>
#include <vector>
module repal.dsa.alignment:starts;

import repal.random;
import :overlap;

namespace repal {

/// Starting points that follow from the two operators, the most promising first. C = basis_a Z basis_b^T.
std::vector<Eigen::MatrixXd> structural_starts(const Overlap<double>& overlap, const Eigen::MatrixXd& basis_a,
                                               const Eigen::MatrixXd& basis_b);

/// Between two minima, where a descent keeps what they share and tries the rest anew.
Eigen::MatrixXd recombined(const Eigen::MatrixXd& x, const Eigen::MatrixXd& y, Stream& stream);

/// A permutation with signs, uniform among all of them: spread over the orthogonal group and both its determinants.
Eigen::MatrixXd random_start(Eigen::Index n, Stream& stream);

}  // namespace repal
