#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"

import repal.metric;

namespace {

using repal::Score;
using repal::Shape;
using repal::Status;
using repal::Trajectories;
using testing::HasSubstr;

using Calls = std::vector<std::pair<double, double>>;

Trajectories system_at(double height) {
    return Trajectories::from_rows({.trials = 1, .steps = 2, .channels = 1}, repal::RowMatrix::Constant(2, 1, height));
}

/// Can be kept on disk.
struct Level {
    bool precedes(const Level& other) const { return height < other.height; }
    repal::EmbeddingArrays arrays() const { return {{"height", Eigen::MatrixXd::Constant(1, 1, height)}}; }
    static Level from(const repal::EmbeddingArrays& arrays) { return {.height = arrays.at("height")(0, 0)}; }

    double height = 0;
    std::string warning = {};
    std::size_t bytes = 0;
};

/// One answer for all pairs; notes for which it was asked.
class OfLevels final : public repal::MetricOf<Level> {
 public:
    Score answer = Score::of(0.5, 0.25);
    mutable Calls calls = {};

 protected:
    Level features(const Trajectories& x) const override {
        return {.height = x.rows()(0, 0), .warning = "it is low", .bytes = 80};
    }
    Score distance(const Level& a, const Level& b) const override {
        calls.emplace_back(a.height, b.height);
        return answer;
    }
};

/// The difference, which has the sign of the order in which it was asked.
class OfNumbers final : public repal::MetricOf<double> {
 protected:
    double features(const Trajectories& x) const override { return x.rows()(0, 0); }
    Score distance(const double& a, const double& b) const override { return Score::of(b - a); }
};

TEST(MetricOf, BothOrdersAreOneCallOfDistance) {
    OfLevels metric;
    const auto low = metric.prepare(system_at(1));
    const auto high = metric.prepare(system_at(2));

    const Score forwards = metric.compare(*low, *high);
    const Score backwards = metric.compare(*high, *low);

    EXPECT_EQ(metric.calls, (Calls{{1, 2}, {1, 2}}));
    EXPECT_EQ(forwards, Score::of(0.5, 0.25));
    EXPECT_EQ(backwards, forwards);
}

TEST(MetricOf, EqualFeaturesHaveAnAngleAndABoundOfZeroWhateverDistanceSays) {
    OfLevels metric;
    const auto one = metric.prepare(system_at(1));
    const auto same = metric.prepare(system_at(1));

    EXPECT_EQ(metric.compare(*one, *same), Score::of(0, 0.0));
    metric.answer = Score::of(0.5);
    EXPECT_EQ(metric.compare(*one, *same), Score::of(0));
}

TEST(MetricOf, AnAngleOfEqualFeaturesThatIsNotFiniteStays) {
    OfLevels metric;
    const auto one = metric.prepare(system_at(1));

    for (const double angle : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        metric.answer = Score::of(angle);
        EXPECT_FALSE(std::isfinite(metric.compare(*one, *one).angle_rad)) << angle;
    }
}

TEST(MetricOf, AScoreWithoutValueStays) {
    OfLevels metric;
    metric.answer = Score::without_value(Status::not_applicable, "a cause");
    const auto one = metric.prepare(system_at(1));

    const Score score = metric.compare(*one, *one);

    EXPECT_EQ(score.status, Status::not_applicable);
    EXPECT_EQ(score.detail, "a cause");
    EXPECT_TRUE(std::isnan(score.angle_rad));
}

TEST(MetricOf, FeaturesCanBeNumbers) {
    OfNumbers metric;
    const auto low = metric.prepare(system_at(1));
    const auto high = metric.prepare(system_at(3));

    EXPECT_EQ(metric.compare(*low, *high), Score::of(2));
    EXPECT_EQ(metric.compare(*high, *low), Score::of(2));
    EXPECT_EQ(metric.compare(*low, *low), Score::of(0));
}

TEST(MetricOf, TheEmbeddingHasWarningAndBytesOfTheFeatures) {
    const auto embedding = OfLevels().prepare(system_at(1));

    EXPECT_EQ(embedding->warning, "it is low");
    EXPECT_EQ(embedding->bytes, 80u);
}

TEST(MetricOf, FeaturesThatCanBeKeptAreRestored) {
    OfLevels metric;
    const auto low = metric.prepare(system_at(1));
    const auto high = metric.prepare(system_at(2));

    const auto restored = metric.restore(low->arrays());

    metric.compare(*high, *restored);
    EXPECT_EQ(metric.calls, (Calls{{1, 2}}));
}

TEST(MetricOf, OtherFeaturesHaveNoArraysAndAreNotRestored) {
    OfNumbers metric;

    EXPECT_TRUE(metric.prepare(system_at(1))->arrays().empty());
    EXPECT_THROW(metric.restore({}), std::logic_error);
}

TEST(CorrespondingRows, NeedEqualTrialsAndStepsButNotChannels) {
    const Shape shape{.trials = 2, .steps = 30, .channels = 3};

    EXPECT_FALSE(repal::require_corresponding_rows(shape, {.trials = 2, .steps = 30, .channels = 5}));
    EXPECT_TRUE(repal::require_corresponding_rows(shape, {.trials = 3, .steps = 20, .channels = 3}));
    const auto refused = repal::require_corresponding_rows(shape, {.trials = 2, .steps = 40, .channels = 3});
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->status, Status::not_applicable);
    EXPECT_THAT(refused->detail, HasSubstr("40 steps"));
}

}  // namespace
