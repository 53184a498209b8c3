#include <gtest/gtest.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/eigen.hpp"
#include "known_distances.hpp"

import repal.mantel;
import repal.random;
import repal.statistics;

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

// Of wholes of unequal size the matrix of labels has another spread in each order.
TEST(Mantel, HasTheCorrelationOfEachOrderWhereWholesOfUnequalSizeAreExchanged) {
    const std::vector<std::size_t> subjects = {0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 3, 3, 3};
    const auto labels_of = [&](const std::vector<std::size_t>& first, const std::vector<std::size_t>& of_wholes) {
        std::vector<std::size_t> labels = first;
        for (std::size_t i = 3; i < subjects.size(); ++i) labels.push_back(of_wholes[subjects[i] - 1]);
        return labels;
    };
    Stream draws = Stream(3);
    const auto n = static_cast<Eigen::Index>(subjects.size());
    MatrixXd points(n, 2);
    for (double& value : points.reshaped()) value = draws.normal();
    const MatrixXd distances = known::distances_of(points);
    const auto apart = [&](const std::vector<std::size_t>& labels) {
        MatrixXd matrix(n, n);
        for (Eigen::Index i = 0; i < n; ++i)
            for (Eigen::Index j = 0; j < n; ++j)
                matrix(i, j) = labels[static_cast<std::size_t>(i)] == labels[static_cast<std::size_t>(j)] ? 0 : 1;
        return matrix;
    };
    const auto r_of = [&](const std::vector<std::size_t>& labels) {
        const MatrixXd x = apart(labels);
        std::vector<double> a;
        std::vector<double> b;
        for (Eigen::Index i = 0; i < n; ++i)
            for (Eigen::Index j = 0; j < i; ++j) {
                a.push_back(x(i, j));
                b.push_back(distances(i, j));
            }
        return repal::correlation(a, b);
    };
    const std::vector<std::size_t> observed = labels_of({0, 1, 1}, {0, 1, 1});
    double as_large = 0;
    double orders = 0;
    std::vector<std::size_t> first = {0, 1, 1};
    do {
        std::vector<std::size_t> of_wholes = {0, 1, 1};
        do {
            orders += 1;
            as_large += r_of(labels_of(first, of_wholes)) >= r_of(observed) - 1e-12 ? 1 : 0;
        } while (std::ranges::next_permutation(of_wholes).found);
    } while (std::ranges::next_permutation(first).found);

    const auto found = repal::mantel(apart(observed), distances, repal::Correlation::pearson, observed,
                                     Exchange::of_subjects(subjects, observed), 99, Stream(1));
    EXPECT_EQ(found.orders, orders);
    EXPECT_NEAR(found.statistic, r_of(observed), 1e-12);
    EXPECT_NEAR(found.p, as_large / orders, 1e-12);
}

}  // namespace
