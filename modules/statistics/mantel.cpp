module;
#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <span>
#include <vector>

#include "core/eigen.hpp"
module repal.mantel;

import repal.statistics;

namespace repal {
namespace {

/// The pairs of a matrix, and those of things in another order.
class Pairs {
 public:
    Pairs(const Eigen::MatrixXd& matrix, Correlation correlation) : n_(matrix.rows()) {
        std::vector<double> values;
        for (Eigen::Index i = 0; i < n_; ++i)
            for (Eigen::Index j = i + 1; j < n_; ++j) values.push_back(matrix(i, j));
        if (correlation == Correlation::spearman) values = ranks(values);
        // Around their mean and of length 1, so that a correlation is a scalar product. A vector of Eigen's own, since
        // the order of a sum depends on where its values begin.
        values_ = Eigen::Map<const Eigen::VectorXd>(values.data(), static_cast<Eigen::Index>(values.size()));
        values_.array() -= values_.mean();
        values_ /= values_.norm();
        square_ = Eigen::MatrixXd::Zero(n_, n_);
        for (Eigen::Index i = 0, pair = 0; i < n_; ++i)
            for (Eigen::Index j = i + 1; j < n_; ++j, ++pair) {
                square_(i, j) = square_(j, i) = values_[pair];
                // What stands for two that are alike is as far from itself as they are.
                if (matrix(i, j) == 0) square_(i, i) = square_(j, j) = values_[pair];
            }
    }

    const Eigen::VectorXd& in_order() const { return values_; }

    /// With `other`, whose things keep their places. `keeps_counts`: of the exchange that the order is from.
    double correlation(std::span<const std::size_t> order, const Pairs& other, bool keeps_counts) const {
        double sum = 0;
        double own = 0;
        double squares = 0;
        for (Eigen::Index i = 0, pair = 0; i < n_; ++i) {
            const auto row = square_.col(static_cast<Eigen::Index>(order[static_cast<std::size_t>(i)]));
            for (Eigen::Index j = i + 1; j < n_; ++j, ++pair) {
                const double value = row[static_cast<Eigen::Index>(order[static_cast<std::size_t>(j)])];
                sum += value * other.values_[pair];
                if (keeps_counts) continue;
                own += value;
                squares += value * value;
            }
        }
        if (keeps_counts) return sum;
        return sum / std::sqrt(squares - own * own / static_cast<double>(values_.size()));
    }

 private:
    Eigen::Index n_;
    Eigen::VectorXd values_;
    Eigen::MatrixXd square_;
};

/// Of a statistic of the order of things. `alike`: as mantel() has it.
PermutationTest test_of(const std::function<double(std::span<const std::size_t>)>& statistic, Eigen::Index n,
                        std::span<const std::size_t> alike, const Exchange& exchange, int resamples,
                        const Stream& stream) {
    std::vector<std::size_t> numbers(alike.begin(), alike.end());
    if (alike.empty()) {
        numbers.resize(static_cast<std::size_t>(n));
        std::iota(numbers.begin(), numbers.end(), std::size_t{0});
    }
    // The first thing of each number stands for those that are alike.
    std::map<std::size_t, std::size_t> first;
    for (std::size_t thing = 0; thing < numbers.size(); ++thing) first.try_emplace(numbers[thing], thing);
    return permutation_test(
        exchange, numbers,
        [&](std::span<const std::size_t> order) {
            std::vector<std::size_t> things;
            for (const std::size_t number : order) things.push_back(first.at(number));
            return statistic(things);
        },
        resamples, stream);
}

}  // namespace

PermutationTest mantel(const Eigen::MatrixXd& x, const Eigen::MatrixXd& y, Correlation correlation,
                       std::span<const std::size_t> alike, const Exchange& exchange, int resamples,
                       const Stream& stream) {
    const Pairs of_x(x, correlation);
    const Pairs of_y(y, correlation);
    const bool keeps_counts = exchange.keeps_counts();
    return test_of([&](std::span<const std::size_t> order) { return of_x.correlation(order, of_y, keeps_counts); },
                   x.rows(), alike, exchange, resamples, stream);
}

PermutationTest partial_mantel(const Eigen::MatrixXd& x, const Eigen::MatrixXd& y, const Eigen::MatrixXd& z,
                               std::span<const std::size_t> alike, const Exchange& exchange, int resamples,
                               const Stream& stream) {
    const Pairs of_x(x, Correlation::pearson);
    const Pairs of_y(y, Correlation::pearson);
    const Pairs of_z(z, Correlation::pearson);
    const double yz = of_y.in_order().dot(of_z.in_order());
    const bool keeps_counts = exchange.keeps_counts();
    const auto partial = [&](std::span<const std::size_t> order) {
        const double xy = of_x.correlation(order, of_y, keeps_counts);
        const double xz = of_x.correlation(order, of_z, keeps_counts);
        // What is left of both; of a matrix that z tells wholly, rounding.
        constexpr double rounding = 1e-10;
        if (1 - xz * xz < rounding || 1 - yz * yz < rounding) return std::numeric_limits<double>::quiet_NaN();
        return (xy - xz * yz) / std::sqrt((1 - xz * xz) * (1 - yz * yz));
    };
    return test_of(partial, x.rows(), alike, exchange, resamples, stream);
}

}  // namespace repal
