module;
#include <Eigen/Core>
#include <Eigen/QR>
#include <Eigen/SVD>
#include <algorithm>
#include <utility>
module repal.thin_basis;

import repal.linalg;

namespace repal {

namespace {

using Eigen::Index;
using Eigen::MatrixXd;

/// U S V^T of a matrix that has at least as many rows as columns, all columns.
ThinBasis of_tall(const MatrixXd& x) {
    const Eigen::HouseholderQR<MatrixXd> qr(x);
    const MatrixXd triangle = qr.matrixQR().topRows(x.cols()).triangularView<Eigen::Upper>();
    const Eigen::BDCSVD<MatrixXd> svd(triangle, Eigen::ComputeThinU | Eigen::ComputeThinV);
    MatrixXd vectors = MatrixXd::Zero(x.rows(), x.cols());
    vectors.topRows(x.cols()) = svd.matrixU();
    vectors.applyOnTheLeft(qr.householderQ());
    return {.vectors = std::move(vectors), .singular_values = svd.singularValues(), .axes = svd.matrixV()};
}

ThinBasis first(const ThinBasis& basis, Index rank) {
    return {.vectors = basis.vectors.leftCols(rank),
            .singular_values = basis.singular_values.head(rank),
            .axes = basis.axes.leftCols(rank),
            .norm = basis.norm};
}

}  // namespace

ThinBasis thin_basis(const RowMatrix& x) {
    constexpr double tolerance = 1e-10;
    MatrixXd unit = centred_unit(x);
    if (unit.size() == 0) return {};
    // Again: what rounding of a large mean leaves of a constant channel is no direction.
    unit.rowwise() -= unit.colwise().mean().eval();
    ThinBasis basis;
    if (unit.rows() >= unit.cols()) {
        basis = of_tall(unit);
    } else {
        basis = of_tall(unit.transpose());
        std::swap(basis.vectors, basis.axes);
    }
    basis.norm = centred_norm(x);
    return first(basis, numerical_rank(basis.singular_values, tolerance));
}

ThinBasis leading(ThinBasis basis, double share) {
    constexpr double rounding = 1e-12;  // of sums of squares
    if (share >= 1 || basis.rank() == 0) return basis;
    const double all = basis.singular_values.squaredNorm();
    Index rank = 0;
    double held = 0;
    while (rank < basis.rank() && held < (share - rounding) * all) {
        held += basis.singular_values[rank] * basis.singular_values[rank];
        ++rank;
    }
    return first(basis, std::max<Index>(rank, 1));
}

}  // namespace repal
