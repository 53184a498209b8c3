#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

import repal.allocation;

namespace {

using repal::Item;
using repal::ItemState;

std::vector<std::pair<Item, ItemState>> one_done_of(std::size_t n, double gflop) {
    std::vector<std::pair<Item, ItemState>> items;
    for (std::size_t i = 0; i < n; ++i)
        items.push_back(
            {{.stage = "train", .name = "item", .key = std::to_string(i), .gflop = gflop * (i < n / 2 ? 1 : 3)},
             i == 0 ? ItemState::done : ItemState::missing});
    return items;
}

TEST(Allocation, NothingIsSaidOfWhatWasNotMeasured) {
    EXPECT_FALSE(repal::allocate(one_done_of(10, 0), {}, 4));
    EXPECT_FALSE(repal::allocate(one_done_of(10, 0), {.core_seconds = {{"5", 10.0}}}, 4)) << "5 is not done";
}

TEST(Allocation, WhatTakesNoWorkSaysNothingOfWhatDoes) {
    auto items = one_done_of(10, 2);
    items[0].first.gflop = 0;  // e.g. a network that stays untrained

    EXPECT_FALSE(repal::allocate(items, {.core_seconds = {{"0", 1.0}}}, 4));
}

TEST(Allocation, AbsurdCostsAreAYearAtMost) {
    EXPECT_EQ(repal::allocate(one_done_of(10, 0), {.core_seconds = {{"0", 1e300}}}, 4)->limit_minutes, 525600);
}

TEST(Allocation, ItemsAreAsTheMeanOfThoseMeasured) {
    const auto found = repal::allocate(one_done_of(101, 0), {.core_seconds = {{"0", 1440.0}}}, 4);

    ASSERT_TRUE(found);
    EXPECT_EQ(found->measured, 1u);
    EXPECT_DOUBLE_EQ(found->core_seconds, 100 * 1440.0);
    EXPECT_EQ(found->tasks, 10u);  // of 4 processors and an hour each
    // ten items of 360 s on four, and the last one alone on one
    EXPECT_EQ(found->limit_minutes, 140);  // 1.5 * (60 + 24) + 5, in tens
    EXPECT_EQ(found->megabytes, 1024u);
}

TEST(Allocation, EstimatedWorkScalesThem) {
    const auto found =
        repal::allocate(one_done_of(10, 2), {.core_seconds = {{"0", 100.0}}, .peak_bytes = std::size_t{3} << 30}, 1);

    ASSERT_TRUE(found);
    EXPECT_DOUBLE_EQ(found->core_seconds, 4 * 100 + 5 * 300);
    EXPECT_EQ(found->tasks, 1u);
    EXPECT_EQ(found->megabytes, 4096u);  // a quarter more than 3072
}

TEST(Allocation, TasksAreAtMostTheItemsAndWhatSlurmTakes) {
    EXPECT_EQ(repal::allocate(one_done_of(3000, 0), {.core_seconds = {{"0", 1e6}}}, 1)->tasks, 1000u);
    EXPECT_EQ(repal::allocate(one_done_of(3, 0), {.core_seconds = {{"0", 1e6}}}, 1)->tasks, 2u);
}

TEST(Costs, PartsOfAnInterruptedItemAddUp) {
    const std::filesystem::path results = std::filesystem::path(testing::TempDir()) / "costs";
    std::filesystem::remove_all(results);
    const Item item{.stage = "train", .name = "a/b", .key = "k1"};

    repal::record_cost(results, item, 2);
    repal::record_cost(results, item, 3);
    {
        const Item other{.stage = "generate", .name = "c", .key = "k2"};
        const repal::Stopwatch stopwatch(results, other);
    }
    std::ofstream(results / "costs" / "other-1.jsonl")
        << R"({"stage": 3, "key": "k3", "core_seconds": "x", "peak_bytes": 1})"
        << "\n"
        << R"({"stage": "train", "key": "k3", "core)";
    const auto costs = repal::read_costs(results);

    EXPECT_DOUBLE_EQ(costs.at("train").core_seconds.at("k1"), 5);
    EXPECT_EQ(costs.at("train").core_seconds.size(), 1u);
    EXPECT_GT(costs.at("train").peak_bytes, 1u << 20);
    EXPECT_EQ(costs.at("generate").core_seconds.count("k2"), 1u);
    std::filesystem::remove_all(results);
}

}  // namespace
