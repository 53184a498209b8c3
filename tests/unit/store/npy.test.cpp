#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "core/eigen.hpp"

import repal.store;

namespace {

using repal::Shape;
using repal::Trajectories;
using testing::HasSubstr;
using testing::StartsWith;

using Values = std::vector<double>;

/// As this machine has them, the lowest byte first.
template <class Number>
std::string bytes_of(const std::vector<Number>& values) {
    return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(Number));
}

/// Version 1.0 of the format, by hand. Source: numpy/lib/format.py.
std::string npy(const std::string& type, const std::string& shape, const std::string& bytes,
                const std::string& is_fortran = "False") {
    const std::string header =
        "{'descr': '" + type + "', 'fortran_order': " + is_fortran + ", 'shape': " + shape + ", }\n";
    std::string content("\x93NUMPY\x01\x00", 8);
    content += static_cast<char>(header.size());
    content += '\0';
    return content + header + bytes;
}

/// 1 to 6, whatever shape they are said to have.
std::string six(const std::string& shape, const std::string& is_fortran = "False") {
    return npy("<f8", shape, bytes_of<double>({1, 2, 3, 4, 5, 6}), is_fortran);
}

Values values_of(const Trajectories& x) {
    return {x.rows().data(), x.rows().data() + x.rows().size()};
}

class Npy : public testing::Test {
 protected:
    ~Npy() override { std::filesystem::remove(file_); }

    Trajectories read(const std::string& content, const std::string& axes = {}) const {
        std::ofstream(file_, std::ios::binary) << content;
        return repal::read_trajectories(file_, axes);
    }

    std::string refusal(const std::string& content, const std::string& axes = {}) const {
        try {
            read(content, axes);
        } catch (const repal::InputError& error) {
            return error.what();
        }
        return "accepted";
    }

    const std::string file_ =
        testing::TempDir() + testing::UnitTest::GetInstance()->current_test_info()->name() + ".npy";
};

TEST_F(Npy, TwoDimensionsAreTimeAndChannelAndThreeBeginWithTheTrial) {
    const Trajectories two = read(six("(2, 3)"));
    const Trajectories three = read(six("(3, 2, 1)"));

    EXPECT_EQ(two.shape(), (Shape{.trials = 1, .steps = 2, .channels = 3}));
    EXPECT_EQ(three.shape(), (Shape{.trials = 3, .steps = 2, .channels = 1}));
    EXPECT_EQ(values_of(two), (Values{1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(values_of(three), (Values{1, 2, 3, 4, 5, 6}));
}

TEST_F(Npy, AxesNameAnotherOrder) {
    EXPECT_EQ(values_of(read(six("(3, 2)"), "channel,time")), (Values{1, 3, 5, 2, 4, 6}));
}

TEST_F(Npy, FortranOrderHasItsFirstDimensionFastest) {
    EXPECT_EQ(values_of(read(six("(2, 3)", "True"))), (Values{1, 3, 5, 2, 4, 6}));
}

TEST_F(Npy, NumbersOfEveryKindAreRead) {
    const auto values = [&](const char* type, const std::string& bytes) {
        return values_of(read(npy(type, "(2, 2)", bytes)));
    };

    EXPECT_EQ(values("<f2", bytes_of<std::uint16_t>({0x3C00, 0xC000, 0x3800, 0})), (Values{1, -2, 0.5, 0}));
    EXPECT_EQ(values("<f4", bytes_of<float>({1, -2, 0.5f, 0})), (Values{1, -2, 0.5, 0}));
    EXPECT_EQ(values("<i4", bytes_of<std::int32_t>({1, -2, 3, 0})), (Values{1, -2, 3, 0}));
    EXPECT_EQ(values("<u8", bytes_of<std::uint64_t>({1, 2, 3, 1ull << 63})), (Values{1, 2, 3, 0x1p63}));
    EXPECT_EQ(values("|i1", std::string("\xff\x01\x80\x02", 4)), (Values{-1, 1, -128, 2}));
    EXPECT_EQ(values("|u1", std::string("\xff\x01\x80\x02", 4)), (Values{255, 1, 128, 2}));
    EXPECT_EQ(values("|b1", std::string("\x00\x01\x01\x00", 4)), (Values{0, 1, 1, 0}));
}

TEST_F(Npy, BigEndianNumbersAreRead) {
    std::string doubles = bytes_of<double>({4, 3, -2, 1.5});
    std::ranges::reverse(doubles);  // the bytes of each value, and so the values, too
    const std::string integers("\x00\x01\x01\x02\xff\xfe\x00\x03", 8);

    EXPECT_EQ(values_of(read(npy(">f8", "(2, 2)", doubles))), (Values{1.5, -2, 3, 4}));
    EXPECT_EQ(values_of(read(npy(">i2", "(2, 2)", integers))), (Values{1, 258, -2, 3}));
}

TEST_F(Npy, TruncatedAnywhereIsRefusedWithItsName) {
    const std::string whole = six("(2, 3)");
    for (std::size_t length = 0; length < whole.size(); ++length)
        EXPECT_THAT(refusal(whole.substr(0, length)), StartsWith(file_ + ": ")) << length;
}

TEST_F(Npy, AHeaderThatLiesIsRefused) {
    std::string long_header = six("(2, 3)");
    long_header[8] = long_header[9] = '\x7f';

    EXPECT_THAT(refusal(long_header), HasSubstr("the header claims 32639 bytes"));
    EXPECT_THAT(refusal(six("(9, 9)")), HasSubstr("600 bytes are missing: (9, 9) of '<f8' takes 648, here are 48"));
    EXPECT_THAT(refusal(six("(2, 2)")), HasSubstr("16 bytes follow the array"));
    EXPECT_THAT(refusal(six("(99999999999, 99999999999)")), HasSubstr("no file can hold an array of"));
    EXPECT_THAT(refusal(six("(-2, -3)")), HasSubstr("'shape' has a negative number"));
}

TEST_F(Npy, WhatCannotBeTrajectoriesIsRefused) {
    EXPECT_THAT(refusal("this is not an array"), HasSubstr("not an array of NumPy"));
    EXPECT_THAT(refusal(npy("<c16", "(2, 2)", "")), HasSubstr("an array of complex numbers ('<c16')"));
    EXPECT_THAT(refusal(npy("<f8", "(0, 3)", "")), HasSubstr("the array is empty: (0, 3)"));
    EXPECT_THAT(refusal(npy("<f8", "()", bytes_of<double>({1}))),
                HasSubstr("an array of 0 dimensions, not one to three"));
    EXPECT_THAT(refusal(six("(1, 6)")), HasSubstr("it was read as (time, channel)"));
}

TEST_F(Npy, ANumberThatIsNotFiniteIsRefusedWithItsPlace) {
    const double nan = std::numeric_limits<double>::quiet_NaN();

    EXPECT_THAT(refusal(npy("<f8", "(2, 2)", bytes_of<double>({1, 2, nan, 4}))),
                HasSubstr("trial 0, step 1, channel 0"));
}

TEST_F(Npy, AxesThatDoNotFitAreRefused) {
    EXPECT_THAT(refusal(six("(2, 3)"), "tmie,channel"), HasSubstr("unknown axis 'tmie'; did you mean 'time'?"));
    EXPECT_THAT(refusal(six("(2, 3)"), "time,time"), HasSubstr("'time' is there twice"));
    EXPECT_THAT(refusal(six("(2, 3)"), "channel"), HasSubstr("'channel' has no time and no trial"));
    EXPECT_THAT(refusal(six("(2, 3)"), "time"), HasSubstr("1 axes, but the array has 2 dimensions"));
}

TEST_F(Npy, APipeIsRefusedBeforeAnybodyWritesToIt) {
    ASSERT_EQ(::mkfifo(file_.c_str(), 0600), 0);

    EXPECT_THROW(repal::read_trajectories(file_, {}), repal::InputError);
}

}  // namespace
