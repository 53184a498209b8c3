#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <limits>
#include <string>

#include "core/eigen.hpp"

import repal.trajectories;

namespace {

using repal::InvalidTrajectories;
using repal::RowMatrix;
using repal::Trajectories;
using testing::HasSubstr;

std::string refusal(const repal::Shape& shape, const RowMatrix& values) {
    try {
        Trajectories::from_rows(shape, values);
    } catch (const InvalidTrajectories& invalid) {
        return invalid.what();
    }
    return "accepted";
}

TEST(Trajectories, TrialsAreBlocksOfRows) {
    RowMatrix values(6, 2);
    values << 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12;

    const Trajectories x = Trajectories::from_rows({.trials = 2, .steps = 3, .channels = 2}, values);

    EXPECT_EQ(x.trial(1)(0, 0), 7);
    EXPECT_EQ(x.trial(1)(2, 1), 12);
}

TEST(Trajectories, EmptyAxesAreRefused) {
    EXPECT_THAT(refusal({.trials = 0, .steps = 3, .channels = 2}, RowMatrix(0, 2)), HasSubstr("no trials"));
    EXPECT_THAT(refusal({.trials = 1, .steps = 1, .channels = 2}, RowMatrix::Zero(1, 2)), HasSubstr("two steps"));
    EXPECT_THAT(refusal({.trials = 1, .steps = 2, .channels = 0}, RowMatrix(2, 0)), HasSubstr("no channels"));
}

TEST(Trajectories, ShapeMustFitTheValues) {
    EXPECT_THAT(refusal({.trials = 2, .steps = 2, .channels = 2}, RowMatrix::Zero(3, 2)), HasSubstr("cannot be"));
}

TEST(Trajectories, FirstValueThatIsNotFiniteIsNamed) {
    for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        RowMatrix values = RowMatrix::Zero(6, 2);
        values(4, 1) = bad;

        EXPECT_THAT(refusal({.trials = 2, .steps = 3, .channels = 2}, values), HasSubstr("trial 1, step 1, channel 1"));
    }
}

}  // namespace
