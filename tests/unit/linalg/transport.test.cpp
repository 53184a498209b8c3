#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "core/eigen.hpp"

import repal.random;
import repal.transport;

namespace {

using Eigen::Index;
using Eigen::MatrixXd;

MatrixXd random_cost(Index rows, Index columns, std::uint64_t draw) {
    repal::Stream draws = repal::Stream(5).child("cost").child(draw);
    MatrixXd cost(rows, columns);
    for (double& value : cost.reshaped()) value = draws.normal();  // of either sign
    return cost;
}

/// By all orders of the columns.
double least_by_trying(const MatrixXd& cost) {
    std::vector<Index> order(static_cast<std::size_t>(cost.cols()));
    std::iota(order.begin(), order.end(), Index{0});
    double least = std::numeric_limits<double>::infinity();
    do {
        double sum = 0;
        for (Index i = 0; i < cost.rows(); ++i) sum += cost(i, order[static_cast<std::size_t>(i)]);
        least = std::min(least, sum);
    } while (std::ranges::next_permutation(order).found);
    return least;
}

TEST(Transport, AssignmentsAreTheCheapestOfAll) {
    for (std::uint64_t draw = 0; draw < 20; ++draw)
        for (const auto& [rows, columns] : {std::pair<Index, Index>(6, 6), {4, 6}, {1, 5}}) {
            const MatrixXd cost = random_cost(rows, columns, draw);

            const std::vector<Index> found = repal::cheapest_assignment(cost);

            double sum = 0;
            for (Index i = 0; i < rows; ++i) sum += cost(i, found[static_cast<std::size_t>(i)]);
            EXPECT_NEAR(sum, least_by_trying(cost), 1e-12);
        }
}

// Masses of widths 4 and 6 are 3 and 2 units: an assignment of channels that are repeated 3 and 2 times.
TEST(Transport, IsAnAssignmentOfRepeatedRowsAndColumns) {
    for (std::uint64_t draw = 0; draw < 10; ++draw) {
        const MatrixXd cost = random_cost(4, 6, draw);
        MatrixXd repeated(12, 12);
        for (Index i = 0; i < 12; ++i)
            for (Index j = 0; j < 12; ++j) repeated(i, j) = cost(i / 3, j / 2);
        double least = 0;
        const std::vector<Index> partners = repal::cheapest_assignment(repeated);
        for (Index i = 0; i < 12; ++i) least += repeated(i, partners[static_cast<std::size_t>(i)]) / 12;

        const repal::Transport found = repal::cheapest_transport(cost);

        EXPECT_NEAR(found.cost, least, 1e-12);
        EXPECT_TRUE(found.is_proven(cost.cwiseAbs().maxCoeff()));
        EXPECT_LE(found.lower_bound, found.cost + 1e-12);
    }
}

TEST(Transport, MovesAllMassOfEveryRowAndColumn) {
    for (const auto& [rows, columns] : {std::pair<Index, Index>(7, 5), {50, 30}, {1, 9}, {13, 13}}) {
        const repal::Transport found = repal::cheapest_transport(random_cost(rows, columns, 3));

        Eigen::VectorXd of_rows = Eigen::VectorXd::Zero(rows);
        Eigen::VectorXd of_columns = Eigen::VectorXd::Zero(columns);
        for (const auto& [row, column, mass] : found.moves) {
            EXPECT_GT(mass, 0);
            of_rows[row] += mass;
            of_columns[column] += mass;
        }
        EXPECT_LT((of_rows.array() - 1 / static_cast<double>(rows)).abs().maxCoeff(), 1e-15);
        EXPECT_LT((of_columns.array() - 1 / static_cast<double>(columns)).abs().maxCoeff(), 1e-15);
        EXPECT_TRUE(found.is_proven(10));
    }
}

// Equal costs are the rule for matching of silent channels.
TEST(Transport, TiesAreBrokenByTheFirstColumn) {
    const std::vector<Index> found = repal::cheapest_assignment(MatrixXd::Constant(3, 5, 0.25));

    EXPECT_EQ(found, (std::vector<Index>{0, 1, 2}));
    EXPECT_DOUBLE_EQ(repal::cheapest_transport(MatrixXd::Constant(4, 6, 0.25)).cost, 0.25);
}

}  // namespace
