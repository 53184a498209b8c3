module;
#include <fmt/format.h>

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.rsa.crossnobis;

import repal.repeats;

namespace repal {

using Eigen::Index;
using Eigen::MatrixXd;

namespace {

struct Noise {
    MatrixXd covariance;
    double shrinkage;
};

/// Of residuals (row, number) with so many degrees of freedom, the off-diagonal part times 1 - shrinkage.
Noise shrunk(const MatrixXd& residuals, double freedom) {
    const auto n = static_cast<double>(residuals.rows());
    MatrixXd covariance = residuals.transpose() * residuals / freedom;
    const Eigen::VectorXd deviations = covariance.diagonal().cwiseSqrt();
    const MatrixXd z = residuals * deviations.cwiseInverse().asDiagonal();
    // Of the products w_kij = z_ki z_kj: their means, and sums of squares about them.
    const MatrixXd means = z.transpose() * z / n;
    const MatrixXd squares = z.cwiseAbs2().transpose() * z.cwiseAbs2() - n * means.cwiseAbs2();
    const double variance = n / (freedom * freedom * freedom) * (squares.sum() - squares.diagonal().sum());
    const double signal = (n / freedom) * (n / freedom) * (means.squaredNorm() - means.diagonal().squaredNorm());
    const double shrinkage = signal > 0 ? std::clamp(variance / signal, 0.0, 1.0) : 1;
    const Eigen::VectorXd diagonal = covariance.diagonal();
    covariance *= 1 - shrinkage;
    covariance.diagonal() = diagonal;
    return {std::move(covariance), shrinkage};
}

MatrixXd residuals_of(const MatrixXd& patterns, const Repeats& repeats) {
    MatrixXd residuals(patterns.rows(), patterns.cols());
    Index row = 0;
    for (const std::vector<Index>& trials : repeats.trials) {
        const MatrixXd of_condition = patterns(trials, Eigen::all);
        residuals.middleRows(row, of_condition.rows()) = of_condition.rowwise() - of_condition.colwise().mean();
        row += of_condition.rows();
    }
    return residuals;
}

/// Sum over different rows of the products with themselves, each as a mean: |mean|^2 without what noise adds.
double square_of_others(const MatrixXd& repeats) {
    const auto n = static_cast<double>(repeats.rows());
    return (repeats.colwise().sum().squaredNorm() - repeats.squaredNorm()) / (n * (n - 1));
}

double of_runs(const MatrixXd& a, const MatrixXd& b) {
    return square_of_others(a - b);
}

double of_repeats(const MatrixXd& a, const MatrixXd& b) {
    return square_of_others(a) + square_of_others(b) - 2 * a.colwise().mean().dot(b.colwise().mean());
}

}  // namespace

Crossnobis crossnobis(const MatrixXd& patterns, const Repeats& repeats, bool is_whitened) {
    Crossnobis result{.distances = {}, .shrinkage = 0, .cause = {}};
    const auto conditions = static_cast<Index>(repeats.trials.size());
    if (conditions < 3) {
        result.cause = fmt::format("{} conditions of a system: three are needed", conditions);
        return result;
    }
    MatrixXd white = patterns;
    Index freedom = -conditions;
    for (const std::vector<Index>& trials : repeats.trials) freedom += std::ssize(trials);
    if (is_whitened) {
        const MatrixXd residuals = residuals_of(patterns, repeats);
        if (!(residuals.colwise().norm().minCoeff() > 0)) {
            result.cause = "a number of the patterns does not vary from repeat to repeat: set noise to identity";
            return result;
        }
        const Noise noise = shrunk(residuals, static_cast<double>(freedom));
        const Eigen::LLT<MatrixXd> cholesky(noise.covariance);
        constexpr double is_singular = 1e-14;
        if (cholesky.info() != Eigen::Success || cholesky.rcond() < is_singular) {
            result.cause = "the covariance of the noise is singular: set noise to identity";
            return result;
        }
        result.shrinkage = noise.shrinkage;
        white = cholesky.matrixL().solve(patterns.transpose()).transpose();
    }
    std::vector<MatrixXd> of_condition;
    for (const std::vector<Index>& trials : repeats.trials) of_condition.emplace_back(white(trials, Eigen::all));
    result.distances.resize(conditions * (conditions - 1) / 2);
    const auto numbers = static_cast<double>(patterns.cols());
    Index pair = 0;
    for (std::size_t i = 0; i < of_condition.size(); ++i)
        for (std::size_t j = i + 1; j < of_condition.size(); ++j)
            result.distances[pair++] = (repeats.are_runs ? of_runs(of_condition[i], of_condition[j])
                                                         : of_repeats(of_condition[i], of_condition[j])) /
                                       numbers;
    return result;
}

}  // namespace repal
