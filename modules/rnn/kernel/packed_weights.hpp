/// The weights in the order in which the products of a step read them.
#pragma once

#include "rnn/kernel/layout.hpp"

namespace repal::rnn {

/// Block of rows of the stacked matrices (r, z, c) that a recurrent or input block of the gradient tile belongs to.
struct StackedGates {
    const CellTraits& traits;

    /// The gate computed as number `gate`; the legacy GRU starts with z.
    int recurrent(int gate) const { return traits.stacked - traits.gates + gate; }

    /// The same for the input blocks. Where the candidate has two blocks, that of its inputs is the first of all.
    int input(int gate) const {
        return traits.blocks > traits.gates ? (gate + traits.gates - 1) % traits.gates : recurrent(gate);
    }
};

struct PackedWeights {
    PackedWeights(const Layout& layout, int outputs)
        : forward(layout.groups * layout.gates, layout.columns),
          backward(layout.groups, layout.gates * layout.units + outputs),
          readout(layout.output_rows / panel_rows, layout.units) {}

    void pack(const NetworkShape& shape, const Layout& layout, const Parameters& parameters);

    PanelMatrix forward;   ///< [W_rec | W_in | b], panels by unit group, then gate
    PanelMatrix backward;  ///< [W_rec^T | W_out^T], a panel per unit group
    PanelMatrix readout;   ///< W_out
};

}  // namespace repal::rnn
