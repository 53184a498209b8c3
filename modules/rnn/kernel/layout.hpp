/// Where the numbers of one tile (16 sequences) stand in memory.
#pragma once

#include "rnn/kernel/network.hpp"
#include "rnn/kernel/panels.hpp"

namespace repal::rnn {

/// Row counts of the tiles that pass through time.
///
/// The state tile of a step has one row per column of the product that it enters: [h_{t-1} | x_t | 1], so that inputs
/// and biases are columns of the recurrent product and cost no pass of their own.
///
/// The gradient tile of a step has one row per preactivation, in blocks of `units` rows, and then the gradients of the
/// outputs of the step before: [blocks | dL/dy_{t-1}]. A full GRU has the blocks a_c, r, z, u_c: the first three belong
/// to the input columns and the last three to the recurrent columns. For the other cells both are all blocks.
struct Layout {
    explicit Layout(const NetworkShape& shape)
        : units(rounded_up(shape.hidden, panel_rows)),
          groups(units / panel_rows),
          gates(traits_of(shape.cell).gates),
          blocks(traits_of(shape.cell).blocks),
          factors(traits_of(shape.cell).factors),
          columns(units + shape.inputs + 1),
          state_rows(rounded_up(columns, panel_rows)),
          gradient_rows(rounded_up(blocks * units + shape.outputs, lane_count)),
          output_rows(rounded_up(shape.outputs, panel_rows)) {}

    int first_recurrent_row() const { return (blocks - gates) * units; }

    int units;          ///< hidden units, rounded up; the added ones have no weights and influence nothing
    int groups;         ///< panels of units
    int gates;          ///< preactivations of a unit that are computed
    int blocks;         ///< preactivations of a unit that have a gradient of their own
    int factors;        ///< numbers per unit and step that the backward pass needs
    int columns;        ///< units + inputs + 1
    int state_rows;     ///< columns, rounded up
    int gradient_rows;  ///< rows of a gradient tile, rounded up
    int output_rows;    ///< outputs, rounded up
};

}  // namespace repal::rnn
