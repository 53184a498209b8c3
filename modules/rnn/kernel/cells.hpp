/// What four hidden units do in one step, forward and with the derivatives that the way back needs.
///
/// `sums` are the preactivations in the order of Layout's blocks. `factors` are the derivatives of the new state with
/// respect to them; a GRU adds the derivative with respect to the old state, which for a leaky_rnn is the decay.
#pragma once

#include <array>

#include "rnn/kernel/network.hpp"
#include "rnn/kernel/vector_math.hpp"

namespace repal::rnn {

template <Cell cell>
struct Units {
    static constexpr int gates = traits_of(cell).gates, blocks = traits_of(cell).blocks,
                         factors = traits_of(cell).factors;

    struct Step {
        Block state;
        std::array<Block, factors> factors;
    };
};

template <class Phi>
struct LeakyRnnUnits : Units<Cell::leaky_rnn> {
    static constexpr int candidate = 0;  ///< block whose preactivation is the argument of phi

    static Step advance(const std::array<Block, blocks>& sums, const Block& state, float decay) {
        const float gain = 1.0f - decay;
        const Activated c = Phi::at(sums[0]);
        return {block_of([&](int row) { return state[row] + gain * (c.value[row] - state[row]); }),
                {block_of([&](int row) { return gain * c.slope[row]; })}};
    }
};

/// h_t = h + k (c - h) with k = (1 - decay) z, which equals (1 - z) h + z (decay h + (1 - decay) c).
template <class Phi>
struct LegacyGruUnits : Units<Cell::leaky_gru_legacy> {
    static constexpr int candidate = 1;

    static Step advance(const std::array<Block, blocks>& sums, const Block& state, float decay) {
        const Block z = sigmoid(sums[0]);
        const Activated c = Phi::at(sums[1]);
        Step after;
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
struct GruUnits : Units<Cell::leaky_gru> {
    static constexpr int candidate = 0;

    static Step advance(const std::array<Block, blocks>& sums, const Block& state, float decay) {
        const Block& recurrent = sums[3];
        const Block r = sigmoid(sums[1]);
        const Block z = sigmoid(sums[2]);
        const Activated c = Phi::at(block_of([&](int row) { return sums[0][row] + r[row] * recurrent[row]; }));
        Step after;
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

/// Calls `use` with the units of a cell as its template argument.
template <class Phi, class Use>
auto with_units(Cell cell, const Use& use) {
    switch (cell) {
        case Cell::leaky_rnn:
            return use.template operator()<LeakyRnnUnits<Phi>>();
        case Cell::leaky_gru:
            return use.template operator()<GruUnits<Phi>>();
        case Cell::leaky_gru_legacy:
            return use.template operator()<LegacyGruUnits<Phi>>();
    }
    __builtin_unreachable();
}

}  // namespace repal::rnn
