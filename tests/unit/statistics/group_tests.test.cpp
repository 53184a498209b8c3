#include <gtest/gtest.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/eigen.hpp"
#include "known_distances.hpp"

import repal.group_tests;
import repal.random;

// Reference values: vegan 2.6-4 in R 4.2, see known_distances.hpp; they have ten digits or more.
namespace {

using Eigen::MatrixXd;
using repal::Exchange;
using repal::Stream;

MatrixXd column(const std::vector<double>& numbers) {
    return Eigen::Map<const Eigen::VectorXd>(numbers.data(), static_cast<Eigen::Index>(numbers.size()));
}

TEST(Permanova, AgreesWithAdonis2) {
    const std::vector<MatrixXd> terms = {repal::indicators(known::groups)};
    const auto found = repal::permanova(known::squares(), terms, Exchange::of_all(9), 9999, Stream(1));

    ASSERT_EQ(found.size(), 1u);
    EXPECT_NEAR(found[0].sum_of_squares, 4.333470402, 1e-9);
    EXPECT_NEAR(found[0].residual, 13.674886501, 1e-9);
    EXPECT_NEAR(found[0].r2, 0.2406366347, 1e-9);
    EXPECT_NEAR(found[0].test.statistic, 0.950677814, 1e-9);
    EXPECT_EQ(found[0].df, 2);
    EXPECT_EQ(found[0].residual_df, 6);
    EXPECT_EQ(found[0].test.orders, 1680);  // 9! / 3!^3
}

TEST(Permanova, WithStrataLooksAtAllTheirOrders) {
    const std::vector<MatrixXd> terms = {repal::indicators(known::groups)};
    const auto found = repal::permanova(known::squares(), terms, Exchange::within(known::strata), 9999, Stream(1));

    EXPECT_EQ(found[0].test.orders, 216);
    EXPECT_NEAR(found[0].test.p, 156.0 / 216, 1e-15);
    EXPECT_NEAR(found[0].test.least_p, 6.0 / 216, 1e-15);  // names of groups are exchanged without effect
}

TEST(Permanova, OfTwoFactorsGivesMarginalEffects) {
    const std::vector<MatrixXd> terms = {repal::indicators(known::groups), column(known::stage)};
    const auto found = repal::permanova(known::squares(), terms, Exchange::of_all(9), 99, Stream(1));

    ASSERT_EQ(found.size(), 2u);
    EXPECT_NEAR(found[0].sum_of_squares, 4.333470402, 1e-9);
    EXPECT_NEAR(found[0].test.statistic, 0.86023, 1e-5);
    EXPECT_NEAR(found[1].sum_of_squares, 1.080982176, 1e-9);
    EXPECT_NEAR(found[1].test.statistic, 0.42917, 1e-5);
    EXPECT_NEAR(found[0].residual, 12.593904325, 1e-9);
    EXPECT_EQ(found[1].df, 1);
}

TEST(Permanova, UnitsOfNumbersChangeNothing) {
    std::vector<double> large = known::stage;
    for (double& value : large) value = 1e9 + 1e7 * value;
    const std::vector<MatrixXd> terms = {column(known::stage)};
    const std::vector<MatrixXd> scaled = {column(large)};
    const auto found = repal::permanova(known::squares(), terms, Exchange::of_all(9), 99, Stream(1));
    const auto of_scaled = repal::permanova(known::squares(), scaled, Exchange::of_all(9), 99, Stream(1));

    EXPECT_NEAR(found[0].test.statistic, of_scaled[0].test.statistic, 1e-6);  // of 9 digits
    EXPECT_EQ(found[0].test.p, of_scaled[0].test.p);
}

TEST(Permanova, OfATermThatAddsNothingHasNoF) {
    const std::vector<MatrixXd> terms = {repal::indicators(known::groups), repal::indicators(known::groups)};
    const auto twice = repal::permanova(known::squares(), terms, Exchange::of_all(9), 99, Stream(1));
    EXPECT_TRUE(std::isnan(twice[0].test.statistic));
    EXPECT_TRUE(std::isnan(twice[0].test.p));

    const std::vector<MatrixXd> each = {repal::indicators(std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6, 7, 8})};
    const auto own = repal::permanova(known::squares(), each, Exchange::of_all(9), 99, Stream(1));
    EXPECT_TRUE(std::isnan(own[0].test.statistic));
}

TEST(SpreadOfGroups, AgreesWithBetadisper) {
    const auto found = repal::spread_of_groups(known::squares(), known::groups, Exchange::of_all(9), 99, Stream(1));

    EXPECT_NEAR(found.distances[0], 1.1788078765, 1e-9);
    EXPECT_NEAR(found.distances[1], 0.7355022827, 1e-9);
    EXPECT_NEAR(found.distances[2], 1.3009803867, 1e-9);
    EXPECT_NEAR(found.test.statistic, 0.697702911507, 1e-9);
}

TEST(Anosim, AgreesWithVegan) {
    const auto found = repal::anosim(known::squares(), known::groups, Exchange::of_all(9), 99, Stream(1));
    EXPECT_NEAR(found.statistic, -0.0288065843621, 1e-9);
}

TEST(NearestNeighbours, CountsLabelsAndSharesTies) {
    MatrixXd points(5, 1);
    points << 0, 1, 2, 10, 10.5;
    const std::vector<std::size_t> labels = {0, 0, 1, 1, 1};

    const auto found = repal::nearest_neighbours(known::distances_of(points).array().square(), labels, {},
                                                 Exchange::of_all(5), 99, Stream(1));

    // Of 0: 1, right. Of 1: 0 and 2, half right. Of 2: 1, wrong. The last two are right.
    EXPECT_NEAR(found.test.statistic, 3.5 / 5, 1e-15);
    EXPECT_NEAR(found.chance, (2 * 1.0 / 4 + 3 * 2.0 / 4) / 5, 1e-15);
    EXPECT_EQ(found.nearest, (std::vector<std::size_t>{1, 0, 1, 4, 3}));
}

TEST(NearestNeighbours, OfTheSameSubjectDoNotCount) {
    MatrixXd points(4, 1);
    points << 0, 0.1, 1, 5;
    const std::vector<std::size_t> labels = {0, 0, 0, 1};
    const std::vector<std::size_t> subjects = {0, 0, 1, 2};

    const auto found = repal::nearest_neighbours(known::distances_of(points).array().square(), labels, subjects,
                                                 Exchange::of_all(4), 99, Stream(1));

    EXPECT_EQ(found.nearest, (std::vector<std::size_t>{2, 2, 1, 2}));
    EXPECT_NEAR(found.test.statistic, 3.0 / 4, 1e-15);
    EXPECT_NEAR(found.chance, (0.5 + 0.5 + 2.0 / 3 + 0) / 4, 1e-15);
}

TEST(CentroidSquares, AreThoseOfPoints) {
    const MatrixXd points = known::points();
    MatrixXd centroids(3, 3);
    for (Eigen::Index group = 0; group < 3; ++group)
        centroids.row(group) = points.middleRows(3 * group, 3).colwise().mean();

    const MatrixXd found = repal::centroid_squares(known::squares(), known::groups);

    EXPECT_LT((found - known::distances_of(centroids).array().square().matrix()).norm(), 1e-12);
}

TEST(NegativeShare, IsZeroOfPointsAndNotOfOthers) {
    EXPECT_LT(repal::negative_share(known::squares()), 1e-12);
    MatrixXd squares(3, 3);  // the third is nearer to both than half of their distance
    squares << 0, 4, 0.5, 4, 0, 0.5, 0.5, 0.5, 0;
    EXPECT_GT(repal::negative_share(squares), 0.05);
}

/// Whether p <= .05 in 3 to 7 % of experiments without effect.
template <class Experiment>
void expect_size_of_five_percent(const char* name, Experiment p_of) {
    constexpr std::uint64_t experiments = 1000;
    Stream stream = Stream(21).child(name);
    int rejected = 0;
    for (std::uint64_t i = 0; i < experiments; ++i) rejected += p_of(stream.child(i)) <= 0.05 ? 1 : 0;
    EXPECT_GE(rejected, 30) << name;
    EXPECT_LE(rejected, 70) << name;
}

MatrixXd normal(Stream stream, Eigen::Index n, Eigen::Index columns) {
    MatrixXd values(n, columns);
    for (double& value : values.reshaped()) value = stream.normal();
    return values;
}

MatrixXd squares_of(const MatrixXd& points) {
    return known::distances_of(points).array().square();
}

constexpr int few = 199;  // orders, so that many experiments take seconds

// Three groups of eight, or of more: with few things the accuracy of neighbours has few values, and p is cautious.
std::vector<std::size_t> three_groups(std::size_t n) {
    std::vector<std::size_t> labels;
    for (std::size_t i = 0; i < 3 * n; ++i) labels.push_back(i / n);
    return labels;
}

TEST(SizesOfGroupTests, WithoutEffect) {
    const std::vector<std::size_t> labels = three_groups(8);
    const std::vector<MatrixXd> terms = {repal::indicators(labels)};
    const Exchange all = Exchange::of_all(labels.size());
    expect_size_of_five_percent("permanova", [&](const Stream& stream) {
        return repal::permanova(squares_of(normal(stream, 24, 2)), terms, all, few, stream)[0].test.p;
    });
    expect_size_of_five_percent("spread", [&](const Stream& stream) {
        return repal::spread_of_groups(squares_of(normal(stream, 24, 2)), labels, all, few, stream).test.p;
    });
    expect_size_of_five_percent("anosim", [&](const Stream& stream) {
        return repal::anosim(squares_of(normal(stream, 24, 2)), labels, all, few, stream).p;
    });
    const std::vector<std::size_t> many = three_groups(20);
    expect_size_of_five_percent("neighbours", [&](const Stream& stream) {
        return repal::nearest_neighbours(squares_of(normal(stream, 60, 2)), many, {}, Exchange::of_all(60), few, stream)
            .test.p;
    });
}

// Groups of four and of twelve.
TEST(SizesOfGroupTests, OfSpreadInGroupsOfUnequalSize) {
    std::vector<std::size_t> labels(16, 1);
    for (std::size_t i = 0; i < 4; ++i) labels[i] = 0;
    expect_size_of_five_percent("unequal", [&](const Stream& stream) {
        return repal::spread_of_groups(squares_of(normal(stream, 16, 2)), labels, Exchange::of_all(16), few, stream)
            .test.p;
    });
}

// Strata are far apart, as animals or settings are; without them p would follow that.
TEST(SizesOfGroupTests, WithinStrata) {
    std::vector<std::size_t> labels;
    std::vector<std::size_t> strata;
    for (std::size_t i = 0; i < 60; ++i) {
        labels.push_back(i % 10 < 5 ? 0 : 1);
        strata.push_back(i / 10);
    }
    const std::vector<MatrixXd> terms = {repal::indicators(labels)};
    const Exchange exchange = Exchange::within(strata);
    const auto squares = [&](const Stream& stream) {
        MatrixXd points = normal(stream, 60, 2);
        points += repal::indicators(strata) * normal(stream.child("stratum"), 6, 2) * 3;
        return squares_of(points);
    };
    expect_size_of_five_percent("permanova within strata", [&](const Stream& stream) {
        return repal::permanova(squares(stream), terms, exchange, few, stream)[0].test.p;
    });
    expect_size_of_five_percent("neighbours within strata", [&](const Stream& stream) {
        return repal::nearest_neighbours(squares(stream), labels, {}, exchange, few, stream).test.p;
    });
}

// A subject in which labels vary, of three things, beside five wholes of 4, 2, 5, 3 and 1 things: labels become more or
// less frequent where wholes change places. All orders, with sums of squares of the groups that each makes.
TEST(Permanova, CountsLabelsAnewWhereWholesOfUnequalSizeAreExchanged) {
    const std::vector<std::size_t> sizes = {3, 4, 2, 5, 3, 1};
    std::vector<std::size_t> subjects;
    for (std::size_t subject = 0; subject < sizes.size(); ++subject)
        subjects.insert(subjects.end(), sizes[subject], subject);
    const auto labels_of = [&](const std::vector<std::size_t>& first, const std::vector<std::size_t>& of_wholes) {
        std::vector<std::size_t> labels = first;
        for (std::size_t i = 3; i < subjects.size(); ++i) labels.push_back(of_wholes[subjects[i] - 1]);
        return labels;
    };
    const std::vector<std::size_t> observed = labels_of({0, 1, 1}, {0, 1, 1, 0, 1});
    const MatrixXd squares = squares_of(normal(Stream(4), 18, 2));
    const auto f_of = [&](const std::vector<std::size_t>& labels) {
        double all = 0;
        double within = 0;
        for (std::size_t group = 0; group < 2; ++group) {
            double sum = 0;
            for (std::size_t i = 0; i < labels.size(); ++i)
                for (std::size_t j = 0; j < i; ++j) {
                    const double square = squares(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j));
                    if (group == 0) all += square / 18;
                    if (labels[i] == group && labels[j] == group) sum += square;
                }
            within += sum / static_cast<double>(std::ranges::count(labels, group));
        }
        return (all - within) / (within / 16);
    };
    double as_large = 0;
    double orders = 0;
    std::vector<std::size_t> first = {0, 1, 1};
    do {
        std::vector<std::size_t> of_wholes = {0, 0, 1, 1, 1};
        do {
            orders += 1;
            as_large += f_of(labels_of(first, of_wholes)) >= f_of(observed) - 1e-12 ? 1 : 0;
        } while (std::ranges::next_permutation(of_wholes).found);
    } while (std::ranges::next_permutation(first).found);

    const std::vector<MatrixXd> terms = {repal::indicators(observed)};
    const auto found = repal::permanova(squares, terms, Exchange::of_subjects(subjects, observed), 99, Stream(1))[0];
    EXPECT_EQ(found.test.orders, orders);
    EXPECT_NEAR(found.test.statistic, f_of(observed), 1e-12);
    EXPECT_NEAR(found.test.p, as_large / orders, 1e-12);
}

// Both things of a group of two are as far from its centroid, up to rounding.
TEST(Spread, OfGroupsOfTwoIsNone) {
    const std::vector<std::size_t> labels = {0, 0, 1, 1, 2, 2, 3, 3};
    for (std::uint64_t i = 0; i < 20; ++i)
        EXPECT_TRUE(std::isnan(
            repal::spread_of_groups(squares_of(normal(Stream(i), 8, 3)), labels, Exchange::of_all(8), 99, Stream(1))
                .test.statistic));
}

// Forty subjects of three things each, in two groups; things of a subject are near to each other.
TEST(SizesOfGroupTests, OfSubjectsAsWholes) {
    std::vector<std::size_t> subjects;
    std::vector<std::size_t> of_subject;
    for (std::size_t i = 0; i < 120; ++i) subjects.push_back(i / 3);
    for (std::size_t i = 0; i < 40; ++i) of_subject.push_back(i % 2);
    const std::vector<MatrixXd> terms = {repal::indicators(of_subject)};
    const Exchange exchange = Exchange::of_all(40);
    const auto squares = [&](const Stream& stream) {
        MatrixXd points = normal(stream, 120, 2) * 0.3;
        points += repal::indicators(subjects) * normal(stream.child("subject"), 40, 2);
        return repal::centroid_squares(squares_of(points), subjects);
    };
    expect_size_of_five_percent("permanova of subjects", [&](const Stream& stream) {
        return repal::permanova(squares(stream), terms, exchange, few, stream)[0].test.p;
    });
    expect_size_of_five_percent("neighbours of subjects", [&](const Stream& stream) {
        return repal::nearest_neighbours(squares(stream), of_subject, {}, exchange, few, stream).test.p;
    });
}

}  // namespace
