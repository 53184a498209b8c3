/// What one tile of sequences leaves behind on its way forward, for the way back.
#pragma once

#include <cstddef>
#include <vector>

#include "rnn/kernel/layout.hpp"

namespace repal::rnn {

/// The sequences of one tile. In the last tile some lanes may have no sequence of their own; they repeat the last
/// sequence with weight 0.
struct Tile {
    int first_sequence;
    int sequences;

    int index() const { return first_sequence / lane_count; }
    int sequence(int lane) const { return first_sequence + (lane < sequences ? lane : sequences - 1); }
};

class Tape {
 public:
    Tape(const Layout& layout, int outputs) : layout_(layout), outputs_(outputs) {}

    /// Makes room for `steps` steps. Memory only grows.
    void reserve(int steps) {
        if (steps <= steps_) return;
        states_.resize(std::size_t(steps + 1) * layout_.state_rows);
        factors_.resize(std::size_t(steps) * layout_.units * layout_.factors);
        output_gradients_.resize(std::size_t(steps) * outputs_);
        for (int step = 0; step <= steps; ++step) state(step)[layout_.columns - 1] = Lanes{} + 1.0f;
        steps_ = steps;
    }

    /// State tile [h_{t-1} | x_t | 1] that enters step t, counted from 0; h_t is in state(t + 1).
    Lanes* state(int step) { return states_.data() + std::ptrdiff_t(step) * layout_.state_rows; }
    Lanes* factors(int step) { return factors_.data() + std::ptrdiff_t(step) * layout_.units * layout_.factors; }
    Lanes* output_gradients(int step) { return output_gradients_.data() + std::ptrdiff_t(step) * outputs_; }

 private:
    Layout layout_;
    int outputs_;
    int steps_ = 0;
    std::vector<Lanes> states_;
    std::vector<Lanes> factors_;
    std::vector<Lanes> output_gradients_;
};

}  // namespace repal::rnn
