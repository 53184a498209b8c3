module;
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <utility>
#include <vector>
module repal.inference;

namespace repal {
namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

// Sums in another order differ in rounding; such values count as equal.
bool is_at_least(double value, double observed) {
    return std::abs(value) >= std::abs(observed) * (1 - 1e-12);
}

/// Share of sign patterns whose sum is at least as large as the observed one.
double sign_flip_p(std::span<const double> differences, int resamples, Stream stream) {
    const double observed = std::accumulate(differences.begin(), differences.end(), 0.0);
    const auto n = differences.size();
    const bool are_all = n < 31 && (1 << n) <= resamples;
    const int patterns = are_all ? 1 << n : resamples;
    int as_large = are_all ? 0 : 1;  // the observed pattern itself
    for (int pattern = are_all ? 0 : 1; pattern < patterns; ++pattern) {
        double sum = 0;
        auto bits = static_cast<std::uint64_t>(pattern);
        for (std::size_t i = 0; i < n; ++i, bits >>= 1) {
            if (!are_all && i % 64 == 0) bits = stream.bits();
            sum += (bits & 1) != 0 ? -differences[i] : differences[i];
        }
        as_large += is_at_least(sum, observed) ? 1 : 0;
    }
    return static_cast<double>(as_large) / patterns;
}

struct Line {
    double slope = not_a_number;
    double intercept = not_a_number;
    double r_squared = not_a_number;
};

Line fitted(std::span<const double> x, std::span<const double> y, std::span<const double> weights) {
    double all = 0;
    double mean_x = 0;
    double mean_y = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        all += weights[i];
        mean_x += weights[i] * x[i];
        mean_y += weights[i] * y[i];
    }
    mean_x /= all;
    mean_y /= all;
    double xx = 0;
    double xy = 0;
    double yy = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        xx += weights[i] * (x[i] - mean_x) * (x[i] - mean_x);
        xy += weights[i] * (x[i] - mean_x) * (y[i] - mean_y);
        yy += weights[i] * (y[i] - mean_y) * (y[i] - mean_y);
    }
    // What is left of equal x is the rounding of their mean; a draw may leave nothing at all.
    if (!(xx > 1e-24 * all)) return {};
    return {xy / xx, mean_y - xy / xx * mean_x, yy > 0 ? xy * xy / (xx * yy) : 0};
}

/// The dyads that have an x.
struct Points {
    std::vector<double> x;
    std::vector<double> y;
    std::vector<double> weights;  ///< all 1
    std::vector<const Dyad*> dyads;

    Line line() const { return fitted(x, y, weights); }
};

/// Into `points`, so that many orders need no new memory.
void find_points(std::span<const Dyad> dyads, const DyadPredictor& x, std::span<const std::size_t> order,
                 Points& points) {
    points.x.clear();
    points.y.clear();
    points.dyads.clear();
    for (const Dyad& dyad : dyads) {
        const std::optional<double> value = x(dyad, order);
        if (!value) continue;
        points.x.push_back(*value);
        points.y.push_back(dyad.y);
        points.dyads.push_back(&dyad);
    }
    points.weights.assign(points.x.size(), 1);
}

/// Interval of the slope: units are left out, and the things, too, and what both add to its variance is summed.
Interval slope_interval(const Points& points, double slope, double confidence) {
    std::vector<std::vector<Unit>> units;
    std::vector<std::vector<Unit>> things;
    for (const Dyad* dyad : points.dyads) {
        units.push_back(dyad->units);
        things.push_back({{dyad->a}, {dyad->b}});
    }
    const auto slope_of = [&](std::span<const double> weights) {
        return fitted(points.x, points.y, {weights.begin(), weights.end()}).slope;
    };
    const JackknifeVariance of_units = jackknife_variance(units, slope_of);
    const JackknifeVariance of_things = jackknife_variance(things, slope_of);
    return t_interval(slope, {of_units.variance + of_things.variance, std::min(of_units.freedom, of_things.freedom)},
                      confidence);
}

/// n!, or a number above the limit.
double orders_of(std::size_t n, double limit) {
    double product = 1;
    for (std::size_t i = 2; i <= n && product <= limit; ++i) product *= static_cast<double>(i);
    return product;
}

/// Share of orders of the things whose slope is at least as large as the observed one. An order that leaves no slope
/// counts as one.
double assignment_p(std::span<const Dyad> dyads, std::size_t n_things, const DyadPredictor& x, double observed,
                    int resamples, Stream stream) {
    std::vector<std::size_t> order(n_things);
    std::iota(order.begin(), order.end(), std::size_t{0});
    int as_large = 0;
    int orders = 0;
    Points points;
    const auto judge = [&] {
        find_points(dyads, x, order, points);
        const double slope = points.line().slope;
        as_large += std::isnan(slope) || is_at_least(slope, observed) ? 1 : 0;
        ++orders;
    };
    if (orders_of(n_things, resamples) <= resamples) {
        do judge();
        while (std::ranges::next_permutation(order).found);
    } else {
        judge();
        while (orders < resamples) {
            order = stream.permutation(n_things);
            judge();
        }
    }
    return static_cast<double>(as_large) / orders;
}

}  // namespace

PairedTest paired_test(std::span<const double> differences, int resamples, Stream stream) {
    PairedTest test{.n = differences.size(), .mean_difference = mean(differences)};
    const double error = standard_error(differences);
    const double deviation = error * std::sqrt(static_cast<double>(test.n));
    test.t = test.mean_difference / error;
    test.effect_size = test.mean_difference / deviation;
    test.p = test.n == 0 ? not_a_number : sign_flip_p(differences, resamples, stream);
    return test;
}

std::vector<double> benjamini_hochberg(std::span<const double> p) {
    std::vector<std::size_t> rising;
    for (std::size_t i = 0; i < p.size(); ++i)
        if (!std::isnan(p[i])) rising.push_back(i);
    std::ranges::sort(rising, {}, [&](std::size_t i) { return std::pair(p[i], i); });
    std::vector<double> adjusted(p.size(), not_a_number);
    double smallest = 1;
    for (std::size_t rank = rising.size(); rank > 0; --rank) {
        const std::size_t i = rising[rank - 1];
        smallest = std::min(smallest, p[i] * static_cast<double>(rising.size()) / static_cast<double>(rank));
        adjusted[i] = smallest;
    }
    return adjusted;
}

Regression regress(std::span<const Dyad> dyads, std::size_t n_things, const DyadPredictor& x, int resamples,
                   double confidence, const Stream& stream) {
    std::vector<std::size_t> as_it_is(n_things);
    std::iota(as_it_is.begin(), as_it_is.end(), std::size_t{0});
    Points points;
    find_points(dyads, x, as_it_is, points);
    const Line line = points.line();
    Regression regression{.n = points.x.size(),
                          .n_excluded = dyads.size() - points.x.size(),
                          .slope = line.slope,
                          .intercept = line.intercept,
                          .r_squared = line.r_squared,
                          .interval = {not_a_number, not_a_number},
                          .p = not_a_number};
    if (std::isnan(line.slope)) return regression;
    regression.interval = slope_interval(points, line.slope, confidence);
    regression.p = assignment_p(dyads, n_things, x, line.slope, resamples, stream.child("assignment"));
    return regression;
}

}  // namespace repal
