module;
#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <numeric>
#include <vector>

#include "core/eigen.hpp"
module repal.dsa.alignment;

import repal.random;
import :overlap;
import :starts;

namespace repal {
namespace {

/// The orthogonal factor of x = Q R with the diagonal of R >= 0, unique if x has full rank.
Eigen::MatrixXd orthogonal_factor(const Eigen::MatrixXd& x) {
    const Eigen::HouseholderQR<Eigen::MatrixXd> qr(x);
    Eigen::MatrixXd q = qr.householderQ();
    for (Eigen::Index j = 0; j < q.cols(); ++j)
        if (qr.matrixQR()(j, j) < 0) q.col(j) = -q.col(j);
    return q;
}

/// Sorted eigenvectors of the symmetric parts matched. Their signs maximise (nearly) the overlap of the skew parts,
/// sum_ij d_i d_j K_ij L_ij, by the leading eigenvector of the entrywise product. Finds generic conjugates exactly.
Eigen::MatrixXd matched_symmetric_parts(const Overlap<double>& overlap) {
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> product(overlap.k.cwiseProduct(overlap.l));
    const Eigen::VectorXd leading = product.eigenvectors().rightCols<1>();
    const Eigen::VectorXd signs = leading.unaryExpr([](double x) { return x < 0 ? -1.0 : 1.0; });
    return signs.asDiagonal();
}

/// Bases of the invariant planes of a skew matrix, the fastest rotation first.
Eigen::MatrixXd planes_of(const Eigen::MatrixXd& skew) {
    const Eigen::Index n = skew.rows();
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXcd> eigen(skew * std::complex<double>(0, 1));
    Eigen::MatrixXd planes = Eigen::MatrixXd::Identity(n, n);
    for (Eigen::Index plane = 0; plane < n / 2; ++plane) {
        planes.col(2 * plane) = eigen.eigenvectors().col(n - 1 - plane).real();
        planes.col(2 * plane + 1) = eigen.eigenvectors().col(n - 1 - plane).imag();
    }
    return orthogonal_factor(planes);
}

/// Real Schur vectors, eigenvalues in falling order of their real parts.
Eigen::MatrixXd sorted_schur_vectors(const Eigen::VectorXd& symmetric, const Eigen::MatrixXd& skew) {
    const Eigen::Index n = skew.rows();
    Eigen::MatrixXd x = skew;
    x.diagonal() += symmetric;
    const Eigen::EigenSolver<Eigen::MatrixXd> eigen(x);
    std::vector<Eigen::Index> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), Eigen::Index{0});
    std::ranges::stable_sort(order, [&](Eigen::Index i, Eigen::Index j) {
        return eigen.eigenvalues()[i].real() > eigen.eigenvalues()[j].real();
    });
    Eigen::MatrixXd vectors(n, n);
    const Eigen::MatrixXcd& all = eigen.eigenvectors();
    for (Eigen::Index k = 0; k < n; ++k) {
        const Eigen::Index column = order[static_cast<std::size_t>(k)];
        if (eigen.eigenvalues()[column].imag() < 0)
            vectors.col(k) = all.col(column).imag();
        else
            vectors.col(k) = all.col(column).real();
    }
    return orthogonal_factor(vectors);
}

}  // namespace

std::vector<Eigen::MatrixXd> structural_starts(const Overlap<double>& overlap, const Eigen::MatrixXd& basis_a,
                                               const Eigen::MatrixXd& basis_b) {
    return {matched_symmetric_parts(overlap), basis_a.transpose() * basis_b,
            planes_of(overlap.k) * planes_of(overlap.l).transpose(),
            sorted_schur_vectors(overlap.p, overlap.k) * sorted_schur_vectors(overlap.q, overlap.l).transpose()};
}

Eigen::MatrixXd recombined(const Eigen::MatrixXd& x, const Eigen::MatrixXd& y, Stream& stream) {
    // Both signs of Z have the same overlap: the nearer one.
    const double sign = x.cwiseProduct(y).sum() < 0 ? -1 : 1;
    // Noise of about the size of the mean: less falls back on the two, more forgets them. Between 2 and 4 all is alike.
    const double noise = 2.5 / std::sqrt(static_cast<double>(x.rows()));
    Eigen::MatrixXd mean = (x + sign * y) / 2;
    for (double& value : mean.reshaped()) value += noise * (2 * stream.uniform() - 1);
    return orthogonal_factor(mean);
}

Eigen::MatrixXd random_start(Eigen::Index n, Stream& stream) {
    const std::vector<std::size_t> order = stream.permutation(static_cast<std::size_t>(n));
    Eigen::MatrixXd z = Eigen::MatrixXd::Zero(n, n);
    for (Eigen::Index i = 0; i < n; ++i)
        z(i, static_cast<Eigen::Index>(order[static_cast<std::size_t>(i)])) = stream.below(2) == 0 ? -1 : 1;
    return z;
}

}  // namespace repal
