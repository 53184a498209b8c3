#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <numeric>
#include <set>
#include <vector>

import repal.random;

namespace {

using repal::Stream;

TEST(Stream, SameNameGivesTheSameNumbers) {
    Stream first = Stream(7).child("noise").child(3);
    Stream second = Stream(7).child("noise").child(3);

    for (int i = 0; i < 100; ++i) EXPECT_EQ(first.bits(), second.bits());
}

TEST(Stream, SeedNameAndIndexEachGiveOtherNumbers) {
    std::set<std::uint64_t> firsts;
    for (std::uint64_t seed : {0, 1, 2})
        for (const char* purpose : {"noise", "initial_point", ""})
            for (std::uint64_t index : {0, 1, 2, 1000}) {
                firsts.insert(Stream(seed).child(purpose).child(index).bits());
                firsts.insert(Stream(seed).child(index).child(purpose).bits());
            }

    EXPECT_EQ(firsts.size(), 3u * 3u * 4u * 2u);
}

TEST(Stream, ChildrenDoNotDependOnHowManyNumbersWereDrawn) {
    Stream fresh(1);
    Stream used(1);
    for (int i = 0; i < 17; ++i) used.bits();

    EXPECT_EQ(fresh.child("x").bits(), used.child("x").bits());
}

TEST(Stream, UniformAndNormalHaveTheirMoments) {
    constexpr int n = 200'000;
    Stream stream = Stream(1).child("moments");
    double uniform_sum = 0;
    double normal_sum = 0;
    double normal_squares = 0;

    for (int i = 0; i < n; ++i) {
        const double u = stream.uniform();
        ASSERT_GE(u, 0);
        ASSERT_LT(u, 1);
        uniform_sum += u;
        const double z = stream.normal();
        normal_sum += z;
        normal_squares += z * z;
    }

    const double standard_error = 1 / std::sqrt(n);  // five of them below
    EXPECT_NEAR(uniform_sum / n, 0.5, 5 * std::sqrt(1.0 / 12) * standard_error);
    EXPECT_NEAR(normal_sum / n, 0, 5 * standard_error);
    EXPECT_NEAR(normal_squares / n, 1, 5 * std::sqrt(2.0) * standard_error);
}

TEST(Stream, BelowIsUniform) {
    Stream stream = Stream(2).child("below");
    std::vector<int> counts(7);

    for (int i = 0; i < 70'000; ++i) ++counts[stream.below(7)];

    for (const int count : counts) EXPECT_NEAR(count, 10'000, 5 * std::sqrt(10'000.0));  // five standard deviations
}

TEST(Stream, PermutationHasEveryNumberOnce) {
    auto order = Stream(3).permutation(100);

    EXPECT_FALSE(std::ranges::is_sorted(order));
    std::ranges::sort(order);
    std::vector<std::size_t> expected(100);
    std::iota(expected.begin(), expected.end(), std::size_t{0});
    EXPECT_EQ(order, expected);
}

}  // namespace
