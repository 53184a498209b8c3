module;
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.store;

import :assembly;
import repal.error;

namespace repal {
namespace {

const std::vector<std::string> axis_names = {"trial", "time", "channel"};

// More values than any memory, so few that products of bytes stay far from overflow.
constexpr std::uint64_t most_values = std::uint64_t{1} << 56;

std::string trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

std::vector<std::string> split(std::string_view list) {
    std::vector<std::string> names;
    for (std::size_t start = 0; start <= list.size();) {
        const std::size_t end = std::min(list.find(',', start), list.size());
        names.push_back(trimmed(list.substr(start, end - start)));
        start = end + 1;
    }
    return names;
}

void require_known_once(const std::vector<std::string>& axes) {
    for (std::size_t i = 0; i < axes.size(); ++i) {
        if (std::ranges::find(axis_names, axes[i]) == axis_names.end())
            throw InputError("", fmt::format("axes: unknown axis '{}'", axes[i]), suggest(axes[i], axis_names));
        if (std::find(axes.begin(), axes.begin() + std::ptrdiff_t(i), axes[i]) != axes.begin() + std::ptrdiff_t(i))
            throw InputError("", fmt::format("axes: '{}' is there twice", axes[i]));
    }
    if (std::ranges::find(axes, "time") == axes.end())
        throw InputError("", fmt::format("axes: '{}' has no time", fmt::join(axes, ",")));
}

// One name for each dimension.
std::vector<std::string> axes_of(const Dimensions& dimensions, const std::string& axes) {
    if (dimensions.size() != 2 && dimensions.size() != 3)
        throw InputError("",
                         fmt::format("an array of {} dimensions{}{}, not two or three", dimensions.size(),
                                     dimensions.empty() ? "" : ", ", dimensions.empty() ? "" : to_string(dimensions)),
                         "save it as (time, channel) or (trial, time, channel)");
    if (axes.empty()) {
        if (dimensions.size() == 2) return {"time", "channel"};
        return axis_names;
    }
    std::vector<std::string> names = split(axes);
    require_known_once(names);
    if (names.size() != dimensions.size())
        throw InputError("", fmt::format("axes: '{}' are {} axes, but the array has {} dimensions, {}", axes,
                                         names.size(), dimensions.size(), to_string(dimensions)));
    return names;
}

void require_memory(std::uint64_t bytes) {
    const std::uint64_t memory = std::uint64_t(sysconf(_SC_PHYS_PAGES)) * std::uint64_t(sysconf(_SC_PAGESIZE));
    if (bytes > memory)
        throw InputError(
            "", fmt::format("the array needs {} MB of memory, this machine has {} MB", bytes >> 20, memory >> 20));
}

}  // namespace

std::string to_string(const Dimensions& dimensions) {
    return fmt::format("({}{})", fmt::join(dimensions, ", "), dimensions.size() == 1 ? "," : "");
}

std::uint64_t bytes_of(const Dimensions& dimensions, std::uint64_t bytes_per_value) {
    std::uint64_t values = 1;
    for (const std::uint64_t length : dimensions) {
        if (length == 0) throw InputError("", fmt::format("the array is empty: {}", to_string(dimensions)));
        if (length > most_values / values)
            throw InputError("", fmt::format("no file can hold an array of {}", to_string(dimensions)));
        values *= length;
    }
    return values * bytes_per_value;
}

Assembly::Assembly(const Dimensions& dimensions, MemoryOrder order, const std::string& axes) {
    const std::vector<std::string> names = axes_of(dimensions, axes);
    require_memory(bytes_of(dimensions, sizeof(double)));
    reading_ = fmt::format("{} was read as ({})", to_string(dimensions), fmt::join(names, ", "));

    const auto length = [&](std::string_view axis) {
        const auto found = std::ranges::find(names, axis);
        return found == names.end() ? 1 : static_cast<Eigen::Index>(dimensions[std::size_t(found - names.begin())]);
    };
    shape_ = {.trials = length("trial"), .steps = length("time"), .channels = length("channel")};

    for (std::size_t i = 0; i < names.size(); ++i) {
        const Eigen::Index step = names[i] == "channel" ? 1
                                  : names[i] == "time"  ? shape_.channels
                                                        : shape_.channels * shape_.steps;
        const std::size_t place = order == MemoryOrder::last_fastest ? 3 - names.size() + i : 2 - i;
        strides_[place] = {static_cast<Eigen::Index>(dimensions[i]), step};
    }
    try {
        values_.resize(shape_.trials * shape_.steps, shape_.channels);
    } catch (const std::bad_alloc&) {
        throw InputError("", fmt::format("there is no memory for an array of {}", to_string(dimensions)));
    }
}

bool Assembly::is_in_order() const {
    Eigen::Index step = 1;
    for (std::size_t i = strides_.size(); i-- > 0;) {
        if (strides_[i].length != 1 && strides_[i].step != step) return false;
        step *= strides_[i].length;
    }
    return true;
}

std::span<double> Assembly::in_place() {
    if (!is_in_order()) return {};
    return {values_.data(), std::size_t(values_.size())};
}

void Assembly::append(std::span<const double> values) {
    const auto& [slow, middle, fast] = strides_;
    while (!values.empty()) {
        const Eigen::Index i = position_ / (middle.length * fast.length);
        const Eigen::Index j = position_ / fast.length % middle.length;
        const Eigen::Index k = position_ % fast.length;
        const Eigen::Index run = std::min(fast.length - k, std::ssize(values));
        double* target = values_.data() + i * slow.step + j * middle.step + k * fast.step;
        for (Eigen::Index n = 0; n < run; ++n) target[n * fast.step] = values[std::size_t(n)];
        values = values.subspan(std::size_t(run));
        position_ += run;
    }
}

Trajectories Assembly::finish() && {
    try {
        return Trajectories::from_rows(shape_, std::move(values_));
    } catch (const InvalidTrajectories& error) {
        if (!error.hint().empty()) throw;
        throw InvalidTrajectories(error.problem(), reading_ + "; axes can name another order");
    }
}

}  // namespace repal
