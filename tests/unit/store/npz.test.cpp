#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "core/eigen.hpp"

import repal.file;
import repal.store;

namespace {

using repal::Archive;
using repal::Shape;
using repal::Trajectories;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

using Values = std::vector<double>;

Values values_of(const Trajectories& x) {
    return {x.rows().data(), x.rows().data() + x.rows().size()};
}

class Npz : public testing::Test {
 protected:
    ~Npz() override { std::filesystem::remove(file_); }

    static Archive example() {
        return {.arrays = {{"states", {.shape = {2, 3}, .values = Values{1, 2, 3, 4, 5, 1234.5678}}},
                           {"rates", {.shape = {2, 1}, .values = std::vector<float>{0.5f, -0.25f}}},
                           {"counts", {.shape = {3, 2, 1}, .values = std::vector<std::int32_t>{1, -2, 3, 4, 5, 6}}}},
                .attributes = {{"seed", "7"}}};
    }

    void write_states(const std::vector<std::uint64_t>& shape, const Values& values) const {
        repal::write_npz(file_, {.arrays = {{"states", {.shape = shape, .values = values}}}, .attributes = {}});
    }

    Trajectories read(const std::string& member, const std::string& axes = {}) const {
        return repal::read_trajectories(file_ + member, axes);
    }

    std::string refusal(const std::string& member) const {
        try {
            read(member);
        } catch (const repal::InputError& error) {
            return error.what();
        }
        return "accepted";
    }

    const std::string file_ =
        testing::TempDir() + testing::UnitTest::GetInstance()->current_test_info()->name() + ".npz";
};

TEST_F(Npz, ArraysOfEveryTypeAreReadByTheirNames) {
    repal::write_npz(file_, example());

    EXPECT_EQ(values_of(read(":states")), (Values{1, 2, 3, 4, 5, 1234.5678}));
    EXPECT_EQ(values_of(read(":rates")), (Values{0.5, -0.25}));
    EXPECT_EQ(values_of(read(":counts")), (Values{1, -2, 3, 4, 5, 6}));
    EXPECT_EQ(read(":states").shape(), (Shape{.trials = 1, .steps = 2, .channels = 3}));
    EXPECT_EQ(read(":counts").shape(), (Shape{.trials = 3, .steps = 2, .channels = 1}));
}

TEST_F(Npz, TheOnlyArrayNeedsNoNameAndAnyNameMayHaveItsExtension) {
    write_states({2, 2}, {1, 2, 3, 4});

    EXPECT_EQ(values_of(read("")), (Values{1, 2, 3, 4}));
    EXPECT_EQ(values_of(read(":states.npy")), (Values{1, 2, 3, 4}));
}

TEST_F(Npz, AxesNameAnotherOrder) {
    write_states({3, 2}, {1, 2, 3, 4, 5, 6});

    EXPECT_EQ(values_of(read("", "channel,time")), (Values{1, 3, 5, 2, 4, 6}));
}

TEST_F(Npz, AmongSeveralArraysANameIsNeeded) {
    Archive archive = example();
    archive.attributes.clear();
    repal::write_npz(file_, archive);

    EXPECT_THAT(refusal(""), AllOf(HasSubstr("the file has 2 arrays of numbers"),
                                   HasSubstr("one of: counts (3, 2, 1), states (2, 3)")));
}

TEST_F(Npz, AnArrayThatIsNotThereIsRefusedWithTheFileAndTheNearestName) {
    repal::write_npz(file_, example());

    EXPECT_EQ(refusal(":stats"), file_ + ":stats: there is no array 'stats'; did you mean 'states'?");
}

TEST_F(Npz, AttributesAreTextsAndNoTrajectories) {
    repal::write_npz(file_, example());

    EXPECT_THAT(refusal(":seed"), HasSubstr("an array of text ('<U1')"));
}

TEST_F(Npz, WhatCannotBeTrajectoriesIsRefused) {
    write_states({1, 1, 2, 3}, {1, 2, 3, 4, 5, 6});
    EXPECT_THAT(refusal(""), HasSubstr("an array of 4 dimensions, (1, 1, 2, 3), not one to three"));

    write_states({2, 2}, {1, 2, 3, std::numeric_limits<double>::quiet_NaN()});
    EXPECT_THAT(refusal(""), HasSubstr("trial 0, step 1, channel 1"));
}

TEST_F(Npz, TruncatedAnywhereIsRefusedWithItsName) {
    repal::write_npz(file_, example());
    const std::string whole = repal::read_file(file_);
    for (std::size_t length = 0; length < whole.size(); length += 13) {
        std::ofstream(file_, std::ios::binary | std::ios::trunc) << whole.substr(0, length);
        EXPECT_THAT(refusal(":states"), StartsWith(file_ + ":states: ")) << length;
    }
}

TEST_F(Npz, ADamagedValueIsFoundByItsChecksum) {
    repal::write_npz(file_, example());
    const auto bytes = [](double value) { return std::string(reinterpret_cast<const char*>(&value), sizeof value); };
    std::string content = repal::read_file(file_);
    content.replace(content.find(bytes(1234.5678)), sizeof(double), bytes(1234.5679));
    repal::write_file(file_, content);

    EXPECT_THAT(refusal(":states"), HasSubstr("cannot be unpacked"));
}

TEST_F(Npz, ATextIsNoArchive) {
    repal::write_file(file_, "this is not an archive");

    EXPECT_THAT(refusal(""), HasSubstr("not an archive of NumPy, although the name ends with .npz"));
}

}  // namespace
