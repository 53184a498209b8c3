#include <gtest/gtest.h>

#include <Eigen/Core>
#include <cstddef>
#include <initializer_list>
#include <utility>
#include <vector>

import repal.permuted_products;
import repal.random;

namespace {

using Eigen::Index;
using Eigen::MatrixXd;

MatrixXd normal(Index rows, Index columns, const char* name) {
    repal::Stream draws = repal::Stream(1).child(name);
    MatrixXd x(rows, columns);
    for (double& value : x.reshaped()) value = draws.normal();
    return x;
}

std::vector<std::vector<Index>> orders_of(std::size_t trials, std::size_t n) {
    std::vector<std::vector<Index>> orders;
    for (std::size_t i = 0; i < n; ++i) {
        const auto drawn = repal::Stream(2).child(i).permutation(trials);
        orders.emplace_back(drawn.begin(), drawn.end());
    }
    return orders;
}

// With fewer orders than trials, as many, and more: both ways of making them.
TEST(PermutedProducts, AreThoseOfPermutedTrials) {
    constexpr Index trials = 6;
    constexpr Index steps = 5;
    const MatrixXd x = normal(trials * steps, 4, "x");
    const MatrixXd y = normal(trials * steps, 3, "y");
    for (const std::size_t n : {1U, 6U, 40U}) {
        const auto orders = orders_of(trials, n);
        std::vector<std::size_t> visited;
        repal::for_each_product(x, y, steps, orders, [&](std::size_t i, const MatrixXd& product) {
            visited.push_back(i);
            MatrixXd expected = MatrixXd::Zero(4, 3);
            for (Index k = 0; k < trials; ++k)
                for (Index t = 0; t < steps; ++t)
                    expected +=
                        x.row(k * steps + t).transpose() * y.row(orders[i][static_cast<std::size_t>(k)] * steps + t);
            // Sums of 30 products of numbers near 1.
            EXPECT_LT((product - expected).norm(), 1e-13) << n << " orders, " << i;
            const MatrixXd ordered = repal::in_trial_order(y, steps, orders[i]);
            EXPECT_LT((x.transpose() * ordered - expected).norm(), 1e-13);
        });
        ASSERT_EQ(visited.size(), n);
        for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(visited[i], i);
    }
}

}  // namespace
