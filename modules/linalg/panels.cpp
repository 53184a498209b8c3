module;
#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <tuple>
#include <vector>
module repal.panels;

namespace repal {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;

constexpr Index width = 4;  // columns of a panel, and doubles of a vector

using Lanes = double __attribute__((vector_size(32)));

// From and to anywhere: std::vector aligns to 16 bytes only.
Lanes loaded(const double* from) {
    Lanes lanes;
    std::memcpy(&lanes, from, sizeof(lanes));
    return lanes;
}

void store(Lanes lanes, double* to) {
    std::memcpy(to, &lanes, sizeof(lanes));
}

Index panels_of(Index columns) {
    return (columns + width - 1) / width;
}

/// Adds the products of `Wide` panels of X and one panel of Y over some rows to a block of X^T Y. Twelve sums are in
/// flight with three panels, as many as two multiply-adds a cycle of four cycles need.
template <int Wide>
void add_products(const double* x, Index between_panels, const double* y, Index rows, double* product, Index stride) {
    Lanes sums[width][Wide] = {};
    for (Index row = 0; row < rows; ++row) {
        Lanes of_x[Wide];
        for (int i = 0; i < Wide; ++i) of_x[i] = loaded(x + i * between_panels + row * width);
        for (Index j = 0; j < width; ++j) {
            const double value = y[row * width + j];
            const Lanes of_y = {value, value, value, value};
            for (int i = 0; i < Wide; ++i) sums[j][i] += of_x[i] * of_y;
        }
    }
    for (Index j = 0; j < width; ++j)
        for (int i = 0; i < Wide; ++i) {
            double* target = product + j * stride + i * width;
            store(loaded(target) + sums[j][i], target);
        }
}

}  // namespace

Panels::Panels(const MatrixXd& x)
    : rows_(x.rows()), cols_(x.cols()), values_(static_cast<std::size_t>(panels_of(x.cols()) * width * x.rows()), 0.0) {
    for (Index column = 0; column < cols_; ++column) {
        const double* from = x.col(column).data();
        double* to = values_.data() + column / width * width * rows_ + column % width;
        for (Index row = 0; row < rows_; ++row) to[row * width] = from[row];
    }
}

MatrixXd Panels::matrix() const {
    MatrixXd x(rows_, cols_);
    for (Index column = 0; column < cols_; ++column) {
        const double* from = values_.data() + column / width * width * rows_ + column % width;
        for (Index row = 0; row < rows_; ++row) x(row, column) = from[row * width];
    }
    return x;
}

MatrixXd Panels::transposed_times(const Panels& y) const {
    constexpr Index rows_of_block = 256;  // of which three panels of X stay in the first cache while those of Y pass
    constexpr int wide = 3;
    const Index panels = panels_of(cols_);
    MatrixXd product = MatrixXd::Zero(panels * width, panels_of(y.cols_) * width);
    for (Index first = 0; first < rows_; first += rows_of_block) {
        const Index rows = std::min(rows_of_block, rows_ - first);
        for (Index i = 0; i < panels; i += wide) {
            const double* of_x = values_.data() + (i * rows_ + first) * width;
            for (Index j = 0; j < panels_of(y.cols_); ++j) {
                const double* of_y = y.values_.data() + (j * y.rows_ + first) * width;
                double* target = product.data() + j * width * product.rows() + i * width;
                switch (std::min<Index>(wide, panels - i)) {
                    case 1:
                        add_products<1>(of_x, rows_ * width, of_y, rows, target, product.rows());
                        break;
                    case 2:
                        add_products<2>(of_x, rows_ * width, of_y, rows, target, product.rows());
                        break;
                    default:
                        add_products<wide>(of_x, rows_ * width, of_y, rows, target, product.rows());
                }
            }
        }
    }
    return product.topLeftCorner(cols_, y.cols_);
}

bool Panels::precedes(const Panels& other) const {
    if (rows_ != other.rows_ || cols_ != other.cols_)
        return std::tuple(rows_, cols_) < std::tuple(other.rows_, other.cols_);
    return std::ranges::lexicographical_compare(values_, other.values_);
}

}  // namespace repal
