module;
#include <Eigen/Core>
export module repal.dsa.alignment:overlap;

namespace repal {

template <class Scalar>
using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
template <class Scalar>
using Vector = Eigen::Matrix<Scalar, Eigen::Dynamic, 1>;

/// g(Z) = <A, Z B Z^T> of two operators of Frobenius norm 1, both in the eigenbases of their symmetric parts:
/// A = diag(p) + K and B = diag(q) + L with K and L skew. Then
///
///     g(Z) = <Z, diag(p) Z diag(q) - K Z L>,
///
/// two matrix products for the value and the gradient, because <K, Z L Z^T> = <Z, K^T Z L> = -<Z, K Z L>.
/// Scalar: double, or float where only the basin is looked for.
template <class Scalar>
struct Overlap {
    Vector<Scalar> p;
    Matrix<Scalar> k;
    Vector<Scalar> q;
    Matrix<Scalar> l;

    Eigen::Index rank() const { return p.size(); }

    template <class Other>
    Overlap<Other> cast() const {
        return {p.template cast<Other>(), k.template cast<Other>(), q.template cast<Other>(), l.template cast<Other>()};
    }

    /// Half of the Euclidean gradient, diag(p) Z diag(q) - K Z L, into `out`; returns g(Z).
    /// No allocation if `out` and `product` are (rank, rank) already.
    Scalar half_gradient(const Matrix<Scalar>& z, Matrix<Scalar>& product, Matrix<Scalar>& out) const;

    Scalar value(const Matrix<Scalar>& z) const;

    /// The parts of B in the basis of A, Z B Z^T: first the symmetric, then the skew part. (rank, rank)
    Matrix<Scalar> turned_symmetric(const Matrix<Scalar>& z) const;
    Matrix<Scalar> turned_skew(const Matrix<Scalar>& z) const;

    /// -1/2 g'' along the rotations exp(t (e_i e_j^T - e_j e_i^T)) Z, for all planes (i, j): the diagonal of the
    /// Hessian. symmetric, skew: the parts of Z B Z^T. Symmetric (rank, rank), zero diagonal.
    Matrix<Scalar> plane_curvatures(const Matrix<Scalar>& symmetric, const Matrix<Scalar>& skew) const;
};

}  // namespace repal
