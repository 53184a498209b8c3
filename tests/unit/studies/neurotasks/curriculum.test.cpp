#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

import repal.config;
import repal.curriculum;
import repal.neurotask_comparisons;
import repal.neurotasks;
import repal.registry;

namespace {

using repal::Config;
using repal::Ruleset;
using repal::Setting;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
namespace rnn = repal::rnn;

std::vector<Setting> settings_with(const std::vector<std::string>& changes) {
    std::vector<std::string> overrides = {
        "networks={cell: leaky_rnn, activation: [relu, tanh], n_rnn: [64, 128], learning_rate: 0.001, batch_size: 32, "
        "initialiser: kaiming}"};
    overrides.insert(overrides.end(), changes.begin(), changes.end());
    return repal::read_settings(Config::from_overrides(overrides).at("networks"));
}

const std::string two_curricula =
    "{PDM: {master: {train: [Anti]}, frozen: {pretrain: [Pro], train: [Anti], trainable: input}}}";

std::vector<Ruleset> rulesets_with(const std::string& curricula, const std::string& rulesets = "{PDM: [Pro, Anti]}") {
    const std::vector<std::string> overrides = {"rulesets=" + rulesets, "curricula=" + curricula};
    const Config config = Config::from_overrides(overrides);
    return repal::read_rulesets(config.at("rulesets"), config.at("curricula"));
}

repal::TrainingOptions training_with(const std::string& training) {
    const std::vector<std::string> overrides = {"training=" + training};
    return repal::read_training(Config::from_overrides(overrides).at("training"));
}

std::string refusal(const std::function<void()>& act) {
    try {
        act();
    } catch (const repal::InputError& error) {
        return error.what();
    }
    return "accepted";
}

std::string trainable_of(const std::string& value) {
    return repal::text_of(
        rulesets_with("{PDM: {a: {train: [Pro], trainable: " + value + "}}}")[0].curricula[0].trainable);
}

TEST(Settings, AreAllCombinationsInTheirOrder) {
    const std::vector<Setting> settings = settings_with({});

    std::vector<std::string> names;
    for (const Setting& setting : settings) names.push_back(setting.name());
    EXPECT_THAT(names, ElementsAre("leaky_rnn_relu_64_0.001_32_kaiming", "leaky_rnn_relu_128_0.001_32_kaiming",
                                   "leaky_rnn_tanh_64_0.001_32_kaiming", "leaky_rnn_tanh_128_0.001_32_kaiming"));
    EXPECT_EQ(settings[3].number, 3u);
}

TEST(Settings, SayWhatANetworkIs) {
    const Setting setting = settings_with({"networks.cell=leaky_gru", "networks.initialiser=orthogonal"})[1];

    const rnn::NetworkShape shape = setting.shape(7, 3, 0.5);

    EXPECT_EQ(shape.cell, rnn::Cell::leaky_gru);
    EXPECT_EQ(shape.activation, rnn::Activation::relu);
    EXPECT_EQ(shape.inputs, 7);
    EXPECT_EQ(shape.hidden, 128);
    EXPECT_EQ(shape.outputs, 3);
    EXPECT_EQ(shape.decay, 0.5f);
    EXPECT_EQ(setting.drawn_by(), repal::Initialiser::orthogonal);
}

TEST(Settings, UnknownNamesValuesTwiceAndMissingKeysAreRefused) {
    EXPECT_THAT(refusal([] { settings_with({"networks.activation=rleu"}); }),
                HasSubstr("networks.activation: unknown choice 'rleu'; did you mean 'relu'?"));
    EXPECT_THAT(refusal([] { settings_with({"networks.n_rnn=[64, 64]"}); }),
                HasSubstr("networks.n_rnn.1: this value is here twice"));
    EXPECT_THAT(refusal([] { settings_with({"networks.batch_size=0"}); }), HasSubstr("0 is outside [1, 1000000]"));
    EXPECT_THAT(refusal([] { settings_with({"networks={cell: leaky_rnn}"}); }),
                HasSubstr("the key 'activation' is missing"));
}

TEST(Rulesets, HaveTheCurriculaOfTheirName) {
    const std::vector<Ruleset> rulesets = rulesets_with(two_curricula, "{PDM: [Pro, Anti], other: [Pro]}");

    ASSERT_EQ(rulesets.size(), 2u);
    EXPECT_THAT(rulesets[0].tasks, ElementsAre("Pro", "Anti"));
    EXPECT_THAT(rulesets[1].curricula, IsEmpty());
    ASSERT_EQ(rulesets[0].curricula.size(), 2u);
    const repal::Curriculum& master = rulesets[0].curricula[0];
    const repal::Curriculum& frozen = rulesets[0].curricula[1];
    EXPECT_EQ(master.name, "master");
    EXPECT_THAT(master.pretrain, IsEmpty());
    EXPECT_THAT(master.train, ElementsAre(1u));
    EXPECT_EQ(frozen.name, "frozen");
    EXPECT_THAT(frozen.pretrain, ElementsAre(0u));
    EXPECT_EQ(frozen.number, 1u);
}

TEST(Rulesets, SayWhichWeightsTrain) {
    EXPECT_EQ(trainable_of("all"), "input=true recurrent=true bias=true readout=true");
    EXPECT_EQ(trainable_of("input"), "input=true recurrent=false bias=false readout=false");
    EXPECT_EQ(trainable_of("[recurrent, readout]"), "input=false recurrent=true bias=false readout=true");
    EXPECT_THAT(refusal([] { trainable_of("inptu"); }), HasSubstr("did you mean 'input'?"));
    EXPECT_THAT(refusal([] { trainable_of("[all]"); }), HasSubstr("unknown choice 'all'"));
}

TEST(Rulesets, UnknownKeysAndNamesAreRefusedWithTheNearest) {
    const auto said = [](const std::string& curricula) { return refusal([&] { rulesets_with(curricula); }); };

    EXPECT_THAT(said("{PDM: {a: {trian: [Anti]}}}"),
                HasSubstr("curricula.PDM.a.trian: unknown key; did you mean 'train'?"));
    EXPECT_THAT(said("{PDM: {a: {train: [Ante]}}}"),
                HasSubstr("the task 'Ante' is not in the ruleset; did you mean 'Anti'?"));
    EXPECT_THAT(said("{PMD: {a: {train: [Anti]}}}"), HasSubstr("curricula.PMD: unknown key; did you mean 'PDM'?"));
    EXPECT_THAT(said("{PDM: {a-b: {train: [Anti]}}}"), HasSubstr("'a-b' is not a name of letters"));
    EXPECT_THAT(said("{PDM: {a: {train: [Anti, Anti]}}}"), HasSubstr("this task is here twice"));
}

TEST(Rulesets, ThatAreNoneOrHaveATaskTwiceAreRefused) {
    EXPECT_THAT(refusal([] { rulesets_with("{}", "{}"); }), HasSubstr("there is no ruleset"));
    EXPECT_THAT(refusal([] { rulesets_with("{}", "{PDM: []}"); }), HasSubstr("expected at least 1 elements"));
    EXPECT_THAT(refusal([] { rulesets_with("{}", "{PDM: [Pro, Pro]}"); }), HasSubstr("this task is here twice"));
}

TEST(ReadTraining, ReplacesDefaults) {
    const repal::TrainingOptions options = training_with("{num_epochs: 7, schedule: blocked, l2_h: 0.5}");

    EXPECT_EQ(options.num_epochs, 7);
    EXPECT_EQ(options.schedule, repal::Schedule::blocked);
    EXPECT_EQ(options.l2_h, 0.5);
    EXPECT_EQ(options.target_fraction, repal::TrainingOptions().target_fraction);
}

TEST(ReadTraining, UnknownKeysAndValuesOutsideTheirBoundsAreRefused) {
    EXPECT_THAT(refusal([] { training_with("{num_epoch: 7}"); }), HasSubstr("did you mean 'num_epochs'?"));
    EXPECT_THAT(refusal([] { training_with("{schedule: blokced}"); }), HasSubstr("did you mean 'blocked'?"));
    EXPECT_THAT(refusal([] { training_with("{target_fraction: 3}"); }), HasSubstr("3 is outside [0, 2]"));
}

TEST(CurriculumPairs, AreAllPairsInTheirOrderAndEachWithItself) {
    const Ruleset ruleset = rulesets_with(two_curricula)[0];

    std::vector<std::string> labels;
    for (const repal::CurriculumPair& pair : repal::curriculum_pairs(ruleset)) labels.push_back(pair.label());

    EXPECT_THAT(labels, ElementsAre("master | master", "master | frozen", "frozen | frozen"));
}

TEST(TrainingParts, AreNamedAfterTheirCurriculum) {
    const Ruleset ruleset = rulesets_with(two_curricula)[0];

    EXPECT_EQ((repal::TrainingParts{&ruleset.curricula[1], 1, 2}.label()), "frozen: 1 | 2");
}

TEST(NeurotaskStudy, TheOldKeyForCurriculaIsSaidToBeOne) {
    const std::vector<std::string> overrides = {"seed=1", "studies.neurotasks.groups={}"};

    EXPECT_THAT(refusal([&] { repal::NeurotaskStudy(Config::from_overrides(overrides), repal::Registry()); }),
                HasSubstr("studies.neurotasks.groups: this key is called `curricula` now"));
}

}  // namespace
