module;
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <vector>

#include "core/eigen.hpp"
module repal.operators;

import repal.havok_metric;

namespace repal {

std::shared_ptr<const Havok> operators_of(const ChosenMetric& metric, const NamedSystem& system,
                                          const Observed& observed) {
    const PreparedSystem prepared = prepare(metric, system.name, observed, Unsuitable::has_no_value);
    if (prepared.embedding == nullptr) return {};
    try {
        return havok_of(prepared.embedding->arrays());
    } catch (const std::exception&) {
        return {};  // the arrays of another kind of metric
    }
}

double non_normality(const Eigen::MatrixXd& a) {
    const double whole = a.squaredNorm();
    if (!(whole > 0)) return 0;
    const double of_eigenvalues = Eigen::EigenSolver<Eigen::MatrixXd>(a, false).eigenvalues().squaredNorm();
    return std::sqrt(std::max(0.0, whole - of_eigenvalues) / whole);
}

std::optional<Eigen::Index> rank_above_noise(const Trajectories& x, const DelayEmbedding& delays) {
    constexpr Eigen::Index most_columns = 400;
    const Eigen::Index columns = delays.n_delays * x.shape().channels;
    Eigen::Index rows = 0;
    for (Eigen::Index trial = 0; trial < x.shape().trials; ++trial) rows += delays.rows(x.steps(trial));
    if (columns > most_columns || rows == 0) return {};
    const Trajectories scaled = x.with_rows(x.rows() * scale_into_range(x.rows().cwiseAbs().maxCoeff()));
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> pairs(
        delays.gram(scaled, std::vector<bool>(static_cast<std::size_t>(x.shape().trials), true)),
        Eigen::EigenvaluesOnly);
    // Rising; those beyond the shorter side are zero.
    const Eigen::Index shorter = std::min(rows, columns);
    const Eigen::VectorXd singular_values = pairs.eigenvalues().tail(shorter).cwiseMax(0).cwiseSqrt();
    const double beta = static_cast<double>(shorter) / static_cast<double>(std::max(rows, columns));
    const double omega = ((0.56 * beta - 0.95) * beta + 1.82) * beta + 1.43;
    const double median = (singular_values[(shorter - 1) / 2] + singular_values[shorter / 2]) / 2;
    return (singular_values.array() > omega * median).count();
}

}  // namespace repal
