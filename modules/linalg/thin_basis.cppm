module;
#include <Eigen/Core>
export module repal.thin_basis;

import repal.trajectories;

namespace repal {

/// The samples of a system as X = norm * U S V^T, columns centred, without directions that are rounding: singular
/// values above 1e-10 of the largest. All are empty if all samples are equal.
///
/// By a QR decomposition of the longer side and the singular values of what is left: O(n p min(n, p)), all digits.
export struct ThinBasis {
    Eigen::MatrixXd vectors;          ///< U (rows, rank), orthonormal columns
    Eigen::VectorXd singular_values;  ///< S (rank), falling, of norm 1
    Eigen::MatrixXd axes;             ///< V (channels, rank)
    double norm = 0;                  ///< Frobenius norm of the centred samples, in their unit

    Eigen::Index rank() const { return singular_values.size(); }
};

export ThinBasis thin_basis(const RowMatrix& x);

/// The first directions that hold at least `share` of the squared norm.
export ThinBasis leading(ThinBasis basis, double share);

}  // namespace repal
