#include <gtest/gtest.h>

#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>

import repal.message;
import repal.metric;

namespace {

using repal::Score;
using repal::ScoreColumn;
using repal::Status;

/// With another value in every field than a new one has. Names are bound to all of them, so that this does not build
/// when there is another field, until that is here, too.
Score unlike_a_new_one() {
    Score score;
    auto& [status, angle_rad, lower_bound_rad, detail, values, curves, warnings] = score;
    status = Status::ok;  // of the others none has an angle
    angle_rad = 0.25;
    lower_bound_rad = 0.125;
    detail = "a detail";
    values = {0.5, -1};
    curves = {{1, 2, 3}, {}};
    warnings = {"one", "two"};
    return score;
}

TEST(ScoreColumns, HoldEveryField) {
    const Score score = unlike_a_new_one();

    Score copy;
    for (const ScoreColumn& column : repal::score_columns())
        if (column.set != nullptr) column.set(copy, column.get(score));

    EXPECT_EQ(copy, score);
}

TEST(Message, LosesNoFieldOfAScore) {
    const Score score = unlike_a_new_one();

    repal::Message message;
    message.put(score);

    EXPECT_EQ(repal::Message(message.bytes()).get<Score>(), score);
}

TEST(Message, AScoreWithoutValueHasItsCauseAndNoNumber) {
    repal::Message message;
    message.put(Score::without_value(Status::not_converged, "after 10 iterations"));

    const auto score = repal::Message(message.bytes()).get<Score>();

    EXPECT_EQ(score.status, Status::not_converged);
    EXPECT_EQ(score.detail, "after 10 iterations");
    EXPECT_TRUE(std::isnan(score.angle_rad));
    EXPECT_FALSE(score.lower_bound_rad);
}

TEST(Message, ThatEndsEarlyIsRefused) {
    repal::Message message;
    message.put(std::string("text"));

    EXPECT_THROW(repal::Message(message.bytes().substr(0, 10)).get<std::string>(), std::runtime_error);
}

TEST(Message, ThatClaimsMoreThanItHasTakesNoMemoryForIt) {
    constexpr std::size_t claimed = std::size_t{1} << 60;
    repal::Message text;
    text.put(claimed);
    repal::Message matrix;
    matrix.put(Eigen::Index{1} << 31).put(Eigen::Index{1} << 31);
    repal::Message backwards;
    backwards.put(Eigen::Index{-1}).put(Eigen::Index{-1});

    EXPECT_THROW(repal::Message(text.bytes()).get<std::string>(), std::runtime_error);
    EXPECT_THROW(repal::Message(matrix.bytes()).get<Eigen::MatrixXd>(), std::runtime_error);
    EXPECT_THROW(repal::Message(backwards.bytes()).get<Eigen::MatrixXd>(), std::runtime_error);
}

}  // namespace
