#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "core/eigen.hpp"

import repal.motif;
import repal.random;

namespace {

using repal::RowMatrix;
using repal::Shape;
using repal::Trajectories;

Trajectories random_motif(const char* name, Shape shape = {.trials = 4, .steps = 30, .channels = 3}) {
    repal::Stream stream = repal::Stream(1).child(name);
    RowMatrix values(shape.trials * shape.steps, shape.channels);
    for (double& value : values.reshaped()) value = stream.normal();
    return Trajectories::from_rows(shape, values);
}

TEST(Normalised, EachTrialSpansZeroToOneJointlyOverChannels) {
    const Trajectories x = normalised(random_motif("normalised"));

    for (Eigen::Index trial = 0; trial < x.shape().trials; ++trial) {
        EXPECT_EQ(x.trial(trial).minCoeff(), 0);
        EXPECT_EQ(x.trial(trial).maxCoeff(), 1);
    }
}

TEST(Normalised, ConstantTrialIsRefused) {
    const Shape shape{.trials = 1, .steps = 3, .channels = 2};
    EXPECT_THROW(normalised(Trajectories::from_rows(shape, RowMatrix::Constant(3, 2, 5))), repal::InvalidTrajectories);
}

TEST(Attach, OneMotifIsThatMotifNormalised) {
    const std::vector<Trajectories> one = {random_motif("a")};

    EXPECT_EQ(attach(one), normalised(one[0]));
}

// The specification's recurrence, written out step by step, as an independent computation.
TEST(Attach, FollowsTheRecurrenceThenKeepsEveryThirdStep) {
    const std::vector<Trajectories> motifs = {random_motif("a"), random_motif("b"), random_motif("c")};
    const Shape shape = motifs[0].shape();

    const Trajectories attached = attach(motifs);

    for (Eigen::Index trial = 0; trial < shape.trials; ++trial) {
        std::vector<Eigen::RowVectorXd> path;
        for (Eigen::Index i = 0; i < shape.steps; ++i) path.emplace_back(motifs[0].trial(trial).row(i));
        for (std::size_t m = 1; m < 3; ++m) {
            const auto next = motifs[m].trial(trial);
            const Eigen::RowVectorXd last = path[path.size() - 1];
            const Eigen::RowVectorXd before = path[path.size() - 2];
            path.emplace_back(last + 1e-4 * (last - before));
            for (Eigen::Index i = 1; i < shape.steps; ++i)
                path.emplace_back(path.back() + next.row(i) - next.row(i - 1));
        }
        RowMatrix kept(shape.steps, shape.channels);
        for (Eigen::Index i = 0; i < shape.steps; ++i) kept.row(i) = path[static_cast<std::size_t>(3 * i)];
        const double low = kept.minCoeff();
        const double high = kept.maxCoeff();
        const RowMatrix expected = (kept.array() - low) / (high - low);
        EXPECT_LT((attached.trial(trial) - expected).cwiseAbs().maxCoeff(), 1e-12);  // sums of 90 numbers of size 1
    }
}

TEST(Attach, DifferentShapesAreRefused) {
    const std::vector<Trajectories> motifs = {random_motif("a"),
                                              random_motif("b", {.trials = 4, .steps = 20, .channels = 3})};
    EXPECT_THROW(attach(motifs), repal::InvalidTrajectories);
}

TEST(Combine, AddsTheMovementNotTheStart) {
    const Trajectories base = random_motif("base");
    const Trajectories added = random_motif("added");

    const Trajectories mixed = combine(base, added, 0.25);

    const Eigen::RowVectorXd expected = base.trial(2).row(7) + 0.25 * (added.trial(2).row(7) - added.trial(2).row(0));
    EXPECT_LT((mixed.trial(2).row(7) - expected).norm(), 1e-15);
    EXPECT_EQ(mixed.trial(3).row(0), base.trial(3).row(0));
    EXPECT_EQ(combine(base, added, 0), base);
}

TEST(Reversed, FirstStepIsTheLastOfTheSameTrial) {
    const Trajectories x = random_motif("reversed");

    const Trajectories backwards = reversed(x);

    EXPECT_EQ(backwards.trial(1).row(0), x.trial(1).row(29));
    EXPECT_EQ(reversed(backwards), x);
}

TEST(WithNoise, HasTheVarianceOfTheMixture) {
    const Shape shape{.trials = 50, .steps = 400, .channels = 3};
    const Trajectories zero = Trajectories::from_rows(shape, RowMatrix::Zero(20'000, 3));

    const Trajectories noisy = with_noise(zero, 0.3, repal::Stream(1));

    const double variance = noisy.rows().squaredNorm() / 60'000;
    EXPECT_NEAR(variance, 0.09, 5 * 0.09 * std::sqrt(2.0 / 60'000));  // five standard errors
    EXPECT_EQ(with_noise(zero, 0, repal::Stream(1)), zero);
}

TEST(WithNoise, TrialDoesNotDependOnTheNumberOfTrials) {
    const Trajectories many = random_motif("many", {.trials = 9, .steps = 10, .channels = 2});
    const Trajectories few =
        Trajectories::from_rows({.trials = 3, .steps = 10, .channels = 2}, many.rows().topRows(30));

    EXPECT_EQ(with_noise(many, 0.5, repal::Stream(4)).trial(2), with_noise(few, 0.5, repal::Stream(4)).trial(2));
}

TEST(WithNoise, SigmaOutsideZeroToOneIsRefused) {
    EXPECT_THROW(with_noise(random_motif("x"), 1.5, repal::Stream(1)), repal::InputError);
    EXPECT_THROW(with_noise(random_motif("x"), std::nan(""), repal::Stream(1)), repal::InputError);
}

}  // namespace
