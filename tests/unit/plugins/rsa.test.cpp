#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/eigen.hpp"

import repal.random;
import repal.repeats;
import repal.rsa.crossnobis;
import repal.rsa.ranks;

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

VectorXd random_ranks(Index n, std::uint64_t values, const char* name) {
    repal::Stream draws = repal::Stream(7).child(name);
    VectorXd drawn(n);
    for (double& value : drawn) value = static_cast<double>(draws.below(values));  // few: ties
    return repal::ranks(drawn, 0);
}

TEST(Kendall, IsTheMeanOfTheSignsOfAllPairs) {
    const VectorXd a = random_ranks(200, 12, "a");
    const VectorXd b = random_ranks(200, 9, "b");
    double product = 0;
    double of_a = 0;
    double of_b = 0;
    const auto sign = [](double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0; };
    for (Index i = 0; i < 200; ++i)
        for (Index j = 0; j < i; ++j) {
            product += sign(a[i] - a[j]) * sign(b[i] - b[j]);
            of_a += std::abs(sign(a[i] - a[j]));
            of_b += std::abs(sign(b[i] - b[j]));
        }

    const repal::Kendall tau = repal::kendall(a, b);

    EXPECT_DOUBLE_EQ(tau.tau_a, product / (200 * 199 / 2.0));
    EXPECT_DOUBLE_EQ(tau.tau_b, product / (std::sqrt(of_a) * std::sqrt(of_b)));
    EXPECT_DOUBLE_EQ(repal::kendall(a, a).tau_b, 1);
    EXPECT_LT(repal::kendall(a, a).tau_a, 1);
}

TEST(Kendall, OfTiesAloneHasNoValue) {
    EXPECT_TRUE(std::isnan(repal::kendall(VectorXd::Zero(5), VectorXd::LinSpaced(5, 0, 4)).tau_b));
}

TEST(Ranks, OfAChainOfNeighboursWithinRoundingAreTied) {
    const VectorXd values = (VectorXd(5) << 1, 1 + 1e-15, 1 + 2e-15, 2, 0).finished();

    EXPECT_EQ(repal::ranks(values, 1.5e-15), (VectorXd(5) << 2, 2, 2, 4, 0).finished());
}

TEST(Repeats, AreBlocksOrWhatLabelsSay) {
    const repal::Repeats blocks = repal::repeats_of(6, 2, {});
    EXPECT_EQ(blocks.conditions, (std::vector<std::int64_t>{0, 1, 2}));
    EXPECT_EQ(blocks.trials[1], (std::vector<Index>{2, 3}));

    const repal::Repeats labelled = repal::repeats_of(6, 0, {7, 3, 7, 3, 7, 3});
    EXPECT_EQ(labelled.conditions, (std::vector<std::int64_t>{3, 7}));
    EXPECT_EQ(labelled.trials[0], (std::vector<Index>{1, 3, 5}));

    EXPECT_NE(repal::repeats_of(7, 2, {}).cause, "");
    EXPECT_EQ(repal::repeats_of(5, 0, {1, 1, 2, 2, 2}).cause, "");
    EXPECT_NE(repal::repeats_of(4, 2, {1, 1, 2, 2}).cause, "");  // both are said
    EXPECT_NE(repal::repeats_of(2, 0, {1, 2}).cause, "");
}

/// Patterns of 4 conditions, of which the first two are the same, in 8 repeats.
MatrixXd patterns_with_noise(double noise, std::uint64_t draw) {
    repal::Stream draws = repal::Stream(8).child(draw);
    const MatrixXd means = (MatrixXd(4, 3) << 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3, 0).finished();
    MatrixXd patterns(32, 3);
    for (Index k = 0; k < 32; ++k)
        for (Index i = 0; i < 3; ++i) patterns(k, i) = means(k / 8, i) + noise * draws.normal();
    return patterns;
}

// The mean over repeats would be 0.25 too large, for noise of 1 in 8 repeats.
TEST(Crossnobis, OfEqualConditionsIsZeroOnAverage) {
    double equal = 0;
    double apart = 0;
    constexpr int draws = 400;
    for (std::uint64_t draw = 0; draw < draws; ++draw) {
        const repal::Crossnobis found =
            repal::crossnobis(patterns_with_noise(1, draw), repal::repeats_of(32, 8, {}), false);
        equal += found.distances[0] / draws;
        apart += found.distances[1] / draws;
    }

    EXPECT_NEAR(equal, 0, 0.03);         // standard error .01
    EXPECT_NEAR(apart, 4.0 / 3.0, 0.1);  // |(2, 0, 0)|^2 / 3; standard error .03
}

TEST(Crossnobis, InUnitsOfTheNoiseKnowsNoUnitsOfChannels) {
    const MatrixXd patterns = patterns_with_noise(0.5, 1);
    const VectorXd units = (VectorXd(3) << 1, 1000, 0.01).finished();
    const repal::Repeats repeats = repal::repeats_of(32, 8, {});

    const repal::Crossnobis before = repal::crossnobis(patterns, repeats, true);
    const repal::Crossnobis after = repal::crossnobis(patterns * units.asDiagonal(), repeats, true);

    EXPECT_LT((before.distances - after.distances).norm(), 1e-9 * before.distances.norm());
    EXPECT_GT(before.shrinkage, 0);
    EXPECT_LE(before.shrinkage, 1);
}

// Labels do not say which repeats of two conditions were next to each other.
TEST(Crossnobis, OfLabelsDoesNotDependOnTheOrderOfTrials) {
    const MatrixXd patterns = patterns_with_noise(1, 3);
    std::vector<std::int64_t> labels;
    for (Index k = 0; k < 32; ++k) labels.push_back(k / 8);
    const std::vector<std::size_t> order = repal::Stream(4).child("order").permutation(32);
    MatrixXd shuffled(32, 3);
    std::vector<std::int64_t> shuffled_labels;
    for (Index k = 0; k < 32; ++k) {
        shuffled.row(k) = patterns.row(static_cast<Index>(order[static_cast<std::size_t>(k)]));
        shuffled_labels.push_back(labels[order[static_cast<std::size_t>(k)]]);
    }

    const VectorXd before = repal::crossnobis(patterns, repal::repeats_of(32, 0, labels), false).distances;
    const VectorXd after = repal::crossnobis(shuffled, repal::repeats_of(32, 0, shuffled_labels), false).distances;

    EXPECT_LT((before - after).norm(), 1e-12);
}

TEST(Crossnobis, OfUnequalRepeatsIsZeroOnAverageForEqualConditions) {
    double equal = 0;
    constexpr int draws = 400;
    std::vector<std::int64_t> labels(32, 9);  // 22 repeats of one condition, few of the others
    for (std::size_t k = 0; k < 10; ++k) labels[k] = k < 2 ? 1 : k < 5 ? 2 : 3;
    for (std::uint64_t draw = 0; draw < draws; ++draw) {
        repal::Stream noise = repal::Stream(10).child(draw);
        MatrixXd patterns(32, 3);
        for (double& value : patterns.reshaped()) value = noise.normal();
        const VectorXd distances = repal::crossnobis(patterns, repal::repeats_of(32, 0, labels), false).distances;
        equal += distances.mean() / draws;
    }

    EXPECT_NEAR(equal, 0, 0.05);  // standard error .015
}

TEST(Crossnobis, ANumberThatNeverVariesHasNoNoise) {
    MatrixXd patterns = patterns_with_noise(0.5, 1);
    patterns.col(1).setConstant(2);
    const repal::Repeats repeats = repal::repeats_of(32, 8, {});

    EXPECT_NE(repal::crossnobis(patterns, repeats, true).cause, "");
    EXPECT_EQ(repal::crossnobis(patterns, repeats, false).cause, "");
}

}  // namespace
