/// Products of a weight matrix with a tile: the loop in which training spends its time.
#pragma once

#include <cstddef>
#include <vector>

#include "rnn/kernel/lanes.hpp"

namespace repal::rnn {

/// A matrix cut into panels of 4 rows; a panel holds its columns one after another.
class PanelMatrix {
 public:
    PanelMatrix() = default;
    PanelMatrix(int panels, int columns) : columns_(columns), values_(std::size_t(panels) * columns * panel_rows) {}

    /// Sets every element to element(panel, row in the panel, column).
    template <class Element>
    void fill(Element element) {
        std::size_t next = 0;
        for (int p = 0; next < values_.size(); ++p)
            for (int column = 0; column < columns_; ++column)
                for (int row = 0; row < panel_rows; ++row) values_[next++] = element(p, row, column);
    }

    int columns() const { return columns_; }

    const float* panel(int p, int first_column = 0) const {
        return values_.data() + (std::size_t(p) * columns_ + first_column) * panel_rows;
    }

 private:
    int columns_ = 0;
    std::vector<float> values_;
};

/// sums + panel * tile, where the tile has one Lanes value per column.
inline Block multiply_add(const float* panel, const Lanes* tile, int columns, Block sums) {
    for (int column = 0; column < columns; ++column) {
        const Lanes x = tile[column];
        for (int row = 0; row < panel_rows; ++row) sums[row] += panel[column * panel_rows + row] * x;
    }
    return sums;
}

inline Block multiply(const float* panel, const Lanes* tile, int columns) {
    return multiply_add(panel, tile, columns, Block{});
}

}  // namespace repal::rnn
