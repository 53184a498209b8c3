#include "rnn/kernel/time_step.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "rnn/kernel/cells.hpp"

namespace repal::rnn {
namespace {

/// Preactivations of the four units of a group. The reset gate multiplies the recurrent part of the candidate alone,
/// so that a full GRU needs the two parts of that sum separately.
template <class Units>
std::array<Block, Units::blocks> preactivations(const Layout& layout, const PanelMatrix& weights, int group,
                                                const Lanes* state) {
    std::array<Block, Units::blocks> sums;
    const int first_panel = group * Units::gates;
    if constexpr (Units::blocks == Units::gates) {
        for (int gate = 0; gate < Units::gates; ++gate)
            sums[gate] = multiply(weights.panel(first_panel + gate), state, layout.columns);
    } else {
        const int units = layout.units, last = Units::gates - 1;
        for (int gate = 0; gate < last; ++gate)
            sums[gate + 1] = multiply(weights.panel(first_panel + gate), state, layout.columns);
        sums[last + 1] = multiply(weights.panel(first_panel + last), state, units);
        sums[0] = multiply(weights.panel(first_panel + last, units), state + units, layout.columns - units);
    }
    return sums;
}

template <class Units>
void step_forward(const Layout& layout, const PanelMatrix& weights, float decay, const ForwardStep& step) {
    for (int group = 0; group < layout.groups; ++group) {
        const int first = group * panel_rows;
        auto sums = preactivations<Units>(layout, weights, group, step.state);
        if (step.noise)
            for (int row = 0; row < panel_rows; ++row) sums[Units::candidate][row] += step.noise[first + row];
        const Block state = block_of([&](int row) { return step.state[first + row]; });
        const auto after = Units::advance(sums, state, decay);
        std::ranges::copy(after.state, step.next_state + first);
        for (int f = 0; f < Units::factors; ++f)
            std::ranges::copy(after.factors[f], step.factors + (first * Units::factors + f * panel_rows));
    }
}

Lanes penalty_gradient(const PenaltySlope& penalty, Lanes state) {
    const Lanes zero{};
    const Lanes signed_l1 = state > zero ? penalty.l1 : state < zero ? -penalty.l1 : zero;
    return signed_l1 + penalty.l2 * state;
}

template <class Units>
void step_backward(const Layout& layout, const PanelMatrix& weights, float decay, const BackwardStep& step) {
    const Lanes* later = step.later_gradients + layout.first_recurrent_row();
    for (int group = 0; group < layout.groups; ++group) {
        const Block sums = multiply(weights.panel(group), later, weights.columns());
        for (int row = 0; row < panel_rows; ++row) {
            const int unit = group * panel_rows + row;
            Lanes gradient = sums[row] + step.carried[unit];
            if (step.penalty) gradient += penalty_gradient(*step.penalty, step.state[unit]);
            const Lanes* factors = step.factors + (std::ptrdiff_t(group) * panel_rows * Units::factors + row);
            for (int block = 0; block < Units::blocks; ++block)
                step.gradients[block * layout.units + unit] = gradient * factors[std::ptrdiff_t(block) * panel_rows];
            const Lanes kept = Units::factors > Units::blocks ? factors[Units::blocks * panel_rows] : Lanes{} + decay;
            step.carried[unit] = gradient * kept;
        }
    }
}

template <class Phi>
ForwardFunction forward_function_of(Cell cell) {
    return with_units<Phi>(cell, []<class Units>() -> ForwardFunction { return step_forward<Units>; });
}

}  // namespace

ForwardFunction forward_function(const NetworkShape& shape) {
    switch (shape.activation) {
        case Activation::relu:
            return forward_function_of<Relu>(shape.cell);
        case Activation::leaky_relu:
            return forward_function_of<LeakyRelu>(shape.cell);
        case Activation::softplus:
            return forward_function_of<Softplus>(shape.cell);
        case Activation::tanh:
            return forward_function_of<Tanh>(shape.cell);
    }
    __builtin_unreachable();
}

BackwardFunction backward_function(const NetworkShape& shape) {
    // The factors already contain the nonlinearity: any will do.
    return with_units<Relu>(shape.cell, []<class Units>() -> BackwardFunction { return step_backward<Units>; });
}

}  // namespace repal::rnn
