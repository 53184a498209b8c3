#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <vector>

import repal.parallel;

namespace {

TEST(ForEachIndex, EveryIndexIsDoneOnce) {
    for (const int jobs : {1, 2, 7}) {
        std::vector<std::atomic<int>> done(100);

        repal::for_each_index(done.size(), jobs, [&](std::size_t i) { ++done[i]; });

        for (const auto& count : done) EXPECT_EQ(count, 1);
    }
    repal::for_each_index(0, 4, [](std::size_t) { FAIL(); });
}

TEST(ForEachIndex, TheFailureOfTheSmallestIndexComesOut) {
    for (const int jobs : {1, 2, 8})
        for (int repeat = 0; repeat < 50; ++repeat) {
            std::string message;
            try {
                repal::for_each_index(64, jobs, [](std::size_t i) {
                    if (i >= 5) throw std::runtime_error(std::to_string(i));
                });
            } catch (const std::runtime_error& error) {
                message = error.what();
            }
            EXPECT_EQ(message, "5");
        }
}

}  // namespace
