/// Sixteen sequences side by side: the unit of work of the recurrent kernels.
///
/// A batch is cut into tiles of 16 sequences. Every number of the network (a state, a gate, an input) exists once
/// per sequence of the tile, so it is one Lanes value; the compiler makes two AVX registers of it.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

namespace repal::rnn {

inline constexpr int lane_count = 16;

using Lanes = float __attribute__((vector_size(64)));
using LaneBits = std::int32_t __attribute__((vector_size(64)));  ///< integers, or the result of a comparison
using LaneDoubles = double __attribute__((vector_size(128)));    ///< sums over many steps

/// Rows of one panel of a matrix, and units that are handled at once. 4 rows of 16 lanes are 8 independent sums: just
/// enough to hide the latency of two fused multiply-adds per cycle, and common network sizes are multiples of 4.
inline constexpr int panel_rows = 4;

using Block = std::array<Lanes, panel_rows>;

/// The block of f(row) for every row.
template <class Function>
inline Block block_of(Function f) {
    Block block;
    for (int row = 0; row < panel_rows; ++row) block[row] = f(row);
    return block;
}

inline LaneDoubles widened(Lanes x) {
    return __builtin_convertvector(x, LaneDoubles);
}

inline double sum(const LaneDoubles& x) {
    double total = 0;
    for (int lane = 0; lane < lane_count; ++lane) total += x[lane];
    return total;
}

inline constexpr int rounded_up(int count, int multiple) {
    return (count + multiple - 1) / multiple * multiple;
}

/// Transposes 8 x 8 numbers: row(i) points to the 8 numbers of row i, column(j) to the place for those of column j.
template <class Row, class Column>
inline void transpose_block(Row row, Column column) {
    using Quad = float __attribute__((vector_size(16)));
    using Octet = float __attribute__((vector_size(32)));
    const auto load = [](const float* from) {
        Quad x;
        std::memcpy(&x, from, sizeof x);
        return x;
    };
    for (int half = 0; half < 8; half += 4) {
        std::array<Octet, 4> pair;  // columns half..half+3 of the rows i and i + 4
        for (int i = 0; i < 4; ++i) {
            pair[i] = __builtin_shufflevector(load(row(i) + half), load(row(i + 4) + half), 0, 1, 2, 3, 4, 5, 6, 7);
        }
        const Octet a = __builtin_shufflevector(pair[0], pair[1], 0, 8, 1, 9, 4, 12, 5, 13);
        const Octet b = __builtin_shufflevector(pair[0], pair[1], 2, 10, 3, 11, 6, 14, 7, 15);
        const Octet c = __builtin_shufflevector(pair[2], pair[3], 0, 8, 1, 9, 4, 12, 5, 13);
        const Octet d = __builtin_shufflevector(pair[2], pair[3], 2, 10, 3, 11, 6, 14, 7, 15);
        const auto store = [&](int j, Octet x) { std::memcpy(column(half + j), &x, sizeof x); };
        store(0, __builtin_shufflevector(a, c, 0, 1, 8, 9, 4, 5, 12, 13));
        store(1, __builtin_shufflevector(a, c, 2, 3, 10, 11, 6, 7, 14, 15));
        store(2, __builtin_shufflevector(b, d, 0, 1, 8, 9, 4, 5, 12, 13));
        store(3, __builtin_shufflevector(b, d, 2, 3, 10, 11, 6, 7, 14, 15));
    }
}

}  // namespace repal::rnn
