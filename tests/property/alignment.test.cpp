/// Laws of the alignment of two operators, on random operators of every small rank.
#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <Eigen/LU>
#include <Eigen/QR>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <numbers>

#include "core/eigen.hpp"

import repal.dsa.alignment;
import repal.random;

namespace {

using Eigen::MatrixXd;
using repal::Alignment;
using repal::AlignmentOperator;
using repal::Stream;

MatrixXd random_matrix(Eigen::Index n, Stream stream) {
    MatrixXd x(n, n);
    for (double& value : x.reshaped()) value = stream.normal();
    return x;
}

MatrixXd random_orthogonal(Eigen::Index n, Stream stream) {
    return Eigen::HouseholderQR<MatrixXd>(random_matrix(n, stream)).householderQ();
}

Alignment aligned(const MatrixXd& a, const MatrixXd& b) {
    return repal::align(AlignmentOperator(a), AlignmentOperator(b));
}

/// The definition: || A/||A|| - C (B/||B||) C^T ||_F^2
double objective(const MatrixXd& a, const MatrixXd& b, const MatrixXd& rotation) {
    return (a / a.norm() - rotation * (b / b.norm()) * rotation.transpose()).squaredNorm();
}

MatrixXd plane(double angle, double determinant) {
    MatrixXd rotation(2, 2);
    rotation << std::cos(angle), -std::sin(angle) * determinant, std::sin(angle), std::cos(angle) * determinant;
    return rotation;
}

TEST(Alignment, ResultIsTheObjectiveOfItsOrthogonalRotation) {
    for (Eigen::Index n = 1; n <= 12; ++n) {
        const MatrixXd a = random_matrix(n, Stream(1).child("a").child(n));
        const MatrixXd b = random_matrix(n, Stream(1).child("b").child(n));

        const Alignment result = aligned(a, b);

        EXPECT_TRUE(result.is_converged) << n;
        EXPECT_LT((result.rotation * result.rotation.transpose() - MatrixXd::Identity(n, n)).norm(), 1e-13) << n;
        EXPECT_NEAR(result.objective, objective(a, b, result.rotation), 1e-13) << n;
        EXPECT_NEAR(result.angle_rad, std::acos(1 - result.objective / 2), 1e-7) << n;  // arccos loses half the digits
        EXPECT_LE(result.lower_bound_rad, result.angle_rad) << n;
        EXPECT_GE(result.lower_bound_rad, 0) << n;
    }
}

// Products up to 96 rows have a kernel of their own, whose blocks fit none of these sizes.
TEST(Alignment, EveryWidthOfItsProductsConverges) {
    for (const Eigen::Index n : {13, 24, 31, 33, 50, 97}) {
        const MatrixXd a = random_matrix(n, Stream(8).child("a").child(n));
        const MatrixXd b = random_matrix(n, Stream(8).child("b").child(n));

        const Alignment result = repal::align(AlignmentOperator(a), AlignmentOperator(b), {.starts = 2});

        EXPECT_TRUE(result.is_converged) << n << ": " << result.gradient_norm;
        EXPECT_LT((result.rotation * result.rotation.transpose() - MatrixXd::Identity(n, n)).norm(), 1e-12) << n;
        EXPECT_NEAR(result.objective, objective(a, b, result.rotation), 1e-13) << n;
    }
}

// The angles of 1000 descents (starts = 1000). By 12 starts that share nothing the mean excess was 0.0104.
TEST(Alignment, RankFiftyIsOnAverageCloseToTheLowestKnownMinima) {
    constexpr std::array lowest = {0.439303477645907, 0.435382300850248, 0.439716783716886, 0.438430804244351};
    double excess = 0;
    for (std::size_t draw = 0; draw < lowest.size(); ++draw) {
        const MatrixXd a = random_matrix(50, Stream(9).child("a").child(draw));
        const MatrixXd b = random_matrix(50, Stream(9).child("b").child(draw));

        const double angle = aligned(a, b).angle_rad;

        excess += (angle / lowest[draw] - 1) / lowest.size();
    }
    EXPECT_LT(excess, 0.005);
}

TEST(Alignment, SpreadIsZeroOfOneDescentAndWhereAllEndInOneMinimum) {
    const MatrixXd x = random_matrix(6, Stream(10).child("x"));
    const MatrixXd y = random_matrix(6, Stream(10).child("y"));

    const Alignment one = repal::align(AlignmentOperator(x), AlignmentOperator(y), {.starts = 1});
    const Alignment symmetric = aligned(x + x.transpose(), y + y.transpose());

    EXPECT_EQ(one.restart_spread_rad, 0);
    EXPECT_LT(symmetric.restart_spread_rad, 1e-4);  // descents end at a gradient of 1e-3
}

TEST(Alignment, SpreadIsPositiveWhereMinimaDiffer) {
    const MatrixXd x = random_matrix(20, Stream(11).child("x"));
    const MatrixXd y = random_matrix(20, Stream(11).child("y"));

    const Alignment result = aligned(x, y);

    EXPECT_GT(result.restart_spread_rad, 0.002 * result.angle_rad);
    EXPECT_LT(result.restart_spread_rad, 0.2 * result.angle_rad);
}

TEST(Alignment, BothOrdersGiveTheSameBitsAndTransposedRotations) {
    for (Eigen::Index n = 1; n <= 10; ++n) {
        const MatrixXd a = random_matrix(n, Stream(2).child("a").child(n));
        const MatrixXd b = random_matrix(n, Stream(2).child("b").child(n));

        const Alignment ab = aligned(a, b);
        const Alignment ba = aligned(b, a);

        EXPECT_EQ(ab.angle_rad, ba.angle_rad);
        EXPECT_EQ(ab.lower_bound_rad, ba.lower_bound_rad);
        EXPECT_EQ(ab.restart_spread_rad, ba.restart_spread_rad);
        EXPECT_EQ(ab.rotation, ba.rotation.transpose().eval());
    }
}

TEST(Alignment, ConjugatesAreAtZeroWhateverTheDeterminant) {
    for (Eigen::Index n = 2; n <= 30; n += 4) {
        const MatrixXd a = random_matrix(n, Stream(3).child("a").child(n));
        MatrixXd rotation = random_orthogonal(n, Stream(3).child("rotation").child(n));
        for (int determinant = 0; determinant < 2; ++determinant) {
            EXPECT_LT(aligned(a, 3 * (rotation * a * rotation.transpose())).angle_rad, 1e-10) << n;
            rotation.col(0) *= -1;
        }
    }
}

TEST(Alignment, ConjugatesAreAtZeroHoweverManyDescentsEndThere) {
    for (Eigen::Index n = 2; n <= 30; n += 4) {
        const MatrixXd a = random_matrix(n, Stream(12).child("a").child(n));
        const MatrixXd rotation = random_orthogonal(n, Stream(12).child("rotation").child(n));
        const AlignmentOperator conjugate(rotation * a * rotation.transpose());

        const Alignment result = repal::align(AlignmentOperator(a), conjugate, {.starts = 300});

        EXPECT_LT(result.angle_rad, 1e-10) << n;
        EXPECT_EQ(result.restart_spread_rad, 0) << n;
    }
}

TEST(Alignment, OrderTwoIsTheGlobalMinimum) {
    for (std::uint64_t draw = 0; draw < 20; ++draw) {
        const MatrixXd a = random_matrix(2, Stream(4).child("a").child(draw));
        const MatrixXd b = random_matrix(2, Stream(4).child("b").child(draw));

        const Alignment result = aligned(a, b);

        constexpr int angles = 20'000;
        for (int i = 0; i < angles; ++i)
            for (const double determinant : {1.0, -1.0})
                ASSERT_LE(result.objective,
                          objective(a, b, plane(2 * std::numbers::pi * i / angles, determinant)) + 1e-12);
    }
}

TEST(Alignment, OrderThreeIsNotBeatenByAThousandRandomRotations) {
    for (std::uint64_t draw = 0; draw < 10; ++draw) {
        const MatrixXd a = random_matrix(3, Stream(5).child("a").child(draw));
        const MatrixXd b = random_matrix(3, Stream(5).child("b").child(draw));

        const Alignment result = aligned(a, b);

        for (std::uint64_t i = 0; i < 1000; ++i) {
            const MatrixXd rotation = random_orthogonal(3, Stream(5).child("rotation").child(i));
            ASSERT_LE(result.objective, objective(a, b, rotation) + 1e-12);
            ASSERT_LE(result.objective, objective(a, b, -rotation) + 1e-12);
        }
    }
}

// For symmetric operators, and for skew ones, sorted spectra give the minimum; the certificate then is the angle.
TEST(Alignment, SymmetricAndSkewOperatorsHaveTheKnownMinimum) {
    for (const Eigen::Index n : {2, 5, 9, 16}) {
        const MatrixXd x = random_matrix(n, Stream(6).child("x").child(n));
        const MatrixXd y = random_matrix(n, Stream(6).child("y").child(n));
        const MatrixXd symmetric_a = x + x.transpose();
        const MatrixXd symmetric_b = y + y.transpose();
        const Eigen::VectorXd spectrum_a =
            Eigen::SelfAdjointEigenSolver<MatrixXd>(symmetric_a / symmetric_a.norm()).eigenvalues();
        const Eigen::VectorXd spectrum_b =
            Eigen::SelfAdjointEigenSolver<MatrixXd>(symmetric_b / symmetric_b.norm()).eigenvalues();

        const Alignment symmetric = aligned(symmetric_a, symmetric_b);
        const Alignment skew = aligned(x - x.transpose(), y - y.transpose());

        EXPECT_NEAR(symmetric.objective, (spectrum_a - spectrum_b).squaredNorm(), 1e-12) << n;
        EXPECT_NEAR(symmetric.angle_rad, symmetric.lower_bound_rad, 1e-7) << n;  // square root of rounding
        EXPECT_NEAR(skew.angle_rad, skew.lower_bound_rad, 1e-7) << n;
    }
}

TEST(Alignment, AnIterationThatIsCutShortSaysSo) {
    const MatrixXd a = random_matrix(12, Stream(7).child("a"));
    const MatrixXd b = random_matrix(12, Stream(7).child("b"));

    const Alignment cut = repal::align(AlignmentOperator(a), AlignmentOperator(b), {.starts = 1, .max_iterations = 1});

    EXPECT_FALSE(cut.is_converged);
    EXPECT_GT(cut.gradient_norm, 1e-9);
    EXPECT_LE(cut.lower_bound_rad, cut.angle_rad);
}

}  // namespace
