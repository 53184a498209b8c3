module;
#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <Eigen/SVD>
#include <algorithm>
#include <cmath>
#include <optional>
#include <tuple>
#include <utility>

#include "core/eigen.hpp"
module repal.linalg;

namespace repal {
namespace {

/// None if the leading vectors would not be accurate.
std::optional<LeftSvd> svd_by_gram(const Eigen::MatrixXd& x, Eigen::Index leading) {
    constexpr double smallest_share = 1e-6;  // of the squares
    const bool is_tall = x.rows() > x.cols();
    const Eigen::Index n = std::min(x.rows(), x.cols());
    Eigen::MatrixXd gram = Eigen::MatrixXd::Zero(n, n);
    if (is_tall)
        gram.selfadjointView<Eigen::Lower>().rankUpdate(x.transpose());
    else
        gram.selfadjointView<Eigen::Lower>().rankUpdate(x);
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram);
    const Eigen::VectorXd squares = solver.eigenvalues().reverse().cwiseMax(0);
    if (!(squares[leading - 1] > smallest_share * squares[0])) return {};

    LeftSvd svd{solver.eigenvectors().rightCols(leading).rowwise().reverse(), squares.cwiseSqrt()};
    if (is_tall) svd.vectors = x * svd.vectors * svd.singular_values.head(leading).cwiseInverse().asDiagonal();
    return svd;
}

}  // namespace

Eigen::Index DelayEmbedding::rows_per_trial(const Shape& shape) const {
    // Divided, since the product of two large numbers is another one.
    if (n_delays - 1 > (shape.steps - 2) / delay_interval)
        throw InvalidTrajectories(
            fmt::format("{} delays of {} steps need at least {:.0f} steps, the trials have {}", n_delays,
                        delay_interval, static_cast<double>(n_delays - 1) * static_cast<double>(delay_interval) + 2,
                        shape.steps),
            "use fewer or shorter delays (n_delays, delay_interval)");
    return shape.steps - (n_delays - 1) * delay_interval;
}

Eigen::MatrixXd DelayEmbedding::operator()(const Trajectories& x) const {
    const Shape& shape = x.shape();
    const Eigen::Index rows = rows_per_trial(shape);
    Eigen::MatrixXd hankel(shape.trials * rows, n_delays * shape.channels);
    for (Eigen::Index trial = 0; trial < shape.trials; ++trial)
        for (Eigen::Index delay = 0; delay < n_delays; ++delay)
            hankel.block(trial * rows, delay * shape.channels, rows, shape.channels) =
                x.trial(trial).middleRows((n_delays - 1 - delay) * delay_interval, rows);
    return hankel;
}

Trajectories Pca::operator()(const Trajectories& x) const {
    const Eigen::MatrixXd centred = x.rows().rowwise() - x.rows().colwise().mean();
    Eigen::MatrixXd covariance = Eigen::MatrixXd::Zero(centred.cols(), centred.cols());
    covariance.selfadjointView<Eigen::Lower>().rankUpdate(centred.transpose());
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(covariance);
    const Eigen::VectorXd variances = solver.eigenvalues().reverse().cwiseMax(0);
    Eigen::MatrixXd weights = solver.eigenvectors().rowwise().reverse();

    Eigen::Index kept = std::min(components, variances.size());
    if (components == 0) {
        const double wanted = variance * variances.sum();
        double held = 0;
        while (kept < variances.size() && (kept == 0 || held < wanted)) held += variances[kept++];
    }
    for (Eigen::Index k = 0; k < kept; ++k) {
        Eigen::Index largest = 0;
        weights.col(k).cwiseAbs().maxCoeff(&largest);
        if (weights(largest, k) < 0) weights.col(k) *= -1;
    }
    return Trajectories::from_rows({x.shape().trials, x.shape().steps, kept}, centred * weights.leftCols(kept));
}

LeftSvd left_svd(const Eigen::MatrixXd& x, Eigen::Index leading) {
    leading = std::min({leading, x.rows(), x.cols()});
    if (auto by_gram = svd_by_gram(x, leading)) return *std::move(by_gram);
    if (x.rows() <= x.cols()) {
        const Eigen::BDCSVD<Eigen::MatrixXd> svd(x, Eigen::ComputeThinU);
        return {svd.matrixU().leftCols(leading), svd.singularValues()};
    }
    // A tall matrix has the singular values of its small triangular factor.
    const Eigen::HouseholderQR<Eigen::MatrixXd> qr(x);
    const Eigen::MatrixXd triangle = qr.matrixQR().topRows(x.cols()).triangularView<Eigen::Upper>();
    const Eigen::BDCSVD<Eigen::MatrixXd> svd(triangle, Eigen::ComputeThinU);
    Eigen::MatrixXd vectors = Eigen::MatrixXd::Zero(x.rows(), leading);
    vectors.topRows(x.cols()) = svd.matrixU().leftCols(leading);
    vectors.applyOnTheLeft(qr.householderQ());
    return {std::move(vectors), svd.singularValues()};
}

Eigen::Index numerical_rank(const Eigen::VectorXd& singular_values, double tolerance) {
    if (singular_values.size() == 0 || !(singular_values[0] > 0)) return 0;
    return (singular_values.array() > tolerance * singular_values[0]).count();
}

Eigen::MatrixXd centred_unit(const RowMatrix& x) {
    // Scaled first, so that neither the mean nor the norm of very large or small values leaves the range of double.
    const double largest = x.cwiseAbs().maxCoeff();
    if (!(largest > 0)) return {};
    Eigen::MatrixXd centred = x / largest;
    centred.rowwise() -= centred.colwise().mean().eval();
    const double norm = centred.norm();
    // What is left of equal rows is the rounding of their mean.
    const double rounding = 1e-15 * std::sqrt(static_cast<double>(x.size()));
    if (!(norm > rounding)) return {};
    return centred / norm;
}

bool precedes(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
    if (a.rows() != b.rows() || a.cols() != b.cols())
        return std::tuple(a.rows(), a.cols()) < std::tuple(b.rows(), b.cols());
    return std::lexicographical_compare(a.data(), a.data() + a.size(), b.data(), b.data() + b.size());
}

}  // namespace repal
