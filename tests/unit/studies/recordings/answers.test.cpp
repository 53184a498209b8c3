#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

import repal.answers;
import repal.exchanged;

namespace {

using repal::LabelledSystems;
using repal::MantelQuestion;
using repal::Stream;

constexpr std::size_t n_subjects = 8;
constexpr std::size_t per_subject = 3;

/// Systems of subjects, at places of their own by each metric; those of one subject near each other.
LabelledSystems of_subjects(const std::string& metric, Stream draws) {
    constexpr std::size_t n = n_subjects * per_subject;
    LabelledSystems systems{.metric = metric, .names = {}, .labels = {}, .values = Eigen::MatrixXd(n, n)};
    Eigen::MatrixXd places(n, 2);
    Eigen::RowVector2d of_subject;
    for (std::size_t i = 0; i < n; ++i) {
        if (i % per_subject == 0) of_subject << draws.normal(), draws.normal();
        const auto row = static_cast<Eigen::Index>(i);
        places.row(row) << of_subject[0] + 0.3 * draws.normal(), of_subject[1] + 0.3 * draws.normal();
        systems.names.push_back("s" + std::to_string(100 + i));
        systems.labels["animal"].push_back("m" + std::to_string(i / per_subject));
        systems.labels["day"].push_back(std::to_string(i % per_subject));
        systems.labels["age"].push_back(std::to_string(i / per_subject % 4));
    }
    for (Eigen::Index a = 0; a < places.rows(); ++a)
        for (Eigen::Index b = 0; b < places.rows(); ++b) systems.values(a, b) = (places.row(a) - places.row(b)).norm();
    return systems;
}

/// Share of draws without relation in which p is at most .05.
double size_of(const MantelQuestion& question) {
    constexpr std::uint64_t n = 200;
    double small = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
        const Stream draws = Stream(i);
        const auto answers = repal::answers_to(
            {question}, {of_subjects("one", draws.child("one")), of_subjects("other", draws.child("other"))}, {},
            {.orders = 99}, draws);
        small += answers.mantel.front().test.p <= 0.05 ? 1.0 / n : 0;
    }
    return small;
}

// Standard error of a share of .05 in 200 draws: .015.
TEST(Mantel, OfSubjectsTakesThemAsWholes) {
    EXPECT_NEAR(size_of({.a = "one", .b = "other", .subject = "animal"}), 0.05, 0.045);
    EXPECT_NEAR(size_of({.a = "one", .b = "age", .subject = "animal"}), 0.05, 0.045);
    // Taken as 24 independent systems, both metrics seem to see the same, since both see subjects.
    EXPECT_GT(size_of({.a = "one", .b = "other"}), 0.3);
}

TEST(Mantel, ExchangesALabelWithinSubjectsWhereItVaries) {
    EXPECT_NEAR(size_of({.a = "one", .b = "day", .subject = "animal"}), 0.05, 0.045);
}

TEST(Mantel, SaysWhatItExchangesAndWhatItCannotAnswer) {
    const Stream draws(1);
    const auto ask = [&](const MantelQuestion& question) {
        return repal::answers_to({question},
                                 {of_subjects("one", draws.child("one")), of_subjects("other", draws.child("other"))},
                                 {}, {.orders = 99}, draws)
            .mantel;
    };
    const auto wholes = ask({.a = "one", .b = "other", .subject = "animal"});
    ASSERT_EQ(wholes.size(), 2U);  // by values and by ranks
    EXPECT_EQ(wholes.front().n, n_subjects);
    EXPECT_EQ(wholes.front().test.orders, 40320);
    EXPECT_THAT(wholes.front().note, testing::HasSubstr("subjects are one thing each"));

    const auto within = ask({.a = "one", .b = "day", .subject = "animal"}).front();
    EXPECT_EQ(within.n, n_subjects * per_subject);
    EXPECT_EQ(within.test.orders, std::pow(6, n_subjects));
    EXPECT_THAT(within.note, testing::HasSubstr("within subjects"));

    const auto unanswered = ask({.a = "one", .b = "other", .given = "day", .subject = "animal"}).front();
    EXPECT_EQ(unanswered.n, 0U);
    EXPECT_THAT(unanswered.note, testing::HasSubstr("day varies within them"));
    EXPECT_EQ(ask({.a = "one", .b = "other", .given = "age", .subject = "animal"}).front().n, n_subjects);
}

TEST(Mantel, OfNoisyMetricsSaysHowMuchTheyCanShow) {
    const Stream draws(1);
    const auto found = [&](double a, double b) {
        return repal::answers_to({MantelQuestion{.a = "one", .b = "other"}},
                                 {of_subjects("one", draws.child("one")), of_subjects("other", draws.child("other"))},
                                 {{"one", a}, {"other", b}}, {.orders = 99}, draws)
            .mantel.front();
    };
    const auto reliable = found(0.9, 0.6);
    EXPECT_NEAR(*reliable.largest_r, std::sqrt(0.54), 1e-15);
    EXPECT_NEAR(*reliable.disattenuated_r, reliable.test.statistic / std::sqrt(0.54), 1e-15);
    EXPECT_FALSE(found(0.9, 0.5).disattenuated_r);  // of noise it would be noise
    EXPECT_EQ(found(0.9, -0.1).largest_r, 0);
}

// The same metric twice, said to be noisy.
TEST(Mantel, OfMetricsThatSeeTheSameNoiseIsNotDisattenuated) {
    const Stream draws(1);
    LabelledSystems other = of_subjects("one", draws);
    other.metric = "other";
    const auto found =
        repal::answers_to({MantelQuestion{.a = "one", .b = "other"}}, {of_subjects("one", draws), std::move(other)},
                          {{"one", 0.8}, {"other", 0.8}}, {.orders = 99}, draws)
            .mantel.front();
    EXPECT_NEAR(found.test.statistic, 1, 1e-12);
    EXPECT_FALSE(found.disattenuated_r);
    EXPECT_THAT(found.note, testing::HasSubstr("both see the noise of the same trials"));
}

TEST(Mantel, OfTwoLabelsHasAllSystemsThatSomeMetricHas) {
    const LabelledSystems whole = of_subjects("one", Stream(1));
    const auto score = [](std::size_t a, std::size_t b) -> const repal::Score* {
        static const repal::Score some = repal::Score::of(1);
        return a < 4 || b < 4 ? nullptr : &some;
    };
    const LabelledSystems part = repal::labelled_systems("part", whole.names, whole.labels, score);
    ASSERT_EQ(part.names.size(), n_subjects * per_subject - 4);
    const auto found =
        repal::answers_to({MantelQuestion{.a = "day", .b = "age"}}, {part, whole}, {}, {.orders = 99}, Stream(1));
    EXPECT_EQ(found.mantel.front().n, n_subjects * per_subject);
}

TEST(LabelledSystems, OfWhichNoneWasComparedAreNone) {
    const LabelledSystems whole = of_subjects("one", Stream(1));
    const auto none = [](std::size_t, std::size_t) -> const repal::Score* { return nullptr; };
    const LabelledSystems systems = repal::labelled_systems("one", whole.names, whole.labels, none);
    EXPECT_TRUE(systems.names.empty());
    EXPECT_EQ(systems.left_out.size(), n_subjects * per_subject);
}

TEST(Groups, TakeEqualNumbersAsOne) {
    EXPECT_EQ(repal::Groups({"1", "1.0", "2", "1.00"}).names, (std::vector<std::string>{"1", "2"}));
    // Names that only look like numbers in part stay names.
    EXPECT_EQ(repal::Groups({"1", "1.0", "a"}).names.size(), 3U);
}

}  // namespace
