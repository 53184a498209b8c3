#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

import repal.jackknife;

namespace {

using Samples = std::vector<std::vector<double>>;

constexpr double largest = 3;

TEST(Jackknife, WithoutScatterNothingIsCorrected) {
    const auto found = repal::jackknife(0.5, Samples{{0.5, 0.5, 0.5}}, 0.95, largest);

    EXPECT_EQ(found.value, 0.5);
    EXPECT_EQ(found.interval.low, 0.5);
    EXPECT_EQ(found.interval.high, 0.5);
}

// By hand: squares .36, .25, .49 have the mean 11/30, so that the square is .25 - 2 (11/30 - 1/4) = 1/60; the variance
// is 2/3 (.1^2 + .1^2) with two degrees of freedom, of which Student's t at .975 is 4.302652729749464.
TEST(Jackknife, OfOneSampleIsAsByHand) {
    const auto found = repal::jackknife(0.5, Samples{{0.6, 0.5, 0.7}}, 0.95, largest);

    EXPECT_NEAR(found.value, std::sqrt(1.0 / 60), 1e-12);
    EXPECT_NEAR(found.interval.high, std::sqrt(1.0 / 60) + 4.302652729749464 * std::sqrt(0.02 * 2 / 3), 1e-12);
    EXPECT_EQ(found.interval.low, 0);
}

TEST(Jackknife, TwoSamplesAddTheirNoiseInEitherOrder) {
    const std::vector<double> a = {0.5, 0.52, 0.49, 0.53};
    const std::vector<double> b = {0.51, 0.505, 0.5};
    const auto forth = repal::jackknife(0.5, Samples{a, b}, 0.95, largest);
    const auto back = repal::jackknife(0.5, Samples{b, a}, 0.95, largest);

    EXPECT_EQ(forth.value, back.value);
    EXPECT_EQ(forth.interval.low, back.interval.low);
    EXPECT_EQ(forth.interval.high, back.interval.high);
    const auto bias = [](const std::vector<double>& sample) {
        const double whole = repal::jackknife(0.5, Samples{sample}, 0.95, largest).value;
        return 0.25 - whole * whole;
    };
    EXPECT_NEAR(0.25 - forth.value * forth.value, bias(a) + bias(b), 1e-12);
}

TEST(Jackknife, StaysWithinWhatTheDistanceCanBe) {
    const auto near = repal::jackknife(0.1, Samples{{0.4, 0.5}}, 0.95, largest);
    EXPECT_EQ(near.value, 0);

    const auto far = repal::jackknife(2.9, Samples{{2.0, 2.8}}, 0.95, largest);
    EXPECT_EQ(far.value, largest);
    EXPECT_EQ(far.interval.high, largest);
}

}  // namespace
