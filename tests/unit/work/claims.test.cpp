#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

import repal.claims;

namespace {

using repal::Claims;
using repal::Item;
using repal::ItemState;

// Two Claims objects are as two processes: locks belong to an open file.
class ClaimsTest : public testing::Test {
 protected:
    ClaimsTest() { std::filesystem::remove_all(results_); }
    ~ClaimsTest() override { std::filesystem::remove_all(results_); }

    const std::filesystem::path results_ =
        std::filesystem::path(testing::TempDir()) /
        (std::string("claims-") + testing::UnitTest::GetInstance()->current_test_info()->name());
    repal::Progress progress_;
    const Item a_{.stage = "train", .name = "a", .key = "1"};
    const Item b_{.stage = "train", .name = "b", .key = "1"};
};

TEST_F(ClaimsTest, OneTakesAndTheOtherDoesNot) {
    Claims first(results_, progress_);
    Claims second(results_, progress_);

    EXPECT_TRUE(first.take(a_));
    EXPECT_FALSE(second.take(a_));
    EXPECT_TRUE(second.take(b_));
    EXPECT_TRUE(second.is_taken(a_));
    first.release(a_);
    EXPECT_FALSE(second.is_taken(a_));
    EXPECT_TRUE(second.take(a_));
}

TEST_F(ClaimsTest, AClaimEndsWithItsOwner) {
    Claims second(results_, progress_);
    {
        Claims first(results_, progress_);
        EXPECT_TRUE(first.take(a_));
        EXPECT_FALSE(second.take(a_));
    }
    EXPECT_TRUE(second.take(a_));
}

TEST_F(ClaimsTest, LookingMakesNoFile) {
    EXPECT_FALSE(Claims(results_, progress_).is_taken(a_));
    EXPECT_FALSE(std::filesystem::exists(results_));
}

TEST_F(ClaimsTest, WithoutLocksEverybodyWorksAndIsTold) {
    struct Warnings final : repal::Progress {
        void warn(const std::string&, const std::string& text) override { texts.push_back(text); }
        std::vector<std::string> texts;
    } warnings;
    std::filesystem::create_directories(results_ / "cells" / ".claims");  // cannot be opened as a file
    Claims first(results_, warnings);
    Claims second(results_, warnings);

    EXPECT_TRUE(first.take(a_));
    EXPECT_TRUE(second.take(a_));
    EXPECT_TRUE(second.take(b_));
    ASSERT_EQ(warnings.texts.size(), 2);
    EXPECT_NE(warnings.texts[0].find("cannot be locked"), std::string::npos);
}

TEST_F(ClaimsTest, TwoThatShareDoEachItemOnce) {
    constexpr std::size_t n = 60;
    std::vector<Item> items;
    for (std::size_t i = 0; i < n; ++i) items.push_back({.stage = "s", .name = std::to_string(i), .key = "k"});
    std::vector<std::atomic<int>> times(n);
    struct Counted final : repal::Progress {
        void advance() override { ++done; }
        void drop() override { ++dropped; }
        std::atomic<std::size_t> done = 0;
        std::atomic<std::size_t> dropped = 0;
    };
    const auto share = [&](Counted& counted) {
        Claims claims(results_, counted);
        const repal::SharedItems shared{
            .n = n,
            .item = [&](std::size_t i) -> const Item& { return items[i]; },
            .state = [&](std::size_t i) { return times[i] > 0 ? ItemState::done : ItemState::missing; },
            .work =
                [&](std::size_t i) {
                    std::this_thread::sleep_for(std::chrono::milliseconds(2));
                    ++times[i];
                }};
        do_shared(shared, claims, 2, counted);
        for (const auto& of_item : times) EXPECT_EQ(of_item, 1);  // all are done when it ends, whoever did them
    };

    std::array<Counted, 2> counts;
    std::thread other([&] { share(counts[1]); });
    share(counts[0]);
    other.join();
    // Each counts what it has done itself.
    EXPECT_EQ(counts[0].done + counts[1].done, n);
    for (const Counted& counted : counts) EXPECT_EQ(counted.done + counted.dropped, n);
}

TEST_F(ClaimsTest, AStoppedWorkerThrowsAndLeavesTheRest) {
    struct Stop final : repal::Progress {
        bool is_stop_requested() const override { return true; }
    } stop;
    Claims claims(results_, stop);
    int works = 0;
    const repal::SharedItems shared{.n = 1,
                                    .item = [&](std::size_t) -> const Item& { return a_; },
                                    .state = [](std::size_t) { return ItemState::missing; },
                                    .work = [&](std::size_t) { ++works; }};

    EXPECT_THROW(do_shared(shared, claims, 1, stop), repal::Stopped);
    EXPECT_EQ(works, 0);
}

}  // namespace
