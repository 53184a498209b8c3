#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

import repal.inference;
import repal.random;

namespace {

using repal::Dyad;
using repal::Stream;

// Reference values: SciPy 1.10 (ttest_1samp, permutation_test with all 1024 signs, linregress under all 120 orders) and
// statsmodels 0.13 (multipletests, fdr_bh) on the same numbers.

const std::vector<double> differences = {0.31, -0.12, 0.25, 0.08, 0.40, 0.02, -0.05, 0.19, 0.33, 0.11};

TEST(PairedTest, AgreesWithSciPy) {
    const repal::PairedTest test = repal::paired_test(differences, 2000, Stream(1));

    EXPECT_EQ(test.n, 10u);
    EXPECT_NEAR(test.mean_difference, 0.152, 1e-15);
    EXPECT_NEAR(test.t, 2.783594380430677, 1e-12);
    EXPECT_EQ(test.p, 28.0 / 1024);
    EXPECT_NEAR(test.effect_size, 0.880249832420617, 1e-12);
}

TEST(PairedTest, DrawsAreNearToAllSigns) {
    const double p = repal::paired_test(differences, 1000, Stream(1)).p;

    EXPECT_NE(p, 28.0 / 1024);
    EXPECT_NEAR(p, 28.0 / 1024, 4 * std::sqrt(0.027 / 1000));  // standard errors
    EXPECT_EQ(p, repal::paired_test(differences, 1000, Stream(1)).p);
}

TEST(PairedTest, OfOneDifferenceHasNoDeviation) {
    const repal::PairedTest test = repal::paired_test(std::vector<double>{0.5}, 1000, Stream(1));

    EXPECT_EQ(test.p, 1);
    EXPECT_TRUE(std::isnan(test.t));
    EXPECT_TRUE(std::isnan(test.effect_size));
}

/// Counts of rejections at 5 % outside of this interval come by chance once in a thousand times.
void expect_five_percent(int rejected, int experiments) {
    const double deviation = std::sqrt(0.05 * 0.95 * experiments);
    EXPECT_NEAR(rejected, 0.05 * experiments, 3.3 * deviation);
}

TEST(PairedTest, RejectsFivePercentOfNullData) {
    Stream stream = Stream(11).child("null");
    int rejected = 0;
    constexpr int experiments = 2000;
    for (int experiment = 0; experiment < experiments; ++experiment) {
        std::vector<double> null;
        // Heavy tails and settings of their own scale: exchangeable signs are all that the test needs.
        for (int i = 0; i < 12; ++i) null.push_back(std::pow(stream.normal(), 3) * (1 + i));
        rejected += repal::paired_test(null, 400, stream.child(static_cast<std::uint64_t>(experiment))).p <= 0.05;
    }
    expect_five_percent(rejected, experiments);
}

TEST(BenjaminiHochberg, AgreesWithStatsmodels) {
    const std::vector<double> adjusted =
        repal::benjamini_hochberg(std::vector<double>{0.001, 0.2, 0.013, 0.04, 0.04, 0.7, 0.0004, 0.05});
    const std::vector<double> expected = {0.004,  0.2285714285714286, 0.034666666666666665, 0.064, 0.064, 0.7,
                                          0.0032, 0.06666666666666667};

    ASSERT_EQ(adjusted.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(adjusted[i], expected[i], 1e-15);
    EXPECT_TRUE(repal::benjamini_hochberg({}).empty());
}

TEST(BenjaminiHochberg, TestsThatWereNotMadeDoNotCount) {
    const double none = std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> adjusted = repal::benjamini_hochberg(std::vector<double>{none, 0.01, none, 0.04});

    EXPECT_TRUE(std::isnan(adjusted[0]));
    EXPECT_EQ(adjusted[1], 0.02);
    EXPECT_TRUE(std::isnan(adjusted[2]));
    EXPECT_EQ(adjusted[3], 0.04);
}

const std::vector<std::vector<double>> values = {
    {0, .9, .5, .7, .3}, {.9, 0, .6, .8, .75}, {.5, .6, 0, .35, .45}, {.7, .8, .35, 0, .55}, {.3, .75, .45, .55, 0}};

std::vector<Dyad> dyads_of(const std::vector<std::vector<double>>& matrix) {
    std::vector<Dyad> dyads;
    for (std::size_t a = 0; a < matrix.size(); ++a)
        for (std::size_t b = a + 1; b < matrix.size(); ++b) dyads.push_back({matrix[a][b], a, b, {{a}, {b}}});
    return dyads;
}

auto difference_of(const std::vector<double>& attribute) {
    return [attribute](const Dyad& dyad, std::span<const std::size_t> order) -> std::optional<double> {
        return std::abs(attribute[order[dyad.a]] - attribute[order[dyad.b]]);
    };
}

TEST(Regress, AgreesWithSciPyUnderAllOrders) {
    const auto found =
        repal::regress(dyads_of(values), 5, difference_of({0.1, 0.9, 0.35, 0.6, 0.2}), 1000, 0.95, Stream(1));

    EXPECT_EQ(found.n, 10u);
    EXPECT_NEAR(found.slope, 0.6836734693877551, 1e-12);
    EXPECT_NEAR(found.intercept, 0.31653061224489804, 1e-12);
    EXPECT_NEAR(found.r_squared, 0.6562481726214842, 1e-12);
    EXPECT_NEAR(found.p, 1.0 / 120, 1e-15);
    EXPECT_LT(found.interval.low, found.slope);
    EXPECT_GT(found.interval.high, found.slope);
}

TEST(Regress, LeavesOutWhatHasNoPredictor) {
    const auto only_of_first = [](const Dyad& dyad, std::span<const std::size_t> order) -> std::optional<double> {
        if (order[dyad.a] != 0) return {};
        return static_cast<double>(order[dyad.b]);
    };
    const auto found = repal::regress(dyads_of(values), 5, only_of_first, 1000, 0.95, Stream(1));
    EXPECT_EQ(found.n, 4u);
    EXPECT_EQ(found.n_excluded, 6u);

    const auto constant = repal::regress(
        dyads_of(values), 5, [](const Dyad&, std::span<const std::size_t>) { return std::optional(1.0); }, 1000, 0.95,
        Stream(1));
    EXPECT_TRUE(std::isnan(constant.slope));
    EXPECT_TRUE(std::isnan(constant.p));
}

// Pairs of things have effects that all units share, as groups have; taking the values as independent would reject far
// too often.
TEST(Regress, RejectsFivePercentOfNullData) {
    Stream stream = Stream(12).child("null");
    int rejected = 0;
    constexpr int experiments = 500;
    for (int experiment = 0; experiment < experiments; ++experiment) {
        std::vector<double> attribute(5);
        std::vector<double> effect(5);
        for (double& value : attribute) value = stream.normal();
        for (double& value : effect) value = stream.normal();
        std::vector<Dyad> dyads;
        for (std::size_t unit = 0; unit < 6; ++unit)
            for (std::size_t a = 0; a < 5; ++a)
                for (std::size_t b = a + 1; b < 5; ++b)
                    dyads.push_back({effect[a] + effect[b] + 0.3 * stream.normal(), a, b, {{unit}}});
        const auto found = repal::regress(dyads, 5, difference_of(attribute), 120, 0.95,
                                          stream.child(static_cast<std::uint64_t>(experiment)));
        rejected += found.p <= 0.05;
    }
    expect_five_percent(rejected, experiments);
}

// With few things, leaving one out takes much, so that intervals are wider than they need be: never too narrow.
TEST(Regress, IntervalOfFewThingsCoversAtLeastAsOftenAsItSays) {
    Stream stream = Stream(13).child("coverage");
    constexpr int experiments = 300;
    constexpr double slope = 0.4;
    constexpr std::size_t n_things = 5;
    int covered = 0;
    for (int experiment = 0; experiment < experiments; ++experiment) {
        std::vector<double> attribute(n_things);
        std::vector<double> effect(n_things);
        std::vector<double> slopes(8);  // of units
        for (double& value : attribute) value = stream.normal();
        for (double& value : effect) value = 0.5 * stream.normal();
        for (double& value : slopes) value = slope + 0.3 * stream.normal();
        std::vector<Dyad> dyads;
        for (std::size_t unit = 0; unit < slopes.size(); ++unit)
            for (std::size_t a = 0; a < n_things; ++a)
                for (std::size_t b = a + 1; b < n_things; ++b)
                    dyads.push_back({effect[a] + effect[b] + slopes[unit] * std::abs(attribute[a] - attribute[b]) +
                                         0.5 * stream.normal(),
                                     a,
                                     b,
                                     {{unit}}});
        const auto found = repal::regress(dyads, n_things, difference_of(attribute), 1, 0.95,
                                          stream.child(static_cast<std::uint64_t>(experiment)));
        covered += found.interval.low <= slope && slope <= found.interval.high;
    }
    EXPECT_GE(covered, experiments * 95 / 100);
}

}  // namespace
