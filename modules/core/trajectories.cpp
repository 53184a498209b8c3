module;
#include <fmt/format.h>

#include <cmath>
#include <string>
#include <utility>

#include "core/eigen.hpp"
module repal.trajectories;

namespace repal {
namespace {

void require_size(const Shape& shape) {
    if (shape.trials < 1) throw InvalidTrajectories("no trials (" + to_string(shape) + ")");
    if (shape.steps < 2) throw InvalidTrajectories("dynamics need at least two steps, here " + to_string(shape));
    if (shape.channels < 1) throw InvalidTrajectories("no channels (" + to_string(shape) + ")");
}

void require_finite(const Shape& shape, const RowMatrix& values) {
    for (Eigen::Index row = 0; row < values.rows(); ++row)
        for (Eigen::Index channel = 0; channel < values.cols(); ++channel)
            if (const double value = values(row, channel); !std::isfinite(value))
                throw InvalidTrajectories(fmt::format("value {} at trial {}, step {}, channel {} (counted from 0)",
                                                      value, row / shape.steps, row % shape.steps, channel),
                                          "every value must be finite");
}

}  // namespace

std::string to_string(const Shape& shape) {
    return fmt::format("{} trials x {} steps x {} channels", shape.trials, shape.steps, shape.channels);
}

InvalidTrajectories::InvalidTrajectories(std::string problem, std::string hint)
    : InputError("", std::move(problem), std::move(hint)) {}

InvalidTrajectories::~InvalidTrajectories() = default;

Trajectories Trajectories::from_rows(const Shape& shape, RowMatrix values) {
    require_size(shape);
    if (values.rows() != shape.trials * shape.steps || values.cols() != shape.channels)
        throw InvalidTrajectories(
            fmt::format("{} x {} values cannot be {}", values.rows(), values.cols(), to_string(shape)));
    require_finite(shape, values);
    return {shape, std::move(values)};
}

bool Trajectories::operator==(const Trajectories& other) const {
    return shape_ == other.shape_ && values_ == other.values_;
}

}  // namespace repal
