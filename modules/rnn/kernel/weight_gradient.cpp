#include "rnn/kernel/weight_gradient.hpp"

#include <algorithm>
#include <cstddef>

namespace repal::rnn {
namespace {

/// Four columns of the state tiles times one panel of 16 gradient rows, summed over steps and sequences.
void add_outer_products(const Lanes* rows, const Lanes* states, int state_rows, int steps, Lanes* sums) {
    Block block{};
    for (int step = 0; step < steps; ++step) {
        const auto* state = reinterpret_cast<const float*>(states + std::ptrdiff_t(step) * state_rows);
        for (int lane = 0; lane < lane_count; ++lane) {
            const Lanes row = *rows++;
            for (int column = 0; column < panel_rows; ++column)
                block[column] += state[column * lane_count + lane] * row;
        }
    }
    for (int column = 0; column < panel_rows; ++column) sums[column] += block[column];
}

}  // namespace

WeightGradient::WeightGradient(const Layout& layout)
    : layout_(layout),
      panels_(rounded_up(layout.blocks * layout.units, lane_count) / lane_count),
      rows_by_sequence_(std::size_t(panels_) * block_steps * lane_count),
      sums_(std::size_t(panels_) * layout.state_rows) {}

void WeightGradient::clear() {
    std::ranges::fill(sums_, Lanes{});
}

void WeightGradient::add(const Lanes* gradients, const Lanes* states, int steps, WantedColumns wanted) {
    const int units = layout_.units, rows = layout_.gates * units, first = layout_.first_recurrent_row();
    transpose_to_panels(gradients, steps);
    if (wanted.recurrent) add_panels({first, first + rows}, {0, units}, states, steps);
    if (wanted.inputs) add_panels({0, rows}, {units, layout_.state_rows}, states, steps);
}

void WeightGradient::transpose_to_panels(const Lanes* gradients, int steps) {
    for (int panel = 0; panel < panels_; ++panel) {
        for (int step = 0; step < steps; ++step) {
            const auto* from = reinterpret_cast<const float*>(gradients + std::ptrdiff_t(step) * layout_.gradient_rows +
                                                              std::ptrdiff_t(panel) * lane_count);
            auto* to = reinterpret_cast<float*>(rows_by_sequence_.data() +
                                                (std::ptrdiff_t(panel) * steps + step) * lane_count);
            for (int row = 0; row < lane_count; row += 8)
                for (int lane = 0; lane < lane_count; lane += 8)
                    transpose_block([=](int i) { return from + std::ptrdiff_t(row + i) * lane_count + lane; },
                                    [=](int j) { return to + std::ptrdiff_t(lane + j) * lane_count + row; });
        }
    }
}

void WeightGradient::add_panels(Range rows, Range columns, const Lanes* states, int steps) {
    const int last_panel = rounded_up(rows.end, lane_count) / lane_count;
    for (int panel = rows.begin / lane_count; panel < last_panel; ++panel) {
        const Lanes* panel_of_rows = rows_by_sequence_.data() + std::ptrdiff_t(panel) * steps * lane_count;
        Lanes* sums = sums_.data() + std::ptrdiff_t(panel) * layout_.state_rows;
        for (int column = columns.begin; column < columns.end; column += panel_rows)
            add_outer_products(panel_of_rows, states + column, layout_.state_rows, steps, sums + column);
    }
}

float WeightGradient::at(int row, int column) const {
    return sums_[std::size_t(row / lane_count) * layout_.state_rows + column][row % lane_count];
}

ReadoutGradient::ReadoutGradient(const Layout& layout, int outputs)
    : layout_(layout), outputs_(outputs), sums_(std::size_t(outputs) * layout.units) {}

void ReadoutGradient::clear() {
    std::ranges::fill(sums_, Lanes{});
}

void ReadoutGradient::add(const Lanes* gradients, const Lanes* states, int steps) {
    for (int unit = 0; unit < layout_.units; unit += panel_rows) {
        for (int output = 0; output < outputs_; ++output) {
            Lanes* sums = sums_.data() + std::ptrdiff_t(output) * layout_.units + unit;
            Block block;
            std::copy_n(sums, panel_rows, block.begin());
            for (int step = 0; step < steps; ++step) {
                const Lanes gradient = gradients[std::ptrdiff_t(step) * outputs_ + output];
                const Lanes* state = states + std::ptrdiff_t(step) * layout_.state_rows + unit;
                for (int row = 0; row < panel_rows; ++row) block[row] += gradient * state[row];
            }
            std::ranges::copy(block, sums);
        }
    }
}

float ReadoutGradient::at(int output, int unit) const {
    return float(sum(widened(sums_[std::size_t(output) * layout_.units + unit])));
}

}  // namespace repal::rnn
