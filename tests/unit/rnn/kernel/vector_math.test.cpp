#include "rnn/kernel/vector_math.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <vector>

namespace repal::rnn {
namespace {

constexpr double tolerance = 2.4e-7;  // two units in the last place
constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float smallest_normal = std::numeric_limits<float>::min();
const float not_a_number = std::numeric_limits<float>::quiet_NaN();

/// All signs, every 4096th bit pattern: each binary exponent is met 2048 times.
std::vector<float> numbers_between(float low, float high) {
    std::vector<float> numbers{low, high};
    for (std::uint32_t bits = 0; bits < 0xfffff000u; bits += 4096) {
        const float x = std::bit_cast<float>(bits);
        if (x >= low && x <= high) numbers.push_back(x);
    }
    return numbers;
}

/// Numbers below the smallest normal one may be replaced by anything else down there, such as 0.
double relative_error(double computed, double exact) {
    if (computed == exact) return 0;
    if (std::abs(exact) < 2 * smallest_normal && std::abs(computed) < 2 * smallest_normal) return 0;
    return std::abs(computed - exact) / std::abs(exact);
}

template <class Function, class Exact>
double largest_error(Function function, Exact exact, float low, float high) {
    double largest = 0;
    for (float x : numbers_between(low, high)) {
        const float computed = function(all_lanes(x))[5];
        const double error = relative_error(computed, exact(double(x)));
        if (!(error <= largest)) largest = error;
    }
    return largest;
}

double exact_softplus(double x) {
    return x > 20 ? x + std::exp(-x) : std::log1p(std::exp(x));
}
double exact_sigmoid(double x) {
    return 1 / (1 + std::exp(-x));
}

Block block_with(Lanes x) {
    return block_of([&](int) { return x; });
}
Lanes sigmoid_of(Lanes x) {
    return sigmoid(block_with(x))[2];
}

template <class Phi>
Lanes value_of(Lanes x) {
    return Phi::at(block_with(x)).value[3];
}

template <class Phi>
Lanes slope_of(Lanes x) {
    return Phi::at(block_with(x)).slope[3];
}

TEST(VectorMath, ExpAgreesWithStd) {
    EXPECT_LT(largest_error(exp_bounded, [](double x) { return std::exp(x); }, -infinity, 88.0f), tolerance);
}

TEST(VectorMath, LogarithmAgreesWithStd) {
    EXPECT_LT(largest_error(logarithm, [](double x) { return std::log(x); }, smallest_normal, infinity), tolerance);
    EXPECT_EQ(logarithm(all_lanes(0.0f))[0], -infinity);
}

TEST(VectorMath, SigmoidAgreesWithStd) {
    EXPECT_LT(largest_error(sigmoid_of, exact_sigmoid, -infinity, infinity), tolerance);
}

TEST(VectorMath, SoftplusAgreesWithStd) {
    EXPECT_LT(largest_error(value_of<Softplus>, exact_softplus, -infinity, infinity), tolerance);
    EXPECT_LT(largest_error(slope_of<Softplus>, exact_sigmoid, -infinity, infinity), tolerance);
}

TEST(VectorMath, TanhAgreesWithStd) {
    EXPECT_LT(largest_error(value_of<Tanh>, [](double x) { return std::tanh(x); }, -infinity, infinity), tolerance);
}

TEST(VectorMath, SlopeOfTanhIsAccurateRelativeToOne) {
    for (float x : numbers_between(-infinity, infinity)) {
        const double t = std::tanh(double(x));
        ASSERT_NEAR(slope_of<Tanh>(all_lanes(x))[0], 1 - t * t, tolerance) << x;
    }
}

TEST(VectorMath, RectifiersAreExact) {
    for (float x : numbers_between(-infinity, infinity)) {
        ASSERT_EQ(value_of<Relu>(all_lanes(x))[0], x > 0 ? x : 0.0f);
        ASSERT_EQ(slope_of<Relu>(all_lanes(x))[0], x > 0 ? 1.0f : 0.0f);
        ASSERT_EQ(value_of<LeakyRelu>(all_lanes(x))[0], x > 0 ? x : 0.01f * x);
        ASSERT_EQ(slope_of<LeakyRelu>(all_lanes(x))[0], x > 0 ? 1.0f : 0.01f);
    }
}

TEST(VectorMath, NotANumberStays) {
    const Lanes x = all_lanes(not_a_number);

    for (Lanes y : {exp_bounded(x), logarithm(x), sigmoid_of(x), value_of<Relu>(x), value_of<LeakyRelu>(x),
                    value_of<Softplus>(x), slope_of<Softplus>(x), value_of<Tanh>(x), slope_of<Tanh>(x)})
        EXPECT_TRUE(std::isnan(y[3]));
}

}  // namespace
}  // namespace repal::rnn
