#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <utility>

#include "core/eigen.hpp"

import repal.linalg;
import repal.random;
import repal.thin_basis;
import repal.trajectories;

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using repal::RowMatrix;

RowMatrix random_rows(Index rows, Index columns) {
    repal::Stream draws = repal::Stream(6).child("rows");
    RowMatrix values(rows, columns);
    for (double& value : values.reshaped()) value = draws.normal() + 3;
    return values;
}

TEST(ThinBasis, MakesTheCentredSamplesAgain) {
    for (const auto& [n, p] : {std::pair<Index, Index>(40, 6), {6, 40}, {8, 8}}) {
        const RowMatrix x = random_rows(n, p);

        const repal::ThinBasis basis = repal::thin_basis(x);

        const MatrixXd centred = x.rowwise() - x.colwise().mean();
        const MatrixXd again = basis.norm * basis.vectors * basis.singular_values.asDiagonal() * basis.axes.transpose();
        EXPECT_LT((again - centred).norm(), 1e-12 * centred.norm()) << n << " x " << p;
        EXPECT_EQ(basis.rank(), std::min(n - 1, p));
        const MatrixXd gram = basis.vectors.transpose() * basis.vectors;
        EXPECT_LT((gram - MatrixXd::Identity(basis.rank(), basis.rank())).norm(), 1e-13);
        EXPECT_NEAR(basis.singular_values.norm(), 1, 1e-14);
    }
}

// What the rounding of its mean leaves is no direction, not even beside small values.
TEST(ThinBasis, AConstantChannelHasNoDirection) {
    RowMatrix x = random_rows(40, 6);
    x.col(2).setConstant(1e8 / 3);

    EXPECT_EQ(repal::thin_basis(x).rank(), 5);
}

TEST(ThinBasis, OfEqualSamplesIsEmpty) {
    EXPECT_EQ(repal::thin_basis(RowMatrix::Constant(9, 3, 0.1)).rank(), 0);
    EXPECT_EQ(repal::thin_basis(RowMatrix::Zero(9, 3)).rank(), 0);
}

TEST(ThinBasis, LeadingDirectionsHoldTheirShareAndNoMoreThanItTakes) {
    const repal::ThinBasis basis = repal::thin_basis(random_rows(40, 6));
    const double first_two = basis.singular_values.head(2).squaredNorm();

    EXPECT_EQ(repal::leading(basis, first_two - 1e-6).rank(), 2);
    EXPECT_EQ(repal::leading(basis, first_two + 1e-6).rank(), 3);
    EXPECT_EQ(repal::leading(basis, 1).rank(), 6);
    EXPECT_EQ(repal::leading(basis, 1e-6).rank(), 1);
}

TEST(Angles, HaveAllDigitsAtBothEnds) {
    Eigen::VectorXd a = Eigen::VectorXd::Unit(3, 0);
    Eigen::VectorXd b = a;
    b[1] = 1e-12;

    EXPECT_NEAR(repal::angle_between(a, b), 1e-12, 1e-20);
    EXPECT_NEAR(repal::angle_between(a, -b), std::acos(-1.0), 1e-11);
    EXPECT_NEAR(repal::aligned_angle(1 - 5e-19, [] { return 1e-9; }), 1e-9, 1e-18);
    EXPECT_NEAR(repal::aligned_angle(0.5, [] { return 0.0; }), std::acos(0.5), 1e-15);
}

TEST(PolarFactor, IsTheNearestMatrixWithOrthonormalColumns) {
    const MatrixXd x = random_rows(7, 3);
    const MatrixXd factor = repal::polar_factor(x);

    EXPECT_LT((factor.transpose() * factor - MatrixXd::Identity(3, 3)).norm(), 1e-13);
    EXPECT_NEAR(factor.cwiseProduct(x).sum(), repal::nuclear_norm(x), 1e-12);
}

}  // namespace
