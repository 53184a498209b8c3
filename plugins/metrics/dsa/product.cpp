module;
#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cstring>
module repal.dsa.alignment;

import :overlap;
import :product;

namespace repal {
namespace {

constexpr Eigen::Index largest_small = 96;

template <class Scalar>
struct Packet;
template <>
struct Packet<float> {
    using Lanes = float __attribute__((vector_size(32)));
};
template <>
struct Packet<double> {
    using Lanes = double __attribute__((vector_size(32)));
};
template <class Scalar>
constexpr Eigen::Index lanes = 32 / sizeof(Scalar);

template <class Scalar, Eigen::Index n>
void copy_and_step(const Scalar*& from, Scalar*& to) {
    std::memcpy(to, from, sizeof(Scalar) * n);
    from += n;
    to += n;
}

/// In pieces of fixed sizes: a call of the library for each column costs as much as the arithmetic.
template <class Scalar>
void copy_rows(const Scalar* from, Scalar* to, Eigen::Index rows) {
    for (; rows >= lanes<Scalar>; rows -= lanes<Scalar>) copy_and_step<Scalar, lanes<Scalar>>(from, to);
    if (rows & 4) copy_and_step<Scalar, 4>(from, to);
    if (rows & 2) copy_and_step<Scalar, 2>(from, to);
    if (rows & 1) copy_and_step<Scalar, 1>(from, to);
}

/// `packets` packets of rows times `columns` columns, all of whose sums are in registers. a: packed, rows side by side.
template <class Scalar, int packets, int columns>
void multiply_tile(const Scalar* a, const Scalar* b, Eigen::Index depth, Scalar* out, Eigen::Index out_stride,
                   Eigen::Index rows) {
    using Lanes = typename Packet<Scalar>::Lanes;
    Lanes sums[columns][packets] = {};
    for (Eigen::Index k = 0; k < depth; ++k, a += packets * lanes<Scalar>) {
        Lanes left[packets];
        std::memcpy(left, a, sizeof(left));
        for (int column = 0; column < columns; ++column) {
            const Scalar right = b[column * depth + k];
            for (int packet = 0; packet < packets; ++packet) sums[column][packet] += left[packet] * right;
        }
    }
    for (int column = 0; column < columns; ++column, out += out_stride) {
        std::array<Scalar, packets * lanes<Scalar>> finished;
        std::memcpy(finished.data(), sums[column], sizeof(finished));
        copy_rows(finished.data(), out, rows);
    }
}

/// Rows first, first + 1, ... of the product, as many as fit into the packets.
template <class Scalar, int packets>
void multiply_rows(const Matrix<Scalar>& a, const Matrix<Scalar>& b, Eigen::Index first, Matrix<Scalar>& out) {
    constexpr Eigen::Index height = packets * lanes<Scalar>;
    const Eigen::Index rows = std::min(height, a.rows() - first);
    const Eigen::Index depth = a.cols();
    alignas(32) std::array<Scalar, height * largest_small> packed;
    if (rows < height) std::fill_n(packed.begin(), height * depth, Scalar(0));
    for (Eigen::Index k = 0; k < depth; ++k) copy_rows(&a.coeffRef(first, k), packed.data() + k * height, rows);

    Eigen::Index j = 0;
    for (; j + 4 <= b.cols(); j += 4)
        multiply_tile<Scalar, packets, 4>(packed.data(), &b.coeffRef(0, j), depth, &out(first, j), out.rows(), rows);
    for (; j + 2 <= b.cols(); j += 2)
        multiply_tile<Scalar, packets, 2>(packed.data(), &b.coeffRef(0, j), depth, &out(first, j), out.rows(), rows);
    for (; j < b.cols(); ++j)
        multiply_tile<Scalar, packets, 1>(packed.data(), &b.coeffRef(0, j), depth, &out(first, j), out.rows(), rows);
}

}  // namespace

template <class Scalar>
void multiply(const Matrix<Scalar>& a, const Matrix<Scalar>& b, Matrix<Scalar>& out) {
    out.resize(a.rows(), b.cols());
    if (a.rows() > largest_small || a.cols() > largest_small) {
        out.noalias() = a * b;
        return;
    }
    for (Eigen::Index first = 0; first < a.rows();) {
        const Eigen::Index packets = (a.rows() - first + lanes<Scalar> - 1) / lanes<Scalar>;
        // Three packets by four columns fill the registers; four packets are two and two rather than three and one.
        if (packets == 1) {
            multiply_rows<Scalar, 1>(a, b, first, out);
            first += lanes<Scalar>;
        } else if (packets == 2 || packets == 4) {
            multiply_rows<Scalar, 2>(a, b, first, out);
            first += 2 * lanes<Scalar>;
        } else {
            multiply_rows<Scalar, 3>(a, b, first, out);
            first += 3 * lanes<Scalar>;
        }
    }
}

template void multiply(const Matrix<double>&, const Matrix<double>&, Matrix<double>&);
template void multiply(const Matrix<float>&, const Matrix<float>&, Matrix<float>&);

}  // namespace repal
