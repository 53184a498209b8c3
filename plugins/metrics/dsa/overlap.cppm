module;
#include <Eigen/Core>
module repal.dsa.alignment:overlap;

namespace repal {

/// g(Z) = <A, Z B Z^T> of two operators of Frobenius norm 1, both in the eigenbases of their symmetric parts:
/// A = diag(p) + K and B = diag(q) + L with K and L skew. Then
///
///     g(Z) = <Z, diag(p) Z diag(q) - K Z L>,
///
/// two matrix products for the value and the gradient, because <K, Z L Z^T> = <Z, K^T Z L> = -<Z, K Z L>.
/// Keeps references: the vectors and matrices must outlive it.
struct Overlap {
    const Eigen::VectorXd& p;
    const Eigen::MatrixXd& k;
    const Eigen::VectorXd& q;
    const Eigen::MatrixXd& l;

    Eigen::Index rank() const { return p.size(); }

    /// Half of the Euclidean gradient, diag(p) Z diag(q) - K Z L, into `out`; returns g(Z).
    /// No allocation if `out` and `product` are (rank, rank) already.
    double half_gradient(const Eigen::MatrixXd& z, Eigen::MatrixXd& product, Eigen::MatrixXd& out) const;

    double value(const Eigen::MatrixXd& z) const;

    /// The parts of B in the basis of A, Z B Z^T: first the symmetric, then the skew part. (rank, rank)
    Eigen::MatrixXd turned_symmetric(const Eigen::MatrixXd& z) const;
    Eigen::MatrixXd turned_skew(const Eigen::MatrixXd& z) const;
};

/// -1/2 g'' along the rotations exp(t (e_i e_j^T - e_j e_i^T)) Z, for all planes (i, j): the diagonal of the Hessian.
/// symmetric, skew: the parts of Z B Z^T. Symmetric (rank, rank), zero diagonal.
Eigen::MatrixXd plane_curvatures(const Overlap& overlap, const Eigen::MatrixXd& symmetric, const Eigen::MatrixXd& skew);

}  // namespace repal
