module;
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.rsa.ranks;

namespace repal {

using Eigen::Index;
using Eigen::VectorXd;

namespace {

/// Pairs of equal neighbours in a sorted range.
template <class Equal>
std::int64_t tied_pairs(const std::vector<Index>& order, const Equal& is_equal) {
    std::int64_t pairs = 0;
    std::int64_t run = 0;  // equal ones before this one
    for (std::size_t i = 1; i < order.size(); ++i) {
        run = is_equal(order[i - 1], order[i]) ? run + 1 : 0;
        pairs += run;
    }
    return pairs;
}

/// Sorts values and counts the exchanges of neighbours that this takes.
std::int64_t sort_and_count(std::vector<double>& values, std::vector<double>& space, std::size_t first,
                            std::size_t end) {
    if (end - first < 2) return 0;
    const std::size_t middle = first + (end - first) / 2;
    std::int64_t exchanges = sort_and_count(values, space, first, middle) + sort_and_count(values, space, middle, end);
    std::size_t left = first;
    std::size_t right = middle;
    for (std::size_t place = first; place < end; ++place) {
        const bool takes_right = left == middle || (right < end && values[right] < values[left]);
        if (takes_right) exchanges += static_cast<std::int64_t>(middle - left);
        space[place] = values[takes_right ? right++ : left++];
    }
    std::copy(space.begin() + static_cast<std::ptrdiff_t>(first), space.begin() + static_cast<std::ptrdiff_t>(end),
              values.begin() + static_cast<std::ptrdiff_t>(first));
    return exchanges;
}

}  // namespace

VectorXd ranks(const VectorXd& values, double tie) {
    std::vector<Index> order(static_cast<std::size_t>(values.size()));
    std::iota(order.begin(), order.end(), Index{0});
    std::ranges::sort(order, {}, [&](Index k) { return values[k]; });
    VectorXd result(values.size());
    for (std::size_t first = 0; first < order.size();) {
        std::size_t end = first + 1;
        while (end < order.size() && values[order[end]] - values[order[end - 1]] <= tie) ++end;
        const double mean = static_cast<double>(first + end - 1) / 2;
        for (; first < end; ++first) result[order[first]] = mean;
    }
    return result;
}

Kendall kendall(const VectorXd& a, const VectorXd& b) {
    std::vector<Index> order(static_cast<std::size_t>(a.size()));
    std::iota(order.begin(), order.end(), Index{0});
    std::ranges::sort(order, [&](Index i, Index j) { return std::pair(a[i], b[i]) < std::pair(a[j], b[j]); });
    const auto n = static_cast<std::int64_t>(a.size());
    const std::int64_t all = n * (n - 1) / 2;
    const std::int64_t tied_in_a = tied_pairs(order, [&](Index i, Index j) { return a[i] == a[j]; });
    const std::int64_t tied_in_both = tied_pairs(order, [&](Index i, Index j) { return a[i] == a[j] && b[i] == b[j]; });
    std::vector<double> values;
    for (const Index i : order) values.push_back(b[i]);
    std::vector<double> space(values.size());
    const std::int64_t discordant = sort_and_count(values, space, 0, values.size());
    std::ranges::sort(order, {}, [&](Index i) { return b[i]; });
    const std::int64_t tied_in_b = tied_pairs(order, [&](Index i, Index j) { return b[i] == b[j]; });

    const auto difference = static_cast<double>(all - tied_in_a - tied_in_b + tied_in_both - 2 * discordant);
    const auto untied_a = static_cast<double>(all - tied_in_a);
    const auto untied_b = static_cast<double>(all - tied_in_b);
    const bool is_defined = untied_a > 0 && untied_b > 0;
    return {.tau_a = difference / static_cast<double>(all),
            .tau_b = is_defined ? difference / (std::sqrt(untied_a) * std::sqrt(untied_b))
                                : std::numeric_limits<double>::quiet_NaN()};
}

}  // namespace repal
