/// Leaky recurrent networks: their shape, their parameters and what a training batch looks like.
///
/// With decay d in (0, 1), h_0 = 0 and the nonlinearity phi, a leaky_rnn computes
///     h_t = d h_{t-1} + (1 - d) phi(W_in x_t + W_rec h_{t-1} + b + noise_t)
/// and a leaky_gru, with a = W_in x_t + b, u = W_rec h_{t-1} and rows stacked in the order r, z, c,
///     r = sigmoid(a_r + u_r),  z = sigmoid(a_z + u_z),  c = phi(a_c + r u_c + noise_t)
///     h_t = (1 - z) h_{t-1} + z (d h_{t-1} + (1 - d) c).
/// The legacy gate of the original study leaves r out: c = phi(a_c + u_c + noise_t). The readout is y_t = W_out h_t.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

namespace repal::rnn {

enum class Cell { leaky_rnn, leaky_gru, leaky_gru_legacy };

/// What all but the cell itself has to know of it; what a unit computes is in cells.hpp.
struct CellTraits {
    Cell cell;
    std::string_view name;  ///< in configurations and files
    int stacked;            ///< blocks of `hidden` rows in W_in, W_rec and b
    int gates;              ///< preactivations of a unit that are computed: the last of the stacked ones
    int blocks;             ///< preactivations of a unit that have a gradient of their own
    int factors;            ///< numbers per unit and step that the backward pass needs
};

/// All cells. One that is added has a line here, its units in cells.hpp and a line in with_units() below them.
inline constexpr std::array<CellTraits, 3> cells = {
    {{.cell = Cell::leaky_rnn, .name = "leaky_rnn", .stacked = 1, .gates = 1, .blocks = 1, .factors = 1},
     {.cell = Cell::leaky_gru, .name = "leaky_gru", .stacked = 3, .gates = 3, .blocks = 4, .factors = 5},
     {.cell = Cell::leaky_gru_legacy,
      .name = "leaky_gru_legacy",
      .stacked = 3,
      .gates = 2,
      .blocks = 2,
      .factors = 3}}};

constexpr const CellTraits& traits_of(Cell cell) {
    return *std::ranges::find(cells, cell, &CellTraits::cell);
}

enum class Activation { relu, leaky_relu, softplus, tanh };

struct NetworkShape {
    Cell cell = Cell::leaky_rnn;
    Activation activation = Activation::softplus;
    int inputs = 1;
    int hidden = 1;
    int outputs = 1;
    float decay = 0.8187308f;  ///< exp(-20 ms / 100 ms)

    /// Rows of W_in, W_rec and b: one block of `hidden` rows, or three (r, z, c) for a GRU.
    int rows() const { return traits_of(cell).stacked * hidden; }
};

/// The weights of a network, or one number per weight (a gradient); matrices are row-major.
struct Parameters {
    std::vector<float> input;      ///< W_in: rows x inputs
    std::vector<float> recurrent;  ///< W_rec: rows x hidden
    std::vector<float> bias;       ///< b: rows
    std::vector<float> readout;    ///< W_out: outputs x hidden

    static Parameters zeros(const NetworkShape& shape) {
        const std::size_t rows = shape.rows(), hidden = shape.hidden;
        return {.input = std::vector<float>(rows * shape.inputs),
                .recurrent = std::vector<float>(rows * hidden),
                .bias = std::vector<float>(rows),
                .readout = std::vector<float>(hidden * shape.outputs)};
    }
};

/// What the network sees: `sequences` sequences of `steps` steps each.
struct Stimulus {
    int sequences = 0;
    int steps = 0;
    std::span<const float> inputs;  ///< (sequence, step, input)
    std::span<const float> noise;   ///< (sequence, step, unit), added to the argument of phi; empty: no noise
};

/// sum over (t, b) of weight * (-log softmax(y_t)[label])
struct CrossEntropy {
    std::span<const int> labels;  ///< (sequence, step), each in [0, outputs)
};

/// sum over (t, b) of weight * |y_t - target|^2
struct SquaredError {
    std::span<const float> targets;  ///< (sequence, step, output)
};

/// How a penalty on the hidden states measures their size.
enum class StateNorm {
    mean_square,  ///< mean of h^2
    frobenius     ///< square root of the sum of h^2, as in the original study
};

/// l1 * mean |h| + l2 * norm, over steps, sequences and units.
struct StatePenalty {
    double l1 = 0;
    double l2 = 0;
    StateNorm norm = StateNorm::mean_square;
    std::span<const int> lengths = {};  ///< (sequence): steps that count, the others fill up; empty: all do
};

struct Objective {
    std::variant<CrossEntropy, SquaredError> loss;
    std::span<const float> weights;  ///< (sequence, step), normalised by the caller; 0 leaves a step out
    StatePenalty penalty;
};

/// Which gradients to compute; the others stay 0 and their work is skipped.
struct Wanted {
    bool input = true;
    bool recurrent = true;
    bool bias = true;
    bool readout = true;
};

}  // namespace repal::rnn
