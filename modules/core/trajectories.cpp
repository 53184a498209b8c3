module;
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.trajectories;

namespace repal {
namespace {

void require_size(const Shape& shape) {
    if (shape.trials < 1) throw InvalidTrajectories("no trials (" + to_string(shape) + ")");
    if (shape.steps < 1) throw InvalidTrajectories("no steps (" + to_string(shape) + ")");
    if (shape.channels < 1) throw InvalidTrajectories("no channels (" + to_string(shape) + ")");
}

/// The place of a row, as users count: "trial 2, step 7".
std::string place_of(Eigen::Index row, const std::vector<Eigen::Index>& first_row) {
    const auto trial = std::ranges::upper_bound(first_row, row) - first_row.begin() - 1;
    return fmt::format("trial {}, step {}", trial, row - first_row[static_cast<std::size_t>(trial)]);
}

void require_finite(const RowMatrix& values, const std::vector<Eigen::Index>& first_row, const char* column) {
    for (Eigen::Index row = 0; row < values.rows(); ++row)
        for (Eigen::Index channel = 0; channel < values.cols(); ++channel)
            if (const double value = values(row, channel); !std::isfinite(value))
                throw InvalidTrajectories(fmt::format("value {} at {}, {} {} (counted from 0)", value,
                                                      place_of(row, first_row), column, channel),
                                          "every value must be finite");
}

std::vector<Eigen::Index> equal_steps(const Shape& shape) {
    std::vector<Eigen::Index> first_row;
    for (Eigen::Index trial = 0; trial <= shape.trials; ++trial) first_row.push_back(trial * shape.steps);
    return first_row;
}

}  // namespace

std::string to_string(const Shape& shape) {
    return fmt::format("{} trials x {} steps x {} channels", shape.trials, shape.steps, shape.channels);
}

void require_samples(const Shape& shape) {
    if (shape.trials * shape.steps < 2)
        throw InvalidTrajectories("dynamics need at least two steps, here " + to_string(shape));
}

InvalidTrajectories::InvalidTrajectories(std::string problem, std::string hint)
    : InputError("", std::move(problem), std::move(hint)) {}

InvalidTrajectories::~InvalidTrajectories() = default;

Trajectories Trajectories::from_rows(const Shape& shape, RowMatrix values) {
    require_size(shape);
    if (values.rows() != shape.trials * shape.steps || values.cols() != shape.channels)
        throw InvalidTrajectories(
            fmt::format("{} x {} values cannot be {}", values.rows(), values.cols(), to_string(shape)));
    std::vector<Eigen::Index> first_row = equal_steps(shape);
    require_finite(values, first_row, "channel");
    return {shape, std::move(first_row), std::move(values)};
}

Trajectories Trajectories::from_trials(std::span<const RowMatrix> trials) {
    if (trials.empty()) throw InvalidTrajectories("no trials");
    Shape shape = {static_cast<Eigen::Index>(trials.size()), trials.front().rows(), trials.front().cols()};
    std::vector<Eigen::Index> first_row = {0};
    for (const RowMatrix& trial : trials) {
        if (trial.cols() != shape.channels)
            throw InvalidTrajectories(fmt::format("trials of {} and of {} channels", shape.channels, trial.cols()));
        shape.steps = std::min(shape.steps, trial.rows());
        first_row.push_back(first_row.back() + trial.rows());
    }
    require_size(shape);
    RowMatrix values(first_row.back(), shape.channels);
    for (std::size_t k = 0; k < trials.size(); ++k) values.middleRows(first_row[k], trials[k].rows()) = trials[k];
    require_finite(values, first_row, "channel");
    return {shape, std::move(first_row), std::move(values)};
}

Trajectories Trajectories::of_trials(std::span<const Eigen::Index> indices) const {
    if (indices.empty()) throw InvalidTrajectories("no trials");
    Shape shape = {static_cast<Eigen::Index>(indices.size()), steps(indices.front()), shape_.channels};
    std::vector<Eigen::Index> first_row = {0};
    for (const Eigen::Index k : indices) {
        shape.steps = std::min(shape.steps, steps(k));
        first_row.push_back(first_row.back() + steps(k));
    }
    const auto chosen = [&](const RowMatrix& rows) {
        RowMatrix some(rows.cols() > 0 ? first_row.back() : 0, rows.cols());
        for (std::size_t i = 0; i < indices.size() && rows.cols() > 0; ++i)
            some.middleRows(first_row[i], steps(indices[i])) =
                rows.middleRows(first_row_[to_size(indices[i])], steps(indices[i]));
        return some;
    };
    Trajectories some(shape, first_row, chosen(values_));
    some.dt_ = dt_;
    some.inputs_ = chosen(inputs_);
    for (const Eigen::Index k : indices)
        if (!conditions_.empty()) some.conditions_.push_back(conditions_[to_size(k)]);
    return some;
}

Trajectories Trajectories::window(Eigen::Index first, Eigen::Index steps) const {
    std::vector<Eigen::Index> first_row = {0};
    for (Eigen::Index k = 0; k < shape_.trials; ++k) {
        if (first < 0 || steps < 1 || first + steps > this->steps(k))
            throw InvalidTrajectories(
                fmt::format("steps {} to {} of a trial of {}", first, first + steps - 1, this->steps(k)));
        first_row.push_back(first_row.back() + steps);
    }
    const auto cut = [&](const RowMatrix& rows) {
        RowMatrix some(rows.cols() > 0 ? first_row.back() : 0, rows.cols());
        for (Eigen::Index k = 0; k < shape_.trials && rows.cols() > 0; ++k)
            some.middleRows(k * steps, steps) = rows.middleRows(first_row_[to_size(k)] + first, steps);
        return some;
    };
    Trajectories some({shape_.trials, steps, shape_.channels}, first_row, cut(values_));
    some.dt_ = dt_;
    some.inputs_ = cut(inputs_);
    some.conditions_ = conditions_;
    return some;
}

Trajectories Trajectories::with_rows(RowMatrix values) const {
    if (values.rows() != values_.rows() || values.cols() < 1)
        throw InvalidTrajectories(
            fmt::format("{} x {} values cannot be {}", values.rows(), values.cols(), to_string(shape_)));
    require_finite(values, first_row_, "channel");
    Trajectories changed = *this;
    changed.shape_.channels = values.cols();
    changed.values_ = std::move(values);
    return changed;
}

Trajectories Trajectories::with_dt(std::optional<double> dt) const {
    if (dt && (!std::isfinite(*dt) || *dt <= 0))
        throw InvalidTrajectories(fmt::format("a step of {} s", *dt), "it must be positive");
    Trajectories changed = *this;
    changed.dt_ = dt;
    return changed;
}

Trajectories Trajectories::with_inputs(RowMatrix inputs) const {
    if (inputs.cols() > 0 && inputs.rows() != values_.rows())
        throw InvalidTrajectories(fmt::format("inputs of {} steps for {}", inputs.rows(), values_.rows()),
                                  "inputs have the trials and steps of the values");
    require_finite(inputs, first_row_, "input");
    Trajectories changed = *this;
    changed.inputs_ = std::move(inputs);
    return changed;
}

Trajectories Trajectories::with_conditions(std::vector<std::int64_t> conditions) const {
    if (!conditions.empty() && static_cast<Eigen::Index>(conditions.size()) != shape_.trials)
        throw InvalidTrajectories(fmt::format("{} conditions for {} trials", conditions.size(), shape_.trials));
    Trajectories changed = *this;
    changed.conditions_ = std::move(conditions);
    return changed;
}

bool Trajectories::operator==(const Trajectories& other) const {
    return shape_ == other.shape_ && first_row_ == other.first_row_ && values_ == other.values_ && dt_ == other.dt_ &&
           inputs_.rows() == other.inputs_.rows() && inputs_.cols() == other.inputs_.cols() &&
           inputs_ == other.inputs_ && conditions_ == other.conditions_;
}

}  // namespace repal
