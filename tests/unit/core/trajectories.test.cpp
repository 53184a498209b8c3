#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <vector>

#include "core/eigen.hpp"

import repal.trajectories;

namespace {

using repal::InvalidTrajectories;
using repal::RowMatrix;
using repal::Trajectories;
using testing::HasSubstr;

std::string refusal(const repal::Shape& shape, const RowMatrix& values) {
    try {
        Trajectories::from_rows(shape, values);
    } catch (const InvalidTrajectories& invalid) {
        return invalid.what();
    }
    return "accepted";
}

TEST(Trajectories, TrialsAreBlocksOfRows) {
    RowMatrix values(6, 2);
    values << 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12;

    const Trajectories x = Trajectories::from_rows({.trials = 2, .steps = 3, .channels = 2}, values);

    EXPECT_EQ(x.trial(1)(0, 0), 7);
    EXPECT_EQ(x.trial(1)(2, 1), 12);
}

TEST(Trajectories, TrialsMayDifferInTheirSteps) {
    const std::vector<RowMatrix> trials = {RowMatrix::Constant(4, 2, 1), RowMatrix::Constant(3, 2, 2)};

    const Trajectories x = Trajectories::from_trials(trials);

    EXPECT_EQ(x.shape(), (repal::Shape{.trials = 2, .steps = 3, .channels = 2}));
    EXPECT_FALSE(x.has_equal_steps());
    EXPECT_EQ(x.steps(0), 4);
    EXPECT_EQ(x.trial(0), trials[0]);
    EXPECT_EQ(x.trial(1), trials[1]);
}

TEST(Trajectories, TrialsThatAreDrawnKeepAllThatIsKnownOfThem) {
    const std::vector<RowMatrix> trials = {RowMatrix::Constant(4, 2, 1), RowMatrix::Constant(3, 2, 2)};
    RowMatrix inputs(7, 1);
    inputs << 1, 2, 3, 4, 5, 6, 7;
    const Trajectories x = Trajectories::from_trials(trials).with_dt(0.01).with_inputs(inputs).with_conditions({7, 8});
    const std::vector<Eigen::Index> drawn = {1, 0, 1};

    const Trajectories some = x.of_trials(drawn);

    EXPECT_EQ(some.trial(0), trials[1]);
    EXPECT_EQ(some.trial(1), trials[0]);
    EXPECT_EQ(some.inputs()(0, 0), 5);
    EXPECT_EQ(some.inputs()(3, 0), 1);
    EXPECT_EQ(some.conditions(), (std::vector<std::int64_t>{8, 7, 8}));
    EXPECT_EQ(some.dt(), 0.01);
    EXPECT_EQ(x.of_trials(std::vector<Eigen::Index>{0, 1}), x);
}

TEST(Trajectories, WhatIsSaidBesideTheValuesMustFitThem) {
    const Trajectories x = Trajectories::from_rows({.trials = 2, .steps = 3, .channels = 1}, RowMatrix::Zero(6, 1));

    EXPECT_THROW(x.with_dt(0.0), InvalidTrajectories);
    EXPECT_THROW(x.with_inputs(RowMatrix::Zero(5, 1)), InvalidTrajectories);
    EXPECT_THROW(x.with_conditions({1}), InvalidTrajectories);
    EXPECT_THROW(x.of_trials({}), InvalidTrajectories);
}

TEST(Trajectories, EmptyAxesAreRefused) {
    EXPECT_THAT(refusal({.trials = 0, .steps = 3, .channels = 2}, RowMatrix(0, 2)), HasSubstr("no trials"));
    EXPECT_THAT(refusal({.trials = 1, .steps = 0, .channels = 2}, RowMatrix(0, 2)), HasSubstr("no steps"));
    EXPECT_THAT(refusal({.trials = 1, .steps = 2, .channels = 0}, RowMatrix(2, 0)), HasSubstr("no channels"));
}

TEST(Trajectories, AFileHasTwoSamples) {
    EXPECT_THROW(repal::require_samples({.trials = 1, .steps = 1, .channels = 2}), InvalidTrajectories);
    EXPECT_NO_THROW(repal::require_samples({.trials = 3, .steps = 1, .channels = 2}));
    EXPECT_NO_THROW(repal::require_samples({.trials = 1, .steps = 2, .channels = 1}));
}

TEST(Trajectories, AWindowHasTheSameStepsOfEveryTrialAndWhatIsSaidOfThem) {
    RowMatrix values(6, 1);
    values << 0, 1, 2, 10, 11, 12;
    const Trajectories x = Trajectories::from_rows({.trials = 2, .steps = 3, .channels = 1}, values)
                               .with_inputs(-values)
                               .with_conditions({4, 5})
                               .with_dt(0.5);

    const Trajectories window = x.window(1, 2);

    EXPECT_EQ(window.shape(), (repal::Shape{2, 2, 1}));
    EXPECT_EQ(window.rows(), (RowMatrix(4, 1) << 1, 2, 11, 12).finished());
    EXPECT_EQ(window.inputs(), -window.rows());
    EXPECT_EQ(window.conditions(), x.conditions());
    EXPECT_EQ(window.dt(), x.dt());
    EXPECT_EQ(x.window(2, 1).shape().steps, 1);
    EXPECT_THROW(x.window(2, 2), InvalidTrajectories);
    EXPECT_THROW(x.window(-1, 2), InvalidTrajectories);
    EXPECT_THROW(x.window(0, 0), InvalidTrajectories);
}

TEST(Trajectories, ShapeMustFitTheValues) {
    EXPECT_THAT(refusal({.trials = 2, .steps = 2, .channels = 2}, RowMatrix::Zero(3, 2)), HasSubstr("cannot be"));
}

TEST(Trajectories, FirstValueThatIsNotFiniteIsNamed) {
    for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        RowMatrix values = RowMatrix::Zero(6, 2);
        values(4, 1) = bad;

        EXPECT_THAT(refusal({.trials = 2, .steps = 3, .channels = 2}, values), HasSubstr("trial 1, step 1, channel 1"));
    }
}

}  // namespace
