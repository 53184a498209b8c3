/// Laws that every metric plugin keeps, on random systems: what it declares holds, what it does not declare does not.
#include <gtest/gtest.h>

#include <Eigen/QR>
#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <complex>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <numbers>
#include <numeric>
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

/// A metric by its name, then options that are not as by default: "rsa conditions=trials".
repal::ChosenMetric metric_with(std::string name) {
    std::vector<std::string> options;
    for (std::size_t space = 0; (space = name.rfind(' ')) != std::string::npos; name.resize(space))
        options.push_back(name.substr(0, name.find(' ')) + "." + name.substr(space + 1));
    return repal::choose_metric(registry().metric(name), repal::Config::from_overrides(options));
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
    bool compares_dynamics() const { return chosen_.name == "dsa" || chosen_.name == "eigenvalue_wasserstein"; }
    bool compares_trials() const { return GetParam().find("conditions=trial") != std::string::npos; }
    bool is_invariant_to(repal::Invariance invariance) const {
        return std::ranges::find(chosen_.invariances, invariance) != chosen_.invariances.end();
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
    repal::ChosenMetric chosen_ = metric_with(GetParam());
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

    expect_declared(repal::Invariance::orthogonal, a, b, rotated);
    if (!is_invariant_to(repal::Invariance::orthogonal)) return;  // the other two may be harmless
    for (const Trajectories& moved : {reflected, permuted}) expect_declared(repal::Invariance::orthogonal, a, b, moved);
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

// Geometry knows no time: shuffling it in both systems alike leaves CKA, Procrustes and RSA as they are. Dynamics do.
TEST_P(EveryMetric, ShuffledTimeOfBothSystemsChangesDynamicsOnly) {
    const Trajectories a = random_system(stream_.child("a"));
    const Trajectories b = random_system(stream_.child("b"));
    const auto order = stream_.child("time").permutation(60);

    const double before = angle(a, b);
    const double after = angle(in_time_order(a, order), in_time_order(b, order));

    if (compares_dynamics())
        EXPECT_GT(std::abs(before - after), 1e-3);
    else
        EXPECT_NEAR(before, after, 1e-12);  // the same products, summed in another order
}

TEST_P(EveryMetric, TriangleInequality) {
    if (!registry().metric(chosen_.name).info.has_triangle_inequality) GTEST_SKIP() << "not declared";
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
        if (compares_dynamics() || (compares_trials() && other.shape().trials == x.shape().trials)) {
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

INSTANTIATE_TEST_SUITE_P(Plugins, EveryMetric,
                         testing::Values("cka", "procrustes", "dsa", "eigenvalue_wasserstein",
                                         "eigenvalue_wasserstein order=2", "rsa",
                                         "rsa conditions=trials comparison=pearson",
                                         "rsa conditions=trial_means distance=squared_euclidean",
                                         "rsa distance=cosine comparison=pearson",
                                         "rsa distance=squared_euclidean comparison=whitened_cosine"),
                         [](const auto& info) {
                             std::string name = info.param;
                             std::ranges::replace_if(name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
                             return name;
                         });

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

using Spectrum = std::vector<std::complex<double>>;

/// Trials of x' = A x from random starts, A of these eigenvalues: real ones, and pairs a + bi, a - bi by their first.
Trajectories linear_system(const Spectrum& eigenvalues, Stream stream) {
    const auto n = std::ssize(eigenvalues);
    Eigen::MatrixXd step = Eigen::MatrixXd::Zero(n, n);
    for (Eigen::Index i = 0; i < n; ++i) {
        const std::complex<double> value = eigenvalues[static_cast<std::size_t>(i)];
        step(i, i) = value.real();
        if (value.imag() == 0) continue;
        step(i + 1, i + 1) = value.real();
        step(i, i + 1) = value.imag();
        step(i + 1, i) = -value.imag();
        ++i;
    }
    RowMatrix values(12 * 20, n);
    for (Eigen::Index row = 0; row < values.rows(); ++row)
        if (row % 20 == 0)
            for (double& value : values.row(row).reshaped()) value = stream.normal();
        else
            values.row(row) = values.row(row - 1) * step.transpose();
    return Trajectories::from_rows({.trials = 12, .steps = 20, .channels = n}, values);
}

/// One to six of them; pairs stand together.
Spectrum random_spectrum(Stream& stream) {
    const std::size_t size = 1 + static_cast<std::size_t>(6 * stream.uniform());
    Spectrum spectrum;
    while (spectrum.size() < size) {
        const double radius = 0.5 + 0.5 * stream.uniform();
        const double angle = std::numbers::pi * stream.uniform();
        if (spectrum.size() + 1 == size) {
            spectrum.emplace_back(angle < 2 ? radius : -radius);
        } else {
            spectrum.push_back(std::polar(radius, angle));
            spectrum.push_back(std::polar(radius, -angle));
        }
    }
    return spectrum;
}

/// By trying all permutations; masses are 1 / n.
double wasserstein(Spectrum a, Spectrum b, int order, std::size_t n) {
    a.resize(n);
    b.resize(n);
    std::vector<std::size_t> partner(n);
    std::iota(partner.begin(), partner.end(), 0);
    double smallest = std::numeric_limits<double>::infinity();
    do {
        double moved = 0;
        for (std::size_t i = 0; i < n; ++i) moved += std::pow(std::abs(a[i] - b[partner[i]]), order);
        smallest = std::min(smallest, moved);
    } while (std::ranges::next_permutation(partner).found);
    return std::pow(smallest / static_cast<double>(n), 1.0 / order);
}

TEST(EigenvalueWasserstein, IsTheBestOfAllPermutations) {
    Stream stream = Stream(12).child("spectra");
    for (const int order : {1, 2}) {
        const auto chosen = metric_with("eigenvalue_wasserstein n_delays=1 rank=6 min_transition_share=1e-6 order=" +
                                        std::to_string(order));
        for (std::uint64_t i = 0; i < 40; ++i) {
            const Spectrum a = random_spectrum(stream);
            const Spectrum b = random_spectrum(stream);

            const repal::Score score =
                chosen.metric->compare(*chosen.metric->prepare(linear_system(a, stream.child(2 * i))),
                                       *chosen.metric->prepare(linear_system(b, stream.child(2 * i + 1))));

            ASSERT_EQ(score.status, Status::ok) << score.detail;
            EXPECT_NEAR(std::tan(score.angle_rad), wasserstein(a, b, order, 6), 1e-7);  // eigenvalues that nearly meet
        }
    }
}

TEST(EigenvalueWasserstein, SaysThatARankIsCapped) {
    const auto chosen = metric_with("eigenvalue_wasserstein n_delays=1 rank=1000000000");

    const auto embedding = chosen.metric->prepare(linear_system({0.9, 0.5}, Stream(13)));

    EXPECT_EQ(embedding->warning,
              "rank 1000000000 is capped to 2: the data determine no more; the other eigenvalues are 0");
    EXPECT_EQ(chosen.metric->compare(*embedding, *embedding).angle_rad, 0);
    const auto other = chosen.metric->prepare(linear_system({0.9, 0.6}, Stream(14)));
    EXPECT_NEAR(chosen.metric->compare(*embedding, *other).angle_rad, 0.1e-9, 1e-16);  // of 1e9 eigenvalues, one moves
}

repal::Score score_with(const std::string& name, const Trajectories& a, const Trajectories& b) {
    const auto chosen = metric_with(name);
    return chosen.metric->compare(*chosen.metric->prepare(a), *chosen.metric->prepare(b));
}

/// Every sample over its norm.
Trajectories normalised(const Trajectories& x) {
    return changed(x, [](RowMatrix& values) { values.rowwise().normalize(); });
}

// Diedrichsen et al. 2021: the whitened cosine is the linear CKA of the patterns.
TEST(Rsa, WhitenedCosineIsCkaOfThePatterns) {
    const Trajectories a = random_system(Stream(15).child("a"));
    const Trajectories b = random_system(Stream(15).child("b"));

    const double euclidean = score_with("rsa distance=squared_euclidean comparison=whitened_cosine", a, b).angle_rad;
    const double cosine = score_with("rsa distance=cosine comparison=whitened_cosine", a, b).angle_rad;

    EXPECT_NEAR(euclidean, score_with("cka", a, b).angle_rad, 1e-12);
    EXPECT_NEAR(cosine, score_with("cka", normalised(a), normalised(b)).angle_rad, 1e-12);
}

TEST(Rsa, SmallAnglesHaveTheirDigits) {
    const Trajectories x = random_system(Stream(16).child("x"));
    const auto moved_by = [&](double size) {
        Stream stream = Stream(16).child("noise");
        return changed(x, [&](RowMatrix& values) {
            for (double& value : values.reshaped()) value += size * stream.normal();
        });
    };

    for (const char* comparison : {"pearson", "whitened_cosine"}) {
        const std::string name = std::string("rsa comparison=") + comparison;
        const double large = score_with(name, x, moved_by(1e-6)).angle_rad;
        const double small = score_with(name, x, moved_by(1e-10)).angle_rad;

        EXPECT_GT(small, 0) << comparison;
        EXPECT_NEAR(small / large, 1e-4, 1e-7) << comparison;  // second order: 1e-6 of it; rounding: 1e-16 / 1e-10
    }
}

// The correlation of patterns of two channels is 1 or -1 but for rounding. Ranks of two values are a linear map of
// them.
TEST(Rsa, DissimilaritiesThatDifferByRoundingAreTies) {
    const Shape shape{.trials = 4, .steps = 25, .channels = 2};
    const Trajectories a = random_system(Stream(17).child("a"), shape);
    const Trajectories b = random_system(Stream(17).child("b"), shape);

    EXPECT_NEAR(score_with("rsa comparison=spearman", a, b).angle_rad,
                score_with("rsa comparison=pearson", a, b).angle_rad, 1e-12);
}

TEST(Rsa, SaysWhyASystemHasNoDissimilarities) {
    const Shape shape{.trials = 3, .steps = 10, .channels = 3};
    const Trajectories x = random_system(Stream(18).child("x"), shape);
    const auto with_row = [&](double first, double others) {
        return changed(x, [&](RowMatrix& values) { values.row(14) << first, others, others; });
    };
    const auto corners = changed(x, [](RowMatrix& values) {
        values.setZero();
        for (Eigen::Index row = 0; row < values.rows(); ++row) values(row, row / 10) = 1;
    });
    const Trajectories pair = random_system(Stream(18).child("pair"), {.trials = 2, .steps = 10, .channels = 3});
    const auto cause = [](const std::string& name, const Trajectories& a, const Trajectories& b) {
        const repal::Score score = score_with(name, a, b);
        EXPECT_EQ(score.status, Status::not_applicable);
        EXPECT_EQ(score.detail, score_with(name, b, a).detail);
        return score.detail;
    };

    EXPECT_NE(cause("rsa", x, with_row(0.3, 0.3)).find("at trial 1, step 4"), std::string::npos);
    EXPECT_NE(cause("rsa distance=cosine", x, with_row(0, 0)).find("at trial 1, step 4"), std::string::npos);
    for (const std::string comparison : {" comparison=spearman", " comparison=pearson"})
        EXPECT_NE(cause("rsa conditions=trials" + comparison, x, corners).find("not all equally"), std::string::npos);
    for (const std::string comparison : {" comparison=spearman", " comparison=whitened_cosine"})
        EXPECT_NE(cause("rsa conditions=trials" + comparison, pair, pair).find("2 conditions"), std::string::npos);
    EXPECT_EQ(score_with("rsa conditions=trials comparison=whitened_cosine", x, corners).status, Status::ok);
    EXPECT_EQ(score_with("rsa distance=squared_euclidean", x, with_row(0, 0)).status, Status::ok);
}

// A stride of 4000 / 100 samples would meet the same step of every trial.
TEST(Rsa, ThinnedConditionsAreSaidAndMeetDifferentSteps) {
    const Trajectories a = random_system(Stream(19).child("a"), {.trials = 100, .steps = 40, .channels = 3});
    const auto chosen = metric_with("rsa max_conditions=100");
    const auto embedding = chosen.metric->prepare(a);

    std::size_t changing = 0;
    for (Eigen::Index step = 0; step < 40; ++step) {
        const Trajectories other = changed(a, [&](RowMatrix& values) {
            for (Eigen::Index trial = 0; trial < 100; ++trial) values.row(trial * 40 + step).array() *= -1;
        });
        if (chosen.metric->compare(*embedding, *chosen.metric->prepare(other)).angle_rad > 0) ++changing;
    }

    EXPECT_EQ(embedding->warning, "98 of 4000 conditions are compared, evenly spaced: max_conditions is 100");
    EXPECT_EQ(changing, 7);
    EXPECT_EQ(metric_with("rsa conditions=trials max_conditions=100").metric->prepare(a)->warning, "");
}

}  // namespace
