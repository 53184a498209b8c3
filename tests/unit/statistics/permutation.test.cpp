#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <set>
#include <span>
#include <vector>

import repal.permutation;
import repal.random;

namespace {

using repal::Exchange;
using repal::Stream;
using Values = std::vector<std::size_t>;

/// All orders that a test looks at, each once.
std::multiset<Values> orders_of(const Exchange& exchange, const Values& values, int resamples) {
    std::multiset<Values> seen;
    int calls = 0;
    repal::permutation_test(
        exchange, values,
        [&](std::span<const std::size_t> order) {
            if (calls++ > 0) seen.emplace(order.begin(), order.end());  // the first is the one that was observed
            return 0.0;
        },
        resamples, Stream(1));
    return seen;
}

TEST(Permutation, LooksAtEachDistinctOrderOnce) {
    const Values values = {7, 7, 3, 3};
    const auto seen = orders_of(Exchange::of_all(4), values, 6);

    EXPECT_EQ(seen.size(), 6u);  // 4! / (2! 2!)
    EXPECT_EQ(std::set<Values>(seen.begin(), seen.end()).size(), 6u);
    EXPECT_TRUE(seen.contains(values));
}

TEST(Permutation, ExchangesWithinStrataOnly) {
    const Values strata = {0, 1, 0, 1, 0};
    const auto seen = orders_of(Exchange::within(strata), {1, 2, 3, 4, 5}, 100);

    EXPECT_EQ(seen.size(), 12u);  // 3! 2!
    for (const Values& order : seen)
        EXPECT_EQ((std::set<std::size_t>{order[0], order[2], order[4]}), (std::set<std::size_t>{1, 3, 5}));
}

TEST(Permutation, SubjectsAreExchangedAsWholesUnlessValuesVaryWithinThem) {
    // Subjects 0 (things 0, 1), 1 (2, 3) and 2 (4) have one value each, 3 (5, 6) has two.
    const Values subjects = {0, 0, 1, 1, 2, 3, 3};
    const Values values = {0, 0, 1, 1, 1, 0, 1};
    const auto seen = orders_of(Exchange::of_subjects(subjects, values), values, 100);

    EXPECT_EQ(seen.size(), 3u * 2u);
    for (const Values& order : seen) {
        EXPECT_EQ(order[0], order[1]);
        EXPECT_EQ(order[2], order[3]);
        EXPECT_NE(order[5], order[6]);
    }
}

TEST(Permutation, ShiftsOneCourseFromItsEndToItsBeginning) {
    const auto seen = orders_of(Exchange::shifts(std::vector<std::size_t>{2, 0, 1}), {5, 6, 7}, 100);

    // Along the things 2, 0, 1 the values are 7, 5, 6.
    EXPECT_EQ(seen, (std::multiset<Values>{{5, 6, 7}, {6, 7, 5}, {7, 5, 6}}));
}

TEST(Permutation, DrawsWithTheObservedOrderAmongThem) {
    const Exchange exchange = Exchange::of_all(20);
    Values values(20);
    for (std::size_t i = 0; i < 20; ++i) values[i] = i;
    const auto first = [](std::span<const std::size_t> order) { return order[0] == 0 && order[1] == 1 ? 1.0 : 0.0; };

    const auto test = repal::permutation_test(exchange, values, first, 999, Stream(3));

    // One in 380 orders begins so; p is at least that of the observed one.
    EXPECT_GE(test.p, 1.0 / 1000);
    EXPECT_LE(test.p, 10.0 / 1000);
    EXPECT_EQ(test.least_p, 1.0 / 1000);
    EXPECT_NEAR(test.orders, 2.432902008176640e18, 1e6);  // 20!
}

TEST(Permutation, SaysTheLeastPThatFewOrdersLeave) {
    // Two groups of three: each of ten splits twice.
    const Values labels = {0, 0, 0, 1, 1, 1};
    const std::vector<double> x = {1, 2, 3, 10, 11, 12};
    const auto difference = [&](std::span<const std::size_t> order) {
        double sum = 0;
        for (std::size_t i = 0; i < 6; ++i) sum += order[i] == 1 ? x[i] : -x[i];
        return std::abs(sum);
    };
    const auto test = repal::permutation_test(Exchange::of_all(6), labels, difference, 9999, Stream(1));

    EXPECT_EQ(test.orders, 20);
    EXPECT_NEAR(test.p, 0.1, 1e-15);
    EXPECT_NEAR(test.least_p, 0.1, 1e-15);
}

TEST(Permutation, WithoutAStatisticHasNoP) {
    const auto test = repal::permutation_test(
        Exchange::of_all(3), Values{0, 1, 1},
        [](std::span<const std::size_t>) { return std::numeric_limits<double>::quiet_NaN(); }, 99, Stream(1));
    EXPECT_TRUE(std::isnan(test.p));
    EXPECT_TRUE(std::isnan(test.least_p));
    EXPECT_EQ(test.orders, 3);
}

}  // namespace
