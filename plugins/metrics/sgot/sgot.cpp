#include <fmt/format.h>

#include <Eigen/Core>
#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <numbers>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

import repal.spectrum;
import repal.transport;

namespace {

using Eigen::Index;
using Eigen::MatrixXcd;
using Eigen::MatrixXd;
using repal::Option;

/// The modes of a system with right and left eigenvectors over delays and channels.
struct LiftedModes final : repal::Spectrum {
    LiftedModes(std::shared_ptr<const repal::Havok> fitted, Index used) : Spectrum(std::move(fitted), used) {
        if (eigenvalues.size() == 0) return;
        // l^H A = lambda l^H is A^T w = lambda w of w = conj(l).
        const MatrixXcd left_of_operator = vectors.conjugate();
        const MatrixXcd right_of_operator = vectors.transpose().inverse();
        conditions = right_of_operator.colwise().norm();
        if (!conditions.allFinite()) conditions.setConstant(std::numeric_limits<double>::max());
        // Directions of the operator are U^T h / S of delays h.
        const repal::Havok::Products& products = havok().products();
        const auto axes = products.axes.leftCols(used);
        const Eigen::VectorXd s = products.singular_values.head(used) / products.singular_values[0];
        right = (axes * s.asDiagonal() * right_of_operator).colwise().normalized();
        left = (axes * s.cwiseInverse().asDiagonal() * left_of_operator).colwise().normalized();
        bytes += sizeof(double) * static_cast<std::size_t>(conditions.size() + 2 * (right.size() + left.size()));
    }

    Eigen::VectorXd conditions;  ///< (rank): 1 / |<l, r>| of unit eigenvectors of the operator
    MatrixXcd right;             ///< (delay * channel, rank), unit columns
    MatrixXcd left;
};

/// Of two eigenvalues of a system, in units of the largest.
double smallest_gap(const Eigen::VectorXcd& eigenvalues) {
    double gap = 1;
    const double largest = eigenvalues.cwiseAbs().maxCoeff();
    for (Index i = 0; i < eigenvalues.size(); ++i)
        for (Index j = 0; j < i; ++j) gap = std::min(gap, std::abs(eigenvalues[i] - eigenvalues[j]) / largest);
    return gap;
}

/// What of a system is compared.
struct Modes {
    Modes(const LiftedModes& all, const std::vector<Index>& counted, const repal::SpectrumOptions& options)
        : eigenvalues(all.eigenvalues(counted)),
          rates(std::ssize(counted)),
          right(all.right(Eigen::all, counted)),
          left(all.left(Eigen::all, counted)),
          condition(all.conditions(counted).maxCoeff()),
          gap(smallest_gap(eigenvalues)) {
        for (Index i = 0; i < rates.size(); ++i) rates[i] = all.rate(counted[static_cast<std::size_t>(i)], options);
    }

    /// Why there are no eigenvectors to compare; nothing if there are.
    std::optional<repal::Score> refused() const {
        constexpr double is_defective = 1e12;
        constexpr double coincide = 1e-8;
        if (condition > is_defective)
            return repal::Score::without_value(
                repal::Status::not_converged,
                "eigenvectors of the operator of a system coincide: it has none of its own for each eigenvalue");
        if (gap < coincide)
            return repal::Score::without_value(
                repal::Status::not_converged,
                "eigenvalues of the operator of a system coincide: their eigenvectors are arbitrary");
        return {};
    }

    std::vector<std::string> warning() const {
        constexpr double is_large = 1e6;
        constexpr double are_close = 0.01;
        if (condition > is_large)
            return {
                fmt::format("eigenvectors of a system have a condition number of {:.0e}: those of close "
                            "eigenvalues are arbitrary",
                            condition)};
        if (gap < are_close)
            return {
                fmt::format("eigenvalues of a system differ by {:.1g} of the largest: noise mixes their "
                            "eigenvectors; a lower rank, or eta nearer 1, depends less on them",
                            gap)};
        return {};
    }

    Eigen::VectorXcd eigenvalues;
    Eigen::VectorXcd rates;  ///< of one step, or of continuous time
    MatrixXcd right;
    MatrixXcd left;
    double condition;
    double gap;
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
/// delta = |<r_i, r_j>|
/// |<l_i, l_j>| and d = sqrt(1 - delta^2) (chordal), arccos(delta) (geodesic) or sqrt(2 - 2 delta)
/// (procrustes). W is the `order`-th root of the least mean of its power, each mode with the mass 1 / rank; angle =
/// arctan(W).
///
/// Operators are those of DSA, their eigenvectors over delays and channels. So channels must correspond: turning the
/// channels of one system changes the distance. Where that is not wanted: DSA. `modes` and `kept` leave modes out that
/// are hardly eigenfunctions (see Spectrum), as a rank above what the data bear gives.
///
/// Source: Germain et al. 2025 (spectral-Grassmann optimal transport); operator: Ostrow et al. 2023, eqs. 2-4.
class Sgot final : public repal::HavokMetric<LiftedModes> {
 public:
    struct Options : repal::SpectrumOptions {
        double eta = 0.9;
        std::string grassmann = "chordal";
        std::int64_t order = 1;

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
                                                     .maximum = 2}}},
                                  spectrum_table());
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
    repal::Score distance(const LiftedModes& a, const LiftedModes& b) const override {
        for (const LiftedModes* one : {&a, &b})
            if (auto refused = one->refused(options_)) return *refused;
        if (a.right.rows() != b.right.rows())
            return repal::Score::without_value(
                repal::Status::not_applicable,
                fmt::format("channels must correspond one to one, but one system has {} and the other {}",
                            a.right.rows() / options_.n_delays, b.right.rows() / options_.n_delays));
        if (precedes(b, a)) return distance(b, a);

        const std::vector<Index> of_a = a.counted(options_);
        const std::vector<Index> of_b = b.counted(options_);
        const Modes x(a, of_a, options_);
        const Modes y(b, of_b, options_);
        for (const Modes* one : {&x, &y})
            if (auto refused = one->refused()) return *refused;
        const bool is_same = !precedes(a, b);
        const MatrixXd ground = is_same ? MatrixXd(MatrixXd::Zero(1, 1)) : ground_of(x, y);
        const double mean = repal::cheapest_transport(ground).cost;
        const double moved =
            options_.order == 1 ? mean : std::sqrt(std::max(0.0, repal::cheapest_transport(ground.cwiseAbs2()).cost));
        repal::Score score = repal::Score::of(std::atan(moved));
        score.values = {moved};
        score.warnings = x.warning();
        if (score.warnings.empty()) score.warnings = y.warning();
        for (std::string& warning : repal::warning_of_pairs(of_a.size(), of_b.size(), options_))
            score.warnings.push_back(std::move(warning));
        return score;
    }

 private:
    static bool precedes(const LiftedModes& a, const LiftedModes& b) {
        const auto parts = [](const LiftedModes& one) {
            MatrixXd all(one.right.rows() + 1, 2 * one.right.cols());
            all << one.eigenvalues.real().transpose(), one.eigenvalues.imag().transpose(), one.right.real(),
                one.right.imag();
            return all;
        };
        return repal::precedes(parts(a), parts(b));
    }

    MatrixXd ground_of(const Modes& a, const Modes& b) const {
        const auto [right_sines, right_cosines] = sine_and_cosine_squared(a.right, b.right);
        const auto [left_sines, left_cosines] = sine_and_cosine_squared(a.left, b.left);
        MatrixXd ground(a.rates.size(), b.rates.size());
        for (Index i = 0; i < ground.rows(); ++i)
            for (Index j = 0; j < ground.cols(); ++j) {
                std::complex<double> rates_apart = a.rates[i] - b.rates[j];
                // Frequencies that differ by a turn in a step are one.
                if (options_.time == "continuous")
                    rates_apart.imag(std::remainder(rates_apart.imag(), 2 * std::numbers::pi));
                // 1 - delta^2 without cancellation
                const double sine =
                    std::sqrt(std::min(1.0, right_sines(i, j) + right_cosines(i, j) * left_sines(i, j)));
                const double delta = std::sqrt(std::min(1.0, right_cosines(i, j) * left_cosines(i, j)));
                const double geodesic = std::atan2(sine, delta);
                double apart = sine;
                if (options_.grassmann == "geodesic") apart = geodesic;
                if (options_.grassmann == "procrustes") apart = 2 * std::sin(geodesic / 2);
                ground(i, j) = options_.eta * std::abs(rates_apart) + (1 - options_.eta) * apart;
            }
        return ground;
    }

    Options options_;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::MetricPlugin repal_metric = repal::metric_plugin<Sgot>;
