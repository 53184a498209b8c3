module;
#include <fmt/format.h>

#include <Eigen/QR>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/eigen.hpp"
module repal.network;

namespace repal {
namespace {

using Draw = Eigen::MatrixXd (*)(Eigen::Index rows, Eigen::Index columns, Stream stream);

Eigen::MatrixXd uniform(Eigen::Index rows, Eigen::Index columns, double bound, Stream stream) {
    Eigen::MatrixXd x(rows, columns);
    for (double& value : x.reshaped<Eigen::RowMajor>()) value = bound * (2 * stream.uniform() - 1);
    return x;
}

Eigen::MatrixXd kaiming(Eigen::Index rows, Eigen::Index columns, Stream stream) {
    return uniform(rows, columns, 1 / std::sqrt(static_cast<double>(columns)), stream);
}

Eigen::MatrixXd xavier(Eigen::Index rows, Eigen::Index columns, Stream stream) {
    return uniform(rows, columns, std::sqrt(6.0 / static_cast<double>(rows + columns)), stream);
}

Eigen::MatrixXd gaussian(Eigen::Index rows, Eigen::Index columns, Stream stream) {
    Eigen::MatrixXd x(rows, columns);
    for (double& value : x.reshaped<Eigen::RowMajor>()) value = 0.1 * stream.normal();
    return x;
}

Eigen::MatrixXd identity(Eigen::Index rows, Eigen::Index columns, Stream /*stream*/) {
    return Eigen::MatrixXd::Identity(rows, columns);
}

/// Uniform on the matrices with orthonormal columns, or rows if there are more columns.
Eigen::MatrixXd orthogonal(Eigen::Index rows, Eigen::Index columns, Stream stream) {
    if (rows < columns) return orthogonal(columns, rows, stream).transpose();
    const Eigen::HouseholderQR<Eigen::MatrixXd> qr(gaussian(rows, columns, stream));
    Eigen::MatrixXd q = qr.householderQ() * Eigen::MatrixXd::Identity(rows, columns);
    for (Eigen::Index j = 0; j < columns; ++j)
        if (qr.matrixQR()(j, j) < 0) q.col(j) *= -1;
    return q;
}

struct Draws {
    Draw input;
    Draw recurrent;
};

Draws draws_of(Initialiser initialiser) {
    switch (initialiser) {
        case Initialiser::kaiming:
            return {kaiming, kaiming};
        case Initialiser::xavier:
            return {xavier, xavier};
        case Initialiser::orthogonal:
            return {orthogonal, orthogonal};
        case Initialiser::diag:
            return {identity, identity};
        case Initialiser::randortho:
            return {kaiming, orthogonal};
        case Initialiser::randgauss:
            return {gaussian, gaussian};
    }
    return {kaiming, kaiming};
}

/// Row-major, one block of `hidden` rows after the other.
std::vector<float> stacked(Draw draw, int blocks, Eigen::Index hidden, Eigen::Index columns, const Stream& stream) {
    std::vector<float> values;
    for (int block = 0; block < blocks; ++block) {
        const Eigen::MatrixXd x = draw(hidden, columns, stream.child(static_cast<std::uint64_t>(block)));
        for (const double value : x.reshaped<Eigen::RowMajor>()) values.push_back(static_cast<float>(value));
    }
    return values;
}

struct NamedWeights {
    const char* name;
    std::vector<std::uint64_t> shape;
    const char* axes;
};

std::array<NamedWeights, 4> names_of(const rnn::NetworkShape& shape) {
    const auto rows = static_cast<std::uint64_t>(shape.rows());
    const auto hidden = static_cast<std::uint64_t>(shape.hidden);
    return {{{"input", {rows, static_cast<std::uint64_t>(shape.inputs)}, "row,input"},
             {"recurrent", {rows, hidden}, "row,unit"},
             {"bias", {rows}, "row"},
             {"readout", {static_cast<std::uint64_t>(shape.outputs), hidden}, "output,unit"}}};
}

}  // namespace

rnn::Parameters initial_parameters(const rnn::NetworkShape& shape, Initialiser initialiser, const Stream& stream) {
    const Draws draws = draws_of(initialiser);
    const int blocks = shape.rows() / shape.hidden;
    rnn::Parameters parameters;
    parameters.input = stacked(draws.input, blocks, shape.hidden, shape.inputs, stream.child("input"));
    parameters.recurrent = stacked(draws.recurrent, blocks, shape.hidden, shape.hidden, stream.child("recurrent"));
    parameters.readout = stacked(kaiming, 1, shape.outputs, shape.hidden, stream.child("readout"));
    Stream bias = stream.child("bias");
    const double bound = 1 / std::sqrt(static_cast<double>(shape.inputs));
    for (int row = 0; row < shape.rows(); ++row)
        parameters.bias.push_back(static_cast<float>(bound * (2 * bias.uniform() - 1)));
    return parameters;
}

void add_parameters(Archive& archive, const std::string& group, const rnn::NetworkShape& shape,
                    const rnn::Parameters& parameters) {
    const auto names = names_of(shape);
    const auto arrays = arrays_of(parameters);
    for (std::size_t i = 0; i < names.size(); ++i)
        archive.arrays[group + "/" + names[i].name] = {
            .shape = names[i].shape, .values = *arrays[i], .attributes = {{"axes", names[i].axes}}};
}

rnn::Parameters parameters_from(const Archive& archive, const std::string& group, const rnn::NetworkShape& shape) {
    rnn::Parameters parameters;
    const auto names = names_of(shape);
    const auto arrays = arrays_of(parameters);
    for (std::size_t i = 0; i < names.size(); ++i) {
        const std::string name = group + "/" + names[i].name;
        *arrays[i] = archive.values<float>(name);
        if (archive.arrays.at(name).shape != names[i].shape)
            throw InputError("",
                             fmt::format("'{}' has another shape: this is a network of another architecture", name));
    }
    return parameters;
}

Network network_from(const Archive& checkpoint) {
    const auto value = [&](const char* attribute, const auto& names) {
        const std::string& name = checkpoint.attribute(attribute);
        const std::vector<std::string> known = texts_of(names);
        if (std::ranges::find(known, name) == known.end())
            throw InputError("", fmt::format("unknown {} '{}'", attribute, name));
        return value_of(names, name);
    };
    const auto length = [&](const char* name, std::size_t dimension) {
        const auto found = checkpoint.arrays.find(name);
        if (found == checkpoint.arrays.end() || found->second.shape.size() != 2)
            throw InputError("", fmt::format("there is no matrix '{}'", name));
        return static_cast<int>(found->second.shape[dimension]);
    };
    Network network{.shape = {.cell = value("cell", cell_names),
                              .activation = value("activation", activation_names),
                              .inputs = length("weights/input", 1),
                              .hidden = length("weights/recurrent", 1),
                              .outputs = length("weights/readout", 0),
                              .decay = static_cast<float>(checkpoint.number("decay"))},
                    .parameters = {}};
    network.parameters = parameters_from(checkpoint, "weights", network.shape);
    return network;
}

std::array<std::vector<float>*, 4> arrays_of(rnn::Parameters& parameters) {
    return {&parameters.input, &parameters.recurrent, &parameters.bias, &parameters.readout};
}

std::array<const std::vector<float>*, 4> arrays_of(const rnn::Parameters& parameters) {
    return {&parameters.input, &parameters.recurrent, &parameters.bias, &parameters.readout};
}

}  // namespace repal
