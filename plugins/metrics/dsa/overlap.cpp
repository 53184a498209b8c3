module;
#include <Eigen/Core>
module repal.dsa.alignment;

import :overlap;

namespace repal {

template <class Scalar>
Scalar Overlap<Scalar>::half_gradient(const Matrix<Scalar>& z, Matrix<Scalar>& product, Matrix<Scalar>& out) const {
    product.noalias() = z * l;
    out.noalias() = p.asDiagonal() * z * q.asDiagonal();
    out.noalias() -= k * product;
    return z.cwiseProduct(out).sum();
}

template <class Scalar>
Scalar Overlap<Scalar>::value(const Matrix<Scalar>& z) const {
    Matrix<Scalar> product(rank(), rank());
    Matrix<Scalar> gradient(rank(), rank());
    return half_gradient(z, product, gradient);
}

template <class Scalar>
Matrix<Scalar> Overlap<Scalar>::turned_symmetric(const Matrix<Scalar>& z) const {
    const Matrix<Scalar> turned = z * q.asDiagonal() * z.transpose();
    return (turned + turned.transpose()) / 2;
}

template <class Scalar>
Matrix<Scalar> Overlap<Scalar>::turned_skew(const Matrix<Scalar>& z) const {
    Matrix<Scalar> half(rank(), rank());
    half.noalias() = z * l;
    Matrix<Scalar> turned(rank(), rank());
    turned.noalias() = half * z.transpose();
    return (turned - turned.transpose()) / 2;
}

template <class Scalar>
Matrix<Scalar> Overlap<Scalar>::plane_curvatures(const Matrix<Scalar>& symmetric, const Matrix<Scalar>& skew) const {
    const Eigen::Index n = rank();
    const Matrix<Scalar> product = k.cwiseProduct(skew);
    const Vector<Scalar> columns = product.colwise().sum();
    Matrix<Scalar> curvatures(n, n);
    for (Eigen::Index j = 0; j < n; ++j)
        for (Eigen::Index i = 0; i < n; ++i)
            curvatures(i, j) =
                (p[i] - p[j]) * (symmetric(i, i) - symmetric(j, j)) + columns[i] + columns[j] - 2 * product(i, j);
    curvatures.diagonal().setZero();
    return curvatures;
}

template struct Overlap<double>;
template struct Overlap<float>;

}  // namespace repal
