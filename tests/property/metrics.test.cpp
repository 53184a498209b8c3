/// Laws that every metric plugin keeps, on random systems: what it declares holds, what it does not declare does not.
#include <gtest/gtest.h>

#include <Eigen/QR>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "core/eigen.hpp"

import repal.config;
import repal.dissimilarity;
import repal.random;
import repal.registry;
import repal.reporter;
import repal.trajectories;

namespace {

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

Eigen::MatrixXd random_orthogonal(Eigen::Index n, Stream stream) {
    Eigen::MatrixXd x(n, n);
    for (double& value : x.reshaped()) value = stream.normal();
    return Eigen::HouseholderQR<Eigen::MatrixXd>(x).householderQ();
}

/// Trials of a random damped rotation in a few dimensions, seen through random channels: smooth, of low rank, with
/// noise.
Trajectories random_system(Stream stream, Shape shape = {.trials = 12, .steps = 60, .channels = 5}) {
    Stream draws = stream.child("draws");
    const Eigen::MatrixXd basis = random_orthogonal(4, stream.child("basis"));
    Eigen::Matrix4d block = Eigen::Matrix4d::Zero();
    for (const Eigen::Index i : {0, 2}) {
        const double angle = 0.05 + 0.5 * draws.uniform();
        const double decay = 0.97 + 0.02 * draws.uniform();
        block(i, i) = block(i + 1, i + 1) = decay * std::cos(angle);
        block(i, i + 1) = -decay * std::sin(angle);
        block(i + 1, i) = decay * std::sin(angle);
    }
    const Eigen::Matrix4d step = basis * block * basis.transpose();
    Eigen::MatrixXd readout(4, shape.channels);
    for (double& value : readout.reshaped()) value = draws.normal();

    RowMatrix values(shape.trials * shape.steps, shape.channels);
    Eigen::RowVector4d state;
    for (Eigen::Index row = 0; row < values.rows(); ++row) {
        if (row % shape.steps == 0)
            for (double& value : state) value = draws.normal();
        values.row(row) = state * readout;
        for (double& value : values.row(row).reshaped()) value += 0.01 * draws.normal();
        state = state * step;
    }
    return Trajectories::from_rows(shape, values);
}

Trajectories changed(const Trajectories& x, const std::function<void(RowMatrix&)>& change) {
    RowMatrix values = x.rows();
    change(values);
    return Trajectories::from_rows({.trials = x.shape().trials, .steps = x.shape().steps, .channels = values.cols()},
                                   values);
}

Trajectories in_trial_order(const Trajectories& x, const std::vector<std::size_t>& order) {
    return changed(x, [&](RowMatrix& values) {
        for (std::size_t k = 0; k < order.size(); ++k)
            values.middleRows(static_cast<Eigen::Index>(k) * x.shape().steps, x.shape().steps) =
                x.trial(static_cast<Eigen::Index>(order[k]));
    });
}

Trajectories in_time_order(const Trajectories& x, const std::vector<std::size_t>& order) {
    return changed(x, [&](RowMatrix& values) {
        for (Eigen::Index trial = 0; trial < x.shape().trials; ++trial)
            for (std::size_t t = 0; t < order.size(); ++t)
                values.row(trial * x.shape().steps + static_cast<Eigen::Index>(t)) =
                    x.trial(trial).row(static_cast<Eigen::Index>(order[t]));
    });
}

class EveryMetric : public testing::TestWithParam<std::string> {
 protected:
    repal::Score score(const Trajectories& a, const Trajectories& b) const {
        return chosen_.metric->compare(*chosen_.metric->prepare(a), *chosen_.metric->prepare(b));
    }
    double angle(const Trajectories& a, const Trajectories& b) const {
        const repal::Score result = score(a, b);
        EXPECT_EQ(result.status, Status::ok) << result.detail;
        return result.angle_rad;
    }
    bool is_invariant_to(repal::Invariance invariance) const {
        const auto& declared = registry().metric(GetParam()).info.invariances;
        return std::ranges::find(declared, invariance) != declared.end();
    }
    /// A change of one system must leave the angle as it is, or change it, as the metric declares.
    void expect_declared(repal::Invariance invariance, const Trajectories& a, const Trajectories& b,
                         const Trajectories& changed_b) const {
        const double before = angle(a, b);
        const double after = angle(a, changed_b);
        constexpr double arithmetic = 1e-6;  // angles of size 1; operators of noisy data have condition 1e3 or so
        if (is_invariant_to(invariance))
            EXPECT_NEAR(before, after, arithmetic);
        else
            EXPECT_GT(std::abs(before - after), 10 * arithmetic);
    }

    Stream stream_ = Stream(11).child(GetParam());
    repal::ChosenMetric chosen_ =
        repal::choose_metric(registry().metric(GetParam()), repal::Config::from_overrides({}));
};

TEST_P(EveryMetric, SystemIsAtZeroFromItself) {
    for (std::uint64_t i = 0; i < 10; ++i) {
        const Trajectories x = random_system(stream_.child(i));

        EXPECT_EQ(angle(x, x), 0);
    }
}

TEST_P(EveryMetric, BothOrdersGiveTheSameBits) {
    for (std::uint64_t i = 0; i < 10; ++i) {
        const Trajectories a = random_system(stream_.child(2 * i));
        const Trajectories b = random_system(stream_.child(2 * i + 1));

        const repal::Score forth = score(a, b);
        const repal::Score back = score(b, a);

        EXPECT_EQ(forth.angle_rad, back.angle_rad);
        EXPECT_EQ(forth.lower_bound_rad, back.lower_bound_rad);
    }
}

TEST_P(EveryMetric, LowerBoundIsBelowTheAngle) {
    for (std::uint64_t i = 0; i < 10; ++i) {
        const repal::Score result = score(random_system(stream_.child(2 * i)), random_system(stream_.child(2 * i + 1)));

        ASSERT_EQ(result.status, Status::ok);
        EXPECT_GT(result.angle_rad, 0);
        if (result.lower_bound_rad) EXPECT_LE(*result.lower_bound_rad, result.angle_rad);
    }
}

TEST_P(EveryMetric, RotationReflectionAndPermutationOfChannels) {
    const Trajectories a = random_system(stream_.child("a"));
    const Trajectories b = random_system(stream_.child("b"));
    const Eigen::MatrixXd rotation = random_orthogonal(5, stream_.child("rotation"));

    const Trajectories rotated = changed(b, [&](RowMatrix& values) { values = values * rotation; });
    const Trajectories reflected = changed(b, [&](RowMatrix& values) { values.col(1) *= -1; });
    const Trajectories permuted = changed(b, [&](RowMatrix& values) { values.col(0).swap(values.col(3)); });

    for (const Trajectories& moved : {rotated, reflected, permuted})
        expect_declared(repal::Invariance::orthogonal, a, b, moved);
}

TEST_P(EveryMetric, PositiveScale) {
    const Trajectories a = random_system(stream_.child("a"));
    const Trajectories b = random_system(stream_.child("b"));

    for (const double scale : {1e-3, 7.0, 1e5})
        expect_declared(repal::Invariance::scaling, a, b, changed(b, [&](RowMatrix& values) { values *= scale; }));
}

TEST_P(EveryMetric, Translation) {
    const Trajectories a = random_system(stream_.child("a"));
    const Trajectories b = random_system(stream_.child("b"));

    expect_declared(repal::Invariance::translation, a, b,
                    changed(b, [](RowMatrix& values) { values.rowwise() += Eigen::RowVectorXd::LinSpaced(5, 2, 9); }));
}

TEST_P(EveryMetric, OrderOfTrialsOfOneSystem) {
    const Trajectories a = random_system(stream_.child("a"));
    const Trajectories b = random_system(stream_.child("b"));

    expect_declared(repal::Invariance::trial_order, a, b, in_trial_order(b, stream_.child("order").permutation(12)));
    expect_declared(repal::Invariance::step_order, a, b,
                    in_time_order(b, stream_.child("steps").permutation(static_cast<std::size_t>(b.shape().steps))));
}

// Geometry knows no time: shuffling it in both systems alike leaves CKA and Procrustes as they are. Dynamics do.
TEST_P(EveryMetric, ShuffledTimeOfBothSystemsChangesDynamicsOnly) {
    const Trajectories a = random_system(stream_.child("a"));
    const Trajectories b = random_system(stream_.child("b"));
    const auto order = stream_.child("time").permutation(60);

    const double before = angle(a, b);
    const double after = angle(in_time_order(a, order), in_time_order(b, order));

    if (GetParam() == "dsa")
        EXPECT_GT(std::abs(before - after), 1e-3);
    else
        EXPECT_NEAR(before, after, 1e-12);  // the same products, summed in another order
}

TEST_P(EveryMetric, TriangleInequality) {
    if (!registry().metric(GetParam()).info.has_triangle_inequality) GTEST_SKIP() << "not declared";
    // For DSA the alignment may end in a local minimum; the gap to the certified bound is what it may be off by.
    for (std::uint64_t i = 0; i < 10; ++i) {
        const Trajectories a = random_system(stream_.child(3 * i));
        const Trajectories b = random_system(stream_.child(3 * i + 1));
        const Trajectories c = random_system(stream_.child(3 * i + 2));

        const repal::Score direct = score(a, c);
        const double gap = direct.lower_bound_rad ? direct.angle_rad - *direct.lower_bound_rad : 0;

        EXPECT_LE(direct.angle_rad, angle(a, b) + angle(b, c) + gap + 1e-12);
    }
}

TEST_P(EveryMetric, DifferentNumbersOfChannelsAreCompared) {
    const Trajectories few = random_system(stream_.child("few"), {.trials = 12, .steps = 60, .channels = 2});
    const Trajectories many = random_system(stream_.child("many"), {.trials = 12, .steps = 60, .channels = 9});

    EXPECT_EQ(score(few, many).status, Status::ok);
    EXPECT_EQ(score(few, many).angle_rad, score(many, few).angle_rad);
}

TEST_P(EveryMetric, DifferentNumbersOfTrialsOrStepsAreComparedOrRefused) {
    const Trajectories x = random_system(stream_.child("x"));
    const Trajectories fewer_trials = random_system(stream_.child("y"), {.trials = 11, .steps = 60, .channels = 5});
    const Trajectories fewer_steps = random_system(stream_.child("z"), {.trials = 12, .steps = 59, .channels = 5});

    for (const Trajectories& other : {fewer_trials, fewer_steps}) {
        const repal::Score result = score(x, other);
        if (GetParam() == "dsa") {
            EXPECT_EQ(result.status, Status::ok) << result.detail;
        } else {
            EXPECT_EQ(result.status, Status::not_applicable);
            EXPECT_NE(result.detail.find("12 trials x 60 steps"), std::string::npos) << result.detail;
        }
    }
}

TEST_P(EveryMetric, DegenerateAndHugeSystemsGiveAFiniteAngleOrACause) {
    const Shape shape{.trials = 2, .steps = 30, .channels = 3};
    const Trajectories x = random_system(stream_.child("x"), shape);
    const std::vector<Trajectories> odd = {
        Trajectories::from_rows(shape, RowMatrix::Zero(60, 3)),
        Trajectories::from_rows(shape, RowMatrix::Constant(60, 3, 0.1)),
        changed(x, [](RowMatrix& values) { values.col(1) = values.col(0); }),
        changed(x, [](RowMatrix& values) { values.rightCols(2).setZero(); }),
        changed(x, [](RowMatrix& values) { values *= 1e300; }),
        changed(x, [](RowMatrix& values) { values *= 1e-300; }),
    };

    for (const Trajectories& system : odd) {
        try {
            const repal::Score result = score(x, system);
            if (result.status == Status::ok)
                EXPECT_TRUE(std::isfinite(result.angle_rad) && result.angle_rad >= 0);
            else
                EXPECT_FALSE(result.detail.empty());
        } catch (const repal::InvalidTrajectories& refused) {
            EXPECT_NE(std::string(refused.what()), "");
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Plugins, EveryMetric, testing::Values("cka", "procrustes", "dsa"),
                         [](const auto& info) { return info.param; });

// Ranks that differ are no distance, unless the user asks for a common one.
TEST(Dsa, DifferentRanksAreNotApplicableUnlessACommonRankIsAskedFor) {
    const Trajectories low = changed(random_system(Stream(1).child("low")), [](RowMatrix& values) {
        for (Eigen::Index row = 0; row < values.rows(); ++row)
            values.row(row).setConstant(std::pow(0.9, static_cast<double>(row % 60)));
    });
    const Trajectories high = random_system(Stream(1).child("high"));
    const std::vector<Trajectories> systems = {low, high};
    const std::vector<std::string> names = {"low", "high"};

    const auto own = repal::choose_metric(registry().metric("dsa"), repal::Config::from_overrides({}));
    repal::Reporter silent;
    const auto own_embeddings = repal::prepare_all(own, systems, names, 1, silent).embeddings;
    const std::vector<std::string> overrides = {"dsa.common_rank=true"};
    const auto common = repal::choose_metric(registry().metric("dsa"), repal::Config::from_overrides(overrides));
    const auto common_embeddings = repal::prepare_all(common, systems, names, 1, silent).embeddings;

    EXPECT_FALSE(own_embeddings[0]->warning.empty());
    const repal::Score refused = own.metric->compare(*own_embeddings[0], *own_embeddings[1]);
    EXPECT_EQ(refused.status, Status::not_applicable);
    EXPECT_NE(refused.detail.find("ranks 1 and 10"), std::string::npos) << refused.detail;
    EXPECT_EQ(common.metric->compare(*common_embeddings[0], *common_embeddings[1]).status, Status::ok);
}

}  // namespace
