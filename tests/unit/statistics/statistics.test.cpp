#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
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

// By hand: the mean of 1, 2, 6 is 3; without one each it is 4, 3.5, 1.5, whose mean is 3.
TEST(JackknifeVariance, OfAMeanIsTheSquareOfItsStandardError) {
    const std::vector<double> values = {1, 2, 6};
    const std::vector<std::vector<repal::Unit>> units = {{{4}}, {{7}}, {{9}}};
    const auto mean_of = [&](std::span<const double> weights) {
        double sum = 0;
        double all = 0;
        for (std::size_t i = 0; i < weights.size(); ++i) {
            sum += weights[i] * values[i];
            all += weights[i];
        }
        return sum / all;
    };

    const auto found = repal::jackknife_variance(units, mean_of);

    EXPECT_DOUBLE_EQ(found.variance, std::pow(repal::standard_error(values), 2));
    EXPECT_EQ(found.freedom, 2);
    // 4.302652729749 is the 97.5 % point of Student's t of 2 degrees of freedom.
    const auto interval = repal::t_interval(3, found, 0.95);
    EXPECT_NEAR(interval.high - 3, 4.302652729749464 * repal::standard_error(values), 1e-9);
    EXPECT_NEAR(interval.low + interval.high, 6, 1e-12);
}

TEST(IntervalOfMean, WithoutAUnitThatAllDependOnNothingIsKnown) {
    const std::vector<Observation> all_of_one = {{1.0, {{0}, {1}}}, {2.0, {{0}, {2}}}, {4.0, {{0}, {3}}}};
    EXPECT_TRUE(std::isnan(repal::interval_of_mean(all_of_one, 100, 0.95, repal::Stream(1)).low));
    const std::vector<Observation> one = {{1.0, {{3}}}, {2.0, {{3}}}};
    EXPECT_TRUE(std::isnan(repal::interval_of_mean(one, 100, 0.95, repal::Stream(1)).high));
    EXPECT_TRUE(std::isnan(repal::interval_of_mean({}, 100, 0.95, repal::Stream(1)).high));
}

TEST(IntervalOfMean, OfOneSettingReplicatesAreTheUnits) {
    const std::vector<Observation> replicates = {{1.0, {{3, 0}}}, {2.0, {{3, 1}}}, {6.0, {{3, 2}}}};
    const std::vector<Observation> settings = {{1.0, {{0}}}, {2.0, {{1}}}, {6.0, {{2}}}};
    const auto of_replicates = repal::interval_of_mean(replicates, 100, 0.95, repal::Stream(1));
    EXPECT_EQ(of_replicates.high, repal::interval_of_mean(settings, 100, 0.95, repal::Stream(1)).high);
    EXPECT_GT(of_replicates.high, 6);
}

TEST(IntervalOfMean, OfTwentyUnitsIsThatOfTheBootstrap) {
    repal::Stream stream(4);
    std::vector<Observation> values;
    for (std::size_t unit = 0; unit < 20; ++unit) values.push_back({stream.normal(), {{unit}}});
    const auto of_all = repal::interval_of_mean(values, 200, 0.95, repal::Stream(1));
    EXPECT_EQ(of_all.low, repal::bootstrap_interval(values, 200, 0.95, repal::Stream(1)).low);
    values.pop_back();
    const auto of_fewer = repal::interval_of_mean(values, 200, 0.95, repal::Stream(1));
    EXPECT_NE(of_fewer.low, repal::bootstrap_interval(values, 200, 0.95, repal::Stream(1)).low);
}

// Of few units the percentiles of the bootstrap are too near: here eight settings, and nine systems in pairs. Counts
// outside of these bounds come by chance once in a thousand times (3.3 standard errors of 500 experiments: 3.2 %).
TEST(IntervalOfMean, OfFewUnitsCoversAsOftenAsItSays) {
    repal::Stream stream = repal::Stream(8).child("few");
    constexpr int experiments = 500;
    int of_settings = 0;
    int of_settings_by_percentiles = 0;
    int of_pairs = 0;
    for (int experiment = 0; experiment < experiments; ++experiment) {
        const auto draws = stream.child(static_cast<std::uint64_t>(experiment));
        const auto holds = [](const repal::Interval& interval) { return interval.low <= 0 && 0 <= interval.high; };
        std::vector<Observation> settings;
        for (std::size_t setting = 0; setting < 8; ++setting) settings.push_back({stream.normal(), {{setting}}});
        of_settings += holds(repal::interval_of_mean(settings, 200, 0.95, draws)) ? 1 : 0;
        of_settings_by_percentiles += holds(repal::bootstrap_interval(settings, 200, 0.95, draws)) ? 1 : 0;
        std::vector<double> effect(9);
        for (double& value : effect) value = stream.normal();
        std::vector<Observation> pairs;
        for (std::size_t a = 0; a < effect.size(); ++a)
            for (std::size_t b = a + 1; b < effect.size(); ++b) pairs.push_back({effect[a] + effect[b], {{a}, {b}}});
        of_pairs += holds(repal::interval_of_mean(pairs, 200, 0.95, draws)) ? 1 : 0;
    }
    EXPECT_NEAR(of_settings, 0.95 * experiments, 0.032 * experiments);
    EXPECT_NEAR(of_pairs, 0.95 * experiments, 0.032 * experiments);
    EXPECT_LT(of_settings_by_percentiles, 0.93 * experiments);
}

TEST(Correlation, IsOfValuesOrOfTheirRanks) {
    const std::vector<double> x = {1, 2, 2, 10};
    const std::vector<double> y = {1, 3, 2, 4};

    // Deviations (-2.75, -1.75, -1.75, 6.25) and (-1.5, .5, -.5, 1.5): 13.5 / sqrt(52.75 * 5)
    EXPECT_NEAR(repal::correlation(x, y), 13.5 / std::sqrt(52.75 * 5), 1e-14);
    // Ranks (1, 2.5, 2.5, 4) and (1, 3, 2, 4): 4.5 / sqrt(4.5 * 5)
    EXPECT_NEAR(repal::rank_correlation(x, y), 4.5 / std::sqrt(4.5 * 5), 1e-14);
    EXPECT_TRUE(std::isnan(repal::correlation(x, std::vector<double>(4, 1.0))));
}

}  // namespace
