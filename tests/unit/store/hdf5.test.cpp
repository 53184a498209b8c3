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

class Hdf5 : public testing::Test {
 protected:
    ~Hdf5() override { std::filesystem::remove(file_); }

    static Archive example() {
        return {.arrays = {{"run/states", {.shape = {2, 3}, .values = Values{1, 2, 3, 4, 5, 6}}},
                           {"rates", {.shape = {2, 1}, .values = std::vector<float>{0.5f, -0.25f}}},
                           {"counts", {.shape = {3, 2, 1}, .values = std::vector<std::int32_t>{1, -2, 3, 4, 5, 6}}}},
                .attributes = {{"seed", "7"}}};
    }

    void write_states(const std::vector<std::uint64_t>& shape, const Values& values) const {
        repal::write_archive(
            file_, {.arrays = {{"states", {.shape = shape, .values = values}}}, .attributes = {{"seed", "7"}}});
    }

    Trajectories read(const std::string& dataset, const std::string& axes = {}) const {
        return repal::read_trajectories(file_ + dataset, axes);
    }

    std::string refusal(const std::string& dataset) const {
        try {
            read(dataset);
        } catch (const repal::InputError& error) {
            return error.what();
        }
        return "accepted";
    }

    const std::string file_ =
        testing::TempDir() + testing::UnitTest::GetInstance()->current_test_info()->name() + ".h5";
};

TEST_F(Hdf5, DatasetsOfEveryTypeAreReadByTheirNames) {
    repal::write_archive(file_, example());

    EXPECT_EQ(values_of(read(":/run/states")), (Values{1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(values_of(read(":/rates")), (Values{0.5, -0.25}));
    EXPECT_EQ(values_of(read(":/counts")), (Values{1, -2, 3, 4, 5, 6}));
    EXPECT_EQ(read(":/run/states").shape(), (Shape{.trials = 1, .steps = 2, .channels = 3}));
    EXPECT_EQ(read(":/counts").shape(), (Shape{.trials = 3, .steps = 2, .channels = 1}));
}

TEST_F(Hdf5, ANameNeedsNoSlashAndTheOnlyDatasetNoName) {
    write_states({2, 2}, {1, 2, 3, 4});

    EXPECT_EQ(values_of(read(":states")), (Values{1, 2, 3, 4}));
    EXPECT_EQ(values_of(read("")), (Values{1, 2, 3, 4}));
}

TEST_F(Hdf5, AxesNameAnotherOrder) {
    write_states({3, 2}, {1, 2, 3, 4, 5, 6});

    const Trajectories x = read("", "channel,time");

    EXPECT_EQ(x.shape(), (Shape{.trials = 1, .steps = 2, .channels = 3}));
    EXPECT_EQ(values_of(x), (Values{1, 3, 5, 2, 4, 6}));
}

TEST_F(Hdf5, AmongSeveralDatasetsANameIsNeeded) {
    repal::write_archive(file_, example());

    // A vector is not taken for an array among those of two dimensions.
    EXPECT_THAT(refusal(""), AllOf(HasSubstr("the file has 2 arrays of numbers"),
                                   HasSubstr("one of: /counts (3, 2, 1), /run/states (2, 3)")));
}

TEST_F(Hdf5, ADatasetThatIsNotThereIsRefusedWithTheFileAndTheNearestName) {
    repal::write_archive(file_, example());

    EXPECT_EQ(refusal(":/run/stats"),
              file_ + ":/run/stats: there is no array '/run/stats'; did you mean '/run/states'?");
}

TEST_F(Hdf5, AGroupIsItsOnlyArray) {
    repal::write_archive(file_, example());

    EXPECT_EQ(values_of(read(":/run")), (Values{1, 2, 3, 4, 5, 6}));
}

TEST_F(Hdf5, OneDimensionIsTime) {
    write_states({6}, {1, 2, 3, 4, 5, 6});

    EXPECT_EQ(read("").shape(), (Shape{.trials = 1, .steps = 6, .channels = 1}));
}

TEST_F(Hdf5, WhatCannotBeTrajectoriesIsRefused) {
    write_states({1, 1, 2, 3}, {1, 2, 3, 4, 5, 6});
    EXPECT_THAT(refusal(""), HasSubstr("an array of 4 dimensions, (1, 1, 2, 3), not one to three"));

    write_states({1, 6}, {1, 2, 3, 4, 5, 6});
    EXPECT_THAT(refusal(""), HasSubstr("it was read as (time, channel)"));

    write_states({2, 2}, {1, 2, 3, std::numeric_limits<double>::quiet_NaN()});
    EXPECT_THAT(refusal(""), HasSubstr("trial 0, step 1, channel 1"));
}

TEST_F(Hdf5, TruncatedAnywhereIsRefusedWithItsName) {
    repal::write_archive(file_, example());
    const std::string whole = repal::read_file(file_);
    for (std::size_t length = 0; length < whole.size(); length += 97) {
        std::ofstream(file_, std::ios::binary | std::ios::trunc) << whole.substr(0, length);
        EXPECT_THAT(refusal(":/run/states"), StartsWith(file_ + ":/run/states: ")) << length;
    }
}

TEST_F(Hdf5, OtherFilesAreRefused) {
    EXPECT_EQ(refusal(""), file_ + ": no such file");

    repal::write_file(file_, "this is not HDF5");
    EXPECT_THAT(refusal(""), HasSubstr("not an HDF5 file"));

    repal::write_file(file_, "MATLAB 5.0 MAT-file, Platform: GLNXA64");
    EXPECT_THAT(refusal(""), HasSubstr("the MATLAB file is damaged"));
}

}  // namespace
