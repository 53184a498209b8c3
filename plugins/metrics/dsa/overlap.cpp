module;
#include <Eigen/Core>
module repal.dsa.alignment;

import :overlap;
import :product;

namespace repal {

template <class Scalar>
Scalar Overlap<Scalar>::half_gradient(const Matrix<Scalar>& z, Matrix<Scalar>& product, Matrix<Scalar>& out) const {
    multiply(z, l, product);
    multiply(k, product, out);
    out = p.asDiagonal() * z * q.asDiagonal() - out;
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
    const Matrix<Scalar> scaled = z * q.asDiagonal();
    Matrix<Scalar> turned(rank(), rank());
    multiply<Scalar>(scaled, z.transpose(), turned);
    return (turned + turned.transpose()) / 2;
}

template <class Scalar>
Matrix<Scalar> Overlap<Scalar>::turned_skew(const Matrix<Scalar>& z) const {
    Matrix<Scalar> half(rank(), rank());
    multiply(z, l, half);
    Matrix<Scalar> turned(rank(), rank());
    multiply<Scalar>(half, z.transpose(), turned);
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
