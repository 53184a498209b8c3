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

}  // namespace

Crossnobis crossnobis(const MatrixXd& patterns, const Repeats& repeats, bool is_whitened) {
    Crossnobis result{.distances = {}, .shrinkage = 0, .cause = {}};
    const auto conditions = static_cast<Index>(repeats.trials.size());
    if (conditions < 3) {
        result.cause = fmt::format("{} conditions of a system: three are needed", conditions);
        return result;
    }
    MatrixXd white = patterns;
    const auto n_repeats = static_cast<Index>(repeats.trials.front().size());
    if (is_whitened) {
        const MatrixXd residuals = residuals_of(patterns, repeats);
        if (!(residuals.colwise().norm().minCoeff() > 0)) {
            result.cause = "a number of the patterns does not vary from repeat to repeat: set noise to identity";
            return result;
        }
        const Noise noise = shrunk(residuals, static_cast<double>(conditions * (n_repeats - 1)));
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
    const double share = 1 / (static_cast<double>(n_repeats * (n_repeats - 1)) * static_cast<double>(patterns.cols()));
    Index pair = 0;
    for (std::size_t i = 0; i < of_condition.size(); ++i)
        for (std::size_t j = i + 1; j < of_condition.size(); ++j) {
            const MatrixXd apart = of_condition[i] - of_condition[j];
            result.distances[pair++] = share * (apart.colwise().sum().squaredNorm() - apart.squaredNorm());
        }
    return result;
}

}  // namespace repal
