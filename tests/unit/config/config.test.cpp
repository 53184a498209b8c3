#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <variant>
#include <vector>

import repal.config;

namespace {

using repal::Config;
using testing::AllOf;
using testing::HasSubstr;

class ConfigFile : public testing::Test {
 protected:
    Config load(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
        std::ofstream(file_) << yaml;
        return Config::load(file_, overrides);
    }

    static std::string refusal(const std::function<void()>& act) {
        try {
            act();
        } catch (const repal::InputError& error) {
            return error.what();
        }
        return "accepted";
    }

    void TearDown() override { std::filesystem::remove(file_); }

    std::filesystem::path file_ = std::filesystem::temp_directory_path() /
                                  (std::string("repal-config-") + std::to_string(std::rand()) +
                                   testing::UnitTest::GetInstance()->current_test_info()->name() + ".yaml");
};

TEST_F(ConfigFile, UnknownKeyIsNamedWithItsPlaceAndTheNearestOne) {
    const Config config = load("seed: 1\nrnn:\n    activaton: relu\n");

    const std::string message = refusal([&] { config.at("rnn").require_keys({"activation", "n_rnn"}); });

    EXPECT_THAT(message,
                AllOf(HasSubstr(".yaml:3:5: rnn.activaton: unknown key"), HasSubstr("did you mean 'activation'?")));
}

TEST_F(ConfigFile, WrongTypesAreNamedWithLineAndColumn) {
    const Config config = load("a: ten\nb: 1.5\nc: [1]\nd: {e: 1}\n");

    EXPECT_THAT(refusal([&] { config.at("a").integer(); }),
                HasSubstr(".yaml:1:1: a: expected a whole number, got 'ten'"));
    EXPECT_THAT(refusal([&] { config.at("b").integer(); }), HasSubstr(".yaml:2:1: b: expected a whole number"));
    EXPECT_THAT(refusal([&] { config.at("c").number(); }), HasSubstr(".yaml:3:1: c: expected a number"));
    EXPECT_THAT(refusal([&] { config.at("d").text(); }), HasSubstr(".yaml:4:1: d: expected a text"));
    EXPECT_THAT(refusal([&] { config.at("a").elements(); }), HasSubstr("expected a list"));
    EXPECT_THAT(refusal([&] { config.at("a").items(); }), HasSubstr("expected a map"));
    EXPECT_THAT(refusal([&] { config.at("a").boolean(); }), HasSubstr("expected true or false"));
    EXPECT_THAT(refusal([&] { config.at("d").at("f"); }), HasSubstr("the key 'f' is missing"));
}

TEST_F(ConfigFile, NumbersMustBeFiniteAndInsideTheirBounds) {
    const Config config = load("a: .inf\nb: nan\nc: 3\n");

    EXPECT_THAT(refusal([&] { config.at("a").number(); }), HasSubstr("expected a number"));
    EXPECT_THAT(refusal([&] { config.at("b").number(); }), HasSubstr("expected a number"));
    EXPECT_THAT(refusal([&] { config.at("c").number(0, 1); }), HasSubstr("3 is outside [0, 1]"));
    EXPECT_THAT(refusal([&] { config.at("c").integer(4); }), HasSubstr("3 is smaller than 4"));
}

TEST_F(ConfigFile, BrokenYamlIsNamedWithLineAndColumn) {
    EXPECT_THAT(refusal([&] { load("a: [1, 2\nb: 3\n"); }), HasSubstr("not valid YAML"));
    EXPECT_THAT(refusal([&] { load("a: 1\na: 2\n").items(); }), HasSubstr(":2:1: a: this key is here twice"));
    EXPECT_THAT(refusal([&] { load("just text"); }), HasSubstr("expected a map"));
    EXPECT_THAT(refusal([] { Config::load("no/such/file.yaml"); }), HasSubstr("no/such/file.yaml: cannot read"));
}

TEST_F(ConfigFile, OverridesReplaceAndAddAndAreNamedInErrors) {
    const Config config =
        load("seed: 1\nmetrics:\n  dsa: {rank: 50}\n", {"metrics.dsa.rank=ten", "seed=7", "new.key=[1, 2]"});

    EXPECT_EQ(config.at("seed").integer(), 7);
    EXPECT_EQ(config.at("new").at("key").elements().size(), 2u);
    EXPECT_THAT(refusal([&] { config.at("metrics").at("dsa").at("rank").integer(); }),
                HasSubstr("--set metrics.dsa.rank: expected a whole number, got 'ten'"));
    EXPECT_THAT(refusal([&] { load("seed: 1\n", {"seed.x=2"}); }), HasSubstr("not a map"));
    EXPECT_THAT(refusal([&] { load("seed: 1\n", {"seed"}); }), HasSubstr("expected key.path=value"));
}

TEST_F(ConfigFile, OptionsAreCheckedAgainstWhatThePluginDeclares) {
    std::vector<repal::OptionInfo> known(2);
    known[0].name = "rank";
    known[0].minimum = 1;
    known[0].default_value = std::int64_t{10};
    known[1].name = "integrator";
    known[1].choices = {"euler", "rk4"};
    known[1].default_value = std::string("euler");

    const auto values = load("rank: 3").options(known);

    EXPECT_EQ(std::get<std::int64_t>(values.at("rank")), 3);
    EXPECT_EQ(std::get<std::string>(values.at("integrator")), "euler");
    EXPECT_EQ(canonical(known, values), "integrator=euler,rank=3");
    EXPECT_THAT(refusal([&] { load("rank: 0").options(known); }), HasSubstr("rank: 0 is smaller than 1"));
    EXPECT_THAT(refusal([&] { load("rnak: 3").options(known); }), HasSubstr("did you mean 'rank'?"));
    EXPECT_THAT(refusal([&] { load("integrator: eular").options(known); }), HasSubstr("did you mean 'euler'?"));
}

}  // namespace
