#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

import repal.training;

namespace {

using repal::Dataset;
using repal::LearnedTask;
using repal::Stream;
using repal::TrainingOptions;
using repal::TrainingState;
namespace rnn = repal::rnn;

/// Answer 1 or 2 in the last steps, after which of two channels was on.
Dataset remembered_channel(std::size_t sequences) {
    constexpr std::size_t steps = 20;
    Dataset dataset{.sequences = sequences, .steps = steps, .channels = {"a", "b"}, .actions = {"wait", "a", "b"}};
    dataset.sequence_steps.assign(sequences, steps);
    dataset.observations.resize(sequences * steps * 2);
    dataset.target_actions.resize(sequences * steps);
    dataset.weights.assign(sequences * steps, 0.5f / 15);
    for (std::size_t s = 0; s < sequences; ++s) {
        for (std::size_t t = 0; t < 10; ++t) dataset.observations[(s * steps + t) * 2 + s % 2] = 1;
        for (std::size_t t = 15; t < steps; ++t) {
            dataset.target_actions[s * steps + t] = static_cast<int>(s % 2) + 1;
            dataset.weights[s * steps + t] = 0.1f;
        }
        dataset.trials.push_back({.sequence = s,
                                  .first_step = 0,
                                  .end_step = steps,
                                  .periods = {{"stimulus", 0, 15}, {"decision", 15, steps}},
                                  .condition = {},
                                  .ideal_action = s % 2 + 1});
    }
    return dataset;
}

class Training : public testing::Test {
 protected:
    TrainingState start(const TrainingOptions& options) const {
        return untrained_state(shape_, initial_parameters(shape_, repal::Initialiser::orthogonal, Stream(5)), tasks_, 1,
                               options);
    }
    TrainingState trained(const TrainingOptions& options, int epochs) const {
        TrainingState state = start(options);
        for (int epoch = 0; epoch < epochs; ++epoch) train_epoch(state, shape_, tasks_, 1, options, Stream(7));
        return state;
    }

    const Dataset train_ = remembered_channel(64);
    const Dataset validation_ = remembered_channel(20);
    const std::vector<LearnedTask> tasks_ = {{"remember", &train_, &validation_, 0}};
    const rnn::NetworkShape shape_ = {.inputs = 3, .hidden = 24, .outputs = 3};
};

TEST_F(Training, LearnsAndEndsAtTheTarget) {
    const TrainingOptions options{.learning_rate = 0.01, .batch_size = 16, .num_epochs = 200, .target_fraction = 0.99};
    TrainingState state = start(options);
    const double before = state.history.front().smallest_fraction;
    while (!state.has_ended) train_epoch(state, shape_, tasks_, 1, options, Stream(7));

    EXPECT_LT(before, 0.8);
    EXPECT_GE(state.history.back().smallest_fraction, 0.99);
    EXPECT_LT(state.history.back().epoch, 200);
    EXPECT_EQ(state.history.back().updates, 4 * state.history.back().epoch);
    EXPECT_EQ(state.history.back().sequences_seen, 64 * state.history.back().epoch);
}

TEST_F(Training, SameSeedGivesTheSameBitsAndFrozenParametersStay) {
    TrainingOptions options{
        .learning_rate = 0.01, .batch_size = 16, .l2_weight = 1e-3, .sigma_rec = 0.05, .sigma_x = 0.01};
    options.trainable = {.input = true, .recurrent = false, .bias = false, .readout = false};

    const TrainingState once = trained(options, 3);
    const TrainingState again = trained(options, 3);
    const TrainingState untouched = start(options);

    EXPECT_EQ(once.parameters.input, again.parameters.input);
    EXPECT_EQ(once.history, again.history);
    EXPECT_NE(once.parameters.input, untouched.parameters.input);
    EXPECT_EQ(once.parameters.recurrent, untouched.parameters.recurrent);
    EXPECT_EQ(once.parameters.bias, untouched.parameters.bias);
    EXPECT_EQ(once.parameters.readout, untouched.parameters.readout);
}

TEST_F(Training, StoppedBetweenAnyTwoBatchesItGoesOnToTheSameBits) {
    const TrainingOptions options{.learning_rate = 0.01, .batch_size = 16, .num_epochs = 2, .sigma_rec = 0.05};
    const TrainingState expected = trained(options, 2);

    TrainingState state = start(options);
    int stops = 0;
    while (!state.has_ended) {
        int batches = 0;
        const bool is_whole = train_epoch(state, shape_, tasks_, 1, options, Stream(7), [&] { return ++batches > 1; });
        stops += is_whole ? 0 : 1;
    }

    EXPECT_EQ(stops, 6);  // four batches an epoch; after the last of them it is measured
    EXPECT_EQ(state.parameters.recurrent, expected.parameters.recurrent);
    EXPECT_EQ(state.second_moment.recurrent, expected.second_moment.recurrent);
    EXPECT_EQ(state.history, expected.history);
}

TEST_F(Training, EveryOptionActs) {
    const TrainingOptions plain{.learning_rate = 0.01, .batch_size = 16};
    const std::vector<float> expected = trained(plain, 2).parameters.recurrent;
    std::vector<TrainingOptions> changed(10, plain);
    changed[0].l1_h = 1;
    changed[1].l2_h = 1;
    changed[2].l1_weight = 1;
    changed[3].l2_weight = 1;
    changed[4].sigma_rec = 0.1;
    changed[5].sigma_x = 0.1;
    changed[6].gradient_clip = 1e-3;
    changed[7].learning_rate = 0.02;
    changed[8].batch_size = 32;
    changed[9].l2_h = 1;
    changed[9].legacy_norms = true;

    for (std::size_t i = 0; i < changed.size(); ++i)
        EXPECT_NE(trained(changed[i], 2).parameters.recurrent, expected) << i;
    EXPECT_NE(trained(changed[1], 2).parameters.recurrent, trained(changed[9], 2).parameters.recurrent);
}

TEST_F(Training, PenaltiesAreMeans) {
    TrainingOptions options{.learning_rate = 0, .batch_size = 64, .l1_weight = 2, .l2_weight = 3};
    const TrainingState with = trained(options, 1);
    const TrainingState without = trained({.learning_rate = 0, .batch_size = 64}, 1);
    double expected = 0;
    for (const std::vector<float>* array : repal::arrays_of(with.parameters)) {
        double absolute = 0;
        double squares = 0;
        for (const float w : *array) absolute += std::abs(w), squares += double{w} * double{w};
        expected += (2 * absolute + 3 * squares) / static_cast<double>(array->size());
    }

    EXPECT_NEAR(with.history.back().loss - without.history.back().loss, expected, 1e-9);
}

TEST_F(Training, StepsThatFillUpASequenceAreNotPenalised) {
    Dataset uneven = train_;
    for (std::size_t s = 0; s < uneven.sequences; s += 2) uneven.sequence_steps[s] = 12;
    const std::vector<LearnedTask> tasks = {{"remember", &uneven, &validation_, 0}};
    const auto loss = [&](double l1_h, double l2_h) {
        const TrainingOptions options{.learning_rate = 0, .batch_size = 64, .l1_h = l1_h, .l2_h = l2_h};
        TrainingState state = start(options);
        train_epoch(state, shape_, tasks, 1, options, Stream(7));
        return state.history.back().loss;
    };

    const repal::NetworkAtWork recording = repal::record(uneven, 0, 1, {shape_, start({}).parameters});
    double absolute = 0;
    double squares = 0;
    double n = 0;
    for (std::size_t s = 0; s < uneven.sequences; ++s)
        for (std::size_t i = 0; i < static_cast<std::size_t>(uneven.sequence_steps[s]) * 24; ++i, ++n) {
            const double h = recording.responses.states[s * 20 * 24 + i];
            absolute += std::abs(h);
            squares += h * h;
        }

    // states and their sums in float
    EXPECT_NEAR(loss(2, 0) - loss(0, 0), 2 * absolute / n, 1e-6);
    EXPECT_NEAR(loss(0, 3) - loss(0, 0), 3 * squares / n, 1e-6);
}

TEST_F(Training, LossThatIsNotANumberIsAFailure) {
    const TrainingOptions options{.learning_rate = 1e30, .batch_size = 16};
    EXPECT_THROW(trained(options, 5), repal::TrainingFailed);
}

TEST_F(Training, OutputsThatAreNotFiniteHaveNoPerformance) {
    TrainingState state = start({});
    EXPECT_FALSE(std::isnan(performance_on(validation_, 0, 1, shape_, state.parameters)));

    std::ranges::fill(state.parameters.readout, std::numeric_limits<float>::max());

    EXPECT_TRUE(std::isnan(performance_on(validation_, 0, 1, shape_, state.parameters)));
}

TEST_F(Training, BlockedAndInterleavedSchedulesDiffer) {
    std::vector<LearnedTask> two = {{"first", &train_, &validation_, 0}, {"second", &train_, &validation_, 1}};
    const rnn::NetworkShape shape = {.inputs = 4, .hidden = 24, .outputs = 3};
    const auto trained_on_two = [&](repal::Schedule schedule) {
        TrainingOptions options{.learning_rate = 0.01, .batch_size = 16, .schedule = schedule};
        TrainingState state =
            untrained_state(shape, initial_parameters(shape, repal::Initialiser::kaiming, Stream(5)), two, 2, options);
        train_epoch(state, shape, two, 2, options, Stream(7));
        return state;
    };
    const TrainingState interleaved = trained_on_two(repal::Schedule::interleaved);

    EXPECT_NE(interleaved.parameters.recurrent, trained_on_two(repal::Schedule::blocked).parameters.recurrent);
    EXPECT_EQ(interleaved.history.back().performance.size(), 2u);
    EXPECT_EQ(interleaved.history.back().updates, 8);
}

}  // namespace
