#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
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

TEST(ChosenMetric, ThePcaOfAPluginIsThatOfAllItsMetricsUnlessTheyHaveTheirOwn) {
    auto metrics = repal::read_metrics(
        config_of({"metrics.dsa={}", "metrics.a={metric: dsa}", "metrics.b={metric: dsa}"}).at("metrics"), registry());
    repal::read_pca(config_of({"pca.dsa.components=5", "pca.b.components=7"}).at("pca"), registry(), metrics);
    EXPECT_EQ(metrics[0].pca->components, 5);
    EXPECT_EQ(metrics[1].pca->components, 5);
    EXPECT_EQ(metrics[2].pca->components, 7);
}

}  // namespace
