#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/eigen.hpp"

import repal.progress;
import repal.random;
import repal.tuning;

namespace {

using Eigen::Index;
using repal::RowMatrix;
using repal::Stream;
using repal::Trajectories;
using testing::HasSubstr;

/// The mean of one channel, which is an option. It predicts nothing.
class ChannelMean final : public repal::MetricOf<double> {
 public:
    explicit ChannelMean(Index channel) : channel_(channel) {}

 protected:
    double features(const Trajectories& x) const override { return x.rows().col(channel_).mean(); }
    repal::Score distance(const double& a, const double& b) const override { return repal::Score::of(b - a); }

 private:
    Index channel_;
};

repal::ChosenMetric channel_mean(std::vector<repal::Correspondence> corresponding) {
    repal::MetricInfo info{.name = "channel_mean"};
    info.corresponding = std::move(corresponding);
    const decltype(repal::ChosenMetric::make) make = [](const repal::OptionValues& options) {
        const auto channel = options.find("channel");
        return std::make_unique<ChannelMean>(channel == options.end() ? 0 : std::get<std::int64_t>(channel->second));
    };
    return {.name = "channel_mean", .identity = "channel_mean", .metric = make({}), .info = info, .make = make};
}

/// (trials, 10, 2): channel 0 is noise, channel 1 has a mean that is the system's.
std::vector<repal::NamedSystem> systems(std::size_t n, Index trials) {
    std::vector<repal::NamedSystem> all;
    for (std::size_t i = 0; i < n; ++i) {
        Stream stream = Stream(5).child(i);
        std::vector<RowMatrix> drawn;
        for (Index k = 0; k < trials; ++k) {
            RowMatrix rows(10, 2);
            for (Index t = 0; t < rows.size(); ++t) rows.data()[t] = 0.1 * stream.normal();
            rows.col(1).array() += 0.1 * static_cast<double>(i * i);
            drawn.push_back(std::move(rows));
        }
        const std::string name = "system " + std::to_string(i);
        all.push_back({name, repal::given(name, Trajectories::from_trials(drawn))});
    }
    return all;
}

repal::Tuning tuned(const repal::ChosenMetric& metric, const std::vector<repal::NamedSystem>& of) {
    repal::Progress progress;
    return tune(metric, of, {{.option = "channel", .values = {std::int64_t{0}, std::int64_t{1}}}}, Stream(0), 1,
                progress);
}

TEST(Tuning, OfAMetricThatPredictsNothingTakesWhatTellsSystemsApart) {
    const repal::Tuning tuning = tuned(channel_mean({}), systems(5, 16));

    ASSERT_EQ(tuning.chosen, 1u) << tuning.cause;
    EXPECT_TRUE(tuning.is_by_halves);
    EXPECT_GT(tuning.settings[1].separation->ratio, 5);
    EXPECT_LT(tuning.settings[0].separation->ratio, 3);
    // The trials that confirm are others, so that the number is another one of the same size.
    ASSERT_TRUE(tuning.confirmed.has_value());
    EXPECT_NE(*tuning.confirmed, tuning.settings[1].separation->ratio);
    EXPECT_GT(*tuning.confirmed, 5);
}

TEST(Tuning, WhereSamplesAreComparedTakesWhatComesBack) {
    const auto metric = channel_mean({repal::Correspondence::rows});

    const repal::Tuning tuning = tuned(metric, systems(5, 16));

    ASSERT_EQ(tuning.chosen, 1u) << tuning.cause;
    EXPECT_GT(*tuning.settings[1].reliability, 0.9);
    EXPECT_LT(*tuning.settings[0].reliability, 0.5);
    EXPECT_FALSE(tuning.settings[1].separation.has_value());
    EXPECT_GT(*tuning.confirmed, 0.9);
    EXPECT_THAT(tuned(metric, systems(3, 16)).cause, HasSubstr("needs 4 systems"));
    EXPECT_THAT(tuned(metric, systems(4, 3)).cause, HasSubstr("3 trials"));
    EXPECT_FALSE(tuned(metric, systems(4, 3)).chosen.has_value());
}

TEST(Reliability, IsTheCorrelationOfTheAnglesOfTwoHalves) {
    auto metric = channel_mean({}).with({{"channel", std::int64_t{1}}});
    const auto found = reliability_of(metric, systems(6, 8), 5, Stream(0), 2);
    ASSERT_TRUE(found.has_value());
    EXPECT_GT(*found, 0.95);
    EXPECT_LT(*found, 1);
    EXPECT_FALSE(reliability_of(metric, systems(3, 8), 5, Stream(0), 2).has_value());
}

}  // namespace
