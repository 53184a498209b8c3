#include <gtest/gtest.h>

#include <initializer_list>
#include <utility>

#include "core/eigen.hpp"

import repal.panels;
import repal.random;

namespace {

using Eigen::Index;
using Eigen::MatrixXd;

MatrixXd drawn(Index rows, Index columns, const char* name) {
    repal::Stream draws = repal::Stream(9).child(name);
    MatrixXd values(rows, columns);
    for (double& value : values.reshaped()) value = draws.normal();
    return values;
}

// Every number of panels in a tile, of rows in a block, and of columns in the last panel.
TEST(Panels, ProductsAreThoseOfTheMatrices) {
    for (const Index rows : {1, 7, 256, 257, 1000})
        for (const auto& [p, q] :
             {std::pair<Index, Index>(1, 1), {3, 5}, {4, 8}, {12, 12}, {13, 30}, {25, 2}, {24, 17}}) {
            const MatrixXd x = drawn(rows, p, "x");
            const MatrixXd y = drawn(rows, q, "y");

            const MatrixXd product = repal::Panels(x).transposed_times(repal::Panels(y));

            const MatrixXd expected = x.transpose() * y;
            ASSERT_EQ(product.rows(), p);
            ASSERT_EQ(product.cols(), q);
            EXPECT_LT((product - expected).norm(), 1e-13 * (1 + expected.norm())) << rows << " " << p << " " << q;
        }
}

TEST(Panels, GiveBackTheMatrix) {
    const MatrixXd x = drawn(9, 6, "x");

    EXPECT_EQ(repal::Panels(x).matrix(), x);
    EXPECT_TRUE(repal::Panels().empty());
    EXPECT_TRUE(repal::Panels(MatrixXd()).empty());
}

TEST(Panels, AreOrderedByTheirContents) {
    const MatrixXd x = drawn(9, 6, "x");
    MatrixXd y = x;
    y(8, 5) += 1;

    EXPECT_TRUE(repal::Panels(x).precedes(repal::Panels(y)));
    EXPECT_FALSE(repal::Panels(y).precedes(repal::Panels(x)));
    EXPECT_FALSE(repal::Panels(x).precedes(repal::Panels(x)));
    EXPECT_TRUE(repal::Panels(x.leftCols(5)).precedes(repal::Panels(x)));
}

}  // namespace
