/// The numbers of a batch as the lanes of a tile want them.
#pragma once

#include <cstddef>

#include "rnn/kernel/lanes.hpp"
#include "rnn/kernel/network.hpp"
#include "rnn/kernel/tape.hpp"

namespace repal::rnn {

/// Rows of `width` numbers, ordered (sequence, step).
template <class Number>
struct StepRows {
    Number* numbers;
    int steps;
    int width;

    Number* row(int sequence, int step) const { return numbers + (std::ptrdiff_t(sequence) * steps + step) * width; }
};

/// Row i of `to` receives the i-th number of each lane's row.
inline void gather(StepRows<const float> from, const Tile& tile, int step, Lanes* to) {
    float* lanes = reinterpret_cast<float*>(to);
    const int in_blocks = from.width / 8 * 8;
    for (int lane = 0; lane < lane_count; lane += 8)
        for (int i = 0; i < in_blocks; i += 8)
            transpose_block([&](int row) { return from.row(tile.sequence(lane + row), step) + i; },
                            [&](int column) { return lanes + std::ptrdiff_t(i + column) * lane_count + lane; });
    for (int lane = 0; lane < lane_count; ++lane) {
        const float* row = from.row(tile.sequence(lane), step);
        for (int i = in_blocks; i < from.width; ++i) lanes[std::ptrdiff_t(i) * lane_count + lane] = row[i];
    }
}

/// The inverse of gather, for the lanes that have a sequence.
inline void scatter(const Lanes* from, const Tile& tile, int step, StepRows<float> to) {
    const float* lanes = reinterpret_cast<const float*>(from);
    const int in_blocks = to.width / 8 * 8, lanes_in_blocks = tile.sequences / 8 * 8;
    for (int lane = 0; lane < lanes_in_blocks; lane += 8)
        for (int i = 0; i < in_blocks; i += 8)
            transpose_block([&](int row) { return lanes + std::ptrdiff_t(i + row) * lane_count + lane; },
                            [&](int column) { return to.row(tile.sequence(lane + column), step) + i; });
    for (int lane = 0; lane < tile.sequences; ++lane) {
        float* row = to.row(tile.sequence(lane), step);
        for (int i = lane < lanes_in_blocks ? in_blocks : 0; i < to.width; ++i)
            row[i] = lanes[std::ptrdiff_t(i) * lane_count + lane];
    }
}

/// 1 in the lanes that have a sequence.
inline Lanes occupied(const Tile& tile) {
    Lanes mask{};
    for (int lane = 0; lane < tile.sequences; ++lane) mask[lane] = 1.0f;
    return mask;
}

}  // namespace repal::rnn
