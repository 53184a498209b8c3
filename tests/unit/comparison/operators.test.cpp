#include <gtest/gtest.h>

#include <cmath>
#include <initializer_list>
#include <optional>

#include "core/eigen.hpp"

import repal.linalg;
import repal.operators;
import repal.random;
import repal.trajectories;

namespace {

using Eigen::Index;
using repal::RowMatrix;

TEST(NonNormality, IsNothingOfARotationAndAllOfAShift) {
    Eigen::Matrix2d rotation;
    rotation << std::cos(0.3), -std::sin(0.3), std::sin(0.3), std::cos(0.3);
    Eigen::Matrix2d shift;
    shift << 0, 1, 0, 0;
    Eigen::Matrix2d triangle;  // eigenvalues 1 and 2 of a squared norm of 9
    triangle << 1, 2, 0, 2;

    EXPECT_NEAR(repal::non_normality(rotation), 0, 1e-7);  // the root of rounding
    EXPECT_NEAR(repal::non_normality(shift), 1, 1e-12);
    EXPECT_NEAR(repal::non_normality(triangle), 2.0 / 3, 1e-12);
    EXPECT_EQ(repal::non_normality(Eigen::Matrix2d::Zero()), 0);
}

/// (10, 200, 12): `dimensions` signals of random weights, and noise.
repal::Trajectories signals(Index dimensions, double noise, double scale) {
    repal::Stream stream = repal::Stream(4).child("signals");
    const auto normal = [&](Index rows, Index columns) {
        RowMatrix x(rows, columns);
        for (Index i = 0; i < x.size(); ++i) x.data()[i] = stream.normal();
        return x;
    };
    const RowMatrix weights = normal(dimensions, 12);
    RowMatrix x = normal(2000, dimensions) * weights;
    x += noise * normal(2000, 12);
    return repal::Trajectories::from_rows({.trials = 10, .steps = 200, .channels = 12}, scale * x);
}

TEST(RankAboveNoise, CountsTheSignals) {
    for (const double scale : {1.0, 1e-200, 1e200})
        for (const Index dimensions : {1, 3, 5}) {
            EXPECT_EQ(rank_above_noise(signals(dimensions, 0.3, scale), {.n_delays = 1}), dimensions) << scale;
            // Signals without memory have as many more dimensions as there are delays.
            EXPECT_EQ(rank_above_noise(signals(1, 0.3, scale), {.n_delays = dimensions}), dimensions) << scale;
        }
    EXPECT_EQ(rank_above_noise(signals(1, 0.3, 1), {.n_delays = 34}), std::nullopt);  // of 408 columns
}

}  // namespace
