#include <gtest/gtest.h>

#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <vector>

#include "core/eigen.hpp"

import repal.random;
import repal.scaling;

namespace {

Eigen::MatrixXd distances_of(const Eigen::MatrixXd& points) {
    Eigen::MatrixXd distances(points.rows(), points.rows());
    for (Eigen::Index a = 0; a < points.rows(); ++a)
        for (Eigen::Index b = 0; b < points.rows(); ++b) distances(a, b) = (points.row(a) - points.row(b)).norm();
    return distances;
}

TEST(ClassicalScaling, PointsOfAPlaneKeepTheirDistances) {
    repal::Stream stream = repal::Stream(1).child("points");
    Eigen::MatrixXd points(7, 2);
    for (double& value : points.reshaped()) value = stream.normal();

    const repal::PlaneMap map = repal::classical_scaling(distances_of(points));

    EXPECT_LT((distances_of(map.points) - distances_of(points)).norm(), 1e-12);  // double
    EXPECT_LT(map.stress, 1e-12);
}

// Reference: the definition in NumPy (eigh of the doubly centred squares), on the same numbers.
TEST(ClassicalScaling, AgreesWithNumPy) {
    Eigen::MatrixXd distances(5, 5);
    distances << 0, .9, .5, .7, .3, .9, 0, .6, .8, .75, .5, .6, 0, .35, .45, .7, .8, .35, 0, .55, .3, .75, .45, .55, 0;
    Eigen::MatrixXd expected(5, 2);
    expected << -0.35230671135565056, -0.21148471580971892, 0.5413168885801171, -0.167915670814006, 0.03259068018744238,
        0.10840877059245574, -0.02763343116080974, 0.3932962376679698, -0.19396742625109864, -0.12230462163670075;

    const repal::PlaneMap map = repal::classical_scaling(distances);

    EXPECT_LT((map.points - expected).norm(), 1e-12);
    EXPECT_NEAR(map.stress, 0.09475798273611309, 1e-12);
}

TEST(ClassicalScaling, OfOneThingIsTheOrigin) {
    EXPECT_EQ(repal::classical_scaling(Eigen::MatrixXd::Zero(1, 1)).points.norm(), 0);
}

TEST(NearestNeighbours, CountsLabelsAndSharesTies) {
    Eigen::MatrixXd points(5, 1);
    points << 0, 1, 2, 10, 10.5;
    const std::vector<std::size_t> labels = {0, 0, 1, 1, 1};

    const auto found = repal::nearest_neighbours(distances_of(points), labels);

    // Of 0: 1, right. Of 1: 0 and 2, half right. Of 2: 1, wrong. The last two are right.
    EXPECT_NEAR(found.accuracy, 3.5 / 5, 1e-15);
    EXPECT_NEAR(found.chance, (2 * 1.0 / 4 + 3 * 2.0 / 4) / 5, 1e-15);
    EXPECT_EQ(found.nearest, (std::vector<std::size_t>{1, 0, 1, 4, 3}));
}

}  // namespace
