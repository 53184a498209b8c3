#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

import repal.tuning_report;

namespace {

using testing::HasSubstr;

/// What is said of a choice whose halves are so far apart.
std::string said_of(const repal::Separation& separation) {
    repal::Tuning tuning;
    tuning.settings.push_back({.options = {{"rank", std::int64_t{2}}}, .separation = separation});
    tuning.chosen = 0;
    std::string text;
    for (const std::string& sentence : sentences_of(tuning)) text += sentence;
    return text;
}

TEST(SentencesOfATuning, SayHowFarHalvesAreApart) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

    EXPECT_THAT(said_of({.within = 0.1, .between = 0.5, .ratio = 5, .n_within = 2, .n_between = 1}),
                HasSubstr("R = 5.0 times as far apart"));
    EXPECT_THAT(said_of({.within = 0.1, .between = 0.1, .ratio = 1, .n_within = 2, .n_between = 1}),
                HasSubstr("No setting was found that tells these systems apart"));
    EXPECT_THAT(said_of({.within = 0.1, .between = unknown, .ratio = unknown, .n_within = 1, .n_between = 0}),
                HasSubstr("with a second system"));
    EXPECT_THAT(said_of({.within = 0, .between = 0.2, .ratio = infinity, .n_within = 2, .n_between = 1}),
                HasSubstr("do not differ at all; halves of two are 0.2 rad apart"));
    EXPECT_THAT(said_of({.within = 0, .between = 0, .ratio = unknown, .n_within = 2, .n_between = 1}),
                HasSubstr("do not differ at all; halves of two are 0 rad apart"));
}

}  // namespace
