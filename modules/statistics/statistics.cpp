module;
#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <span>
#include <utility>
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

/// The members of all clusters, renumbered 0, 1, ... in their order.
std::vector<std::size_t> renumber_densely(std::vector<std::vector<Unit>>& all) {
    std::map<std::size_t, std::map<std::size_t, std::size_t>> numbers;
    for (const std::vector<Unit>& units : all)
        for (const Unit& unit : units) numbers[unit.cluster][unit.member] = 0;
    std::vector<std::size_t> members;
    std::map<std::size_t, std::size_t> clusters;
    for (auto& [cluster, of_cluster] : numbers) {
        clusters[cluster] = members.size();
        members.push_back(of_cluster.size());
        std::size_t next = 0;
        for (auto& number : of_cluster) number.second = next++;
    }
    for (std::vector<Unit>& units : all) {
        for (Unit& unit : units) unit = {clusters[unit.cluster], numbers[unit.cluster][unit.member]};
        std::ranges::sort(units);
    }
    return members;
}

/// How often each member of a cluster was drawn: in every copy, and in all of them.
struct ClusterDraws {
    std::vector<std::vector<double>> copies;
    std::vector<double> all;
};

std::vector<ClusterDraws> draw_units(const std::vector<std::size_t>& members, Stream& stream) {
    std::vector<ClusterDraws> draws;
    for (const std::size_t n : members) draws.push_back({{}, std::vector<double>(n)});
    for (std::size_t copy = 0; copy < members.size(); ++copy) {
        ClusterDraws& cluster = draws[stream.below(members.size())];
        std::vector<double> times(cluster.all.size(), cluster.all.size() == 1 ? 1 : 0);
        for (std::size_t draw = 0; draw < times.size() && times.size() > 1; ++draw) ++times[stream.below(times.size())];
        for (std::size_t member = 0; member < times.size(); ++member) cluster.all[member] += times[member];
        cluster.copies.push_back(std::move(times));
    }
    return draws;
}

/// How often a value was drawn that depends on these units, which are sorted.
double weight_of(const std::vector<Unit>& units, const std::vector<ClusterDraws>& draws) {
    double weight = 1;
    for (auto first = units.begin(); first != units.end() && weight > 0;) {
        const ClusterDraws& cluster = draws[first->cluster];
        const auto end =
            std::find_if(first, units.end(), [&](const Unit& unit) { return unit.cluster != first->cluster; });
        if (end - first == 1) {
            weight *= cluster.all[first->member];
        } else {
            double together = 0;
            for (const std::vector<double>& times : cluster.copies)
                together += std::accumulate(
                    first, end, 1.0, [&](double product, const Unit& unit) { return product * times[unit.member]; });
            weight *= together;
        }
        first = end;
    }
    return weight;
}

std::vector<std::vector<Unit>> units_of(std::span<const Observation> observations) {
    std::vector<std::vector<Unit>> units;
    for (const Observation& observation : observations) units.push_back(observation.units);
    return units;
}

/// NaN if nothing counts.
double weighted_mean(std::span<const Observation> observations, std::span<const double> weights) {
    double sum = 0;
    double all = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        sum += weights[i] * observations[i].value;
        all += weights[i];
    }
    return sum / all;
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

double correlation(std::span<const double> x, std::span<const double> y) {
    const double mean_x = mean(x);
    const double mean_y = mean(y);
    double xx = 0;
    double yy = 0;
    double xy = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        xx += (x[i] - mean_x) * (x[i] - mean_x);
        yy += (y[i] - mean_y) * (y[i] - mean_y);
        xy += (x[i] - mean_x) * (y[i] - mean_y);
    }
    return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : not_a_number;
}

std::vector<double> ranks(std::span<const double> values) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
    std::vector<double> rank(values.size());
    for (std::size_t first = 0, end = 0; first < order.size(); first = end) {
        ++end;  // a value that is none equals not even itself
        while (end < order.size() && values[order[end]] == values[order[first]]) ++end;
        for (std::size_t i = first; i < end; ++i) rank[order[i]] = static_cast<double>(first + 1 + end) / 2;
    }
    return rank;
}

double rank_correlation(std::span<const double> x, std::span<const double> y) {
    return correlation(ranks(x), ranks(y));
}

double standard_error(std::span<const double> values) {
    if (values.size() < 2) return not_a_number;
    const double centre = mean(values);
    double squares = 0;
    for (const double value : values) squares += (value - centre) * (value - centre);
    const auto n = static_cast<double>(values.size());
    return std::sqrt(squares / (n - 1) / n);
}

JackknifeVariance jackknife_variance(std::span<const std::vector<Unit>> units,
                                     const std::function<double(std::span<const double>)>& statistic) {
    const auto has_one_cluster = std::ranges::all_of(units, [&](const std::vector<Unit>& of_value) {
        return std::ranges::all_of(of_value, [&](const Unit& unit) { return unit.cluster == units[0][0].cluster; });
    });
    std::map<std::size_t, std::vector<std::size_t>> values_of;  // that depend on a unit
    for (std::size_t i = 0; i < units.size(); ++i)
        for (const Unit& unit : units[i]) values_of[has_one_cluster ? unit.member : unit.cluster].push_back(i);
    const auto n = static_cast<double>(values_of.size());
    std::vector<double> left_out;
    std::vector<double> weights(units.size(), 1);
    for (const auto& entry : values_of) {
        for (const std::size_t i : entry.second) weights[i] = 0;
        left_out.push_back(statistic(weights));
        for (const std::size_t i : entry.second) weights[i] = 1;
    }
    if (left_out.size() < 2) return {not_a_number, 0};
    const double error = standard_error(left_out);  // NaN if one is
    return {(n - 1) * (n - 1) * error * error, n - 1};
}

Interval t_interval(double estimate, const JackknifeVariance& variance, double confidence) {
    if (!(variance.variance >= 0)) return {not_a_number, not_a_number};
    const double width =
        quantile(boost::math::students_t(variance.freedom), (1 + confidence) / 2) * std::sqrt(variance.variance);
    return {estimate - width, estimate + width};
}

Interval bootstrap_interval(std::span<const Observation> observations, int resamples, double confidence,
                            Stream stream) {
    std::vector<std::vector<Unit>> dense = units_of(observations);
    const std::vector<std::size_t> members = renumber_densely(dense);
    if (dense.size() < 2 || std::reduce(members.begin(), members.end()) < 2) return {not_a_number, not_a_number};

    std::vector<double> values;
    std::vector<double> weights(dense.size());
    for (int resample = 0; resample < resamples; ++resample) {
        const std::vector<ClusterDraws> draws = draw_units(members, stream);
        for (std::size_t i = 0; i < dense.size(); ++i) weights[i] = weight_of(dense[i], draws);
        // With few units a draw may leave no value at all.
        if (const double value = weighted_mean(observations, weights); !std::isnan(value)) values.push_back(value);
    }
    if (values.empty()) return {not_a_number, not_a_number};
    std::ranges::sort(values);
    return {quantile(values, (1 - confidence) / 2), quantile(values, (1 + confidence) / 2)};
}

Interval interval_of_mean(std::span<const Observation> observations, int resamples, double confidence,
                          const Stream& stream) {
    if (observations.empty()) return {not_a_number, not_a_number};
    const std::vector<std::vector<Unit>> units = units_of(observations);
    std::set<std::size_t> clusters;
    for (const std::vector<Unit>& of_value : units)
        for (const Unit& unit : of_value) clusters.insert(unit.cluster);
    if (clusters.size() >= enough_units) return bootstrap_interval(observations, resamples, confidence, stream);
    const auto mean_of = [&](std::span<const double> weights) { return weighted_mean(observations, weights); };
    return t_interval(mean_of(std::vector<double>(units.size(), 1)), jackknife_variance(units, mean_of), confidence);
}

}  // namespace repal
