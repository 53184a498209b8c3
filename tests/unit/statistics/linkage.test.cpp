#include <gtest/gtest.h>

#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

#include "core/eigen.hpp"
#include "known_distances.hpp"

import repal.linkage;

namespace {

// Reference values: hclust and cophenetic of R 4.2, see known_distances.hpp.
TEST(AverageLinkage, AgreesWithHclust) {
    const repal::Tree tree = repal::average_linkage(known::distances_of(known::points()));

    const std::vector<double> heights = {0.5006833366, 0.6076400004, 0.7564405383, 1.3070629808,
                                         1.7092855478, 2.0775056698, 2.1403722232, 2.3779660439};
    ASSERT_EQ(tree.merges.size(), heights.size());
    for (std::size_t i = 0; i < heights.size(); ++i) EXPECT_NEAR(tree.merges[i].height, heights[i], 1e-9);
    EXPECT_NEAR(tree.cophenetic, 0.832452433152, 1e-9);
    EXPECT_EQ(tree.merges.back().size, 9u);
    std::vector<std::size_t> leaves = tree.leaves;
    std::ranges::sort(leaves);
    std::vector<std::size_t> all(9);
    std::iota(all.begin(), all.end(), std::size_t{0});
    EXPECT_EQ(leaves, all);
}

TEST(AverageLinkage, OfFewThings) {
    EXPECT_TRUE(repal::average_linkage(Eigen::MatrixXd::Zero(1, 1)).merges.empty());
    Eigen::MatrixXd two(2, 2);
    two << 0, 3, 3, 0;
    const repal::Tree tree = repal::average_linkage(two);
    ASSERT_EQ(tree.merges.size(), 1u);
    EXPECT_EQ(tree.merges[0].first, 0u);
    EXPECT_EQ(tree.merges[0].second, 1u);
    EXPECT_EQ(tree.merges[0].height, 3);
    EXPECT_EQ(tree.leaves, (std::vector<std::size_t>{0, 1}));
}

}  // namespace
