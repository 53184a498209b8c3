#include <fmt/format.h>

#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <numbers>
#include <numeric>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

import repal.havok_metric;
import repal.transport;

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using repal::Option;

/// The eigenvalues of the operator of a system.
struct Spectrum final : repal::OperatorEmbedding {
    Spectrum(std::shared_ptr<const repal::Havok> fitted, Index used) : OperatorEmbedding(std::move(fitted), used) {
        const MatrixXd linear_operator = havok().operator_of_rank(used);
        // Eigen does not return from what is not finite.
        if (!linear_operator.allFinite()) {
            status = repal::Status::failed;
            cause = "the operator of a system is not finite";
            return;
        }
        // Of the Koopman matrix A^T, whose eigenvectors w make the eigenfunctions V w.
        const Eigen::EigenSolver<MatrixXd> solver(linear_operator.transpose());
        if (solver.info() != Eigen::Success || !solver.eigenvalues().allFinite()) {
            status = repal::Status::not_converged;
            cause = "the eigenvalues of the operator of a system did not converge";
            return;
        }
        eigenvalues = solver.eigenvalues();
        residuals = residuals_of(solver.eigenvectors());
        const repal::Havok::Products& products = havok().products();
        bytes = sizeof(double) *
                static_cast<std::size_t>(3 * products.gram.size() + products.axes.size() + 3 * eigenvalues.size());
    }

    Eigen::VectorXcd eigenvalues;  ///< (rank); empty: there are none, see cause
    Eigen::VectorXd residuals;     ///< of each: |V+ w - lambda V- w| / |V- w|
    repal::Status status = repal::Status::ok;
    std::string cause;

 private:
    /// Source: Colbrook & Townsend 2024 (residual dynamic mode decomposition).
    Eigen::VectorXd residuals_of(const Eigen::MatrixXcd& vectors) const {
        const repal::Havok::Products& products = havok().products();
        const auto form = [&](const MatrixXd& matrix, Index i) -> std::complex<double> {
            const auto w = vectors.col(i);
            return w.dot(matrix.topLeftCorner(rank(), rank()).cast<std::complex<double>>() * w);
        };
        Eigen::VectorXd found(rank());
        for (Index i = 0; i < rank(); ++i) {
            const double now = form(products.gram, i).real();
            const double then = form(products.successors, i).real();
            const double both = (std::conj(eigenvalues[i]) * form(products.cross, i)).real();
            const double square = then - 2 * both + std::norm(eigenvalues[i]) * now;
            found[i] = std::sqrt(std::max(0.0, square) / now);
        }
        return found;
    }
};

/// Angle arctan(W) of the Wasserstein distance W between the eigenvalues a and b of two systems' HAVOK operators:
/// W^p = min over permutations s of sum_i |a_i - b_s(i)|^p / n, with p = `order` and n the rank of both operators: each
/// eigenvalue has the mass 1 / n. Operators of different ranks are not compared: what eigenvalues one of them lacks is
/// not known.
///
/// With one n for all systems W is a metric, and so is the angle, as arctan is 0 at 0, rises and is concave. A small
/// angle is W; any gives it back, W = tan(angle).
///
/// Eigenvalues tell how modes decay and turn, not how they overlap. If both operators are normal and p is 2, sqrt(n) W
/// is the smallest |A - U B U*| over unitary U (Hoffman & Wielandt 1953); else DSA tells more systems apart.
///
/// modes: least_residual keeps the `kept` eigenvalues whose eigenfunctions are most nearly some (|V+ w - lambda V- w| /
/// |V- w|), never one of a conjugate pair alone; each then has the mass 1 / number kept. With the window hann, delays
/// count as in a spectrogram. Both together are KoopSTD. time: continuous takes log(eigenvalue), the rates of growth
/// and turning in a step.
///
/// Source: Redman et al. 2024 (Wasserstein distance of Koopman eigenvalues); Ostrow et al. 2023, eqs. 2-4 (operator);
/// Zhang et al. 2025 (KoopSTD).
class EigenvalueWasserstein final : public repal::HavokMetric<Spectrum> {
 public:
    struct Options : repal::HavokOptions {
        std::int64_t order = 1;
        std::string modes = "all";
        std::int64_t kept = 0;
        std::string time = "steps";

        static auto table() {
            return std::tuple_cat(
                HavokOptions::table(),
                std::tuple{
                    Option{&Options::order,
                           {.name = "order",
                            .summary = "1: mean distance that eigenvalues are moved; 2: root mean square",
                            .minimum = 1,
                            .maximum = 2}},
                    window_option(),
                    Option{&Options::modes,
                           {.name = "modes",
                            .summary = "all, or those that are most nearly eigenfunctions of the dynamics",
                            .choices = {"all", "least_residual"}}},
                    Option{
                        &Options::kept,
                        {.name = "kept", .summary = "modes of least residual; 0: as many as the rank", .minimum = 0}},
                    Option{&Options::time,
                           {.name = "time",
                            .summary = "eigenvalues of one step, or their logarithms: rates",
                            .choices = {"steps", "continuous"}}}});
        }
    };

    static repal::MetricInfo info() {
        using enum repal::Invariance;
        return {.name = "eigenvalue_wasserstein",
                .version = "4",
                .family = repal::Family::dynamics,
                .summary = "distance that the eigenvalues of one linear operator are moved to those of the other",
                .source = "Redman et al. 2024, Identifying equivalent training dynamics; operator: Ostrow et al. 2023",
                .invariances = {orthogonal, scaling, trial_order},
                .has_triangle_inequality = true,
                .largest_rad = std::numbers::pi / 2,
                .needs_equal_steps = false,
                .values = {repal::rank_value(),
                           {.name = "wasserstein",
                            .summary = "W, how far eigenvalues are moved",
                            .unit = "1, or 1/step of continuous time",
                            .minimum = 0,
                            .larger_is_alike = false}},
                .options = repal::option_infos<Options>()};
    }

    explicit EigenvalueWasserstein(Options options) : HavokMetric(options), options_(std::move(options)) {}

 protected:
    repal::Score distance(const Spectrum& a, const Spectrum& b) const override {
        for (const Spectrum* spectrum : {&a, &b}) {
            if (spectrum->status != repal::Status::ok)
                return repal::Score::without_value(spectrum->status, spectrum->cause);
            if (options_.kept > spectrum->rank())
                return repal::Score::without_value(
                    repal::Status::not_applicable,
                    fmt::format("{} modes are to be kept of operators of rank {}", options_.kept, spectrum->rank()));
            if (options_.modes == "all" && options_.kept > 0 && options_.kept != spectrum->rank())
                return repal::Score::without_value(
                    repal::Status::not_applicable,
                    fmt::format("kept is {}, and all {} modes are compared: set modes to least_residual", options_.kept,
                                spectrum->rank()));
            if (is_continuous() && !(spectrum->eigenvalues.cwiseAbs().minCoeff() > 0))
                return repal::Score::without_value(repal::Status::not_applicable,
                                                   "an eigenvalue of a system is 0 and has no logarithm");
        }
        MatrixXd x = compared(a);
        MatrixXd y = compared(b);
        if (repal::precedes(y, x)) std::swap(x, y);

        MatrixXd cost(x.rows(), y.rows());
        for (Index j = 0; j < y.rows(); ++j) cost.col(j) = (x.rowwise() - y.row(j)).rowwise().norm();
        if (options_.order == 2) cost = cost.cwiseAbs2().eval();
        const double mean = mean_cost(cost);
        const double distance = options_.order == 2 ? std::sqrt(mean) : mean;
        repal::Score score = repal::Score::of(std::atan(distance));
        score.values = {distance};
        if (options_.kept > 0 && options_.modes != "all" && std::max(x.rows(), y.rows()) > options_.kept)
            score.warnings = {
                fmt::format("{} modes are kept of one system and {} of the other, not {}: "
                            "conjugate pairs stay together",
                            x.rows(), y.rows(), options_.kept)};
        return score;
    }

 private:
    bool is_continuous() const { return options_.time == "continuous"; }

    static double mean_cost(const MatrixXd& cost) {
        if (cost.rows() != cost.cols()) return repal::cheapest_transport(cost).cost;
        double moved = 0;
        const std::vector<Index> partners = repal::cheapest_assignment(cost);
        for (Index i = 0; i < cost.rows(); ++i) moved += cost(i, partners[static_cast<std::size_t>(i)]);
        return moved / static_cast<double>(cost.rows());
    }

    /// Real part, imaginary part of each one (kept, 2).
    MatrixXd compared(const Spectrum& spectrum) const {
        const std::vector<Index> kept = kept_of(spectrum);
        MatrixXd parts(std::ssize(kept), 2);
        for (Index i = 0; i < parts.rows(); ++i) {
            const std::complex<double> eigenvalue = spectrum.eigenvalues[kept[static_cast<std::size_t>(i)]];
            const std::complex<double> one = is_continuous() ? std::log(eigenvalue) : eigenvalue;
            parts.row(i) << one.real(), one.imag();
        }
        return parts;
    }

    /// The modes of least residual, those of equal one by their eigenvalue.
    std::vector<Index> kept_of(const Spectrum& spectrum) const {
        std::vector<Index> order(static_cast<std::size_t>(spectrum.rank()));
        std::iota(order.begin(), order.end(), Index{0});
        if (options_.modes == "all" || options_.kept == 0) return order;
        // Those of a conjugate pair differ by rounding, and what is below it is 0.
        constexpr double rounding = 1e-7;
        const auto place = [&](Index i) {
            const std::complex<double> eigenvalue = spectrum.eigenvalues[i];
            return std::tuple(std::round(spectrum.residuals[i] / rounding), eigenvalue.real(), eigenvalue.imag());
        };
        std::ranges::sort(order, {}, place);
        auto end = static_cast<std::size_t>(options_.kept);
        const auto is_pair = [&](Index i, Index j) {
            return spectrum.eigenvalues[i] == std::conj(spectrum.eigenvalues[j]) && spectrum.eigenvalues[i].imag() != 0;
        };
        if (end < order.size() && is_pair(order[end - 1], order[end])) ++end;
        order.resize(end);
        return order;
    }

    Options options_;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::MetricPlugin repal_metric =
    repal::metric_plugin<EigenvalueWasserstein>;
