#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

import repal.random;
import repal.statistics;

namespace {

using repal::Observation;

TEST(Statistics, MeanMedianAndStandardErrorOfKnownNumbers) {
    const std::vector<double> values = {2, 4, 4, 10};

    EXPECT_EQ(repal::mean(values), 5);
    EXPECT_EQ(repal::median(values), 4);
    EXPECT_DOUBLE_EQ(repal::standard_error(values), std::sqrt((9.0 + 1 + 1 + 25) / 3 / 4));
    EXPECT_TRUE(std::isnan(repal::standard_error(std::vector<double>{1})));
}

TEST(BootstrapInterval, OneUnitHasNone) {
    const std::vector<Observation> one = {{1.0, {{3}}}, {2.0, {{3}}}};

    EXPECT_TRUE(std::isnan(repal::bootstrap_interval(one, 100, 0.95, repal::Stream(1)).low));
    const std::vector<Observation> one_pair = {{1.0, {{3}, {4}}}};
    EXPECT_TRUE(std::isnan(repal::bootstrap_interval(one_pair, 100, 0.95, repal::Stream(1)).low));
}

// The interval of a mean of independent values must hold the true mean in about 95 % of experiments.
TEST(BootstrapInterval, CoversTheMeanOfIndependentValues) {
    repal::Stream stream = repal::Stream(5).child("coverage");
    int covered = 0;
    constexpr int experiments = 1000;

    for (int experiment = 0; experiment < experiments; ++experiment) {
        std::vector<Observation> values;
        for (std::size_t unit = 0; unit < 40; ++unit) values.push_back({stream.normal(), {{unit}}});
        const auto interval =
            repal::bootstrap_interval(values, 300, 0.95, stream.child(static_cast<std::uint64_t>(experiment)));
        covered += interval.low <= 0 && 0 <= interval.high ? 1 : 0;
    }

    // Percentile intervals of 40 values are a little narrow (about 93 %); the bounds are four standard errors wider.
    EXPECT_GT(covered, 900);
    EXPECT_LT(covered, 980);
}

// Values a_i + a_j of pairs share their systems. Taking them as independent covers far too rarely.
TEST(BootstrapInterval, CoversTheMeanOfPairsThatShareSystems) {
    repal::Stream stream = repal::Stream(6).child("pairs");
    int covered = 0;
    int covered_as_independent = 0;
    constexpr int experiments = 300;

    for (int experiment = 0; experiment < experiments; ++experiment) {
        std::vector<double> effect(30);
        for (double& value : effect) value = stream.normal();
        std::vector<Observation> pairs;
        std::vector<double> values;
        for (std::size_t a = 0; a < effect.size(); ++a)
            for (std::size_t b = a + 1; b < effect.size(); ++b) {
                pairs.push_back({effect[a] + effect[b], {{a}, {b}}});
                values.push_back(pairs.back().value);
            }
        const auto interval =
            repal::bootstrap_interval(pairs, 200, 0.95, stream.child(static_cast<std::uint64_t>(experiment)));
        covered += interval.low <= 0 && 0 <= interval.high ? 1 : 0;
        covered_as_independent += std::abs(repal::mean(values)) < 1.96 * repal::standard_error(values) ? 1 : 0;
    }

    EXPECT_GT(covered, 0.88 * experiments);
    EXPECT_LT(covered_as_independent, 0.6 * experiments);
}

// Values that share the effect of their setting. Taking replicates as independent covers far too rarely.
TEST(BootstrapInterval, CoversTheMeanOfReplicatesInSettings) {
    repal::Stream stream = repal::Stream(7).child("settings");
    int covered = 0;
    int covered_as_independent = 0;
    constexpr int experiments = 300;

    for (int experiment = 0; experiment < experiments; ++experiment) {
        std::vector<Observation> values;
        std::vector<Observation> as_independent;
        for (std::size_t setting = 0; setting < 30; ++setting) {
            const double effect = stream.normal();
            for (std::size_t replicate = 0; replicate < 4; ++replicate) {
                const double value = effect + 0.5 * stream.normal();
                values.push_back({value, {{setting, replicate}}});
                as_independent.push_back({value, {{setting * 4 + replicate}}});
            }
        }
        const auto draws = stream.child(static_cast<std::uint64_t>(experiment));
        const auto holds = [](const repal::Interval& interval) { return interval.low <= 0 && 0 <= interval.high; };
        covered += holds(repal::bootstrap_interval(values, 200, 0.95, draws)) ? 1 : 0;
        covered_as_independent += holds(repal::bootstrap_interval(as_independent, 200, 0.95, draws)) ? 1 : 0;
    }

    EXPECT_GT(covered, 0.88 * experiments);
    EXPECT_LT(covered_as_independent, 0.8 * experiments);
}

// Two replicates of one setting are drawn in the same copy of it: a value of both counts only if both are in it.
TEST(BootstrapInterval, ReplicatesOfOneSettingAreDrawnTogether) {
    const std::vector<Observation> pairs = {{1.0, {{0, 0}, {0, 1}}}, {3.0, {{0, 0}, {0, 2}}}, {5.0, {{0, 1}, {0, 2}}}};

    const auto interval = repal::bootstrap_interval(pairs, 500, 0.95, repal::Stream(3));

    EXPECT_EQ(interval.low, 1);
    EXPECT_EQ(interval.high, 5);
}

}  // namespace
