#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <Eigen/SVD>
#include <cmath>
#include <complex>
#include <initializer_list>
#include <limits>
#include <utility>
#include <vector>

#include "core/eigen.hpp"

import repal.havok;
import repal.linalg;
import repal.random;
import repal.trajectories;

namespace {

using repal::DelayEmbedding;
using repal::RowMatrix;
using repal::Shape;
using repal::Trajectories;

Trajectories random_system(const char* name, Shape shape) {
    repal::Stream stream = repal::Stream(2).child(name);
    RowMatrix values(shape.trials * shape.steps, shape.channels);
    for (double& value : values.reshaped()) value = stream.normal();
    return Trajectories::from_rows(shape, values);
}

TEST(Narrowed, HasTheSameProductsOfRowsInNoMoreColumnsThanRows) {
    const Eigen::MatrixXd wide = random_system("narrowed", {.trials = 1, .steps = 9, .channels = 400}).rows();

    const Eigen::MatrixXd narrow = repal::narrowed(wide);

    EXPECT_EQ(narrow.cols(), 9);
    const Eigen::MatrixXd products = wide * wide.transpose();
    // Householder factors are backward stable: a few times rounding, of the norm.
    EXPECT_LE((narrow * narrow.transpose() - products).norm(), 1e-14 * products.norm());
    EXPECT_EQ(repal::narrowed(wide.leftCols(9)), wide.leftCols(9));
}

TEST(DelayEmbedding, RowIsNewestFirstAndStaysInItsTrial) {
    const Trajectories x = random_system("embedding", {.trials = 3, .steps = 20, .channels = 2});
    const DelayEmbedding delays{.n_delays = 4, .delay_interval = 3};

    const Eigen::MatrixXd hankel = delays(x);

    ASSERT_EQ(hankel.rows(), 3 * 11);
    ASSERT_EQ(hankel.cols(), 8);
    for (Eigen::Index trial = 0; trial < 3; ++trial)
        for (Eigen::Index t = 0; t < 11; ++t)
            for (Eigen::Index delay = 0; delay < 4; ++delay)
                EXPECT_EQ(hankel.row(trial * 11 + t).segment(delay * 2, 2), x.trial(trial).row(t + (3 - delay) * 3));
}

TEST(DelayEmbedding, DelaysWhoseProductIsNoNumberAreRefused) {
    const Trajectories x = random_system("product", {.trials = 1, .steps = 80, .channels = 2});
    constexpr auto largest = std::numeric_limits<Eigen::Index>::max();

    EXPECT_THROW((DelayEmbedding{.n_delays = 3, .delay_interval = largest}(x)), repal::InvalidTrajectories);
    EXPECT_THROW((DelayEmbedding{.n_delays = largest, .delay_interval = 1}(x)), repal::InvalidTrajectories);
}

TEST(DelayEmbedding, TooLongDelaysAreRefused) {
    const Trajectories x = random_system("long", {.trials = 1, .steps = 10, .channels = 1});

    EXPECT_EQ((DelayEmbedding{.n_delays = 5, .delay_interval = 2}(x)).rows(), 2);
    EXPECT_THROW((DelayEmbedding{.n_delays = 10, .delay_interval = 1}(x)), repal::InvalidTrajectories);
}

Trajectories of_lengths(const char* name, std::initializer_list<Eigen::Index> lengths, Eigen::Index channels) {
    repal::Stream stream = repal::Stream(2).child(name);
    std::vector<RowMatrix> trials;
    for (const Eigen::Index steps : lengths) {
        RowMatrix& trial = trials.emplace_back(steps, channels);
        for (double& value : trial.reshaped()) value = stream.normal();
    }
    return Trajectories::from_trials(trials);
}

TEST(DelayEmbedding, TrialsThatAreTooShortHaveNoRows) {
    const Trajectories x = of_lengths("lengths", {12, 4, 9}, 2);
    const DelayEmbedding delays{.n_delays = 4, .delay_interval = 1};

    const Eigen::MatrixXd hankel = delays(x);

    ASSERT_EQ(hankel.rows(), 9 + 6);
    EXPECT_EQ(hankel.row(9).head(2), x.trial(2).row(3));
}

TEST(DelayEmbedding, GramIsThatOfTheRowsOfTheTrialsThatAreUsed) {
    const Trajectories x = of_lengths("gram", {30, 5, 25, 40}, 3);
    for (const auto& [n, interval] : {std::pair{1, 1}, std::pair{5, 1}, std::pair{4, 3}, std::pair{2, 17}}) {
        const DelayEmbedding delays{.n_delays = n, .delay_interval = interval};
        const std::vector<Eigen::Index> used = {0, 1, 3};
        const Eigen::MatrixXd rows = delays(x.of_trials(used));

        const Eigen::MatrixXd gram = delays.gram(x, {true, true, false, true});
        const Eigen::MatrixXd of_rows = delays.gram_of_rows(x, {true, true, false, true});

        EXPECT_LT((gram - rows.transpose() * rows).norm(), 1e-12 * gram.norm()) << n << " " << interval;
        EXPECT_LT((of_rows - rows * rows.transpose()).norm(), 1e-12 * gram.norm()) << n << " " << interval;
    }
}

TEST(DelayEmbedding, DirectionsOfFewerRowsThanColumnsAreThoseOfTheGram) {
    const Trajectories x = of_lengths("directions", {30, 5, 25, 20}, 6);
    const DelayEmbedding delays{.n_delays = 12, .delay_interval = 1};  // 72 columns, 28 rows
    const std::vector<bool> used = {true, true, false, true};
    const repal::Eigenpairs expected = repal::approximate_eigenpairs(delays.gram(x, used), 4);

    const repal::Eigenpairs found = delays.directions(x, used, 4);

    EXPECT_LT((found.values - expected.values).norm(), 1e-11 * expected.values[0]);
    EXPECT_LT(((found.vectors.transpose() * expected.vectors).cwiseAbs() - Eigen::MatrixXd::Identity(4, 4)).norm(),
              1e-9);
}

TEST(DelayEmbedding, DirectionsOfFewRowsAreAsManyAsTheRows) {
    const Trajectories x = random_system("few rows", {.trials = 1, .steps = 9, .channels = 20});
    const DelayEmbedding delays{.n_delays = 5, .delay_interval = 1};

    const repal::Eigenpairs found = delays.directions(x, {true}, 50);

    ASSERT_EQ(found.values.size(), 5);
    EXPECT_LT((found.vectors.transpose() * found.vectors - Eigen::MatrixXd::Identity(5, 5)).norm(), 1e-13);
    const Eigen::MatrixXd rows = delays.of_trial(x, 0);
    EXPECT_LT((rows - rows * found.vectors * found.vectors.transpose()).norm(), 1e-12 * rows.norm());
}

TEST(DelayEmbedding, ProjectedIsTheProductWithTheRowsOfATrial) {
    const Trajectories x = random_system("projected", {.trials = 2, .steps = 20, .channels = 3});
    const DelayEmbedding delays{.n_delays = 4, .delay_interval = 2};
    const Eigen::MatrixXd weights = Eigen::MatrixXd::Random(12, 5);

    EXPECT_LT((delays.projected(x, 1, weights) - delays.of_trial(x, 1) * weights).norm(), 1e-13);
}

TEST(LeadingEigenpairs, OfALargeMatrixAreThoseOfAllOfThem) {
    // Three directions that stand out of noise, as signal does.
    repal::Stream stream = repal::Stream(4).child("eigenpairs");
    Eigen::MatrixXd x(700, 400);
    for (double& value : x.reshaped()) value = 0.1 * stream.normal();
    for (Eigen::Index k = 0; k < 3; ++k)
        for (Eigen::Index i = 0; i < 700; ++i)
            x.row(i) += stream.normal() * Eigen::RowVectorXd::Unit(400, 7 * k) * (3 + k);
    const Eigen::MatrixXd gram = x.transpose() * x;
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> all(gram);

    const repal::Eigenpairs leading = repal::leading_eigenpairs(gram, 5);

    ASSERT_EQ(leading.vectors.cols(), 5);
    for (Eigen::Index k = 0; k < 3; ++k) {
        EXPECT_NEAR(leading.values[k], all.eigenvalues()[399 - k], 1e-9 * leading.values[0]);
        EXPECT_NEAR(std::abs(leading.vectors.col(k).dot(all.eigenvectors().col(399 - k))), 1, 1e-10);
    }
    // Of the noise only the size: there is no gap that would tell one from the next.
    EXPECT_NEAR(leading.values[4], all.eigenvalues()[395], 0.1 * all.eigenvalues()[395]);
}

/// Two turning modes and one that decays, seen through random channels with noise.
Trajectories turning(const char* name, Shape shape) {
    repal::Stream stream = repal::Stream(9).child(name);
    Eigen::MatrixXd readout(4, shape.channels);
    for (double& value : readout.reshaped()) value = stream.normal();
    RowMatrix values(shape.trials * shape.steps, shape.channels);
    for (Eigen::Index trial = 0; trial < shape.trials; ++trial) {
        Eigen::RowVector4d state;
        for (double& value : state) value = stream.normal();
        for (Eigen::Index step = 0; step < shape.steps; ++step) {
            values.row(trial * shape.steps + step) = state * readout;
            for (double& value : values.row(trial * shape.steps + step)) value += 0.05 * stream.normal();
            const Eigen::RowVector4d last = state;
            state << 0.99 * (std::cos(0.2) * last[0] - std::sin(0.2) * last[1]),
                0.99 * (std::sin(0.2) * last[0] + std::cos(0.2) * last[1]),
                0.98 * (std::cos(0.5) * last[2] - std::sin(0.5) * last[3]),
                0.98 * (std::sin(0.5) * last[2] + std::cos(0.5) * last[3]);
        }
    }
    return Trajectories::from_rows(shape, values);
}

// Both from the Gram matrix, whose singular values are good to 1e-16 / 1e-6; that of operators is the square root of
// it.
TEST(HavokSums, AreTheOperatorsOfTheWeightedTrials) {
    const Trajectories x = turning("weights", {.trials = 8, .steps = 60, .channels = 5});
    const DelayEmbedding delays{.n_delays = 4, .delay_interval = 1};
    const repal::Havok::Limits limits{.rank = 4};
    const repal::HavokSums sums(x, delays, limits);
    repal::Stream stream = repal::Stream(5).child("weights");
    for (int i = 0; i < 50; ++i) {
        std::vector<double> weights;
        std::vector<Eigen::Index> drawn;
        for (Eigen::Index k = 0; k < 8; ++k) {
            weights.push_back(static_cast<double>(stream.below(3)));
            for (int n = 0; n < static_cast<int>(weights.back()); ++n) drawn.push_back(k);
        }
        if (drawn.empty()) continue;

        const repal::Havok of_sums = sums.of(weights);

        const repal::Havok of_data(x.of_trials(drawn), delays, limits);
        ASSERT_EQ(of_sums.rank(), of_data.rank());
        // Singular vectors are given up to their sign, which the norm of entries does not see.
        const Eigen::MatrixXd difference =
            of_sums.operator_of_rank(4).cwiseAbs() - of_data.operator_of_rank(4).cwiseAbs();
        EXPECT_LT(difference.cwiseAbs().maxCoeff(), 1e-10) << i;
        EXPECT_LT((of_sums.products().singular_values.head(4) - of_data.products().singular_values.head(4)).norm(),
                  1e-10 * of_data.products().singular_values[0]);
    }
}

TEST(HavokSums, DecomposeTheDataWhereProductsWouldLoseDigits) {
    Trajectories x = turning("small", {.trials = 4, .steps = 50, .channels = 4});
    RowMatrix rows = x.rows();
    rows.rightCols(3) *= 1e-6;
    x = Trajectories::from_rows(x.shape(), rows);
    const DelayEmbedding delays{.n_delays = 1, .delay_interval = 1};
    const repal::Havok::Limits limits{.rank = 4};

    const repal::Havok of_sums = repal::HavokSums(x, delays, limits).of(std::vector<double>{1, 0, 2, 1});

    const std::vector<Eigen::Index> drawn = {0, 2, 2, 3};
    const repal::Havok of_data(x.of_trials(drawn), delays, limits);
    ASSERT_EQ(of_sums.rank(), of_data.rank());
    EXPECT_LT((of_sums.operator_of_rank(4).cwiseAbs() - of_data.operator_of_rank(4).cwiseAbs()).cwiseAbs().maxCoeff(),
              1e-9);
}

TEST(HavokSums, OfManyColumnsAreThoseOfTheirLeadingDirections) {
    const Trajectories x = turning("wide", {.trials = 6, .steps = 60, .channels = 120});
    const DelayEmbedding delays{.n_delays = 4, .delay_interval = 1};
    const repal::Havok::Limits limits{.rank = 4};

    const repal::Havok of_sums = repal::HavokSums(x, delays, limits).of(std::vector<double>(6, 1.0));

    const repal::Havok of_data(x, delays, limits);
    // What stands out of the noise is found to rounding; it stands out by a factor of 50 here.
    EXPECT_LT((of_sums.operator_of_rank(4).cwiseAbs() - of_data.operator_of_rank(4).cwiseAbs()).cwiseAbs().maxCoeff(),
              1e-8);
}

TEST(Havok, AnyScaleGivesTheSameOperator) {
    const Trajectories x = turning("scale", {.trials = 4, .steps = 50, .channels = 4});
    const DelayEmbedding delays{.n_delays = 3, .delay_interval = 1};
    const repal::Havok::Limits limits{.rank = 4};
    const Eigen::MatrixXd expected = repal::Havok(x, delays, limits).operator_of_rank(4).cwiseAbs();
    for (const int exponent : {-1000, -600, -30, 30, 600, 1000}) {
        const Trajectories scaled = x.with_rows(x.rows() * std::ldexp(1.0, exponent));

        const Eigen::MatrixXd found = repal::Havok(scaled, delays, limits).operator_of_rank(4).cwiseAbs();

        EXPECT_LT((found - expected).cwiseAbs().maxCoeff(), 1e-12) << exponent;
    }
}

TEST(LeftSvd, AgreesWithJacobiForTallAndWideMatrices) {
    for (const auto& [rows, cols] : {std::pair{60, 9}, std::pair{9, 60}, std::pair{9, 9}}) {
        repal::Stream stream = repal::Stream(3).child("svd");
        Eigen::MatrixXd x(rows, cols);
        for (double& value : x.reshaped()) value = stream.normal();

        const repal::LeftSvd svd = repal::left_svd(x, 9);

        const Eigen::JacobiSVD<Eigen::MatrixXd> reference(x, Eigen::ComputeThinU);
        EXPECT_LT((svd.singular_values - reference.singularValues()).norm(), 1e-12);  // values of size 10, double
        EXPECT_LT(((svd.vectors.transpose() * reference.matrixU()).cwiseAbs() - Eigen::MatrixXd::Identity(9, 9)).norm(),
                  1e-11);  // gaps of size 0.1
    }
}

/// rows x 9 with singular values from 1 down to `smallest`, evenly on a logarithmic scale.
Eigen::MatrixXd conditioned(Eigen::Index rows, Eigen::Index cols, double smallest) {
    repal::Stream stream = repal::Stream(4).child("conditioned");
    const auto orthonormal = [&](Eigen::Index n) {
        Eigen::MatrixXd x(n, 9);
        for (double& value : x.reshaped()) value = stream.normal();
        return Eigen::MatrixXd(Eigen::HouseholderQR<Eigen::MatrixXd>(x).householderQ() *
                               Eigen::MatrixXd::Identity(n, 9));
    };
    Eigen::VectorXd values(9);
    for (Eigen::Index i = 0; i < 9; ++i) values[i] = std::pow(smallest, static_cast<double>(i) / 8);
    return orthonormal(rows) * values.asDiagonal() * orthonormal(cols).transpose();
}

// On both sides of the condition up to which the Gram matrix is used, and far beyond it.
TEST(LeftSvd, IsAccurateForEveryCondition) {
    for (const double smallest : {0.5, 1.1e-3, 0.9e-3, 1e-6, 1e-9})
        for (const auto& [rows, cols] : {std::pair{200, 40}, std::pair{40, 200}, std::pair{60, 9}}) {
            const Eigen::MatrixXd x = conditioned(rows, cols, smallest);

            const repal::LeftSvd svd = repal::left_svd(x, 9);

            const Eigen::JacobiSVD<Eigen::MatrixXd> reference(x, Eigen::ComputeThinU);
            // 1e-16 / smallest^2 by the Gram matrix, 1e-16 / smallest beyond, and a margin
            const double tolerance = smallest > 1e-3 ? 1e-9 : 1e-14 / smallest;
            EXPECT_EQ(svd.vectors.cols(), 9);
            EXPECT_LT((svd.vectors.transpose() * svd.vectors - Eigen::MatrixXd::Identity(9, 9)).norm(), 1e-9)
                << smallest;
            EXPECT_LT((svd.singular_values.head(9) - reference.singularValues().head(9)).norm(), 1e-12) << smallest;
            const Eigen::MatrixXd overlap = (svd.vectors.transpose() * reference.matrixU().leftCols(9)).cwiseAbs();
            EXPECT_LT((overlap - Eigen::MatrixXd::Identity(9, 9)).norm(), tolerance) << smallest;
        }
}

TEST(LeftSvd, GivesAsManyVectorsAsAreAskedFor) {
    const Eigen::MatrixXd x = conditioned(60, 20, 0.5);

    EXPECT_EQ(repal::left_svd(x, 4).vectors.cols(), 4);
    EXPECT_EQ(repal::left_svd(x, 4).singular_values.size(), 20);
    EXPECT_EQ(repal::left_svd(x, 100).vectors.cols(), 20);
    EXPECT_EQ(repal::left_svd(Eigen::MatrixXd::Zero(5, 3), 2).singular_values.norm(), 0);
}

TEST(Pca, KeepsTheVarianceAndIsFreeOfRotations) {
    const auto x = random_system("pca", {.trials = 6, .steps = 30, .channels = 8});
    const repal::Pca all{.components = 8};
    const repal::Trajectories scores = all(x);

    const RowMatrix centred = x.rows().rowwise() - x.rows().colwise().mean();
    EXPECT_NEAR(scores.rows().squaredNorm(), centred.squaredNorm(), 1e-10);  // double, sums of 1440
    EXPECT_LT(scores.rows().colwise().mean().norm(), 1e-14);
    const Eigen::MatrixXd covariance = scores.rows().transpose() * scores.rows();
    EXPECT_LT((covariance - Eigen::MatrixXd(covariance.diagonal().asDiagonal())).norm(), 1e-10);
    for (Eigen::Index k = 1; k < 8; ++k) EXPECT_GE(covariance(k - 1, k - 1), covariance(k, k));

    const Eigen::MatrixXd rotation =
        Eigen::HouseholderQR<Eigen::MatrixXd>(Eigen::MatrixXd(covariance + x.rows().topRows(8))).householderQ();
    const auto rotated = repal::Trajectories::from_rows(x.shape(), x.rows() * rotation);
    const RowMatrix first = repal::Pca{.components = 3}(x).rows();
    const RowMatrix again = repal::Pca{.components = 3}(rotated).rows();
    EXPECT_LT((first.cwiseAbs() - again.cwiseAbs()).norm(), 1e-9);  // gaps of variances of size 1
}

TEST(Pca, TakesAsManyComponentsAsTheVarianceNeeds) {
    const auto x = random_system("pca", {.trials = 6, .steps = 30, .channels = 8});
    const RowMatrix scores = repal::Pca{.components = 8}(x).rows();
    const Eigen::VectorXd variances = scores.colwise().squaredNorm().transpose();

    const auto channels = [&](double variance) { return repal::Pca{.variance = variance}(x).shape().channels; };
    EXPECT_EQ(channels(1e-9), 1);
    EXPECT_EQ(channels((variances[0] + variances[1]) / variances.sum() * 0.999), 2);
    EXPECT_EQ(channels((variances[0] + variances[1]) / variances.sum() * 1.001), 3);
    EXPECT_EQ((repal::Pca{.components = 50}(x).shape().channels), 8);
}

TEST(Pca, OfFewerSamplesThanChannelsHasTheSameScores) {
    // The same samples with channels of nothing beside them, so that the other way of computing is taken.
    const auto narrow = random_system("pca", {.trials = 2, .steps = 10, .channels = 8});
    RowMatrix values = RowMatrix::Zero(20, 3000);
    values.leftCols(8) = narrow.rows();
    const auto wide = repal::Trajectories::from_rows({.trials = 2, .steps = 10, .channels = 3000}, values);
    const repal::Pca five{.components = 5};

    EXPECT_LT((five(narrow).rows() - five(wide).rows()).norm(), 1e-12);
    EXPECT_EQ((repal::Pca{.variance = 0.99}(narrow).shape().channels),
              repal::Pca{.variance = 0.99}(wide).shape().channels);
}

TEST(NumericalRank, CountsWhatIsAboveTheTolerance) {
    EXPECT_EQ(repal::numerical_rank(Eigen::Vector4d(10, 1, 1e-7, 1e-12), 1e-9), 3);
    EXPECT_EQ(repal::numerical_rank(Eigen::Vector2d(0, 0), 1e-9), 0);
}

TEST(CentredUnit, HugeAndTinyValuesDoNotOverflow) {
    for (const double scale : {1e-300, 1.0, 1e300}) {
        const Eigen::MatrixXd x =
            repal::centred_unit(random_system("unit", {.trials = 1, .steps = 50, .channels = 3}).rows() * scale);

        EXPECT_NEAR(x.norm(), 1, 1e-14);
        EXPECT_LT(x.colwise().sum().cwiseAbs().maxCoeff(), 1e-14);
    }
    EXPECT_EQ(repal::centred_unit(RowMatrix::Constant(50, 3, 0.1)).size(), 0);
}

TEST(Havok, LinearSystemGivesItsOwnEigenvalues) {
    // x(t+1) = x(t) R with R a damped rotation: the operator must have the eigenvalues 0.98 exp(+-0.3i).
    const Shape shape{.trials = 5, .steps = 40, .channels = 2};
    Eigen::Matrix2d rotation;
    rotation << std::cos(0.3), std::sin(0.3), -std::sin(0.3), std::cos(0.3);
    rotation *= 0.98;
    RowMatrix values(200, 2);
    repal::Stream stream = repal::Stream(4).child("start");
    for (Eigen::Index row = 0; row < 200; ++row)
        values.row(row) = row % 40 == 0 ? Eigen::RowVector2d(stream.normal(), stream.normal())
                                        : Eigen::RowVector2d(values.row(row - 1) * rotation);

    const repal::Havok havok(Trajectories::from_rows(shape, values), {.n_delays = 3, .delay_interval = 2},
                             {.rank = 10});

    ASSERT_EQ(havok.rank(), 2);  // of 10 asked for, and of 6 columns
    const Eigen::VectorXcd eigenvalues = havok.operator_of_rank(2).eigenvalues();
    EXPECT_NEAR(std::abs(eigenvalues[0]), 0.98, 1e-12);
    EXPECT_NEAR(std::abs(std::arg(eigenvalues[0])), 0.3, 1e-12);
}

TEST(Havok, RankIsCappedByTheTransitions) {
    const Trajectories x = random_system("short", {.trials = 1, .steps = 6, .channels = 20});

    EXPECT_EQ((repal::Havok(x, {.n_delays = 2, .delay_interval = 1}, {.rank = 50}).rank()), 4);
}

// One trial of three delay rows: a third direction would live in the last row alone, which has no successor.
TEST(Havok, DirectionsWithoutSuccessorAreLeftOut) {
    const Shape shape{.trials = 1, .steps = 3, .channels = 5};
    RowMatrix values = RowMatrix::Zero(3, 5);
    values.row(0) << 3, 0, 0, 0, 0;
    values.row(1) << 0, 2, 0, 0, 0;
    values.row(2) << 0, 0, 1, 0, 0;

    const repal::Havok havok(Trajectories::from_rows(shape, values), {.n_delays = 1, .delay_interval = 1}, {.rank = 3});

    ASSERT_EQ(havok.rank(), 2);
    Eigen::Matrix2d shift;  // the first direction becomes the second, which leaves the two
    shift << 0, 0, 1, 0;
    EXPECT_LT((havok.operator_of_rank(2).cwiseAbs() - shift).norm(), 1e-14);
}

TEST(Havok, AllZeroIsRefused) {
    const Trajectories zero =
        Trajectories::from_rows({.trials = 2, .steps = 10, .channels = 2}, RowMatrix::Zero(20, 2));
    EXPECT_THROW((repal::Havok(zero, {.n_delays = 2, .delay_interval = 1}, {.rank = 3})), repal::InvalidTrajectories);
}

}  // namespace
