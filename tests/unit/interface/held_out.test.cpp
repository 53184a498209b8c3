#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <vector>

#include "core/eigen.hpp"

import repal.havok_options;
import repal.random;

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using repal::HavokOptions;
using repal::HeldOut;
using repal::RowMatrix;
using repal::Trajectories;

constexpr Index trials = 8;
constexpr Index steps = 60;

/// A rotation by `angle` a step seen through random channels, with noise, from random phases.
Trajectories oscillator(double angle, double noise, Index channels = 4) {
    repal::Stream stream = repal::Stream(3).child("oscillator");
    MatrixXd readout(2, channels);
    for (double& value : readout.reshaped()) value = stream.normal();
    RowMatrix rows(trials * steps, channels);
    for (Index trial = 0; trial < trials; ++trial) {
        const double phase = 6.28 * stream.uniform();
        for (Index step = 0; step < steps; ++step) {
            const double at = phase + angle * static_cast<double>(step);
            rows.row(trial * steps + step) = Eigen::RowVector2d(std::cos(at), std::sin(at)) * readout;
            for (double& value : rows.row(trial * steps + step)) value += noise * stream.normal();
        }
    }
    return Trajectories::from_rows({trials, steps, channels}, rows);
}

std::vector<bool> every_other() {
    std::vector<bool> is_training(trials);
    for (std::size_t k = 0; k < is_training.size(); k += 2) is_training[k] = true;
    return is_training;
}

/// What the definition says, from the rows of H: fitted on the training trials, predicted one by one.
HeldOut explicit_prediction(const Trajectories& x, const HavokOptions& options, Index rank, Index first_target,
                            Index horizon) {
    const auto is_training = every_other();
    const repal::DelayEmbedding delays = options.delays();
    const Index window = delays.least_steps() - 2;
    std::vector<Index> training;
    Eigen::RowVectorXd mean = Eigen::RowVectorXd::Zero(x.shape().channels);
    for (Index k = 0; k < trials; ++k)
        if (is_training[static_cast<std::size_t>(k)]) {
            training.push_back(k);
            mean += x.trial(k).colwise().sum() / static_cast<double>(trials / 2 * steps);
        }
    const Trajectories fitted = x.of_trials(training);
    const MatrixXd hankel = delays(fitted);
    const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(hankel.transpose() * hankel);
    const MatrixXd vectors = solver.eigenvectors().rowwise().reverse().leftCols(rank);
    const Eigen::VectorXd squares = solver.eigenvalues().reverse().head(rank);
    const MatrixXd whitening = vectors * squares.cwiseSqrt().cwiseInverse().asDiagonal();
    MatrixXd gram = MatrixXd::Zero(rank, rank);
    MatrixXd cross = gram;
    for (const Index k : training) {
        const MatrixXd v = delays.of_trial(x, k) * whitening;
        gram += v.topRows(v.rows() - 1).transpose() * v.topRows(v.rows() - 1);
        cross += v.topRows(v.rows() - 1).transpose() * v.bottomRows(v.rows() - 1);
    }
    const MatrixXd model = gram.inverse() * cross;  // v(t+1) = v(t) model, as rows
    double error = 0;
    double absolute = 0;
    double change = 0;
    double absolute_change = 0;
    double around_mean = 0;
    double scalars = 0;
    for (Index k = 0; k < trials; ++k) {
        if (is_training[static_cast<std::size_t>(k)]) continue;
        const MatrixXd v = delays.of_trial(x, k) * whitening;
        for (Index target = first_target; target < steps; ++target) {
            Eigen::RowVectorXd state = v.row(target - horizon - window);
            for (Index h = 0; h < horizon; ++h) state = (state * model).eval();
            const Eigen::RowVectorXd predicted =
                state * (whitening.topRows(x.shape().channels) * squares.asDiagonal()).transpose();
            const Eigen::RowVectorXd truth = x.trial(k).row(target);
            error += (truth - predicted).squaredNorm();
            absolute += (truth - predicted).cwiseAbs().sum();
            change += (truth - x.trial(k).row(target - 1)).squaredNorm();
            absolute_change += (truth - x.trial(k).row(target - 1)).cwiseAbs().sum();
            around_mean += (truth - mean).squaredNorm();
            scalars += static_cast<double>(x.shape().channels);
        }
    }
    const auto numbers = static_cast<double>(rank * rank);
    return {.gain = std::log(std::min(change, around_mean) / error) - numbers * std::log(scalars) / scalars,
            .residual = 0,
            .mase = absolute / absolute_change,
            .free_error = {error / around_mean}};
}

HavokOptions with_delays(Index n_delays) {
    HavokOptions options;
    options.n_delays = n_delays;
    return options;
}

TEST(HeldOut, IsThePredictionOfEverySample) {
    const Trajectories x = oscillator(0.3, 0.2);
    constexpr Index first_target = 25;
    for (const Index n_delays : {1, 3, 6}) {
        const HavokOptions options = with_delays(n_delays);
        const std::vector<Index> ranks = {1, 2, 4};

        const auto found = options.held_out(x, every_other(), ranks, first_target);

        ASSERT_EQ(found.size(), 3u);
        for (std::size_t r = 0; r < ranks.size(); ++r) {
            ASSERT_TRUE(found[r]);
            const HeldOut next = explicit_prediction(x, options, ranks[r], first_target, 1);
            EXPECT_NEAR(found[r]->gain, next.gain, 1e-9);
            EXPECT_NEAR(found[r]->mase, next.mase, 1e-9);
            for (std::size_t h = 0; h < repal::horizons.size(); ++h) {
                const Index ahead = repal::horizons[h];
                EXPECT_NEAR(found[r]->free_error[h],
                            explicit_prediction(x, options, ranks[r], first_target + ahead - 1, ahead).free_error[0],
                            1e-9 * found[r]->free_error[h]);
            }
        }
    }
}

TEST(HeldOut, ModesWithoutNoiseComeBackExactly) {
    const auto found = with_delays(3).held_out(oscillator(0.3, 0), every_other(), std::vector<Index>{2}, 25);

    ASSERT_TRUE(found[0]);
    EXPECT_LT(found[0]->residual, 1e-6);  // a square root of rounding
    EXPECT_GT(found[0]->gain, 10);
}

// Of an oscillator with noise two modes are there in other trials, too, and what a larger rank adds is not.
TEST(HeldOut, EachModeSaysWhetherItIsOneOfOtherTrials) {
    const auto found = with_delays(6).held_out(oscillator(0.3, 0.2), every_other(), std::vector<Index>{4}, 25);

    ASSERT_TRUE(found[0]);
    ASSERT_EQ(found[0]->modes.size(), 4u);
    double sum = 0;
    for (const repal::HeldOutMode& mode : found[0]->modes) {
        sum += mode.residual;
        if (std::abs(std::abs(std::arg(mode.eigenvalue)) - 0.3) < 0.02 && std::abs(mode.eigenvalue) > 0.95)
            EXPECT_LT(mode.residual, 0.3);
        else
            EXPECT_GT(mode.residual, 0.3);
    }
    EXPECT_NEAR(sum / 4, found[0]->residual, 1e-12);
    EXPECT_EQ(std::ranges::count_if(found[0]->modes, [](const auto& mode) { return mode.residual < 0.3; }), 2);
}

TEST(HeldOut, NoiseIsNotPredicted) {
    repal::Stream stream = repal::Stream(7).child("noise");
    double sum = 0;
    for (int i = 0; i < 20; ++i) {
        RowMatrix rows(trials * steps, 3);
        for (double& value : rows.reshaped()) value = stream.normal();
        const Trajectories x = Trajectories::from_rows({trials, steps, 3}, rows);
        sum += with_delays(2).held_out(x, every_other(), std::vector<Index>{2}, 20)[0]->gain;
    }
    EXPECT_LE(sum / 20, 0);
}

TEST(HeldOut, WhatIsPredictedIsNeverFittedTo) {
    const Trajectories x = oscillator(0.3, 0.2);
    RowMatrix rows = x.rows();
    for (Index k = 1; k < trials; k += 2) rows.middleRows(k * steps, steps).setRandom();
    const Trajectories garbage = Trajectories::from_rows(x.shape(), rows);
    std::vector<bool> all_but = every_other();

    // The model of the even trials predicts the even ones alike, whatever the odd ones are.
    const auto before = with_delays(3).held_out(x, all_but, std::vector<Index>{2}, 25);
    const auto after = with_delays(3).held_out(garbage, all_but, std::vector<Index>{2}, 25);

    EXPECT_GT(before[0]->gain, 0);
    EXPECT_LT(after[0]->gain, 0.1);
}

TEST(HeldOut, ARankThatTheTrialsDoNotBearHasNothing) {
    const auto found = with_delays(1).held_out(oscillator(0.3, 0, 3), every_other(), std::vector<Index>{2, 3}, 25);

    EXPECT_TRUE(found[0]);
    EXPECT_FALSE(found[1]);  // three channels of a plane
}

TEST(Centre, TakesOffTheMeanOrTheCourseOfTheTrialsThatAreUsed) {
    const Trajectories x = oscillator(0.3, 0.2);
    HavokOptions options;
    options.centre = "mean";
    const std::vector<bool> all(trials, true);
    EXPECT_LT(options.centred(x, all).rows().colwise().mean().cwiseAbs().maxCoeff(), 1e-12);

    options.centre = "course";
    const Trajectories left = options.centred(x, all);
    RowMatrix course = RowMatrix::Zero(steps, 4);
    for (Index k = 0; k < trials; ++k) course += left.trial(k);
    EXPECT_LT(course.cwiseAbs().maxCoeff(), 1e-12);

    options.centre = "none";
    EXPECT_EQ(options.centred(x, all), x);
}

}  // namespace
