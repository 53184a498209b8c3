#include "rnn/kernel/backpropagation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "problem.hpp"
#include "reference.hpp"

namespace repal::rnn {
namespace {

/// Single precision: 400 products of 1e-7 each add up to a few 1e-6 of the largest number.
constexpr double tolerance = 2e-5;

/// Largest difference, relative to the largest of the exact numbers.
double relative_error(const std::vector<float>& computed, const std::vector<double>& exact) {
    double largest = 1e-12, difference = computed.size() == exact.size() ? 0 : 1e9;
    for (std::size_t i = 0; i < exact.size(); ++i) {
        largest = std::max(largest, std::abs(exact[i]));
        const double d = std::abs(computed[i] - exact[i]);
        if (!(d <= difference)) difference = d;
    }
    return difference / largest;
}

/// Differences of loss, gradients and predictions to the reference, the largest of them.
double error_of(const Case& c) {
    const Problem problem(c);
    const auto exact = reference::run(problem.shape, reference::Weights<double>(problem.parameters), problem.stimulus(),
                                      problem.objective());
    Backpropagation backpropagation(problem.shape);
    std::vector<float> predictions(exact.outputs.size());
    const auto& result =
        backpropagation.differentiate(problem.parameters, problem.stimulus(), problem.objective(), {}, predictions);
    const double loss_scale = std::abs(exact.data_loss) + std::abs(exact.state_penalty) + 1e-12;
    return std::max({std::abs(result.data_loss - exact.data_loss) / loss_scale,
                     std::abs(result.state_penalty - exact.state_penalty) / loss_scale,
                     relative_error(result.gradients.input, exact.gradients.input),
                     relative_error(result.gradients.recurrent, exact.gradients.recurrent),
                     relative_error(result.gradients.bias, exact.gradients.bias),
                     relative_error(result.gradients.readout, exact.gradients.readout),
                     relative_error(predictions, exact.outputs)});
}

constexpr Cell cells[] = {Cell::leaky_rnn, Cell::leaky_gru, Cell::leaky_gru_legacy};
constexpr Activation activations[] = {Activation::relu, Activation::leaky_relu, Activation::softplus, Activation::tanh};

TEST(Backpropagation, AgreesWithTheReferenceForEveryCellActivationLossAndPenalty) {
    const StatePenalty penalties[] = {{}, {0.3, 0.2, StateNorm::mean_square}, {0.1, 0.05, StateNorm::frobenius}};
    double largest = 0;
    for (Cell cell : cells)
        for (Activation activation : activations)
            for (bool is_regression : {false, true})
                for (const StatePenalty& penalty : penalties) {
                    const Case c{.cell = cell,
                                 .activation = activation,
                                 .hidden = 20,
                                 .sequences = 19,
                                 .steps = 21,
                                 .is_regression = is_regression,
                                 .penalty = penalty,
                                 .is_noisy = is_regression,
                                 .is_uneven = !is_regression};

                    const double error = error_of(c);

                    EXPECT_LT(error, tolerance) << c;
                    largest = std::max(largest, error);
                }
    RecordProperty("largest_error", std::to_string(largest));
}

TEST(Backpropagation, AgreesWithTheReferenceForAwkwardSizes) {
    double largest = 0;
    for (Cell cell : cells)
        for (int hidden : {1, 5, 8, 20, 128})
            for (int sequences : {1, 3, 17, 64})
                for (int steps : {1, 2, 50}) {
                    const Case c{.cell = cell,
                                 .hidden = hidden,
                                 .sequences = sequences,
                                 .steps = steps,
                                 .inputs = hidden == 5 ? 1 : 7,
                                 .outputs = hidden == 5   ? 1
                                            : hidden == 8 ? 9
                                                          : 3,
                                 .is_regression = hidden == 5};

                    const double error = error_of(c);

                    EXPECT_LT(error, tolerance) << c;
                    largest = std::max(largest, error);
                }
    RecordProperty("largest_error", std::to_string(largest));
}

TEST(Backpropagation, AgreesWithTheReferenceOverLongSequences) {
    for (Cell cell : cells) {
        const Case c{.cell = cell, .hidden = 32, .sequences = 16, .steps = 400, .inputs = 7};
        EXPECT_LT(error_of(c), tolerance) << c;
    }
}

TEST(Backpropagation, ForwardPassGivesStatesAndOutputsInPlainOrder) {
    for (Cell cell : cells) {
        const Problem problem({.cell = cell, .hidden = 11, .sequences = 18, .steps = 9, .is_noisy = true});
        const auto exact = reference::run(problem.shape, reference::Weights<double>(problem.parameters),
                                          problem.stimulus(), problem.objective());

        const Responses responses = Backpropagation(problem.shape).respond(problem.parameters, problem.stimulus());

        EXPECT_LT(relative_error(responses.states, exact.states), tolerance);
        EXPECT_LT(relative_error(responses.outputs, exact.outputs), tolerance);
    }
}

TEST(Backpropagation, ResponsesOfASequenceDoNotDependOnItsNeighbours) {
    for (Cell cell : cells) {
        const Problem problem({.cell = cell, .hidden = 20, .sequences = 37, .steps = 9});
        Backpropagation backpropagation(problem.shape);
        const Responses together = backpropagation.respond(problem.parameters, problem.stimulus());
        const std::size_t inputs_of_one = problem.stimulus().inputs.size() / 37, states_of_one = 9 * 20;

        for (std::size_t b = 0; b < 37; ++b) {
            Stimulus one = problem.stimulus();
            one.sequences = 1;
            one.inputs = one.inputs.subspan(b * inputs_of_one, inputs_of_one);
            const Responses alone = backpropagation.respond(problem.parameters, one);
            EXPECT_TRUE(
                std::ranges::equal(alone.states, std::span(together.states).subspan(b * states_of_one, states_of_one)));
        }
    }
}

TEST(Backpropagation, UnwantedGradientsAreZeroAndLeaveTheOthersAsTheyAre) {
    for (Cell cell : cells) {
        const Problem problem({.cell = cell, .hidden = 20, .sequences = 17, .steps = 33});
        Backpropagation backpropagation(problem.shape);
        const auto gradients = [&](const Wanted& wanted) {
            return backpropagation.differentiate(problem.parameters, problem.stimulus(), problem.objective(), wanted)
                .gradients;
        };
        const Parameters all = gradients({}), none = Parameters::zeros(problem.shape);

        for (int flags = 0; flags < 16; ++flags) {
            const Wanted wanted{bool(flags & 1), bool(flags & 2), bool(flags & 4), bool(flags & 8)};
            const Parameters some = gradients(wanted);
            EXPECT_EQ(some.input, wanted.input ? all.input : none.input);
            EXPECT_EQ(some.recurrent, wanted.recurrent ? all.recurrent : none.recurrent);
            EXPECT_EQ(some.bias, wanted.bias ? all.bias : none.bias);
            EXPECT_EQ(some.readout, wanted.readout ? all.readout : none.readout);
        }
    }
}

TEST(Backpropagation, SameCallGivesSameBitsWhateverCameBefore) {
    for (Cell cell : cells) {
        const Problem longer({.cell = cell, .hidden = 20, .sequences = 40, .steps = 60, .is_noisy = true});
        const Problem problem({.cell = cell, .hidden = 20, .sequences = 17, .steps = 33});
        const auto differentiate = [](Backpropagation& backpropagation, const Problem& p) {
            return backpropagation.differentiate(p.parameters, p.stimulus(), p.objective());
        };
        Backpropagation fresh(problem.shape), used(problem.shape);

        const LossAndGradients first = differentiate(fresh, problem);
        differentiate(used, longer);
        const LossAndGradients second = differentiate(used, problem);

        EXPECT_EQ(first.data_loss, second.data_loss);
        EXPECT_EQ(first.gradients.input, second.gradients.input);
        EXPECT_EQ(first.gradients.recurrent, second.gradients.recurrent);
        EXPECT_EQ(first.gradients.bias, second.gradients.bias);
        EXPECT_EQ(first.gradients.readout, second.gradients.readout);
    }
}

TEST(Backpropagation, ExplodedWeightsGiveANotANumberLoss) {
    Problem problem({.hidden = 8, .sequences = 3, .steps = 5});
    problem.parameters.recurrent[0] = std::numeric_limits<float>::quiet_NaN();

    Backpropagation backpropagation(problem.shape);
    const auto& result = backpropagation.differentiate(problem.parameters, problem.stimulus(), problem.objective());

    EXPECT_TRUE(std::isnan(result.data_loss));
}

}  // namespace
}  // namespace repal::rnn
