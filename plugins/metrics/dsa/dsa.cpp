#include <fmt/format.h>

#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numbers>
#include <tuple>
#include <utility>

import repal.dsa.alignment;
import repal.havok_metric;

namespace {

using repal::Option;

struct DsaEmbedding final : repal::OperatorEmbedding {
    DsaEmbedding(std::shared_ptr<const repal::Havok> fitted, Eigen::Index used)
        : OperatorEmbedding(std::move(fitted), used), linear_operator(havok().operator_of_rank(used)) {
        // Havok has three matrices of this size, the operator six and the spectra of the certificate.
        const Eigen::Index numbers = 9 * havok().rank() * havok().rank() + linear_operator.spectra.size();
        bytes = sizeof(double) * static_cast<std::size_t>(numbers + havok().products().axes.size());
    }

    repal::AlignmentOperator linear_operator;
};

/// Dynamical similarity analysis: min over orthogonal C of arccos(<A, C B C^T> / (||A||_F ||B||_F)), with A and B the
/// HAVOK operators of the two systems. The angle is between 0 and pi.
/// Source: Ostrow et al. 2023, eqs. 5-7.
class Dsa final : public repal::HavokMetric<DsaEmbedding> {
 public:
    /// Of an operator of rank 1 the angle, blind to scale, knows the sign alone.
    static constexpr std::int64_t least_rank = 2;

    struct Options : repal::HavokOptions {
        std::int64_t starts = repal::AlignmentOptions{}.starts;
        double gradient_tolerance = repal::AlignmentOptions{}.gradient_tolerance;
        std::int64_t max_iterations = repal::AlignmentOptions{}.max_iterations;

        static auto table() {
            return std::tuple_cat(
                HavokOptions::table(least_rank),
                std::tuple{Option{&Options::starts,
                                  {.name = "starts",
                                   .summary = "descents of the alignment; 0: 1250 / rank, but 8 to 64",
                                   .minimum = 0,
                                   .maximum = 100'000}},
                           Option{&Options::gradient_tolerance,
                                  {.name = "gradient_tolerance",
                                   .summary = "Riemannian gradient norm at which the alignment has converged",
                                   .minimum = 1e-14,
                                   .maximum = 1e-2}},
                           Option{&Options::max_iterations,
                                  {.name = "max_iterations",
                                   .summary = "of the alignment, from one start",
                                   .minimum = 1,
                                   .maximum = 1'000'000}}});
        }
    };

    static repal::MetricInfo info() {
        using enum repal::Invariance;
        return {.name = "dsa",
                .version = "5",
                .family = repal::Family::dynamics,
                .summary = "dynamical similarity analysis: angle between linear operators after the best rotation",
                .source = "Ostrow et al. 2023, Beyond geometry",
                .invariances = {orthogonal, scaling, trial_order},
                .has_triangle_inequality = true,
                .needs_equal_steps = false,
                .values = {repal::rank_value(),
                           {.name = "restart_spread",
                            .summary = "by how much the angle of the median descent of the alignment is larger",
                            .unit = "rad",
                            .minimum = 0,
                            .maximum = std::numbers::pi,
                            .larger_is_alike = false}},
                .options = repal::option_infos<Options>()};
    }

    explicit Dsa(const Options& options) : HavokMetric(options), options_(options) {}

 protected:
    repal::Score distance(const DsaEmbedding& a, const DsaEmbedding& b) const override {
        if (a.rank() < least_rank)
            return repal::Score::without_value(
                repal::Status::not_applicable,
                "operators of rank 1 have no angle but that of their signs; eigenvalue_wasserstein compares them");
        const repal::Alignment alignment = repal::align(a.linear_operator, b.linear_operator,
                                                        {.starts = static_cast<int>(options_.starts),
                                                         .gradient_tolerance = options_.gradient_tolerance,
                                                         .max_iterations = static_cast<int>(options_.max_iterations)});
        if (!alignment.is_converged)
            return repal::Score::without_value(repal::Status::not_converged,
                                               fmt::format("the gradient norm is {:.2g} after {} iterations",
                                                           alignment.gradient_norm, alignment.iterations));
        repal::Score score = repal::Score::of(alignment.angle_rad, alignment.lower_bound_rad);
        score.values = {alignment.restart_spread_rad};
        return score;
    }

 private:
    Options options_;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::MetricPlugin repal_metric = repal::metric_plugin<Dsa>;
