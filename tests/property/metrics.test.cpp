#include <fmt/format.h>
/// Laws of the metrics that are shipped, on random systems and with options that are not as by default.
#include <gtest/gtest.h>

#include <Eigen/QR>
#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <limits>
#include <memory>
#include <numbers>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#include "core/eigen.hpp"

import repal.comparison;
import repal.config;
import repal.conformance;
import repal.progress;
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

Trajectories changed(const Trajectories& x, const std::function<void(RowMatrix&)>& change) {
    RowMatrix values = x.rows();
    change(values);
    return x.with_rows(values);
}

Trajectories in_time_order(const Trajectories& x, const std::vector<std::size_t>& order) {
    return changed(x, [&](RowMatrix& values) {
        for (Eigen::Index trial = 0; trial < x.shape().trials; ++trial)
            for (std::size_t t = 0; t < order.size(); ++t)
                values.row(trial * x.shape().steps + static_cast<Eigen::Index>(t)) =
                    x.trial(trial).row(static_cast<Eigen::Index>(order[t]));
    });
}

/// A metric and its options: of "rsa conditions=trials" those that are not as by default.
struct Chosen {
    explicit Chosen(const std::string& text) {
        std::istringstream words(text);
        std::string name;
        words >> name;
        std::vector<std::string> overrides;
        for (std::string option; words >> option;) overrides.push_back(name + "." + option);
        config = repal::Config::from_overrides(overrides);
        plugin = &registry().metric(name);
    }

    const repal::LoadedMetric* plugin;
    repal::Config config = repal::Config::from_overrides({});
};

repal::ChosenMetric metric_with(const std::string& text) {
    const Chosen chosen(text);
    return repal::choose_metric(*chosen.plugin, chosen.config);
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
    bool compares_dynamics() const { return chosen_.info.family == repal::Family::dynamics; }
    bool compares_trials() const { return GetParam().find("conditions=trial") != std::string::npos; }
    bool has_correspondence(repal::Correspondence one) const {
        return std::ranges::find(chosen_.info.corresponding, one) != chosen_.info.corresponding.end();
    }

    Stream stream_ = Stream(11).child(GetParam());
    repal::ChosenMetric chosen_ = metric_with(GetParam());
};

// Those of the plugin's declaration hold, and no others.
TEST_P(EveryMetric, PassesTheChecksOfPlugins) {
    const auto [plugin, config] = Chosen(GetParam());
    const auto options = config.at_or_empty(chosen_.name).options(plugin->info.options);
    for (const repal::Check& check : repal::checks_of(*plugin, options)) {
        const repal::Finding finding = check.run();

        EXPECT_NE(finding.verdict, repal::Verdict::failed) << check.name << ": " << finding.detail;
        if (check.name.starts_with("invariance"))
            EXPECT_NE(finding.verdict, repal::Verdict::noted) << check.name << ": " << finding.detail;
    }
}

// Geometry knows no time: shuffling it in both systems alike leaves CKA, Procrustes and RSA as they are. Dynamics do.
TEST_P(EveryMetric, ShuffledTimeOfBothSystemsChangesDynamicsOnly) {
    const Shape shape{.trials = 9, .steps = 20, .channels = 5};  // of which no metric leaves out samples
    const Trajectories a = random_system(stream_.child("a"), shape);
    const Trajectories b = random_system(stream_.child("b"), shape);
    const auto order = stream_.child("time").permutation(20);

    const double before = angle(a, b);
    const double after = angle(in_time_order(a, order), in_time_order(b, order));

    if (compares_dynamics() || GetParam().find("exclude_steps") != std::string::npos)
        EXPECT_GT(std::abs(before - after), 1e-3);
    else
        EXPECT_NEAR(before, after,
                    1e-9);  // the same products, summed in another order; searches end where little is gained
}

TEST_P(EveryMetric, DifferentNumbersOfChannelsAreCompared) {
    const Trajectories few = random_system(stream_.child("few"), {.trials = 12, .steps = 60, .channels = 2});
    const Trajectories many = random_system(stream_.child("many"), {.trials = 12, .steps = 60, .channels = 9});

    const repal::Score forth = score(few, many);
    const repal::Score back = score(many, few);
    EXPECT_EQ(forth.status, back.status);
    if (has_correspondence(repal::Correspondence::channels)) {
        EXPECT_EQ(forth.status, Status::not_applicable);
    } else if (GetParam().find("feature_corrected") != std::string::npos) {
        if (forth.status != Status::ok) EXPECT_NE(forth.detail.find("channels are too few"), std::string::npos);
    } else {
        EXPECT_EQ(forth.status, Status::ok) << forth.detail;
        EXPECT_EQ(forth.angle_rad, back.angle_rad);
    }
}

TEST_P(EveryMetric, DifferentNumbersOfTrialsOrStepsAreComparedOrRefused) {
    const Trajectories x = random_system(stream_.child("x"));
    const Trajectories fewer_trials = random_system(stream_.child("y"), {.trials = 11, .steps = 60, .channels = 5});
    const Trajectories fewer_steps = random_system(stream_.child("z"), {.trials = 12, .steps = 59, .channels = 5});

    for (const Trajectories& other : {fewer_trials, fewer_steps}) {
        const repal::Score result = score(x, other);
        if (has_correspondence(repal::Correspondence::conditions)) {
            // Of trials that all repeat one condition there may be more in one system.
            const bool is_alike =
                chosen_.name == "stochastic_shape"
                    ? GetParam().find("repeats") == std::string::npos && other.shape().steps == x.shape().steps
                    : compares_trials() && other.shape().trials == x.shape().trials;
            EXPECT_EQ(result.status, is_alike ? Status::ok : Status::not_applicable) << result.detail;
            EXPECT_EQ(result.detail.empty(), is_alike);
        } else if (compares_dynamics() || (compares_trials() && other.shape().trials == x.shape().trials)) {
            EXPECT_EQ(result.status, Status::ok) << result.detail;
        } else {
            EXPECT_EQ(result.status, Status::not_applicable);
            EXPECT_NE(result.detail.find("12 trials x 60 steps"), std::string::npos) << result.detail;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(
    Plugins, EveryMetric,
    testing::Values(
        "cka", "procrustes", "dsa", "eigenvalue_wasserstein", "eigenvalue_wasserstein order=2",
        "rsa max_conditions=200", "rsa conditions=trials comparison=pearson",
        "rsa conditions=trial_means distance=squared_euclidean",
        "rsa distance=cosine comparison=pearson max_conditions=200",
        "rsa distance=squared_euclidean comparison=whitened_cosine max_conditions=200",
        "rsa comparison=kendall max_conditions=200", "rsa distance=cosine comparison=cosine max_conditions=200",
        "rsa distance=crossnobis conditions=trial_means repeats=3",
        "rsa distance=crossnobis conditions=trial_means repeats=3 noise=shrunk comparison=pearson",
        "rsa distance=crossnobis conditions=trials repeats=3 comparison=whitened_cosine", "cka estimator=debiased",
        "cka kernel=rbf max_samples=200", "cka kernel=rbf bandwidth=0.5 estimator=debiased max_samples=200",
        "cka kernel=distance", "cka kernel=distance estimator=debiased", "cka kernel=ridge", "cka kernel=ridge ridge=0",
        "cka estimator=feature_corrected", "procrustes alpha=0", "procrustes alpha=0.5",
        "procrustes alpha=0.5 scaled=false", "procrustes alpha=0.3 whitening=power", "cca", "cca summary=mean_squared",
        "cca summary=projection_weighted", "cca variance=0.9", "predictivity", "predictivity ridge=[0.1]",
        "predictivity ridge=[0] folds=1", "matching", "matching channels=as_is", "matching correspondence=one_to_one",
        "matching correspondence=one_to_one unmatched=forbidden", "neighbours max_samples=200",
        "neighbours measure=jaccard k=5 max_samples=200",
        "neighbours measure=second_order distance=cosine max_samples=200",
        "neighbours measure=cknna distance=cosine max_samples=200",
        "neighbours measure=local_alignment distance=cosine max_samples=200",
        "neighbours distance=cosine exclude_steps=3 max_samples=200",
        "stochastic_shape repeats=3 starts=4 max_images=60", "stochastic_shape means=1 starts=2 max_images=1000",
        "stochastic_shape distribution=energy repeats=3 starts=3 max_images=60",
        "eigenvalue_wasserstein modes=least_residual kept=4 window=hann",
        "eigenvalue_wasserstein time=continuous rank=4", "sgot rank=4", "sgot rank=4 grassmann=geodesic order=2",
        "sgot rank=6 modes=least_residual kept=3 time=continuous", "input_dsa n_delays=4",
        "input_dsa n_delays=4 compare=state", "input_dsa n_delays=4 compare=input",
        "input_dsa n_delays=4 fit=regression coordinates=data"),
    [](const auto& info) {
        std::string name = info.param;
        std::ranges::replace_if(name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
        return name;
    });

// Ranks that differ are no distance, unless the user asks for a common one.
TEST(Dsa, DifferentRanksAreNotApplicableUnlessACommonRankIsAskedFor) {
    // Two decays, mixed in all channels.
    const Trajectories low = changed(random_system(Stream(1).child("low")), [](RowMatrix& values) {
        for (Eigen::Index row = 0; row < values.rows(); ++row)
            for (Eigen::Index channel = 0; channel < values.cols(); ++channel)
                values(row, channel) = std::pow(0.9, static_cast<double>(row % 60)) +
                                       static_cast<double>(channel) * std::pow(0.8, static_cast<double>(row % 60));
    });
    const Trajectories high = random_system(Stream(1).child("high"));
    repal::Part part{.name = "two", .pairs = {{0, 1, {}, {}}}};
    part.systems = {{"low", repal::given("low", low)}, {"high", repal::given("high", high)}};
    struct Warned final : repal::Progress {
        void warn(const std::string& /*source*/, const std::string& text) override { warning = text; }
        std::string warning;
    } progress;
    const auto compared = [&](const repal::Config& options) {
        repal::PreparedSystems prepared({}, 0);
        return compare_all(repal::choose_metric(registry().metric("dsa"), options), part, prepared, 1, progress)[0]
            .score;
    };

    const repal::Score refused = compared(repal::Config::from_overrides({}));
    EXPECT_NE(progress.warning, "");
    EXPECT_EQ(refused.status, Status::not_applicable);
    EXPECT_NE(refused.detail.find("the data of one determine no more than rank 2 of 10"), std::string::npos)
        << refused.detail;
    const std::vector<std::string> overrides = {"dsa.common_rank=true"};
    EXPECT_EQ(compared(repal::Config::from_overrides(overrides)).status, Status::ok);
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
    int compared = 0;
    for (const int order : {1, 2}) {
        for (std::uint64_t i = 0; i < 100; ++i) {
            const Spectrum a = random_spectrum(stream);
            const Spectrum b = random_spectrum(stream);
            const auto chosen = metric_with(fmt::format(
                "eigenvalue_wasserstein n_delays=1 rank={} min_transition_share=1e-6 order={}", a.size(), order));

            const repal::Score score =
                chosen.metric->compare(*chosen.metric->prepare(linear_system(a, stream.child(2 * i))),
                                       *chosen.metric->prepare(linear_system(b, stream.child(2 * i + 1))));

            if (b.size() < a.size()) ASSERT_EQ(score.status, Status::not_applicable);
            if (a.size() != b.size()) continue;
            ASSERT_EQ(score.status, Status::ok) << score.detail;
            ++compared;
            EXPECT_NEAR(std::tan(score.angle_rad), wasserstein(a, b, order, a.size()), 1e-7);  // that nearly meet
        }
    }
    EXPECT_GT(compared, 20);
}

TEST(EigenvalueWasserstein, SaysThatARankIsCapped) {
    const auto chosen = metric_with("eigenvalue_wasserstein n_delays=1 rank=1000000000");

    const auto embedding = chosen.metric->prepare(linear_system({0.9, 0.5}, Stream(13)));

    EXPECT_EQ(embedding->warning, "rank 1000000000 is capped to 2: the data determine no more");
    const repal::Score refused = chosen.metric->compare(*embedding, *embedding);
    EXPECT_EQ(refused.status, Status::not_applicable);
    EXPECT_NE(refused.detail.find("set rank to 2 or less, or common_rank to true"), std::string::npos)
        << refused.detail;
}

// Where less than was asked for is determined, the rank that all have in common counts, and is said.
TEST(EigenvalueWasserstein, DoesNotDependOnTheRankThatIsAskedFor) {
    const Trajectories a = linear_system({0.9, 0.5}, Stream(13));
    const Trajectories b = linear_system({0.9, 0.6}, Stream(14));
    const auto score = [&](const std::string& rank) {
        const auto chosen = metric_with("eigenvalue_wasserstein n_delays=1 common_rank=true rank=" + rank);
        const auto common = chosen.metric->harmonise({chosen.metric->prepare(a), chosen.metric->prepare(b)});
        return chosen.metric->compare(*common[0], *common[1]);
    };

    for (const char* rank : {"2", "4", "50", "1000"}) {
        EXPECT_NEAR(score(rank).angle_rad, std::atan(0.05), 1e-9) << rank;  // of two, one moves by 0.1
        EXPECT_EQ(score(rank).values.front(), 2) << rank;
    }
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

    EXPECT_NE(cause("rsa max_conditions=200", x, with_row(0.3, 0.3)).find("at trial 1, step 4"), std::string::npos);
    EXPECT_NE(cause("rsa distance=cosine", x, with_row(0, 0)).find("at trial 1, step 4"), std::string::npos);
    for (const std::string comparison : {" comparison=spearman", " comparison=pearson"})
        EXPECT_NE(cause("rsa conditions=trials" + comparison, x, corners).find("not all equally"), std::string::npos);
    for (const std::string comparison : {" comparison=spearman", " comparison=whitened_cosine"})
        EXPECT_NE(cause("rsa conditions=trials" + comparison, pair, pair).find("2 conditions"), std::string::npos);
    EXPECT_EQ(score_with("rsa conditions=trials comparison=whitened_cosine", x, corners).status, Status::ok);
    EXPECT_EQ(score_with("rsa distance=squared_euclidean", x, with_row(0, 0)).status, Status::ok);
}

TEST(Rsa, EveryOneOfFewTrialsIsCompared) {
    const Trajectories a = random_system(Stream(20).child("a"), {.trials = 3, .steps = 600, .channels = 3});
    const auto chosen = metric_with("rsa");
    const auto embedding = chosen.metric->prepare(a);

    for (Eigen::Index trial = 0; trial < 3; ++trial) {
        const Trajectories other = changed(a, [&](RowMatrix& values) {
            auto changing = values.middleRows(600 * trial, 600);
            changing = changing.colwise().reverse().eval();
        });
        EXPECT_GT(chosen.metric->compare(*embedding, *chosen.metric->prepare(other)).angle_rad, 0.01) << trial;
    }
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

    EXPECT_EQ(embedding->warning, "100 of 4000 conditions are compared, evenly spaced: max_conditions is 100");
    EXPECT_EQ(changing, 10);
    EXPECT_EQ(metric_with("rsa conditions=trials max_conditions=100").metric->prepare(a)->warning, "");
}

}  // namespace
