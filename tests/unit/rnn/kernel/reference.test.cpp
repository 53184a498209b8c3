#include "reference.hpp"

#include <gtest/gtest.h>

#include "problem.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <vector>

namespace repal::rnn {
namespace {

using Group = std::vector<double> reference::Weights<double>::*;

double total_loss(const Problem& problem, const reference::Weights<double>& weights) {
    const auto result = reference::run(problem.shape, weights, problem.stimulus(), problem.objective());
    return result.data_loss + result.state_penalty;
}

/// Largest difference to central differences, relative to the largest gradient of the group.
double relative_error(const Problem& problem, Group group) {
    constexpr double width = 1e-5;
    reference::Weights<double> weights(problem.parameters);
    const auto gradients = reference::run(problem.shape, weights, problem.stimulus(), problem.objective()).gradients;
    double largest = 0, difference = 0;
    for (std::size_t i = 0; i < (weights.*group).size(); ++i) {
        double& weight = (weights.*group)[i];
        const double centre = weight;
        weight = centre + width;
        const double above = total_loss(problem, weights);
        weight = centre - width;
        const double below = total_loss(problem, weights);
        weight = centre;
        largest = std::max(largest, std::abs((gradients.*group)[i]));
        difference = std::max(difference, std::abs((above - below) / (2 * width) - (gradients.*group)[i]));
    }
    return difference / std::max(largest, 1e-12);
}

TEST(Reference, GradientAgreesWithCentralDifferences) {
    constexpr double tolerance = 1e-6;  // width^2 times third derivatives, and 1e-16 / width of rounding
    const StatePenalty penalties[] = {{}, {0.3, 0.2, StateNorm::mean_square}, {0.1, 0.05, StateNorm::frobenius}};
    for (Cell cell : {Cell::leaky_rnn, Cell::leaky_gru, Cell::leaky_gru_legacy})
        for (Activation activation : {Activation::relu, Activation::leaky_relu, Activation::softplus, Activation::tanh})
            for (bool is_regression : {false, true})
                for (const StatePenalty& penalty : penalties) {
                    const Case c{.cell = cell,
                                 .activation = activation,
                                 .hidden = 5,
                                 .sequences = 3,
                                 .steps = 7,
                                 .is_regression = is_regression,
                                 .penalty = penalty,
                                 .is_noisy = true,
                                 .is_uneven = !is_regression};
                    const Problem problem(c);

                    EXPECT_LT(relative_error(problem, &reference::Weights<double>::input), tolerance) << c;
                    EXPECT_LT(relative_error(problem, &reference::Weights<double>::recurrent), tolerance) << c;
                    EXPECT_LT(relative_error(problem, &reference::Weights<double>::bias), tolerance) << c;
                    EXPECT_LT(relative_error(problem, &reference::Weights<double>::readout), tolerance) << c;
                }
}

}  // namespace
}  // namespace repal::rnn
