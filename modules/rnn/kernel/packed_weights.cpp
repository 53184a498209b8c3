#include "rnn/kernel/packed_weights.hpp"

#include <cstddef>

namespace repal::rnn {
namespace {

/// Matrices of a network as functions of unit and gate; 0 for the units that only fill up a panel.
struct WeightsByUnit {
    const NetworkShape& shape;
    const Layout& layout;
    const Parameters& parameters;

    float recurrent(int gate, int unit, int from) const {
        if (unit >= shape.hidden || from >= shape.hidden) return 0;
        return parameters.recurrent[std::size_t(row(gate, unit)) * shape.hidden + from];
    }

    float column(int gate, int unit, int column) const {
        if (column < layout.units) return recurrent(gate, unit, column);
        if (unit >= shape.hidden) return 0;
        const int input = column - layout.units;
        if (input == shape.inputs) return parameters.bias[row(gate, unit)];
        return parameters.input[std::size_t(row(gate, unit)) * shape.inputs + input];
    }

    float readout(int output, int unit) const {
        if (output >= shape.outputs || unit >= shape.hidden) return 0;
        return parameters.readout[std::size_t(output) * shape.hidden + unit];
    }

 private:
    int row(int gate, int unit) const {
        return StackedGates{traits_of(shape.cell)}.recurrent(gate) * shape.hidden + unit;
    }
};

}  // namespace

void PackedWeights::pack(const NetworkShape& shape, const Layout& layout, const Parameters& parameters) {
    const WeightsByUnit weights{shape, layout, parameters};
    const int recurrent_rows = layout.gates * layout.units;
    forward.fill([&](int panel, int row, int column) {
        return weights.column(panel % layout.gates, panel / layout.gates * panel_rows + row, column);
    });
    backward.fill([&](int panel, int row, int column) {
        const int unit = panel * panel_rows + row;
        if (column >= recurrent_rows) return weights.readout(column - recurrent_rows, unit);
        return weights.recurrent(column / layout.units, column % layout.units, unit);
    });
    readout.fill([&](int panel, int row, int column) { return weights.readout(panel * panel_rows + row, column); });
}

}  // namespace repal::rnn
