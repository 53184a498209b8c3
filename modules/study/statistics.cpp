module;
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <numeric>
#include <span>
#include <vector>
module repal.statistics;

namespace repal {
namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// Linear between order statistics; `sorted` is rising and not empty.
double quantile(const std::vector<double>& sorted, double probability) {
    const double position = probability * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(position);
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

/// The units of all observations, renumbered 0, 1, ... in their order.
std::vector<Observation> with_dense_units(std::span<const Observation> observations, std::size_t& n_units) {
    std::map<std::size_t, std::size_t> numbers;
    for (const Observation& observation : observations)
        for (const std::size_t unit : observation.units) numbers[unit] = 0;
    n_units = 0;
    for (auto& number : numbers) number.second = n_units++;

    std::vector<Observation> dense(observations.begin(), observations.end());
    for (Observation& observation : dense)
        for (std::size_t& unit : observation.units) unit = numbers[unit];
    return dense;
}

double resampled_mean(std::span<const Observation> observations, std::span<const double> times_drawn) {
    double sum = 0;
    double weights = 0;
    for (const Observation& observation : observations) {
        double weight = 1;
        for (const std::size_t unit : observation.units) weight *= times_drawn[unit];
        sum += weight * observation.value;
        weights += weight;
    }
    return sum / weights;
}

}  // namespace

double mean(std::span<const double> values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double median(std::span<const double> values) {
    if (values.empty()) return not_a_number;
    std::vector<double> sorted(values.begin(), values.end());
    std::ranges::sort(sorted);
    return quantile(sorted, 0.5);
}

double standard_error(std::span<const double> values) {
    if (values.size() < 2) return not_a_number;
    const double centre = mean(values);
    double squares = 0;
    for (const double value : values) squares += (value - centre) * (value - centre);
    const auto n = static_cast<double>(values.size());
    return std::sqrt(squares / (n - 1) / n);
}

Interval bootstrap_interval(std::span<const Observation> observations, int resamples, double confidence,
                            Stream stream) {
    std::size_t n_units = 0;
    const std::vector<Observation> dense = with_dense_units(observations, n_units);
    if (n_units < 2) return {not_a_number, not_a_number};

    std::vector<double> means;
    for (int resample = 0; resample < resamples; ++resample) {
        std::vector<double> times_drawn(n_units);
        for (std::size_t draw = 0; draw < n_units; ++draw) ++times_drawn[stream.below(n_units)];
        // With few units a draw may leave no pair of this group.
        if (const double resampled = resampled_mean(dense, times_drawn); !std::isnan(resampled))
            means.push_back(resampled);
    }
    if (means.empty()) return {not_a_number, not_a_number};
    std::ranges::sort(means);
    return {quantile(means, (1 - confidence) / 2), quantile(means, (1 + confidence) / 2)};
}

}  // namespace repal
