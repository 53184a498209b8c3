#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <Eigen/Core>
#include <array>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

import repal.chosen_metric;
import repal.config;
import repal.registry;

namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const repal::Registry& registry() {
    static const repal::Registry loaded =
        repal::Registry::load(std::array{std::filesystem::path(REPAL_PLUGIN_DIRECTORY)});
    return loaded;
}

repal::Config config_of(const std::vector<std::string>& overrides) {
    return repal::Config::from_overrides(overrides);
}

TEST(ChosenMetric, WhatIsNotGivenIsStillToBeChosen) {
    const auto metric = repal::choose_metric("dsa", registry(), config_of({"dsa.rank=4", "dsa.n_delays=auto"}));

    EXPECT_THAT(metric.automatic_options(), ElementsAre("n_delays"));
    EXPECT_EQ(metric.settings(), "n_delays=auto,rank=4");
    EXPECT_THAT(metric.identity, HasSubstr("n_delays=auto"));
}

TEST(ChosenMetric, TheNumbersThatAreChosenStandInSettingsAndKeys) {
    const auto metric = repal::choose_metric("dsa", registry(), config_of({"dsa.centre=mean"}))
                            .with({{"n_delays", std::int64_t{7}}, {"rank", std::int64_t{3}}});

    EXPECT_THAT(metric.automatic_options(), IsEmpty());
    EXPECT_EQ(metric.settings(), "n_delays=7,rank=3,centre=mean");
    EXPECT_THAT(metric.identity, HasSubstr("n_delays=7"));
    EXPECT_EQ(metric.metric->least_steps(), 8);
}

/// (4, 30, channels) of three cosines that are mixed, and a little of each channel's own.
repal::Trajectories of_width(Eigen::Index channels) {
    constexpr Eigen::Index rows = 120;
    repal::RowMatrix x(rows, channels);
    for (Eigen::Index t = 0; t < rows; ++t)
        for (Eigen::Index c = 0; c < channels; ++c) {
            x(t, c) = 7 + 1e-3 * std::cos(static_cast<double>(t * t + c * c));
            for (int k = 1; k <= 3; ++k)
                x(t, c) += std::cos(0.1 * k * static_cast<double>(t) + static_cast<double>(k * c));
        }
    return repal::Trajectories::from_rows({.trials = 4, .steps = 30, .channels = channels}, std::move(x));
}

TEST(ChosenMetric, DynamicsOfWideSystemsAreSeenInPrincipalComponents) {
    const auto dsa = repal::choose_metric("dsa", registry(), config_of({}));
    EXPECT_FALSE(dsa.reduced(of_width(200)));
    EXPECT_FALSE(repal::choose_metric("cka", registry(), config_of({})).reduced(of_width(201)));

    const auto seen = dsa.reduced(of_width(201));
    ASSERT_TRUE(seen);
    EXPECT_LE(seen->x.shape().channels, 6);  // a sine and a cosine of each frequency
    EXPECT_GE(seen->variance_kept, 0.99);
    EXPECT_LT(seen->variance_kept, 1);
}

TEST(ChosenMetric, ManyComponentsAreCutAndWhatIsLeftIsSaid) {
    repal::Trajectories noise = of_width(300);
    repal::RowMatrix own = repal::RowMatrix::Identity(120, 300);
    noise = noise.with_rows(own);  // 120 directions of equal variance
    const auto dsa = repal::choose_metric("dsa", registry(), config_of({}));

    EXPECT_EQ(dsa.reduced(noise)->x.shape().channels, 50);
    EXPECT_NEAR(dsa.reduced(noise)->variance_kept, 50.0 / 119, 1e-12);

    std::vector<repal::ChosenMetric> metrics = {dsa};
    repal::read_pca(config_of({"dsa.variance=1"}), registry(), metrics);
    EXPECT_GE(metrics[0].reduced(noise)->x.shape().channels, 119);
    EXPECT_LE(metrics[0].reduced(noise)->x.shape().channels, 120);
    EXPECT_NEAR(metrics[0].reduced(noise)->variance_kept, 1, 1e-12);
}

TEST(ChosenMetric, APluginMayBeUsedTwiceUnderNamesOfItsOwn) {
    const auto metrics = repal::read_metrics(
        config_of({"metrics.dsa={n_delays: 2, rank: 2}", "metrics.published={metric: dsa, n_delays: 9, rank: 5}"})
            .at("metrics"),
        registry());

    ASSERT_EQ(metrics.size(), 2u);
    EXPECT_EQ(metrics[1].name, "published");
    EXPECT_EQ(metrics[1].info.name, "dsa");
    EXPECT_EQ(metrics[1].settings(), "n_delays=9,rank=5");
    EXPECT_NE(metrics[0].identity, metrics[1].identity);
}

TEST(ChosenMetric, WhatIsNotGivenIsAutomatic) {
    const auto metrics = repal::read_metrics(config_of({"metrics.dsa={rank: 5}"}).at("metrics"), registry());
    EXPECT_THAT(metrics[0].automatic_options(), testing::ElementsAre("n_delays"));
    EXPECT_EQ(metrics[0].settings(), "n_delays=auto,rank=5");
}

TEST(ChosenMetric, AMetricMayBeInWindowsOfTimeBesideItself) {
    const auto metrics = repal::read_metrics(
        config_of({"metrics.cka={}", "metrics.late={metric: cka, over_time: 10:5}"}).at("metrics"), registry());
    EXPECT_FALSE(metrics[0].windows);
    ASSERT_TRUE(metrics[1].windows);
    EXPECT_EQ(metrics[1].windows->length, 10);
    EXPECT_EQ(metrics[1].windows->stride, 5);
    EXPECT_THAT(metrics[1].settings(), testing::HasSubstr("over_time=10:5"));
    EXPECT_NE(metrics[0].identity, metrics[1].identity);
}

TEST(ChosenMetric, WindowsThatAreNoneAreRefusedWithTheirKey) {
    const auto refusal_of = [](const std::string& entry) {
        try {
            repal::read_metrics(config_of({"metrics.late=" + entry}).at("metrics"), registry());
        } catch (const repal::InputError& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    EXPECT_THAT(refusal_of("{metric: cka, over_time: soon}"),
                testing::AllOf(testing::HasSubstr("over_time"), testing::HasSubstr("WINDOW:STRIDE")));
    EXPECT_THAT(refusal_of("{metric: dsa, over_time: 10}"),
                testing::AllOf(testing::HasSubstr("over_time"), testing::HasSubstr("n_delays")));
    EXPECT_THAT(refusal_of("{metric: cka, over_tme: 10}"), testing::HasSubstr("over_time"));
}

TEST(ChosenMetric, ThePcaOfAPluginIsThatOfAllItsMetricsUnlessTheyHaveTheirOwn) {
    auto metrics = repal::read_metrics(
        config_of({"metrics.dsa={}", "metrics.a={metric: dsa}", "metrics.b={metric: dsa}"}).at("metrics"), registry());
    repal::read_pca(config_of({"pca.dsa.components=5", "pca.b.components=7"}).at("pca"), registry(), metrics);
    EXPECT_EQ(metrics[0].pca->components, 5);
    EXPECT_EQ(metrics[1].pca->components, 5);
    EXPECT_EQ(metrics[2].pca->components, 7);
}

}  // namespace
