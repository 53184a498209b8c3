/// Systems whose A, B and C are known.
#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <array>
#include <cmath>
#include <complex>
#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"

import repal.comparison;
import repal.config;
import repal.random;
import repal.registry;
import repal.subspace;
import repal.trajectories;

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using repal::RowMatrix;
using repal::Stream;
using repal::Trajectories;

struct Known {
    MatrixXd a;
    MatrixXd b;
    MatrixXd c;
};

/// Two damped rotations, .95 and .9 in a step, of these angles.
MatrixXd rotations(double first, double second) {
    MatrixXd a = MatrixXd::Zero(4, 4);
    const auto put = [&](Index place, double decay, double angle) {
        a.block(place, place, 2, 2) << std::cos(angle), -std::sin(angle), std::sin(angle), std::cos(angle);
        a.block(place, place, 2, 2) *= decay;
    };
    put(0, 0.95, first);
    put(2, 0.9, second);
    return a;
}

MatrixXd drawn(Index rows, Index columns, const char* name) {
    Stream draws = Stream(31).child(name);
    MatrixXd values(rows, columns);
    for (double& value : values.reshaped()) value = draws.normal();
    return values;
}

MatrixXd orthonormal(Index rows, Index columns, const char* name) {
    const MatrixXd values = drawn(rows, columns, name);
    return MatrixXd(values.householderQr().householderQ()) * MatrixXd::Identity(rows, columns);
}

Known usual() {
    return {rotations(0.3, 0.9), drawn(4, 2, "b"), orthonormal(8, 4, "c")};
}

/// 20 trials of 200 steps; inputs are white, or follow their last value by `memory`.
Trajectories simulated(const Known& system, const char* name, double memory = 0) {
    Stream noise = Stream(32).child(name).child("noise");
    Stream drive = Stream(32).child("inputs").child(memory > 0 ? "slow" : "white");
    constexpr Index trials = 20;
    constexpr Index steps = 200;
    RowMatrix y(trials * steps, system.c.rows());
    RowMatrix u(trials * steps, system.b.cols());
    for (Index k = 0; k < trials; ++k) {
        Eigen::VectorXd x = Eigen::VectorXd::Zero(4);
        Eigen::VectorXd input = Eigen::VectorXd::Zero(system.b.cols());
        for (Index t = 0; t < steps; ++t) {
            for (double& value : input) value = memory * value + std::sqrt(1 - memory * memory) * drive.normal();
            Eigen::VectorXd seen = system.c * x;
            for (double& value : seen) value += 0.01 * noise.normal();
            y.row(k * steps + t) = seen.transpose();
            u.row(k * steps + t) = input.transpose();
            x = system.a * x + system.b * input;
            for (double& value : x) value += 0.01 * noise.normal();
        }
    }
    return Trajectories::from_rows({trials, steps, system.c.rows()}, y).with_inputs(u);
}

const repal::Registry& registry() {
    static const repal::Registry loaded =
        repal::Registry::load(std::array{std::filesystem::path(REPAL_PLUGIN_DIRECTORY)});
    return loaded;
}

repal::Score compared(const std::string& what, const Trajectories& a, const Trajectories& b,
                      std::vector<std::string> overrides = {}) {
    overrides.push_back("input_dsa.compare=" + what);
    const auto chosen = repal::choose_metric(registry().metric("input_dsa"), repal::Config::from_overrides(overrides));
    return chosen.metric->compare(*chosen.metric->prepare(a), *chosen.metric->prepare(b));
}

double angle(const std::string& what, const Trajectories& a, const Trajectories& b) {
    const repal::Score score = compared(what, a, b);
    EXPECT_EQ(score.status, repal::Status::ok) << score.detail;
    return score.angle_rad;
}

TEST(InputDsa, TheIdentifiedSystemHasTheEigenvaluesOfTheTrueOne) {
    const repal::Realisation found = repal::identified(simulated(usual(), "one"), 10, 4);

    ASSERT_EQ(found.cause, "");
    const Eigen::VectorXcd eigenvalues = found.a.eigenvalues();
    for (const auto& [decay, turn] : {std::pair(0.95, 0.3), std::pair(0.9, 0.9)}) {
        const std::complex<double> expected = std::polar(decay, turn);
        EXPECT_LT((eigenvalues.array() - expected).abs().minCoeff(), 0.01);
    }
    const repal::Realisation balanced = repal::balanced(found);
    EXPECT_EQ(balanced.cause, "");
    EXPECT_LT((balanced.c * balanced.b - found.c * found.b).norm(), 1e-9);  // the first response stays
}

TEST(InputDsa, TheSameSystemThroughOtherChannelsIsAtZero) {
    Known turned = usual();
    turned.c = orthonormal(8, 4, "other");
    const Trajectories a = simulated(usual(), "a");
    const Trajectories b = simulated(turned, "b");

    EXPECT_LT(angle("state", a, b), 0.01);
    EXPECT_LT(angle("input", a, b), 0.05);
    EXPECT_LT(angle("joint", a, b), 0.05);
}

TEST(InputDsa, TheStateTellsOtherDynamicsAndTheInputOtherWaysIn) {
    Known other_a = usual();
    other_a.a = rotations(0.45, 0.9);
    Known other_b = usual();
    other_b.b = drawn(4, 2, "other b");
    const Trajectories base = simulated(usual(), "a");

    EXPECT_GT(angle("state", base, simulated(other_a, "b")), 5 * angle("state", base, simulated(other_b, "c")));
    EXPECT_GT(angle("input", base, simulated(other_b, "c")), 5 * angle("input", base, simulated(other_a, "b")));
}

// Coordinates of the data would be about .1 away, for slow inputs visit other directions.
TEST(InputDsa, TheStatisticsOfTheInputsDoNotMatter) {
    const Trajectories white = simulated(usual(), "a");
    const Trajectories slow = simulated(usual(), "b", 0.95);

    for (const char* what : {"state", "input", "joint"}) EXPECT_LT(angle(what, white, slow), 0.05) << what;
}

// Two systems of each dynamics and each way in: state groups by A, input by B.
TEST(InputDsa, TwoByTwoDesignIsTakenApart) {
    std::vector<Trajectories> systems;
    for (const double turn : {0.3, 0.45})
        for (const char* b : {"b", "other b"})
            systems.push_back(simulated({rotations(turn, 0.9), drawn(4, 2, b), orthonormal(8, 4, "c")}, b));
    const auto mean = [&](const std::string& what, bool is_same_a, bool is_same_b) {
        double sum = 0;
        int n = 0;
        for (std::size_t i = 0; i < 4; ++i)
            for (std::size_t j = 0; j < i; ++j)
                if ((i / 2 == j / 2) == is_same_a && (i % 2 == j % 2) == is_same_b) {
                    sum += angle(what, systems[i], systems[j]);
                    ++n;
                }
        return sum / n;
    };

    EXPECT_GT(mean("state", false, true), 5 * mean("state", true, false));
    EXPECT_GT(mean("input", true, false), 5 * mean("input", false, true));
}

TEST(InputDsa, WhatCannotBeToldHasItsCause) {
    const Trajectories x = simulated(usual(), "a");
    const auto cause = [&](const Trajectories& other) {
        const repal::Score score = compared("joint", x, other);
        EXPECT_EQ(score.status, repal::Status::not_applicable);
        return score.detail;
    };
    RowMatrix constant = x.inputs();
    constant.setOnes();
    RowMatrix grows = x.rows();
    for (Index k = 0; k < 20; ++k)
        for (Index t = 0; t < 200; ++t) grows.row(k * 200 + t) *= std::pow(1.2, static_cast<double>(t));

    EXPECT_NE(cause(x.with_inputs({})).find("--inputs"), std::string::npos);
    EXPECT_NE(cause(x.with_inputs(constant)).find("never vary"), std::string::npos);
    RowMatrix twice(x.inputs().rows(), 4);
    twice << x.inputs(), x.inputs();
    EXPECT_NE(cause(x.with_inputs(twice)).find("directions of 20 steps"), std::string::npos);
    EXPECT_NE(cause(x.with_rows(grows)).find("spectral radius"), std::string::npos) << cause(x.with_rows(grows));
    EXPECT_NE(cause(x.with_inputs(x.inputs().leftCols(1))).find("inputs must be the same"), std::string::npos);
}

// A baseline of activity and inputs that are not around 0: the affine system has the same A and B.
TEST(InputDsa, OffsetsDoNotMatter) {
    const Trajectories x = simulated(usual(), "a");
    RowMatrix lifted = x.rows();
    lifted.rowwise() += drawn(1, 8, "baseline").row(0) * 20;
    RowMatrix inputs = x.inputs();
    inputs.col(1).array() += 7;
    const Trajectories y = x.with_rows(lifted).with_inputs(inputs);

    for (const char* fit : {"subspace", "regression"})
        for (const char* what : {"state", "input", "joint"}) {
            const repal::Score score =
                compared(what, x, y, {std::string("input_dsa.fit=") + fit, "input_dsa.coordinates=data"});
            ASSERT_EQ(score.status, repal::Status::ok) << score.detail;
            EXPECT_LT(score.angle_rad, 1e-6) << fit << " " << what;
        }
}

// The fixation of a task is 1 in all of a period.
TEST(InputDsa, InputsThatNeverVaryAreLeftOut) {
    const Trajectories x = simulated(usual(), "a");
    const Trajectories other = simulated(usual(), "b");
    const auto with_fixation = [](const Trajectories& plain, double value) {
        RowMatrix inputs(plain.inputs().rows(), 3);
        inputs << plain.inputs().col(0), RowMatrix::Constant(plain.inputs().rows(), 1, value), plain.inputs().col(1);
        return plain.with_inputs(inputs);
    };

    EXPECT_NEAR(angle("joint", with_fixation(x, 1), with_fixation(other, 1)), angle("joint", x, other), 1e-12);
    RowMatrix varied = with_fixation(other, 1).inputs();
    varied.col(1) = drawn(varied.rows(), 1, "fixation");
    const repal::Score score = compared("joint", with_fixation(x, 1), other.with_inputs(varied));
    EXPECT_EQ(score.status, repal::Status::not_applicable);
    EXPECT_NE(score.detail.find("vary in one of the systems only"), std::string::npos) << score.detail;
}

TEST(InputDsa, InputsOfAnotherSystemAreNoticed) {
    const Trajectories x = simulated(usual(), "a");
    const auto warning_of = [](const Trajectories& system) {
        return repal::choose_metric(registry().metric("input_dsa"), repal::Config::from_overrides({}))
            .metric->prepare(system)
            ->warning;
    };

    EXPECT_EQ(warning_of(x), "");
    EXPECT_NE(warning_of(x.with_inputs(drawn(x.rows().rows(), 2, "others"))).find("are they of this system"),
              std::string::npos);
}

// One column can be turned onto any other one.
TEST(InputDsa, OneInputTellsNothingByItsDirection) {
    Known one = usual();
    one.b = drawn(4, 1, "b");
    const Trajectories x = simulated(one, "a");
    one.b = drawn(4, 1, "other");
    const Trajectories y = simulated(one, "b");

    EXPECT_EQ(compared("input", x, y).status, repal::Status::not_applicable);
    EXPECT_TRUE(std::isnan(compared("joint", x, y).values.at(2)));
}

TEST(InputDsa, MoreInputsThanWindowsAreRefusedAtOnce) {
    const Trajectories x = simulated(usual(), "a");
    const Trajectories wide = x.with_inputs(drawn(20 * 200, 200, "wide"));

    EXPECT_NE(compared("joint", wide, wide).detail.find("windows of 20 steps cannot tell"), std::string::npos);
}

// Partial observation: the regression takes delays for the state, the subspace does not.
TEST(InputDsa, TwoChannelsAreEnoughForTheSubspace) {
    Known few = usual();
    few.c = orthonormal(2, 2, "c") * drawn(2, 4, "seen");
    const repal::Realisation found = repal::identified(simulated(few, "few"), 10, 4);

    ASSERT_EQ(found.cause, "");
    for (const auto& [decay, turn] : {std::pair(0.95, 0.3), std::pair(0.9, 0.9)})
        EXPECT_LT((found.a.eigenvalues().array() - std::polar(decay, turn)).abs().minCoeff(), 0.03);
}

}  // namespace
