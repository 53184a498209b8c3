#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

import repal.error;
import repal.items;

namespace {

using repal::Item;
using repal::ItemState;
using testing::HasSubstr;

class ItemFiles : public testing::Test {
 protected:
    ItemFiles() { std::filesystem::remove_all(results_); }
    ~ItemFiles() override { std::filesystem::remove_all(results_); }

    std::string text() const {
        std::ostringstream all;
        all << std::ifstream(file_).rdbuf();
        return all.str();
    }
    void overwrite(const std::string& text) const { std::ofstream(file_) << text; }

    const std::filesystem::path results_ =
        std::filesystem::path(testing::TempDir()) /
        (std::string("items-") + testing::UnitTest::GetInstance()->current_test_info()->name());
    const std::filesystem::path file_ = results_ / "cells" / "train" / "a" / "b.json";
    const repal::ItemFiles files_{results_};
    const Item item_{.stage = "train", .name = "a/b", .key = "0123456789abcdef"};
};

TEST_F(ItemFiles, WithoutAFileAnItemIsMissing) {
    EXPECT_EQ(files_.state(item_), ItemState::missing);
    EXPECT_FALSE(files_.read(item_));
}

TEST_F(ItemFiles, WhatWasWrittenIsRead) {
    files_.write(item_, ItemState::done, R"({"epochs":3})");

    EXPECT_EQ(files_.state(item_), ItemState::done);
    EXPECT_EQ(files_.read(item_), nlohmann::json::parse(R"({"epochs":3})"));
    EXPECT_EQ(
        text(),
        "{\"key\":\"0123456789abcdef\",\"state\":\"done\",\"result\":{\"epochs\":3},\"hash\":\"6708d7bfe6c1f596\"}\n");
}

TEST_F(ItemFiles, AFailureIsKept) {
    files_.write(item_, ItemState::failed, R"({"cause":"a power cut"})");

    EXPECT_EQ(files_.state(item_), ItemState::failed);
    EXPECT_EQ(files_.read(item_)->at("cause"), "a power cut");
}

TEST_F(ItemFiles, OfAnotherKeyAreNotThere) {
    files_.write(item_, ItemState::done, "[]");
    const Item of_other_options{.stage = "train", .name = "a/b", .key = "fedcba9876543210"};

    EXPECT_EQ(files_.state(of_other_options), ItemState::missing);
    EXPECT_FALSE(files_.read(of_other_options));
}

TEST_F(ItemFiles, CutShortAreNotThere) {
    files_.write(item_, ItemState::done, "[1,2,3]");
    const std::string whole = text();

    for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
        overwrite(whole.substr(0, bytes));
        EXPECT_EQ(files_.state(item_), ItemState::missing) << bytes;
    }
}

TEST_F(ItemFiles, AChangedResultIsRefusedWithItsFile) {
    files_.write(item_, ItemState::done, "[1,2,3]");
    std::string changed = text();
    for (const char* other : {"[?", "[4"}) {
        overwrite(changed.replace(changed.find('['), 2, other));
        try {
            files_.read(item_);
            FAIL() << "it was read";
        } catch (const repal::InputError& error) {
            EXPECT_THAT(error.what(), HasSubstr(file_.string()));
            EXPECT_THAT(error.what(), HasSubstr("this file was changed since it was written"));
        }
    }
}

}  // namespace
