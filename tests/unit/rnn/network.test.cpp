#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "core/eigen.hpp"

import repal.network;

namespace {

using repal::Initialiser;
using repal::Stream;
namespace rnn = repal::rnn;

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

rnn::NetworkShape shape_of(rnn::Cell cell) {
    return {.cell = cell, .inputs = 7, .hidden = 64, .outputs = 3};
}

Matrix matrix(const std::vector<float>& values, Eigen::Index rows) {
    return Eigen::Map<const Matrix>(values.data(), rows, static_cast<Eigen::Index>(values.size()) / rows);
}

rnn::Parameters drawn(Initialiser initialiser, rnn::Cell cell = rnn::Cell::leaky_rnn, std::uint64_t seed = 1) {
    return initial_parameters(shape_of(cell), initialiser, Stream(seed));
}

float largest(const std::vector<float>& values) {
    float bound = 0;
    for (const float value : values) bound = std::max(bound, std::abs(value));
    return bound;
}

constexpr float rounding = 1e-5f;  // sums of 64 products of floats

TEST(Initialiser, KaimingFillsItsInterval) {
    const rnn::Parameters p = drawn(Initialiser::kaiming);

    EXPECT_NEAR(largest(p.input), 1 / std::sqrt(7.0), 0.01);
    EXPECT_NEAR(largest(p.recurrent), 1 / std::sqrt(64.0), 0.001);
    EXPECT_NEAR(largest(p.readout), 1 / std::sqrt(64.0), 0.005);
    EXPECT_LE(largest(p.bias), 1 / std::sqrt(7.0f));
    EXPECT_EQ(p.bias.size(), 64u);
}

TEST(Initialiser, XavierFillsItsInterval) {
    const rnn::Parameters p = drawn(Initialiser::xavier);

    EXPECT_NEAR(largest(p.input), std::sqrt(6.0 / 71), 0.01);
    EXPECT_NEAR(largest(p.recurrent), std::sqrt(6.0 / 128), 0.001);
}

TEST(Initialiser, OrthogonalIsOrthonormalInEveryGate) {
    for (const auto initialiser : {Initialiser::orthogonal, Initialiser::randortho})
        for (const auto cell : {rnn::Cell::leaky_rnn, rnn::Cell::leaky_gru}) {
            const rnn::Parameters p = drawn(initialiser, cell);
            const Matrix recurrent = matrix(p.recurrent, shape_of(cell).rows());
            for (Eigen::Index gate = 0; gate < recurrent.rows() / 64; ++gate) {
                const Matrix w = recurrent.middleRows(gate * 64, 64);
                EXPECT_LT((w * w.transpose() - Matrix::Identity(64, 64)).cwiseAbs().maxCoeff(), rounding);
            }
            if (initialiser == Initialiser::randortho) continue;
            const Matrix input = matrix(p.input, shape_of(cell).rows()).topRows(64);
            EXPECT_LT((input.transpose() * input - Matrix::Identity(7, 7)).cwiseAbs().maxCoeff(), rounding);
        }
}

TEST(Initialiser, DiagIsTheIdentity) {
    const rnn::Parameters p = drawn(Initialiser::diag);

    EXPECT_EQ(matrix(p.recurrent, 64), Matrix(Matrix::Identity(64, 64)));
    EXPECT_EQ(matrix(p.input, 64), Matrix(Matrix::Identity(64, 7)));
}

TEST(Initialiser, RandgaussHasItsDeviation) {
    const rnn::Parameters p = drawn(Initialiser::randgauss);
    const double squares = std::inner_product(p.recurrent.begin(), p.recurrent.end(), p.recurrent.begin(), 0.0);

    EXPECT_NEAR(std::sqrt(squares / 4096), 0.1, 0.005);  // 4096 draws: 1.1 % standard error
}

TEST(Initialiser, AllDifferAndDependOnTheStreamOnly) {
    std::set<std::vector<float>> seen;
    for (int i = 0; i < 6; ++i) {
        const auto initialiser = static_cast<Initialiser>(i);
        seen.insert(drawn(initialiser).recurrent);
        EXPECT_EQ(drawn(initialiser).recurrent, drawn(initialiser).recurrent);
        if (initialiser != Initialiser::diag) {
            EXPECT_NE(drawn(initialiser).recurrent, drawn(initialiser, rnn::Cell::leaky_rnn, 2).recurrent);
        }
    }
    EXPECT_EQ(seen.size(), 5u);  // orthogonal and randortho share their recurrent weights
    EXPECT_NE(drawn(Initialiser::orthogonal).input, drawn(Initialiser::randortho).input);
}

TEST(Parameters, AnotherArchitectureIsRefused) {
    repal::Archive archive;
    add_parameters(archive, "weights", shape_of(rnn::Cell::leaky_rnn), drawn(Initialiser::kaiming));

    EXPECT_EQ(parameters_from(archive, "weights", shape_of(rnn::Cell::leaky_rnn)).recurrent,
              drawn(Initialiser::kaiming).recurrent);
    EXPECT_THROW(parameters_from(archive, "weights", shape_of(rnn::Cell::leaky_gru)), repal::InputError);
}

}  // namespace
