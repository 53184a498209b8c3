#include <gtest/gtest.h>

#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "core/eigen.hpp"
#include "known_distances.hpp"

import repal.mantel;
import repal.random;

// Reference values: vegan 2.6-4 in R 4.2, see known_distances.hpp.
namespace {

using Eigen::MatrixXd;
using repal::Correlation;
using repal::Exchange;
using repal::Stream;

TEST(Mantel, AgreesWithVegan) {
    const MatrixXd x = known::distances_of(known::points());
    const MatrixXd y = known::distances_of(known::other_points());
    const Exchange exchange = Exchange::of_all(9);

    const auto pearson = repal::mantel(x, y, Correlation::pearson, {}, exchange, 999, Stream(1));
    EXPECT_NEAR(pearson.statistic, 0.752660771457, 1e-9);
    EXPECT_EQ(pearson.p, 0.001);
    EXPECT_NEAR(repal::mantel(x, y, Correlation::spearman, {}, exchange, 99, Stream(1)).statistic, 0.746975546976,
                1e-9);

    MatrixXd z(9, 9);
    for (Eigen::Index i = 0; i < 9; ++i)
        for (Eigen::Index j = 0; j < 9; ++j)
            z(i, j) = std::abs(known::stage[static_cast<std::size_t>(i)] - known::stage[static_cast<std::size_t>(j)]);
    EXPECT_NEAR(repal::partial_mantel(x, y, z, {}, exchange, 99, Stream(1)).statistic, 0.750964035492, 1e-9);
}

// Two sets of points that have nothing to do with each other.
TEST(Mantel, RejectsFivePercentWithoutEffect) {
    int rejected = 0;
    constexpr std::uint64_t experiments = 1000;
    for (std::uint64_t i = 0; i < experiments; ++i) {
        Stream stream = Stream(22).child(i);
        MatrixXd x(12, 2);
        MatrixXd y(12, 2);
        for (double& value : x.reshaped()) value = stream.normal();
        for (double& value : y.reshaped()) value = stream.normal();
        rejected += repal::mantel(known::distances_of(x), known::distances_of(y), Correlation::pearson, {},
                                  Exchange::of_all(12), 199, stream)
                                .p <= 0.05
                        ? 1
                        : 0;
    }
    EXPECT_GE(rejected, 30);
    EXPECT_LE(rejected, 70);
}

TEST(Mantel, CountsDistinctOrdersOfThingsThatAreAlike) {
    MatrixXd apart(9, 9);
    for (Eigen::Index i = 0; i < 9; ++i)
        for (Eigen::Index j = 0; j < 9; ++j)
            apart(i, j) =
                std::abs(known::stage[static_cast<std::size_t>(i)] - known::stage[static_cast<std::size_t>(j)]);
    const MatrixXd y = known::distances_of(known::points());
    const Exchange exchange = Exchange::of_all(9);

    const auto alike = repal::mantel(apart, y, Correlation::pearson, known::strata, exchange, 9999, Stream(1));
    const auto each = repal::mantel(apart, y, Correlation::pearson, {}, exchange, 9999, Stream(1));

    EXPECT_EQ(alike.orders, 1680);  // 9! / 3!^3
    EXPECT_NEAR(alike.statistic, each.statistic, 1e-14);
    EXPECT_NEAR(alike.p, each.p, 0.02);  // of 9,999 draws of 9! orders
}

TEST(Mantel, OfEqualDistancesHasNoValue) {
    const MatrixXd x = known::distances_of(known::points());
    const MatrixXd equal = MatrixXd::Ones(9, 9) - MatrixXd::Identity(9, 9);
    EXPECT_TRUE(std::isnan(repal::mantel(x, equal, Correlation::pearson, {}, Exchange::of_all(9), 99, Stream(1)).p));
}

}  // namespace
