/// Which metrics are the same formula, on random systems.
#include <gtest/gtest.h>

#include <Eigen/QR>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <numbers>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"

import repal.comparison;
import repal.config;
import repal.conformance;
import repal.over_time;
import repal.random;
import repal.registry;
import repal.trajectories;

namespace {

using repal::random_system;
using repal::RowMatrix;
using repal::Shape;
using repal::Status;
using repal::Stream;
using repal::Trajectories;

const repal::Registry& registry() {
    static const repal::Registry loaded =
        repal::Registry::load(std::array{std::filesystem::path(REPAL_PLUGIN_DIRECTORY)});
    return loaded;
}

repal::ChosenMetric metric_with(const std::string& text) {
    std::istringstream words(text);
    std::string name;
    words >> name;
    std::vector<std::string> overrides;
    for (std::string option; words >> option;) overrides.push_back(name + "." + option);
    return repal::choose_metric(registry().metric(name), repal::Config::from_overrides(overrides));
}

repal::Score score_of(const std::string& metric, const Trajectories& a, const Trajectories& b) {
    const repal::ChosenMetric chosen = metric_with(metric);
    return chosen.metric->compare(*chosen.metric->prepare(a), *chosen.metric->prepare(b));
}

double angle_of(const std::string& metric, const Trajectories& a, const Trajectories& b) {
    const repal::Score score = score_of(metric, a, b);
    EXPECT_EQ(score.status, Status::ok) << metric << ": " << score.detail;
    return score.angle_rad;
}

double value_of(const std::string& metric, const std::string& value, const Trajectories& a, const Trajectories& b) {
    const repal::ChosenMetric chosen = metric_with(metric);
    const repal::Score score = chosen.metric->compare(*chosen.metric->prepare(a), *chosen.metric->prepare(b));
    for (std::size_t i = 0; i < chosen.info.values.size(); ++i)
        if (chosen.info.values[i].name == value) return score.values.at(i);
    ADD_FAILURE() << metric << " has no value " << value;
    return std::numeric_limits<double>::quiet_NaN();
}

/// With noise of full rank, of any width.
Trajectories noisy(const std::string& name, Eigen::Index channels, const Shape& shape = {.trials = 6, .steps = 20}) {
    Stream draws = Stream(21).child(name);
    const Trajectories x = random_system(draws.child("x"), {shape.trials, shape.steps, channels});
    RowMatrix rows = x.rows();
    Stream noise = draws.child("noise");
    for (double& value : rows.reshaped()) value += noise.normal();
    return x.with_rows(rows);
}

constexpr double tolerance = 1e-10;

struct SameFormula {
    std::string one;
    std::string other;
    double tolerance;
};

class Formulas : public testing::TestWithParam<SameFormula> {};

TEST_P(Formulas, AreTheSame) {
    const auto& [one, other, allowed] = GetParam();
    for (const auto& [p, q] : {std::pair<Eigen::Index, Eigen::Index>(6, 6), {7, 4}}) {
        const Trajectories a = noisy("a", p);
        const Trajectories b = noisy("b", q);

        EXPECT_NEAR(angle_of(one, a, b), angle_of(other, a, b), allowed) << p << " and " << q << " channels";
    }
}

INSTANTIATE_TEST_SUITE_P(
    Pairs, Formulas,
    testing::Values(SameFormula{"procrustes alpha=0", "cca", tolerance},
                    SameFormula{"procrustes alpha=0 whitening=power", "cca", tolerance},
                    SameFormula{"cca summary=mean_squared", "cka kernel=ridge ridge=0", tolerance},
                    // exp(-d^2 / 2e8 m) is 1 - d^2 / 2e8 m to 1e-8.
                    SameFormula{"cka kernel=rbf bandwidth=1e4", "cka", 1e-6},
                    SameFormula{"cka kernel=rbf bandwidth=1e4 estimator=debiased", "cka estimator=debiased", 1e-6},
                    // s^2 / (s^2 + 1e6) is s^2 / 1e6 to 1e-6.
                    SameFormula{"cka kernel=ridge ridge=1e6", "cka", 1e-5},
                    SameFormula{"rsa distance=squared_euclidean comparison=whitened_cosine", "cka", tolerance}),
    [](const auto& info) { return "pair" + std::to_string(info.index); });

TEST(Formulas, TheCosineOfProcrustesIsTheNormalisedBuresSimilarity) {
    const Trajectories a = noisy("a", 6);
    const Trajectories b = noisy("b", 4);

    EXPECT_NEAR(value_of("procrustes", "nbs", a, b), std::cos(angle_of("procrustes", a, b)), tolerance);
    EXPECT_EQ(value_of("procrustes alpha=0.3", "nbs", a, b), value_of("procrustes", "nbs", a, b));
}

// A Birkhoff matching of equal widths is a permutation, and no channel wants to be alone if all products are positive.
TEST(Formulas, SoftMatchingOfEqualWidthsIsOneToOne) {
    const Trajectories a = noisy("a", 5);
    RowMatrix rows = a.rows();
    Stream noise = Stream(22).child("noise");
    for (double& value : rows.reshaped()) value += 0.3 * noise.normal();
    const Trajectories b = a.with_rows(rows);

    EXPECT_NEAR(angle_of("matching", a, b), angle_of("matching correspondence=one_to_one", a, b), tolerance);
}

TEST(Formulas, GaussianShapesOfMeansAloneAreProcrustesOfTheMeans) {
    const Trajectories a = noisy("a", 5, {.trials = 8, .steps = 20});
    const Trajectories b = noisy("b", 5, {.trials = 8, .steps = 20});
    const auto means = [](const Trajectories& x) {
        RowMatrix rows(2 * x.shape().steps, x.shape().channels);
        for (Eigen::Index condition = 0; condition < 2; ++condition)
            for (Eigen::Index step = 0; step < x.shape().steps; ++step) {
                Eigen::RowVectorXd sum = Eigen::RowVectorXd::Zero(x.shape().channels);
                for (Eigen::Index k = 0; k < 4; ++k) sum += x.trial(4 * condition + k).row(step);
                rows.row(condition * x.shape().steps + step) = sum / 4;
            }
        return Trajectories::from_rows({2, x.shape().steps, x.shape().channels}, rows);
    };

    EXPECT_NEAR(angle_of("stochastic_shape means=1 repeats=4", a, b), angle_of("procrustes", means(a), means(b)), 1e-9);
}

TEST(Formulas, OneToOneMayExceedTheTriangleWhereChannelsMustNotBeAlone) {
    EXPECT_TRUE(metric_with("matching correspondence=one_to_one").info.has_triangle_inequality);
    EXPECT_FALSE(metric_with("matching correspondence=one_to_one unmatched=forbidden").info.has_triangle_inequality);
}

// Noise scatters around 0 where it is debiased, and is far from it where it is not.
TEST(Noise, DebiasedValuesScatterAroundZero) {
    constexpr int draws = 20;
    double biased = 0;
    double debiased = 0;
    const Shape shape{.trials = 1, .steps = 60, .channels = 50};
    for (int i = 0; i < draws; ++i) {
        const auto noise = [&](const char* side) {
            Stream values = Stream(23).child(side).child(static_cast<std::uint64_t>(i));
            RowMatrix rows(shape.steps, shape.channels);
            for (double& value : rows.reshaped()) value = values.normal();
            return Trajectories::from_rows(shape, rows);
        };
        const Trajectories a = noise("a");
        const Trajectories b = noise("b");
        biased += value_of("cka", "cka", a, b) / draws;
        debiased += value_of("cka", "cka_debiased", a, b) / draws;
    }

    EXPECT_NEAR(biased, 50.0 / (59 + 50), 0.01);  // sqrt(p q / ((n - 1 + p) (n - 1 + q)))
    EXPECT_NEAR(debiased, 0, 0.02);               // its standard deviation is 1 / n
}

TEST(Noise, FewSamplesAreWarnedOf) {
    const Trajectories a = noisy("a", 12, {.trials = 1, .steps = 30});
    const Trajectories b = noisy("b", 12, {.trials = 1, .steps = 30});
    for (const char* metric : {"cka", "cka kernel=rbf", "procrustes", "cca"}) {
        const repal::Score score = score_of(metric, a, b);

        ASSERT_FALSE(score.warnings.empty()) << metric;
        EXPECT_NE(score.warnings.front().find("30 samples"), std::string::npos) << score.warnings.front();
    }
    EXPECT_TRUE(score_of("cka estimator=debiased", a, b).warnings.empty());
}

// Of a system in another rotation, scale and place, by all that are blind to these.
TEST(Copies, OfARotationAreAtZero) {
    const Trajectories x = noisy("x", 6);
    const Eigen::MatrixXd rotation = Eigen::MatrixXd::Random(6, 6).householderQr().householderQ();
    const RowMatrix rows = ((x.rows() * rotation) * 2.5).rowwise() + Eigen::RowVectorXd::LinSpaced(6, 1, 9);
    const Trajectories y = x.with_rows(rows);
    for (const char* metric :
         {"procrustes", "procrustes alpha=0.5", "procrustes alpha=0", "procrustes alpha=0.1 whitening=power", "cca",
          "cca summary=mean_squared", "cca variance=0.9", "cka", "cka estimator=debiased", "cka kernel=rbf",
          "cka kernel=rbf estimator=debiased", "cka kernel=distance", "cka kernel=distance estimator=debiased",
          "cka kernel=ridge", "cka kernel=ridge ridge=0", "neighbours", "neighbours measure=jaccard"})
        EXPECT_LT(angle_of(metric, x, y), 1e-7) << metric;
    EXPECT_GT(angle_of("neighbours distance=cosine", x, y), 1e-3);
    EXPECT_GT(angle_of("matching", x, y), 1e-2);
}

TEST(Copies, OfAnotherOrderOfChannelsAreAtZeroByMatching) {
    const Trajectories x = noisy("x", 6);
    const Trajectories y = x.with_rows(x.rows().rowwise().reverse());
    for (const char* metric : {"matching", "matching channels=as_is", "matching correspondence=one_to_one"})
        EXPECT_LT(angle_of(metric, x, y), 1e-7) << metric;
}

TEST(Copies, AConstantChannelChangesNothingAndIsNoFailure) {
    const Trajectories x = noisy("x", 6);
    const Trajectories y = noisy("y", 5);
    RowMatrix rows = x.rows();
    rows.conservativeResize(Eigen::NoChange, 7);
    rows.col(6).setConstant(1e7);
    const Trajectories constant = x.with_rows(rows);
    for (const char* metric :
         {"procrustes", "procrustes alpha=0.5", "cca", "cca summary=projection_weighted", "cka", "cka kernel=rbf",
          "cka kernel=ridge", "neighbours", "rsa distance=squared_euclidean", "predictivity ridge=[0]"})
        EXPECT_NEAR(angle_of(metric, constant, y), angle_of(metric, x, y), 1e-7) << metric;
    for (const char* metric : {"matching", "matching channels=as_is", "matching correspondence=one_to_one"})
        EXPECT_EQ(score_of(metric, constant, y).status, Status::ok) << metric;
}

Trajectories integers(const char* name, std::uint64_t values, const Shape& shape) {
    Stream draws = Stream(24).child(name);
    RowMatrix rows(shape.trials * shape.steps, shape.channels);
    for (double& value : rows.reshaped<Eigen::RowMajor>()) value = static_cast<double>(draws.below(values));
    return Trajectories::from_rows(shape, rows);
}

// Which of many equal samples are the nearest is no matter of their order in the file, which both systems share.
TEST(Ties, OfNeighboursAreSharedOut) {
    const Shape shape{.trials = 10, .steps = 20, .channels = 3};
    double above_chance = 0;
    constexpr int draws = 10;
    for (int i = 0; i < draws; ++i) {
        const Trajectories a = integers(("a" + std::to_string(i)).c_str(), 2, shape);
        const Trajectories b = integers(("b" + std::to_string(i)).c_str(), 2, shape);
        above_chance += value_of("neighbours", "mutual_above_chance", a, b) / draws;
    }
    EXPECT_NEAR(above_chance, 0, 0.01);

    const Trajectories a = integers("a", 2, shape);
    const Trajectories b = integers("b", 2, shape);
    std::vector<Eigen::Index> reversed(10);
    for (Eigen::Index k = 0; k < 10; ++k) reversed[static_cast<std::size_t>(k)] = 9 - k;
    EXPECT_NEAR(angle_of("neighbours", a, b), angle_of("neighbours", a.of_trials(reversed), b.of_trials(reversed)),
                1e-12);
    EXPECT_LT(angle_of("neighbours", a, a.with_rows(a.rows() * 2)), 1e-7);
    EXPECT_EQ(score_of("neighbours measure=second_order", a, b).status, Status::not_applicable);
    EXPECT_FALSE(score_of("neighbours", a, b).warnings.empty());
}

// Nothing varies: no number, not even 0.
TEST(Degenerate, WhatDoesNotVaryHasNoValue) {
    const Shape shape{.trials = 4, .steps = 10, .channels = 3};
    const Trajectories constant = Trajectories::from_rows(shape, RowMatrix::Constant(40, 3, 2));
    for (const char* metric : {"neighbours", "neighbours measure=jaccard", "cka", "cka kernel=rbf", "cca", "matching",
                               "procrustes", "predictivity", "stochastic_shape", "rsa distance=squared_euclidean"})
        EXPECT_EQ(score_of(metric, constant, constant).status, Status::not_applicable) << metric;

    // The repeats of a network without noise have no covariance, and rounding is none.
    const Trajectories noisy_one = noisy("a", 3, shape);
    RowMatrix rows(40, 3);
    for (Eigen::Index k = 0; k < 4; ++k) rows.middleRows(10 * k, 10) = noisy_one.trial(0);
    const Trajectories repeated = noisy_one.with_rows(rows);
    EXPECT_EQ(score_of("stochastic_shape means=0", repeated, repeated).status, Status::not_applicable);
    EXPECT_EQ(score_of("stochastic_shape means=0", repeated, noisy_one).status, Status::not_applicable);
    EXPECT_EQ(score_of("stochastic_shape", repeated, noisy_one).status, Status::ok);

    // A bandwidth in which all samples are alone.
    EXPECT_EQ(score_of("cka kernel=rbf bandwidth=0.001", noisy("a", 3), noisy("b", 3)).status, Status::not_applicable);
    EXPECT_EQ(score_of("eigenvalue_wasserstein kept=2 rank=4", noisy("a", 3), noisy("b", 3)).status,
              Status::not_applicable);
}

// They would stand in the settings as if they had been used.
TEST(Options, ThatDoNothingAreRefused) {
    for (const char* metric : {"rsa noise=shrunk", "rsa repeats=2", "cka bandwidth=3", "cka ridge=3",
                               "cka same_channels=true estimator=debiased", "matching unmatched=forbidden"})
        EXPECT_THROW(metric_with(metric), repal::InputError) << metric;
}

// The same responses, of which one system saw the first condition most and the other the last.
TEST(StochasticShape, NumbersOfRepeatsDoNotMatter) {
    const auto seen = [](const char* name, const std::vector<Eigen::Index>& repeats) {
        Stream means = Stream(5).child("means");
        Eigen::MatrixXd responses(3, 4);
        for (double& value : responses.reshaped()) value = means.normal();
        Stream noise = Stream(5).child(name);
        std::vector<std::int64_t> conditions;
        for (std::size_t c = 0; c < repeats.size(); ++c)
            conditions.insert(conditions.end(), static_cast<std::size_t>(repeats[c]), static_cast<std::int64_t>(c));
        RowMatrix rows(std::ssize(conditions) * 2, 4);
        for (Eigen::Index row = 0; row < rows.rows(); ++row)
            for (Eigen::Index channel = 0; channel < 4; ++channel)
                rows(row, channel) =
                    responses(conditions[static_cast<std::size_t>(row / 2)], channel) + 1e-3 * noise.normal();
        return Trajectories::from_rows({.trials = std::ssize(conditions), .steps = 2, .channels = 4}, rows)
            .with_conditions(conditions);
    };
    const Trajectories first = seen("a", {20, 2, 2});
    const Trajectories last = seen("b", {2, 2, 20});

    EXPECT_LT(angle_of("stochastic_shape", first, last), 0.005);
    EXPECT_LT(angle_of("stochastic_shape means=1", first, last), 0.005);
    EXPECT_LT(angle_of("stochastic_shape distribution=energy", first, last), 0.05);
}

// Neighbours in time are no candidates, so that chance is higher.
TEST(Neighbours, ChanceKnowsTheStepsThatAreLeftOut) {
    double sum = 0;
    constexpr int draws = 6;
    for (int i = 0; i < draws; ++i) {
        const auto noise = [&](const char* name) {
            Stream values = Stream(6).child(name).child(static_cast<std::uint64_t>(i));
            RowMatrix rows(80, 4);
            for (double& value : rows.reshaped()) value = values.normal();
            return Trajectories::from_rows({.trials = 4, .steps = 20, .channels = 4}, rows);
        };
        sum += value_of("neighbours k=30 exclude_steps=20", "mutual_above_chance", noise("a"), noise("b"));
    }
    EXPECT_NEAR(sum / draws, 0, 0.03);  // it was .2
}

// A frequency of nearly half a turn in a step and one of just more are close, on both sides of the cut of the
// logarithm.
TEST(Spectrum, FrequenciesAreKnownUpToATurnInAStep) {
    const auto turning = [](const Eigen::Matrix2d& linear_operator) {
        RowMatrix rows(40, 2);
        for (Eigen::Index trial = 0; trial < 2; ++trial) {
            Eigen::Vector2d state(1, trial == 0 ? 0.5 : -2);
            for (Eigen::Index step = 0; step < 20; ++step) {
                rows.row(20 * trial + step) = state;
                state = linear_operator * state;
            }
        }
        return Trajectories::from_rows({.trials = 2, .steps = 20, .channels = 2}, rows);
    };
    const double turn = std::numbers::pi - 0.02;
    Eigen::Matrix2d rotation;
    rotation << std::cos(turn), -std::sin(turn), std::sin(turn), std::cos(turn);
    const Eigen::Matrix2d alternating = Eigen::Vector2d(-0.98, -0.975).asDiagonal();
    const std::string options = " n_delays=1 rank=2 time=continuous";

    EXPECT_LT(angle_of("eigenvalue_wasserstein" + options, turning(0.98 * rotation), turning(alternating)), 0.05);
    EXPECT_LT(value_of("sgot eta=1" + options, "sgot", turning(0.98 * rotation), turning(alternating)), 0.05);
}

// What samples of so few can tell of so many channels is nothing.
TEST(Copies, WideNoiseIsNeverAtZeroByCounting) {
    const Trajectories a = noisy("a", 60, {.trials = 1, .steps = 20});
    const Trajectories b = noisy("b", 50, {.trials = 1, .steps = 20});
    for (const char* metric : {"cca", "cca summary=mean_squared", "cca summary=projection_weighted",
                               "procrustes alpha=0", "cka kernel=ridge ridge=0", "predictivity ridge=[0] folds=1"})
        EXPECT_EQ(score_of(metric, a, b).status, Status::not_applicable) << metric;
}

TEST(OverTime, IsTheMeanOfItsWindowsAndTellsTheCurve) {
    const Trajectories a = noisy("a", 5);
    const Trajectories b = noisy("b", 4);
    const repal::ChosenMetric whole = metric_with("cka estimator=debiased");
    const repal::ChosenMetric windows = whole.in_windows({.length = 5, .stride = 5});

    const repal::Score score = windows.metric->compare(*windows.metric->prepare(a), *windows.metric->prepare(b));

    ASSERT_EQ(score.status, Status::ok) << score.detail;
    ASSERT_EQ(score.curves.size(), 2U);
    ASSERT_EQ(score.curves[0].size(), 4U);
    EXPECT_EQ(score.curves[1], (std::vector<double>{0, 5, 10, 15}));
    double sum = 0;
    for (Eigen::Index i = 0; i < 4; ++i) {
        const auto of = [&](const Trajectories& x) { return whole.metric->prepare(x.window(5 * i, 5)); };
        const double angle = whole.metric->compare(*of(a), *of(b)).angle_rad;
        EXPECT_EQ(score.curves[0][static_cast<std::size_t>(i)], angle);
        sum += angle;
    }
    EXPECT_NEAR(score.angle_rad, sum / 4, 1e-15);
    EXPECT_EQ(score.values.back(), 4);
    EXPECT_EQ(score.values.size(), windows.info.values.size());
}

TEST(OverTime, AWindowWithoutAValueIsLeftOutAndCounted) {
    RowMatrix rows = noisy("a", 5).rows();
    for (Eigen::Index trial = 0; trial < 6; ++trial) rows.middleRows(trial * 20, 5).setConstant(2);
    const Trajectories a = noisy("a", 5).with_rows(rows);
    const repal::ChosenMetric windows = metric_with("procrustes").in_windows({.length = 5, .stride = 5});

    const repal::Score score =
        windows.metric->compare(*windows.metric->prepare(a), *windows.metric->prepare(noisy("b", 5)));

    ASSERT_EQ(score.status, Status::ok) << score.detail;
    EXPECT_TRUE(std::isnan(score.curves[0][0]));
    EXPECT_FALSE(std::isnan(score.curves[0][1]));
    EXPECT_EQ(score.values.back(), 3);
    EXPECT_NE(score.warnings.back().find("1 of 4 windows have no value"), std::string::npos);
}

TEST(OverTime, AcrossHasTheCurveOnItsDiagonal) {
    const Trajectories a = noisy("a", 5);
    const Trajectories b = noisy("b", 5);
    const repal::ChosenMetric along = metric_with("cka").in_windows({.length = 4, .stride = 4});
    const repal::ChosenMetric across = metric_with("cka").in_windows({.length = 4, .stride = 4, .across = true});

    const repal::Score curve = along.metric->compare(*along.metric->prepare(a), *along.metric->prepare(b));
    const repal::Score map = across.metric->compare(*across.metric->prepare(a), *across.metric->prepare(b));

    ASSERT_EQ(map.curves.size(), 7U);
    EXPECT_EQ(map.curves[0], curve.curves[0]);
    for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(map.curves[2 + i][i], curve.curves[0][i]);
    EXPECT_EQ(map.angle_rad, curve.angle_rad);
}

TEST(OverTime, OptionsThatAreChosenFromTheDataMustBeGiven) {
    EXPECT_THROW(metric_with("dsa").in_windows({.length = 10, .stride = 10}), repal::InputError);
    EXPECT_NO_THROW(metric_with("dsa n_delays=2 rank=3").in_windows({.length = 10, .stride = 10}));
    EXPECT_THROW(metric_with("dsa n_delays=12 rank=3").in_windows({.length = 10, .stride = 10}), repal::InputError);
}

}  // namespace
