module;
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <span>
#include <string>
#include <vector>
module repal.store;

import :times;
import repal.error;

namespace repal {
namespace {

constexpr double tolerance = 0.01;  // of a step
constexpr const char* way_on = "bring them to one time of a step, or --dt steps takes steps as they are";

}  // namespace

double middle_of(std::span<const double> values) {
    std::vector<double> some(values.begin(), values.end());
    const auto middle = some.begin() + std::ssize(some) / 2;
    std::ranges::nth_element(some, middle);
    return *middle;
}

double regular_step(std::span<const double> times, const std::string& where) {
    const double step = (times.back() - times.front()) / static_cast<double>(times.size() - 1);
    for (std::size_t i = 1; i < times.size(); ++i)
        if (!(std::abs(times[i] - times[i - 1] - step) <= tolerance * std::abs(step)))
            throw InputError("",
                             fmt::format("the times of '{}' are not regular: {:.6g} lies between the steps {} and {}, "
                                         "{:.6g} in the mean",
                                         where, times[i] - times[i - 1], i - 1, i, step),
                             way_on);
    return step;
}

double regular_step_with_gaps(std::span<const double> times, const std::string& where) {
    std::vector<double> steps;
    for (std::size_t i = 1; i < times.size(); ++i) steps.push_back(times[i] - times[i - 1]);
    const double step = middle_of(steps);
    for (const double one : steps) {
        const double ratio = one / step;
        if (!(std::abs(ratio - std::round(ratio)) <= tolerance * ratio && ratio > 0.5))
            throw InputError("", fmt::format("the times of '{}' are not regular", where), way_on);
    }
    return step;
}

}  // namespace repal
