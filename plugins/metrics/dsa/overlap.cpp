module;
#include <Eigen/Core>
module repal.dsa.alignment;

import :overlap;

namespace repal {

double Overlap::half_gradient(const Eigen::MatrixXd& z, Eigen::MatrixXd& product, Eigen::MatrixXd& out) const {
    product.noalias() = z * l;
    out.noalias() = p.asDiagonal() * z * q.asDiagonal();
    out.noalias() -= k * product;
    return z.cwiseProduct(out).sum();
}

double Overlap::value(const Eigen::MatrixXd& z) const {
    Eigen::MatrixXd product(rank(), rank());
    Eigen::MatrixXd gradient(rank(), rank());
    return half_gradient(z, product, gradient);
}

Eigen::MatrixXd Overlap::turned_symmetric(const Eigen::MatrixXd& z) const {
    const Eigen::MatrixXd turned = z * q.asDiagonal() * z.transpose();
    return (turned + turned.transpose()) / 2;
}

Eigen::MatrixXd Overlap::turned_skew(const Eigen::MatrixXd& z) const {
    Eigen::MatrixXd half(rank(), rank());
    half.noalias() = z * l;
    Eigen::MatrixXd turned(rank(), rank());
    turned.noalias() = half * z.transpose();
    return (turned - turned.transpose()) / 2;
}

Eigen::MatrixXd plane_curvatures(const Overlap& overlap, const Eigen::MatrixXd& symmetric,
                                 const Eigen::MatrixXd& skew) {
    const Eigen::Index n = overlap.rank();
    const Eigen::MatrixXd product = overlap.k.cwiseProduct(skew);
    const Eigen::VectorXd columns = product.colwise().sum();
    Eigen::MatrixXd curvatures(n, n);
    for (Eigen::Index j = 0; j < n; ++j)
        for (Eigen::Index i = 0; i < n; ++i)
            curvatures(i, j) = (overlap.p[i] - overlap.p[j]) * (symmetric(i, i) - symmetric(j, j)) + columns[i] +
                               columns[j] - 2 * product(i, j);
    curvatures.diagonal().setZero();
    return curvatures;
}

}  // namespace repal
