module;
#include <Eigen/QR>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.conformance;

import :test_systems;

namespace repal {
namespace {

Eigen::MatrixXd random_orthogonal(Eigen::Index n, Stream stream) {
    Eigen::MatrixXd x(n, n);
    for (double& value : x.reshaped()) value = stream.normal();
    return Eigen::HouseholderQR<Eigen::MatrixXd>(x).householderQ();
}

Trajectories changed(const Trajectories& x, const std::function<void(RowMatrix&)>& change) {
    RowMatrix values = x.rows();
    change(values);
    return x.with_rows(std::move(values));
}

std::vector<Eigen::Index> random_order(Eigen::Index n, Stream stream) {
    const std::vector<std::size_t> order = stream.permutation(static_cast<std::size_t>(n));
    return {order.begin(), order.end()};
}

Trajectories with_steps_in_other_order(const Trajectories& x, const Stream& stream) {
    const std::vector<Eigen::Index> order = random_order(x.shape().steps, stream);
    const auto reordered = [&](const RowMatrix& rows) {
        RowMatrix values(rows.rows(), rows.cols());
        for (Eigen::Index first = 0; first < rows.rows(); first += x.shape().steps)
            values.middleRows(first, x.shape().steps) = rows.middleRows(first, x.shape().steps)(order, Eigen::all);
        return values;
    };
    return x.with_rows(reordered(x.rows())).with_inputs(reordered(x.inputs()));
}

/// White inputs, the same in all systems of a shape.
RowMatrix usual_inputs(const Shape& shape) {
    constexpr Eigen::Index inputs = 2;
    Stream stream = Stream(3).child("inputs");
    RowMatrix values(shape.trials * shape.steps, inputs);
    for (double& value : values.reshaped<Eigen::RowMajor>()) value = stream.normal();
    return values;
}

}  // namespace

Trajectories random_system(Stream stream, const Shape& shape) {
    struct Rotation {
        double angle;
        double decay;
    };
    std::array<Rotation, 2> rotations;
    for (auto& [angle, decay] : rotations) {
        angle = 0.05 + 0.5 * stream.uniform();
        decay = 0.97 + 0.02 * stream.uniform();
    }
    Eigen::MatrixXd readout(4, shape.channels);
    for (double& value : readout.reshaped()) value = stream.normal();
    const RowMatrix inputs = usual_inputs(shape);
    Eigen::MatrixXd drive(inputs.cols(), 4);
    for (double& value : drive.reshaped()) value = 0.1 * stream.normal();
    RowMatrix values(shape.trials * shape.steps, shape.channels);
    Eigen::RowVector4d state;
    for (Eigen::Index row = 0; row < values.rows(); ++row) {
        if (row % shape.steps == 0)
            for (double& value : state) value = stream.normal();
        values.row(row) = state * readout;
        for (double& value : values.row(row).reshaped()) value += 0.01 * stream.normal();
        for (std::size_t i = 0; i < 2; ++i) {
            const auto [angle, decay] = rotations[i];
            auto plane = state.segment<2>(static_cast<Eigen::Index>(2 * i));
            const Eigen::RowVector2d turned(plane(0) * std::cos(angle) - plane(1) * std::sin(angle),
                                            plane(0) * std::sin(angle) + plane(1) * std::cos(angle));
            plane = decay * turned;
        }
        state += inputs.row(row) * drive;
    }
    return Trajectories::from_rows(shape, std::move(values)).with_inputs(inputs);
}

Trajectories changed(const Trajectories& x, Invariance invariance, const Stream& stream) {
    const Eigen::Index channels = x.shape().channels;
    switch (invariance) {
        case Invariance::translation:
            return changed(
                x, [&](RowMatrix& values) { values.rowwise() += Eigen::RowVectorXd::LinSpaced(channels, 2, 9); });
        case Invariance::orthogonal:
            return changed(x, [&](RowMatrix& values) { values *= random_orthogonal(channels, stream); });
        case Invariance::scaling:
            return changed(x, [&](RowMatrix& values) { values *= std::pow(10, 400 * Stream(stream).uniform() - 200); });
        case Invariance::trial_order:
            return x.of_trials(random_order(x.shape().trials, stream));
        case Invariance::step_order:
            return with_steps_in_other_order(x, stream);
        case Invariance::permutation:
            return changed(x, [&](RowMatrix& values) {
                const auto order = Stream(stream).permutation(static_cast<std::size_t>(channels));
                const RowMatrix before = values;
                for (std::size_t i = 0; i < order.size(); ++i)
                    values.col(static_cast<Eigen::Index>(i)) = before.col(static_cast<Eigen::Index>(order[i]));
            });
        case Invariance::invertible_linear:
            return changed(x, [&](RowMatrix& values) {
                // Of condition 10, so that rounding stays small.
                const Eigen::VectorXd gains = Eigen::VectorXd::LinSpaced(channels, 1, 10);
                values *= random_orthogonal(channels, stream.child("left")) * gains.asDiagonal() *
                          random_orthogonal(channels, stream.child("right"));
            });
        case Invariance::channel_scaling:
            return changed(
                x, [&](RowMatrix& values) { values *= Eigen::VectorXd::LinSpaced(channels, 1, 10).asDiagonal(); });
    }
    return x;
}

std::vector<std::pair<std::string, Trajectories>> odd_systems() {
    const Trajectories x = random_system(Stream(1).child("odd"));
    const auto of_shape = [](const Shape& shape) { return random_system(Stream(1).child("odd"), shape); };
    return {
        {"all values 0", changed(x, [](RowMatrix& values) { values.setZero(); })},
        {"constant", changed(x, [](RowMatrix& values) { values.setConstant(0.1); })},
        {"two equal channels", changed(x, [](RowMatrix& values) { values.col(1) = values.col(0); })},
        {"one channel that is not 0", changed(x, [](RowMatrix& values) { values.rightCols(4).setZero(); })},
        {"times 1e300", changed(x, [](RowMatrix& values) { values *= 1e300 / values.cwiseAbs().maxCoeff(); })},
        {"times 1e-300", changed(x, [](RowMatrix& values) { values *= 1e-300; })},
        {"one trial", of_shape({.trials = 1, .steps = 60, .channels = 5})},
        {"two steps", of_shape({.trials = 12, .steps = 2, .channels = 5})},
        {"one step", of_shape({.trials = 12, .steps = 1, .channels = 5})},
        {"one trial of two steps", of_shape({.trials = 1, .steps = 2, .channels = 5})},
        {"one channel", of_shape({.trials = 12, .steps = 60, .channels = 1})},
        {"more channels than samples", of_shape({.trials = 2, .steps = 10, .channels = 40})},
        {"other trials and steps", of_shape({.trials = 9, .steps = 50, .channels = 5})},
    };
}

}  // namespace repal
