module;
#include <algorithm>
#include <cmath>
#include <span>
#include <vector>
module repal.jackknife;

namespace repal {

CorrectedDistance jackknife(double distance, std::span<const std::vector<double>> left_out, double confidence,
                            double largest) {
    double bias = 0;  // of the square
    double variance = 0;
    double freedom = 0;
    for (const std::vector<double>& distances : left_out) {
        const auto n = static_cast<double>(distances.size());
        double mean = 0;
        double mean_square = 0;
        for (const double one : distances) {
            mean += one / n;
            mean_square += one * one / n;
        }
        double scatter = 0;
        for (const double one : distances) scatter += (one - mean) * (one - mean);
        bias += (n - 1) * (mean_square - distance * distance);
        variance += (n - 1) / n * scatter;
        freedom += n - 1;
    }
    const double value = std::sqrt(std::max(distance * distance - bias, 0.0));
    const Interval interval = t_interval(value, {variance, freedom}, confidence);
    const auto within = [&](double x) { return std::clamp(x, 0.0, largest); };
    return {within(value), {within(interval.low), within(interval.high)}};
}

}  // namespace repal
