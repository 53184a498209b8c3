#include <gtest/gtest.h>

#include <Eigen/Core>
#include <cmath>

#include "core/eigen.hpp"
#include "known_distances.hpp"

import repal.random;
import repal.scaling;

namespace {

using known::distances_of;

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

// Reference: eigenvalues of cmdscale in R, which are the squares of the lengths of the axes.
TEST(ClassicalScaling, AgreesWithCmdscale) {
    const repal::PlaneMap map = repal::classical_scaling(distances_of(known::points()));
    EXPECT_NEAR(map.points.col(0).squaredNorm(), 8.919914784, 1e-9);
    EXPECT_NEAR(map.points.col(1).squaredNorm(), 6.001010147, 1e-9);
}

TEST(ClassicalScaling, OfOneThingIsTheOrigin) {
    EXPECT_EQ(repal::classical_scaling(Eigen::MatrixXd::Zero(1, 1)).points.norm(), 0);
}

}  // namespace
