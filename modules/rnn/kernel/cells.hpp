/// What four hidden units do in one step, forward and with the derivatives that the way back needs.
///
/// `sums` are the preactivations in the order of Layout's blocks. `factors` are the derivatives of the new state with
/// respect to them; a GRU adds the derivative with respect to the old state, which for a leaky_rnn is the decay.
#pragma once

#include <array>

#include "rnn/kernel/vector_math.hpp"

namespace repal::rnn {

template <int factor_count>
struct UnitStep {
    Block state;
    std::array<Block, factor_count> factors;
};

template <class Phi>
struct LeakyRnnUnits {
    static constexpr int gates = 1, blocks = 1, factors = 1;
    static constexpr int candidate = 0;  ///< block whose preactivation is the argument of phi

    static UnitStep<factors> advance(const std::array<Block, blocks>& sums, const Block& state, float decay) {
        const float gain = 1.0f - decay;
        const Activated c = Phi::at(sums[0]);
        return {block_of([&](int row) { return state[row] + gain * (c.value[row] - state[row]); }),
                {block_of([&](int row) { return gain * c.slope[row]; })}};
    }
};

/// h_t = h + k (c - h) with k = (1 - decay) z, which equals (1 - z) h + z (decay h + (1 - decay) c).
template <class Phi>
struct LegacyGruUnits {
    static constexpr int gates = 2, blocks = 2, factors = 3;
    static constexpr int candidate = 1;

    static UnitStep<factors> advance(const std::array<Block, blocks>& sums, const Block& state, float decay) {
        const Block z = sigmoid(sums[0]);
        const Activated c = Phi::at(sums[1]);
        UnitStep<factors> after;
        for (int row = 0; row < panel_rows; ++row) {
            const Lanes k = (1.0f - decay) * z[row];
            const Lanes step = k * (c.value[row] - state[row]);
            after.state[row] = state[row] + step;
            after.factors[0][row] = step * (1.0f - z[row]);
            after.factors[1][row] = k * c.slope[row];
            after.factors[2][row] = 1.0f - k;
        }
        return after;
    }
};

/// As the legacy GRU, with the argument a_c + r u_c of the candidate; blocks a_c, r, z, u_c.
template <class Phi>
struct GruUnits {
    static constexpr int gates = 3, blocks = 4, factors = 5;
    static constexpr int candidate = 0;

    static UnitStep<factors> advance(const std::array<Block, blocks>& sums, const Block& state, float decay) {
        const Block& recurrent = sums[3];
        const Block r = sigmoid(sums[1]);
        const Block z = sigmoid(sums[2]);
        const Activated c = Phi::at(block_of([&](int row) { return sums[0][row] + r[row] * recurrent[row]; }));
        UnitStep<factors> after;
        for (int row = 0; row < panel_rows; ++row) {
            const Lanes k = (1.0f - decay) * z[row];
            const Lanes step = k * (c.value[row] - state[row]);
            const Lanes by_input = k * c.slope[row];
            const Lanes by_recurrent = by_input * r[row];
            after.state[row] = state[row] + step;
            after.factors[0][row] = by_input;
            after.factors[1][row] = by_recurrent * recurrent[row] * (1.0f - r[row]);
            after.factors[2][row] = step * (1.0f - z[row]);
            after.factors[3][row] = by_recurrent;
            after.factors[4][row] = 1.0f - k;
        }
        return after;
    }
};

}  // namespace repal::rnn
