#include <Eigen/Core>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <numbers>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

import repal.spectrum;
import repal.transport;

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using repal::Option;

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
class EigenvalueWasserstein final : public repal::HavokMetric<repal::Spectrum> {
 public:
    struct Options : repal::SpectrumOptions {
        std::int64_t order = 1;

        static auto table() {
            return std::tuple_cat(
                HavokOptions::table(),
                std::tuple{Option{&Options::order,
                                  {.name = "order",
                                   .summary = "1: mean distance that eigenvalues are moved; 2: root mean square",
                                   .minimum = 1,
                                   .maximum = 2}},
                           window_option()},
                spectrum_table());
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
    repal::Score distance(const repal::Spectrum& a, const repal::Spectrum& b) const override {
        for (const repal::Spectrum* spectrum : {&a, &b})
            if (auto refused = spectrum->refused(options_)) return *refused;
        MatrixXd x = compared(a);
        MatrixXd y = compared(b);
        if (repal::precedes(y, x)) std::swap(x, y);

        MatrixXd cost(x.rows(), y.rows());
        for (Index j = 0; j < y.rows(); ++j) {
            MatrixXd apart = x.rowwise() - y.row(j);
            // Frequencies that differ by a turn in a step are one.
            if (options_.time == "continuous")
                for (double& turn : apart.col(1)) turn = std::remainder(turn, 2 * std::numbers::pi);
            cost.col(j) = apart.rowwise().norm();
        }
        if (options_.order == 2) cost = cost.cwiseAbs2().eval();
        const double mean = mean_cost(cost);
        const double distance = options_.order == 2 ? std::sqrt(mean) : mean;
        repal::Score score = repal::Score::of(std::atan(distance));
        score.values = {distance};
        score.warnings =
            repal::warning_of_pairs(static_cast<std::size_t>(x.rows()), static_cast<std::size_t>(y.rows()), options_);
        return score;
    }

 private:
    static double mean_cost(const MatrixXd& cost) {
        if (cost.rows() != cost.cols()) return repal::cheapest_transport(cost).cost;
        double moved = 0;
        const std::vector<Index> partners = repal::cheapest_assignment(cost);
        for (Index i = 0; i < cost.rows(); ++i) moved += cost(i, partners[static_cast<std::size_t>(i)]);
        return moved / static_cast<double>(cost.rows());
    }

    /// Real part, imaginary part of each mode that counts (kept, 2).
    MatrixXd compared(const repal::Spectrum& spectrum) const {
        const std::vector<Index> counted = spectrum.counted(options_);
        MatrixXd parts(std::ssize(counted), 2);
        for (Index i = 0; i < parts.rows(); ++i) {
            const std::complex<double> rate = spectrum.rate(counted[static_cast<std::size_t>(i)], options_);
            parts.row(i) << rate.real(), rate.imag();
        }
        return parts;
    }

    Options options_;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::MetricPlugin repal_metric =
    repal::metric_plugin<EigenvalueWasserstein>;
