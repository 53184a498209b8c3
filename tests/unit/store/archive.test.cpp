#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <string>
#include <vector>

import repal.store;

namespace {

using repal::Archive;

class ArchiveFile : public testing::Test {
 protected:
    ArchiveFile() { std::filesystem::create_directories(folder_); }
    ~ArchiveFile() override { std::filesystem::remove_all(folder_); }

    static Archive example() {
        return {.arrays = {{"weights/input",
                            {.shape = {2, 3},
                             .values = std::vector<float>{1, 2, 3, 4, 5, 6},
                             .attributes = {{"axes", "unit,input"}}}},
                           {"time", {.shape = {2}, .values = std::vector<double>{0.5, 1e300}}},
                           {"labels", {.shape = {1, 2}, .values = std::vector<std::int32_t>{-7, 9}}}},
                .attributes = {{"program", "repal"}, {"empty", ""}}};
    }

    std::filesystem::path folder_ =
        std::filesystem::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::path file_ = folder_ / "example.h5";
};

std::string bytes(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

TEST_F(ArchiveFile, WhatIsWrittenIsRead) {
    write_archive(file_, example());

    const Archive read = repal::read_archive(file_);

    EXPECT_EQ(read.values<float>("weights/input"), (std::vector<float>{1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(read.arrays.at("weights/input").shape, (std::vector<std::uint64_t>{2, 3}));
    EXPECT_EQ(read.arrays.at("weights/input").attributes.at("axes"), "unit,input");
    EXPECT_EQ(read.values<double>("time"), (std::vector<double>{0.5, 1e300}));
    EXPECT_EQ(read.values<std::int32_t>("labels"), (std::vector<std::int32_t>{-7, 9}));
    EXPECT_EQ(read.attribute("program"), "repal");
    EXPECT_EQ(read.attribute("empty"), "");
    EXPECT_EQ(read.arrays.size(), 3u);
}

TEST_F(ArchiveFile, EqualArchivesAreEqualBytes) {
    write_archive(file_, example());
    write_archive(folder_ / "again.h5", example());

    EXPECT_EQ(bytes(file_), bytes(folder_ / "again.h5"));
}

TEST_F(ArchiveFile, TruncatedAnywhereIsRefused) {
    write_archive(file_, example());
    const std::string whole = bytes(file_);
    for (std::size_t length = 0; length < whole.size(); length += 97) {
        std::ofstream(file_, std::ios::binary | std::ios::trunc) << whole.substr(0, length);
        EXPECT_THROW(repal::read_archive(file_), repal::InputError) << length;
    }
}

// libhdf5 crashes at some of these, reads other attributes at others.
TEST_F(ArchiveFile, AnyChangedByteIsRefused) {
    write_archive(file_, example());
    const std::string whole = bytes(file_);
    const auto attributes = repal::read_attributes(file_);
    std::size_t refused = 0;
    for (std::size_t i = 0; i < whole.size(); ++i) {
        std::string changed = whole;
        changed[i] = static_cast<char>(changed[i] ^ (i % 2 == 0 ? 1 : 0x80));
        std::ofstream(file_, std::ios::binary).write(changed.data(), static_cast<std::ptrdiff_t>(changed.size()));
        try {
            EXPECT_EQ(repal::read_attributes(file_), attributes) << i;
            const Archive read = repal::read_archive(file_);
            EXPECT_EQ(read.values<float>("weights/input"), (std::vector<float>{1, 2, 3, 4, 5, 6})) << i;
            EXPECT_EQ(read.arrays.at("weights/input").attributes.at("axes"), "unit,input") << i;
        } catch (const repal::InputError&) {
            ++refused;
        }
    }
    EXPECT_EQ(refused, whole.size());
}

TEST_F(ArchiveFile, AttributesAreReadAlone) {
    Archive archive = example();
    archive.attributes["decay"] = "-2.5e-3";
    archive.attributes["long"] = "2.5x";
    archive.attributes["endless"] = "inf";
    write_archive(file_, archive);

    EXPECT_EQ(repal::read_attributes(file_), archive.attributes);
    EXPECT_THROW(repal::read_attributes(folder_ / "missing.h5"), repal::InputError);
    EXPECT_EQ(archive.number("decay"), -2.5e-3);
    for (const char* name : {"long", "endless", "empty", "none"})
        EXPECT_THROW(archive.number(name), repal::InputError) << name;
}

TEST_F(ArchiveFile, WrongNamesAndTypesAreRefused) {
    write_archive(file_, example());
    const Archive read = repal::read_archive(file_);

    EXPECT_THROW(read.values<float>("time"), repal::InputError);
    EXPECT_THROW(read.values<float>("none"), repal::InputError);
    EXPECT_THROW(read.attribute("none"), repal::InputError);
    EXPECT_THROW(repal::read_archive(folder_ / "missing.h5"), repal::InputError);
}

}  // namespace
