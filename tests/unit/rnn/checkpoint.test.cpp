#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <vector>

import repal.checkpoint;
import repal.file;

namespace {

using repal::CheckpointFolder;
using repal::EpochRecord;
using repal::Initialiser;
using repal::Keep;
using repal::Stream;
using repal::TrainingState;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
namespace rnn = repal::rnn;

std::vector<float> weights(const rnn::Parameters& parameters) {
    std::vector<float> all;
    for (const std::vector<float>* array : repal::arrays_of(parameters))
        all.insert(all.end(), array->begin(), array->end());
    return all;
}

class Checkpoints : public testing::Test {
 protected:
    Checkpoints() { std::filesystem::remove_all(folder_); }
    ~Checkpoints() override { std::filesystem::remove_all(folder_); }

    /// Other numbers in every epoch.
    TrainingState state_at(int epoch) const {
        const Stream stream = Stream(1).child(static_cast<std::uint64_t>(epoch));
        const auto drawn = [&](const char* name) {
            return repal::initial_parameters(shape_, Initialiser::kaiming, stream.child(name));
        };
        TrainingState state;
        state.parameters = drawn("weights");
        state.first_moment = drawn("first moment");
        state.second_moment = drawn("second moment");
        state.history = {{.epoch = 0, .performance = {0.25, 0.5}, .smallest_fraction = 0.25},
                         {.epoch = epoch,
                          .updates = 8,
                          .sequences_seen = 128,
                          .loss = 0.1,
                          .performance = {0.5, 0.75},
                          .smallest_fraction = 0.5}};
        return state;
    }

    /// With a record of every epoch before.
    TrainingState state_up_to(int epoch) const {
        TrainingState state = state_at(epoch);
        state.history.clear();
        for (int i = 0; i <= epoch; ++i)
            state.history.push_back({.epoch = i, .updates = 4 * i, .performance = {0.5, 0.5 + 0.01 * i}});
        return state;
    }

    std::optional<TrainingState> latest_of(const CheckpointFolder& checkpoints) {
        return checkpoints.latest(shape_, [this](const std::string& warning) { warnings_.push_back(warning); });
    }

    const std::filesystem::path folder_ =
        std::filesystem::path(testing::TempDir()) /
        (std::string("checkpoints-") + testing::UnitTest::GetInstance()->current_test_info()->name());
    const rnn::NetworkShape shape_ = {.inputs = 3, .hidden = 4, .outputs = 2};
    const std::map<std::string, std::string> provenance_ = {{"learned", "Pro,Anti"}};
    const CheckpointFolder checkpoints_{folder_, "key"};
    const CheckpointFolder others_{folder_, "another key"};
    std::vector<std::string> warnings_;
};

TEST_F(Checkpoints, NoneIsThereBeforeTraining) {
    EXPECT_FALSE(latest_of(checkpoints_));
    EXPECT_THROW(checkpoints_.history(), repal::InputError);
}

TEST_F(Checkpoints, HoldAllOfAState) {
    TrainingState state = state_at(1);
    state.has_ended = true;
    checkpoints_.write(state, shape_, provenance_);

    const auto found = latest_of(checkpoints_);

    ASSERT_TRUE(found);
    EXPECT_EQ(weights(found->parameters), weights(state.parameters));
    EXPECT_EQ(weights(found->first_moment), weights(state.first_moment));
    EXPECT_EQ(weights(found->second_moment), weights(state.second_moment));
    EXPECT_EQ(found->history, state.history);
    EXPECT_TRUE(found->has_ended);
    EXPECT_EQ(found->begun_batches, 0u);
}

TEST_F(Checkpoints, TheLatestIsTheOneThatWasWrittenLast) {
    for (const int epoch : {1, 9999, 10'000}) checkpoints_.write(state_at(epoch), shape_, provenance_);

    const auto found = latest_of(checkpoints_);

    ASSERT_TRUE(found);
    EXPECT_EQ(found->history.back().epoch, 10'000);
}

TEST_F(Checkpoints, EveryEpochHasItsWeightsInTheEnd) {
    for (const int epoch : {0, 1, 2}) checkpoints_.write(state_up_to(epoch), shape_, provenance_);
    checkpoints_.write_final(state_up_to(2), shape_, provenance_, Keep::all, 1);
    checkpoints_.remove_states();

    EXPECT_EQ(weights(checkpoints_.parameters(shape_, 1)), weights(state_at(1).parameters));
    EXPECT_EQ(weights(checkpoints_.parameters(shape_, 2)), weights(state_at(2).parameters));
    EXPECT_EQ(checkpoints_.kept(Keep::all), state_up_to(2).history);
    EXPECT_THROW(checkpoints_.parameters(shape_, 3), repal::InputError);
}

TEST_F(Checkpoints, WhatIsNotToBeKeptIsNot) {
    for (int epoch = 0; epoch <= 8; ++epoch) checkpoints_.write(state_up_to(epoch), shape_, provenance_);
    const auto kept_epochs = [&](Keep keep) {
        std::filesystem::remove(checkpoints_.final_file());
        EXPECT_TRUE(checkpoints_.write_final(state_up_to(8), shape_, provenance_, keep, 1));
        std::vector<int> epochs;
        for (const EpochRecord& record : checkpoints_.kept(keep)) epochs.push_back(record.epoch);
        return epochs;
    };

    EXPECT_THAT(kept_epochs(Keep::all), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8));
    EXPECT_THAT(kept_epochs(Keep::quarters), ElementsAre(0, 2, 4, 6, 8));
    EXPECT_THAT(kept_epochs(Keep::ends), ElementsAre(0, 8));
    EXPECT_THROW(checkpoints_.parameters(shape_, 4), repal::InputError);
    EXPECT_EQ(checkpoints_.history().size(), 9u);
}

TEST_F(Checkpoints, OfAllThatWereKeptFewerCanBeSeenButNotMore) {
    for (int epoch = 0; epoch <= 8; ++epoch) checkpoints_.write(state_up_to(epoch), shape_, provenance_);
    checkpoints_.write_final(state_up_to(8), shape_, provenance_, Keep::quarters, 1);

    EXPECT_EQ(checkpoints_.kept(Keep::quarters).size(), 5u);
    EXPECT_EQ(checkpoints_.kept(Keep::ends).size(), 2u);
    EXPECT_THROW(checkpoints_.kept(Keep::all), repal::InputError);
}

TEST_F(Checkpoints, WithoutAllStatesThereIsNoFinalOne) {
    for (const int epoch : {0, 2}) checkpoints_.write(state_up_to(epoch), shape_, provenance_);
    EXPECT_FALSE(checkpoints_.write_final(state_up_to(2), shape_, provenance_, Keep::all, 1));
    EXPECT_FALSE(checkpoints_.has_final());
    EXPECT_TRUE(checkpoints_.write_final(state_up_to(2), shape_, provenance_, Keep::all, 2));
}

TEST_F(Checkpoints, AFinalStateThatIsThereStays) {
    for (const int epoch : {0, 1}) checkpoints_.write(state_up_to(epoch), shape_, provenance_);
    checkpoints_.write_final(state_up_to(1), shape_, provenance_, Keep::all, 1);
    const std::string before = repal::read_file(checkpoints_.final_file());
    checkpoints_.remove_states();
    checkpoints_.write(state_up_to(1), shape_, provenance_);  // of a process that knows nothing of the first

    EXPECT_TRUE(checkpoints_.write_final(state_up_to(1), shape_, provenance_, Keep::all, 1));
    EXPECT_EQ(repal::read_file(checkpoints_.final_file()), before);
}

TEST_F(Checkpoints, OfATrainingOfNoUpdatesThereIsOne) {
    checkpoints_.write(state_up_to(0), shape_, provenance_);
    for (const Keep keep : {Keep::all, Keep::quarters, Keep::ends}) {
        std::filesystem::remove(checkpoints_.final_file());
        EXPECT_TRUE(checkpoints_.write_final(state_up_to(0), shape_, provenance_, keep, 1));
        EXPECT_EQ(checkpoints_.kept(keep).size(), 1u);
    }
}

TEST_F(Checkpoints, AStateIsReadFromAFolderAFileOrATrainingThatGoesOn) {
    for (const int epoch : {0, 1}) checkpoints_.write(state_up_to(epoch), shape_, provenance_);
    TrainingState interrupted = state_up_to(1);
    interrupted.begun_batches = 3;
    checkpoints_.write_interrupted(interrupted, shape_, provenance_);
    const auto weights_at = [&](const std::filesystem::path& place, std::optional<int> epoch) {
        return weights(repal::parameters_from(repal::read_state(place, epoch), "weights", shape_));
    };

    EXPECT_EQ(weights_at(folder_, {}), weights(state_at(1).parameters));
    EXPECT_EQ(weights_at(folder_ / "states.part", 0), weights(state_at(0).parameters));
    EXPECT_THROW(repal::read_state(folder_, 2), repal::InputError);
    checkpoints_.write_final(state_up_to(1), shape_, provenance_, Keep::all, 1);
    EXPECT_EQ(weights_at(folder_, 0), weights(state_at(0).parameters));
    EXPECT_EQ(weights_at(folder_ / "final.h5", {}), weights(state_at(1).parameters));
    EXPECT_THROW(repal::read_state(folder_, 2), repal::InputError);
}

TEST_F(Checkpoints, AnInterruptedTrainingGoesOnWithinItsEpoch) {
    checkpoints_.write(state_at(1), shape_, provenance_);
    TrainingState interrupted = state_at(1);
    interrupted.begun_batches = 3;
    interrupted.begun_loss = 0.1 + 0.2;  // all of its digits count
    checkpoints_.write_interrupted(interrupted, shape_, provenance_);

    const auto found = latest_of(checkpoints_);

    ASSERT_TRUE(found);
    EXPECT_EQ(found->begun_batches, 3u);
    EXPECT_EQ(found->begun_loss, 0.1 + 0.2);
}

TEST_F(Checkpoints, AnInterruptedStateIsNoCheckpoint) {
    checkpoints_.write(state_up_to(0), shape_, provenance_);
    checkpoints_.write_interrupted(state_up_to(1), shape_, provenance_);
    checkpoints_.write(state_up_to(2), shape_, provenance_);
    checkpoints_.write_final(state_up_to(2), shape_, provenance_, Keep::all, 2);

    EXPECT_EQ(checkpoints_.kept(Keep::all).size(), 2u);
    EXPECT_THROW(checkpoints_.parameters(shape_, 1), repal::InputError);
}

TEST_F(Checkpoints, ADamagedTailIsSaidAndCutOff) {
    for (const int epoch : {1, 2}) checkpoints_.write(state_at(epoch), shape_, provenance_);
    const auto part = folder_ / "states.part";
    std::filesystem::resize_file(part, std::filesystem::file_size(part) - 500);

    const auto found = latest_of(checkpoints_);

    ASSERT_TRUE(found);
    EXPECT_EQ(found->history.back().epoch, 1);
    EXPECT_THAT(warnings_, ElementsAre(AllOf(HasSubstr("states.part"), HasSubstr("damaged"))));
    warnings_.clear();
    checkpoints_.write(state_at(2), shape_, provenance_);
    EXPECT_EQ(latest_of(checkpoints_)->history.back().epoch, 2);
    EXPECT_TRUE(warnings_.empty());
}

TEST_F(Checkpoints, OfAnotherArchitectureAreRefused) {
    checkpoints_.write(state_at(1), shape_, provenance_);
    const rnn::NetworkShape wider = {.inputs = 3, .hidden = 5, .outputs = 2};

    EXPECT_THROW(checkpoints_.latest(wider, [](const std::string&) {}), repal::InputError);
    checkpoints_.write_final(state_at(1), shape_, provenance_, Keep::all, 1);
    EXPECT_THROW(checkpoints_.final_parameters(wider), repal::InputError);
    EXPECT_THROW(checkpoints_.parameters(wider, 1), repal::InputError);
}

TEST_F(Checkpoints, OfAnotherKeyAreNotReadButRemoved) {
    for (const int epoch : {0, 1}) checkpoints_.write(state_up_to(epoch), shape_, provenance_);
    checkpoints_.write_interrupted(state_at(1), shape_, provenance_);
    checkpoints_.write_final(state_up_to(1), shape_, provenance_, Keep::all, 1);

    EXPECT_FALSE(latest_of(others_));
    EXPECT_THROW(others_.history(), repal::InputError);
    EXPECT_EQ(checkpoints_.remove_others(), 0u);
    EXPECT_EQ(others_.remove_others(), 2u);
    EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(Checkpoints, TheFinalStateHasWeightsAndHistoryAndATableOfIt) {
    const TrainingState state = state_at(2);
    checkpoints_.write(state_up_to(0), shape_, provenance_);
    checkpoints_.write(state, shape_, provenance_);
    checkpoints_.write_final(state, shape_, provenance_, Keep::all, 2);

    EXPECT_EQ(weights(checkpoints_.final_parameters(shape_)), weights(state.parameters));
    EXPECT_EQ(checkpoints_.history(), state.history);
    EXPECT_EQ(repal::read_file(folder_ / "history.csv"),
              "epoch,updates,sequences_seen,loss,smallest_fraction,Pro,Anti\n"
              "0,0,0,0,0.25,0.25,0.5\n"
              "2,8,128,0.1,0.5,0.5,0.75\n");
}

}  // namespace
