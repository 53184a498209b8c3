/// Sums of gradient x state over steps and sequences: the gradients of the weights.
#pragma once

#include <vector>

#include "rnn/kernel/layout.hpp"

namespace repal::rnn {

/// Steps whose products are summed at once. 16 steps of 16 sequences make sums of 256 terms in registers, long enough
/// to hide their loads and stores, while the tiles of the block still fit the second-level cache.
inline constexpr int block_steps = 16;

/// Which columns of [W_rec | W_in | b] are wanted.
struct WantedColumns {
    bool recurrent;
    bool inputs;  ///< input weights or biases
};

/// Gradient of the stacked matrix [W_rec | W_in | b] of a tile sequence, summed over blocks of steps.
class WeightGradient {
 public:
    explicit WeightGradient(const Layout& layout);

    void clear();

    /// Adds sum over the steps of gradients_t states_t^T. The tiles of the steps follow each other in memory.
    void add(const Lanes* gradients, const Lanes* states, int steps, WantedColumns wanted);

    /// Derivative with respect to the weight from a column (Layout's state tile) to a row (its gradient tile).
    float at(int row, int column) const;

 private:
    struct Range {
        int begin, end;
    };

    void transpose_to_panels(const Lanes* gradients, int steps);
    void add_panels(Range rows, Range columns, const Lanes* states, int steps);

    Layout layout_;
    int panels_;
    std::vector<Lanes> rows_by_sequence_;  ///< panel of 16 gradient rows, step, sequence
    std::vector<Lanes> sums_;              ///< panel of 16 gradient rows, column
};

/// Gradient of W_out, kept per lane until the end so that no step needs a sum across lanes.
class ReadoutGradient {
 public:
    ReadoutGradient(const Layout& layout, int outputs);

    void clear();

    /// Adds gradients_t states_t^T; a step has `outputs` gradient rows and Layout::state_rows state rows.
    void add(const Lanes* gradients, const Lanes* states, int steps);

    float at(int output, int unit) const;

 private:
    Layout layout_;
    int outputs_;
    std::vector<Lanes> sums_;  ///< output, unit
};

}  // namespace repal::rnn
