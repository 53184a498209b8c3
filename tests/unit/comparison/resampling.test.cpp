#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"

import repal.random;
import repal.resampling;

namespace {

using Eigen::Index;
using repal::RowMatrix;
using repal::Stream;
using repal::Trajectories;
using repal::TrialWeights;

/// Trials that are constant at their number.
Trajectories numbered(Index trials, Index steps = 4) {
    std::vector<RowMatrix> all;
    for (Index k = 0; k < trials; ++k) all.push_back(RowMatrix::Constant(steps, 1, static_cast<double>(k)));
    return Trajectories::from_trials(all);
}

/// The mean of all samples.
class Mean final : public repal::MetricOf<double> {
 protected:
    double features(const Trajectories& x) const override { return x.rows().mean(); }
    repal::Score distance(const double& a, const double& b) const override { return repal::Score::of(b - a); }
};

repal::ChosenMetric mean_metric() {
    return {.name = "mean", .identity = "mean-1()", .metric = std::make_shared<const Mean>()};
}

double sum(const TrialWeights& weights) {
    return std::accumulate(weights.begin(), weights.end(), 0.0);
}

TEST(Halves, AreDisjointAndOfOneSize) {
    for (const Index trials : {2, 5, 10}) {
        const auto [a, b] = repal::halves_of(trials, "x", Stream(1));

        EXPECT_EQ(sum(a), std::floor(static_cast<double>(trials) / 2));
        EXPECT_EQ(sum(b), sum(a));
        for (std::size_t k = 0; k < a.size(); ++k) EXPECT_LE(a[k] + b[k], 1);
    }
}

TEST(Halves, DependOnTheNameOfTheSystemAndOnTheStreamAlone) {
    EXPECT_EQ(repal::halves_of(12, "x", Stream(1)), repal::halves_of(12, "x", Stream(1)));
    EXPECT_NE(repal::halves_of(12, "x", Stream(1)), repal::halves_of(12, "y", Stream(1)));
    EXPECT_NE(repal::halves_of(12, "x", Stream(1)), repal::halves_of(12, "x", Stream(2)));
}

TEST(TwoParts, HaveTheGapBetweenThem) {
    RowMatrix rows(10, 1);
    for (Index step = 0; step < 10; ++step) rows(step, 0) = static_cast<double>(step);
    const Trajectories x = Trajectories::from_rows({.trials = 1, .steps = 10, .channels = 1}, rows);

    const Trajectories parts = repal::in_two_parts(x, 3, 2);

    ASSERT_EQ(parts.shape(), (repal::Shape{.trials = 2, .steps = 3, .channels = 1}));
    EXPECT_EQ(parts.trial(0)(2, 0), 2);
    EXPECT_EQ(parts.trial(1)(0, 0), 7);
    EXPECT_THROW(repal::in_two_parts(x, 3, 4), repal::InvalidTrajectories);
}

TEST(ResampledSystem, WithoutTheAbilityTrialsArePreparedAsOftenAsTheyCount) {
    const repal::ResampledSystem system(mean_metric(), {"x", {}}, numbered(4));
    const Mean metric;

    const auto drawn = system.embedding({0, 2, 0, 1});

    ASSERT_NE(drawn.embedding, nullptr);
    // (1 + 1 + 3) / 3 against all: 1.5
    const auto whole = system.embedding(TrialWeights(4, 1.0));
    EXPECT_NEAR(metric.compare(*whole.embedding, *drawn.embedding).angle_rad, 5.0 / 3 - 1.5, 1e-12);
}

TEST(ResampledSystem, WhatCannotBePreparedSaysWhy) {
    const repal::ResampledSystem system(mean_metric(), {"x", {}}, numbered(2));

    const auto nothing = system.embedding({0, 0});

    EXPECT_EQ(nothing.embedding, nullptr);
    EXPECT_THAT(nothing.cause, testing::StartsWith("x: "));
}

TEST(Separation, ComparesHalvesOfTwoWithHalvesOfOne) {
    // All trials of a system are equal, so that its halves are; the two systems are 5 apart.
    RowMatrix rows = RowMatrix::Zero(16, 1);
    const Trajectories low = Trajectories::from_rows({.trials = 4, .steps = 4, .channels = 1}, rows);
    const Trajectories high = low.with_rows(RowMatrix::Constant(16, 1, 5));
    const std::vector<repal::NamedSystem> systems = {{"low", repal::given("low", low)},
                                                     {"high", repal::given("high", high)}};

    const repal::Separation found = separation_of(mean_metric(), systems, 3, Stream(1), 2);

    EXPECT_EQ(found.within, 0);
    EXPECT_EQ(found.between, 5);
    EXPECT_EQ(found.n_within, 6u);
    EXPECT_EQ(found.n_between, 3u);
}

TEST(SomeOf, AreTheSameTwelveInAnyOrder) {
    std::vector<repal::NamedSystem> systems;
    for (int i = 0; i < 30; ++i) systems.push_back({"system " + std::to_string(i), repal::given("x", numbered(2))});
    const auto names = [](const std::vector<repal::NamedSystem>& some) {
        std::vector<std::string> all;
        for (const auto& system : some) all.push_back(system.name);
        return all;
    };
    const std::vector<std::string> chosen = names(some_of(systems, Stream(3)));
    EXPECT_EQ(chosen.size(), 12u);

    std::ranges::reverse(systems);

    EXPECT_THAT(names(some_of(systems, Stream(3))), testing::UnorderedElementsAreArray(chosen));
}

}  // namespace
