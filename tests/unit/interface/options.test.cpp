#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

import repal.error;
import repal.options;

namespace {

using repal::OptionInfo;
using repal::OptionValue;
using testing::ElementsAre;
using testing::HasSubstr;

/// One of every type.
struct Options {
    bool is_leaky = false;
    std::int64_t rank = 10;
    double rate = 0.5;
    std::string integrator = "euler";
    std::vector<double> delays = {1, 2};

    static auto table() {
        using repal::Option;
        return std::tuple{
            Option{&Options::is_leaky, {.name = "is_leaky", .summary = "whether it leaks"}},
            Option{&Options::rank, {.name = "rank", .summary = "of the operator", .minimum = 1, .maximum = 50}},
            Option{&Options::rate, {.name = "rate", .unit = "Hz", .summary = "of its inputs", .minimum = 0}},
            Option{&Options::integrator,
                   {.name = "integrator", .summary = "of its equations", .choices = {"euler", "rk4"}}},
            Option{&Options::delays,
                   {.name = "delays", .unit = "ms", .summary = "of its outputs", .minimum = 0, .maximum = 1000}}};
    }
};

OptionInfo info_of(const std::string& name) {
    for (const OptionInfo& info : repal::option_infos<Options>())
        if (info.name == name) return info;
    throw std::out_of_range(name);
}

std::string refusal(const std::string& name, const OptionValue& value) {
    try {
        require_valid(info_of(name), value);
    } catch (const repal::InputError& error) {
        return error.what();
    }
    return "accepted";
}

TEST(Options, TextsAndDefaultsAreThoseOfTheStruct) {
    const std::vector<OptionInfo> infos = repal::option_infos<Options>();

    ASSERT_EQ(infos.size(), 5u);
    EXPECT_EQ(infos[1].name, "rank");
    EXPECT_EQ(infos[1].default_value, OptionValue(std::int64_t{10}));
    EXPECT_EQ(infos[1].maximum, 50);
    EXPECT_EQ(infos[2].unit, "Hz");
    EXPECT_EQ(infos[2].maximum, std::numeric_limits<double>::infinity());
    EXPECT_THAT(infos[3].choices, ElementsAre("euler", "rk4"));
}

TEST(Options, GivenValuesReplaceDefaults) {
    const repal::OptionValues values = {
        {"is_leaky", true}, {"rank", std::int64_t{3}}, {"delays", std::vector<double>{7}}};

    const auto options = repal::options_from<Options>(values);

    EXPECT_TRUE(options.is_leaky);
    EXPECT_EQ(options.rank, 3);
    EXPECT_THAT(options.delays, ElementsAre(7.0));
    EXPECT_EQ(options.rate, 0.5);
    EXPECT_EQ(options.integrator, "euler");
}

TEST(Options, AnotherTypeIsRefused) {
    EXPECT_EQ(refusal("rank", 1.5), "rank: expected a whole number, got '1.5'");
    EXPECT_EQ(refusal("rate", std::int64_t{1}), "rate: expected a number, got '1'");
    EXPECT_EQ(refusal("delays", 1.5), "delays: expected a list of numbers, got '1.5'");
    EXPECT_EQ(refusal("integrator", true), "integrator: expected a text, got 'true'");
    EXPECT_EQ(refusal("is_leaky", std::string("yes")), "is_leaky: expected a yes or no, got 'yes'");
}

TEST(Options, ANumberOutsideItsBoundsIsRefused) {
    EXPECT_EQ(refusal("rank", std::int64_t{1}), "accepted");
    EXPECT_EQ(refusal("rank", std::int64_t{50}), "accepted");
    EXPECT_EQ(refusal("rank", std::int64_t{0}), "rank: 0 is outside [1, 50]");
    EXPECT_EQ(refusal("rate", -0.5), "rate: -0.5 is smaller than 0");
    EXPECT_THAT(refusal("rate", std::numeric_limits<double>::quiet_NaN()), HasSubstr("is outside"));
}

TEST(Options, EveryNumberOfAListIsInsideTheBounds) {
    EXPECT_EQ(refusal("delays", std::vector<double>{}), "accepted");
    EXPECT_EQ(refusal("delays", std::vector<double>{0, 1000}), "accepted");
    EXPECT_EQ(refusal("delays", std::vector<double>{1, -2}), "delays: -2 is outside [0, 1000]");
}

TEST(Options, AnUnknownChoiceIsRefusedWithTheNearest) {
    EXPECT_EQ(refusal("integrator", std::string("rk4")), "accepted");
    EXPECT_EQ(refusal("integrator", std::string("eular")), "integrator: unknown choice 'eular'; did you mean 'euler'?");
}

TEST(Options, ATextWithoutChoicesIsAnyText) {
    OptionInfo title;
    title.default_value = std::string("none");

    EXPECT_NO_THROW(require_valid(title, std::string("whatever")));
}

TEST(Options, ValuesHaveATextForUsersAndKeys) {
    EXPECT_EQ(repal::to_string(OptionValue(true)), "true");
    EXPECT_EQ(repal::to_string(OptionValue(std::int64_t{-3})), "-3");
    EXPECT_EQ(repal::to_string(OptionValue(0.1)), "0.1");
    EXPECT_EQ(repal::to_string(OptionValue(std::string("euler"))), "euler");
    EXPECT_EQ(repal::to_string(OptionValue(std::vector<double>{1, 2.5})), "[1, 2.5]");
}

}  // namespace
