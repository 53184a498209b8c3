#include <gtest/gtest.h>

#include <cstdint>

import repal.memory;
import repal.trajectories;

namespace {

TEST(Memory, WhatIsAvailableIsThatOfARealMachine) {
    const std::uint64_t available = repal::available_memory();
    EXPECT_GT(available, std::uint64_t{1} << 26);
    EXPECT_LT(available, std::uint64_t{1} << 50);
}

TEST(Memory, TooMuchIsRefusedWithWhatIsNeededAndFree) {
    EXPECT_NO_THROW(repal::require_memory(1e6, "this", "less"));
    try {
        repal::require_memory(1e15, "this", "take less");
        FAIL();
    } catch (const repal::InvalidTrajectories& error) {
        EXPECT_TRUE(error.problem().starts_with("this needs 1000 TB of memory, ")) << error.problem();
        EXPECT_TRUE(error.problem().ends_with("B are free")) << error.problem();
        EXPECT_EQ(error.hint(), "take less");
    }
}

TEST(Memory, BytesAreShownInFewDigits) {
    EXPECT_EQ(repal::bytes_text(12), "12 B");
    EXPECT_EQ(repal::bytes_text(1234), "1.2 kB");
    EXPECT_EQ(repal::bytes_text(56.7e9), "57 GB");
}

}  // namespace
