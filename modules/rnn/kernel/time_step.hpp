/// One step of a tile through time, forward and backward: a product and the pointwise work on its sums.
#pragma once

#include "rnn/kernel/lanes.hpp"
#include "rnn/kernel/layout.hpp"
#include "rnn/kernel/panels.hpp"

namespace repal::rnn {

/// Gradient of the penalty on the states per state: l1 sign(h) + l2 h; 0 in the lanes that are not penalised.
struct PenaltySlope {
    Lanes l1{};
    Lanes l2{};
};

/// The step h_{t-1} -> h_t.
struct ForwardStep {
    const Lanes* state;  ///< [h_{t-1} | x_t | 1]
    const Lanes* noise;  ///< one row per unit, or null
    Lanes* next_state;   ///< receives h_t
    Lanes* factors;      ///< receives the derivatives, Layout::factors blocks per group of units
};

/// The step dL/dh_{t+1} -> dL/dh_t.
struct BackwardStep {
    const Lanes* later_gradients;  ///< gradient tile of step t + 1, with dL/dy_t
    const Lanes* factors;          ///< those of step t
    const Lanes* state;            ///< h_t
    const PenaltySlope* penalty;   ///< or null
    Lanes* carried;                ///< part of dL/dh that skips the weights; is updated from t + 1 to t
    Lanes* gradients;              ///< receives the gradient tile of step t
};

/// Rows of W = [W_rec | W_in | b], panels ordered by unit group, then gate.
using ForwardFunction = void (*)(const Layout&, const PanelMatrix& weights, float decay, const ForwardStep&);

/// Rows of the transpose [W_rec^T | W_out^T], one panel per unit group.
using BackwardFunction = void (*)(const Layout&, const PanelMatrix& weights, float decay, const BackwardStep&);

ForwardFunction forward_function(const NetworkShape& shape);
BackwardFunction backward_function(const NetworkShape& shape);

}  // namespace repal::rnn
