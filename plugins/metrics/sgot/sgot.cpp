#include <fmt/format.h>

#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <numbers>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

import repal.havok_metric;
import repal.transport;

namespace {

using Eigen::Index;
using Eigen::MatrixXcd;
using Eigen::MatrixXd;
using repal::Option;

/// Eigenvalues and eigenvectors of the operator of a system, these as vectors over delays and channels.
struct Triplets final : repal::OperatorEmbedding {
    Triplets(std::shared_ptr<const repal::Havok> fitted, Index used) : OperatorEmbedding(std::move(fitted), used) {
        const MatrixXd linear_operator = havok().operator_of_rank(used);
        // Eigen does not return from what is not finite.
        if (!linear_operator.allFinite()) {
            status = repal::Status::failed;
            cause = "the operator of a system is not finite";
            return;
        }
        const Eigen::EigenSolver<MatrixXd> solver(linear_operator);
        status = repal::Status::not_converged;
        if (solver.info() != Eigen::Success || !solver.eigenvalues().allFinite()) {
            cause = "the eigenvalues of the operator of a system did not converge";
            return;
        }
        const MatrixXcd of_operator = solver.eigenvectors().colwise().normalized();
        const MatrixXcd left_of_operator = of_operator.inverse().adjoint();
        // 1 / |<l, r>| of unit vectors
        constexpr double is_large = 1e6;
        constexpr double is_defective = 1e12;
        const double condition = left_of_operator.allFinite() ? left_of_operator.colwise().norm().maxCoeff() : 1e300;
        if (condition > is_defective) {
            cause = "eigenvectors of the operator of a system coincide: it has none of its own for each eigenvalue";
            return;
        }
        if (condition > is_large)
            ill_conditioned = fmt::format(
                "eigenvectors of a system have a condition number of {:.0e}: those of close eigenvalues are "
                "arbitrary",
                condition);
        const double gap = smallest_gap(solver.eigenvalues());
        constexpr double coincide = 1e-8;
        constexpr double are_close = 0.01;
        if (gap < coincide) {
            cause = "eigenvalues of the operator of a system coincide: their eigenvectors are arbitrary";
            return;
        }
        if (gap < are_close && ill_conditioned.empty())
            ill_conditioned = fmt::format(
                "eigenvalues of a system differ by {:.1g} of the largest: noise mixes their eigenvectors; a lower "
                "rank, or "
                "eta nearer 1, depends less on them",
                gap);
        status = repal::Status::ok;
        // Directions of the operator are U^T h / S of delays h.
        const repal::Havok::Products& products = havok().products();
        const auto axes = products.axes.leftCols(used);
        const Eigen::VectorXd s = products.singular_values.head(used) / products.singular_values[0];
        eigenvalues = solver.eigenvalues();
        right = (axes * s.asDiagonal() * of_operator).colwise().normalized();
        left = (axes * s.cwiseInverse().asDiagonal() * left_of_operator).colwise().normalized();
        bytes = sizeof(double) * static_cast<std::size_t>(3 * products.gram.size() + products.axes.size() +
                                                          2 * (right.size() + left.size()));
    }

    /// Of two eigenvalues, in units of the largest.
    static double smallest_gap(const Eigen::VectorXcd& eigenvalues) {
        double gap = 1;
        const double largest = eigenvalues.cwiseAbs().maxCoeff();
        for (Index i = 0; i < eigenvalues.size(); ++i)
            for (Index j = 0; j < i; ++j) gap = std::min(gap, std::abs(eigenvalues[i] - eigenvalues[j]) / largest);
        return gap;
    }

    Eigen::VectorXcd eigenvalues;
    MatrixXcd right;  ///< (delay * channel, rank), unit columns
    MatrixXcd left;
    std::string ill_conditioned;  ///< a warning
    repal::Status status = repal::Status::ok;
    std::string cause;
};

/// 1 - |<u_i, v_j>|^2 from what is left of u_i beside v_j, exact near 0, and |<u_i, v_j>|^2.
std::pair<MatrixXd, MatrixXd> sine_and_cosine_squared(const MatrixXcd& u, const MatrixXcd& v) {
    const MatrixXcd products = u.adjoint() * v;
    MatrixXd sines(u.cols(), v.cols());
    for (Index i = 0; i < u.cols(); ++i)
        for (Index j = 0; j < v.cols(); ++j)
            sines(i, j) = (u.col(i) - v.col(j) * std::conj(products(i, j))).squaredNorm();
    return {sines, products.cwiseAbs2()};
}

/// Spectral-Grassmann Wasserstein distance of two linear operators in one space: of modes i of A and j of B with
/// eigenvalues and unit right and left eigenvectors r, l, the ground cost is eta |lambda_i - lambda_j| + (1 - eta) d,
/// delta =
/// |<r_i, r_j>| |<l_i, l_j>| and d = sqrt(1 - delta^2) (chordal), arccos(delta) (geodesic) or sqrt(2 - 2 delta)
/// (procrustes). W is the `order`-th root of the least mean of its power, each mode with the mass 1 / rank; angle =
/// arctan(W).
///
/// Operators are those of DSA, their eigenvectors over delays and channels. So channels must correspond: turning the
/// channels of one system changes the distance. Where that is not wanted: DSA.
///
/// Source: Germain et al. 2025 (spectral-Grassmann optimal transport); operator: Ostrow et al. 2023, eqs. 2-4.
class Sgot final : public repal::HavokMetric<Triplets> {
 public:
    struct Options : repal::HavokOptions {
        double eta = 0.9;
        std::string grassmann = "chordal";
        std::int64_t order = 1;
        std::string time = "steps";

        static auto table() {
            return std::tuple_cat(HavokOptions::table(),
                                  std::tuple{Option{&Options::eta,
                                                    {.name = "eta",
                                                     .summary = "weight of eigenvalues; the others are eigenvectors",
                                                     .minimum = 0,
                                                     .maximum = 1}},
                                             Option{&Options::grassmann,
                                                    {.name = "grassmann",
                                                     .summary = "distance of the directions of two modes",
                                                     .choices = {"chordal", "geodesic", "procrustes"}}},
                                             Option{&Options::order,
                                                    {.name = "order",
                                                     .summary = "1: mean cost of moving modes; 2: root mean square",
                                                     .minimum = 1,
                                                     .maximum = 2}},
                                             Option{&Options::time,
                                                    {.name = "time",
                                                     .summary = "eigenvalues of one step, or their logarithms: rates",
                                                     .choices = {"steps", "continuous"}}}});
        }
    };

    static repal::MetricInfo info() {
        using enum repal::Invariance;
        return {
            .name = "sgot",
            .version = "1",
            .family = repal::Family::dynamics,
            .summary = "distance that modes, eigenvalues with their eigenvectors, are moved to those of the other",
            .source = "Germain et al. 2025, spectral-Grassmann optimal transport; operator: Ostrow et al. 2023",
            .invariances = {scaling, trial_order},
            .has_triangle_inequality = true,
            .largest_rad = std::numbers::pi / 2,
            .corresponding = {repal::Correspondence::channels},
            .needs_equal_steps = false,
            .values = {repal::rank_value(), {.name = "sgot", .summary = "W", .minimum = 0, .larger_is_alike = false}},
            .options = repal::option_infos<Options>()};
    }

    explicit Sgot(Options options) : HavokMetric(options), options_(std::move(options)) {}

 protected:
    repal::Score distance(const Triplets& a, const Triplets& b) const override {
        for (const Triplets* one : {&a, &b}) {
            if (one->status != repal::Status::ok) return repal::Score::without_value(one->status, one->cause);
            if (options_.time == "continuous" && !(one->eigenvalues.cwiseAbs().minCoeff() > 0))
                return repal::Score::without_value(repal::Status::not_applicable,
                                                   "an eigenvalue of a system is 0 and has no logarithm");
        }
        if (a.right.rows() != b.right.rows())
            return repal::Score::without_value(
                repal::Status::not_applicable,
                fmt::format("channels must correspond one to one, but one system has {} and the other {}",
                            a.right.rows() / options_.n_delays, b.right.rows() / options_.n_delays));
        if (precedes(b, a)) return distance(b, a);

        const bool is_same = !precedes(a, b);
        const MatrixXd ground = is_same ? MatrixXd(MatrixXd::Zero(1, 1)) : ground_of(a, b);
        const double mean = repal::cheapest_transport(ground).cost;
        const double moved =
            options_.order == 1 ? mean : std::sqrt(std::max(0.0, repal::cheapest_transport(ground.cwiseAbs2()).cost));
        repal::Score score = repal::Score::of(std::atan(moved));
        score.values = {moved};
        for (const Triplets* one : {&a, &b})
            if (!one->ill_conditioned.empty()) score.warnings = {one->ill_conditioned};
        return score;
    }

 private:
    static bool precedes(const Triplets& a, const Triplets& b) {
        const auto parts = [](const Triplets& one) {
            MatrixXd all(one.right.rows() + 1, 2 * one.right.cols());
            all << one.eigenvalues.real().transpose(), one.eigenvalues.imag().transpose(), one.right.real(),
                one.right.imag();
            return all;
        };
        return repal::precedes(parts(a), parts(b));
    }

    MatrixXd ground_of(const Triplets& a, const Triplets& b) const {
        const auto [right_sines, right_cosines] = sine_and_cosine_squared(a.right, b.right);
        const auto [left_sines, left_cosines] = sine_and_cosine_squared(a.left, b.left);
        MatrixXd ground(a.eigenvalues.size(), b.eigenvalues.size());
        const auto rate = [&](std::complex<double> eigenvalue) {
            return options_.time == "continuous" ? std::log(eigenvalue) : eigenvalue;
        };
        for (Index i = 0; i < ground.rows(); ++i)
            for (Index j = 0; j < ground.cols(); ++j) {
                // 1 - delta^2 without cancellation
                const double sine =
                    std::sqrt(std::min(1.0, right_sines(i, j) + right_cosines(i, j) * left_sines(i, j)));
                const double delta = std::sqrt(std::min(1.0, right_cosines(i, j) * left_cosines(i, j)));
                const double geodesic = std::atan2(sine, delta);
                double apart = sine;
                if (options_.grassmann == "geodesic") apart = geodesic;
                if (options_.grassmann == "procrustes") apart = 2 * std::sin(geodesic / 2);
                ground(i, j) = options_.eta * std::abs(rate(a.eigenvalues[i]) - rate(b.eigenvalues[j])) +
                               (1 - options_.eta) * apart;
            }
        return ground;
    }

    Options options_;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::MetricPlugin repal_metric = repal::metric_plugin<Sgot>;
