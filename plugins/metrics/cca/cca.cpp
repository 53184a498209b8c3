#include <fmt/format.h>

#include <Eigen/Core>
#include <Eigen/SVD>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

import repal.linalg;
import repal.metric;
import repal.panels;
import repal.thin_basis;

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using repal::Option;

/// An orthonormal basis of what the channels of a system span.
struct Span {
    bool precedes(const Span& other) const {
        return vectors.cols() > other.vectors.cols() ||
               (vectors.cols() == other.vectors.cols() &&
                (vectors.precedes(other.vectors) ||
                 (!other.vectors.precedes(vectors) && repal::precedes(channels, other.channels))));
    }

    repal::Shape shape;
    std::string cause = {};      ///< why it cannot be compared; empty: it can
    repal::Panels vectors = {};  ///< U (sample, rank)
    MatrixXd channels = {};      ///< U^T X (rank, channel), for projection_weighted alone
    std::size_t bytes = sizeof(Span);
};

/// Canonical correlations of the samples of two systems, rho_1 >= ... >= rho_m: the singular values of U_x^T U_y, of
/// centred X = U S V^T and m the smaller rank. With `variance` below 1 only the leading directions of each system, as
/// few as hold that share of its squared norm (SVCCA). Rows must correspond.
///
/// summary: mean, arccos(sum rho / sqrt(r_x r_y)), the shape metric at alpha 0; mean_squared, arccos(sum rho^2 /
/// sqrt(r_x r_y)), the angle of the projections; projection_weighted (PWCCA), arccos of the mean of sum w_i rho_i / sum
/// w_i by either system, w_i = sum_a |h_i . x_a| over its channels a, h_i = U l_i its canonical variates. With m
/// instead of sqrt(r_x r_y) a system would be at 0 from each one that contains it.
///
/// Source: Hotelling 1936; Raghu et al. 2017 (SVCCA); Morcos et al. 2018 (PWCCA); Bjorck & Golub 1973 (computation).
class Cca final : public repal::MetricOf<Span> {
 public:
    struct Options {
        std::string summary = "mean";
        double variance = 1;

        static auto table() {
            return std::tuple{
                Option{&Options::summary,
                       {.name = "summary",
                        .summary = "of the correlations: their mean, that of their squares, or weighted by how much of "
                                   "the channels each one tells (PWCCA)",
                        .choices = {"mean", "mean_squared", "projection_weighted"}}},
                Option{&Options::variance,
                       {.name = "variance",
                        .summary = "share of the variance that the directions used hold; SVCCA: 0.99",
                        .minimum = 1e-6,
                        .maximum = 1}}};
        }
    };

    static repal::MetricInfo info() {
        const auto correlation = [](const char* name, const char* summary, repal::Direction direction) {
            return repal::ValueInfo{
                .name = name, .summary = summary, .minimum = 0, .maximum = 1, .direction = direction};
        };
        using enum repal::Direction;
        return Cca(Options()).described(
            {.name = "cca",
             .version = "1",
             .family = repal::Family::geometry,
             .summary = "canonical correlations: what two systems span in common",
             .source = "Hotelling 1936; Raghu et al. 2017 (SVCCA); Morcos et al. 2018 (PWCCA)",
             .invariances = {},
             .largest_rad = std::numbers::pi / 2,
             .corresponding = {repal::Correspondence::rows},
             .has_common_form = false,
             .values = {correlation("mean", "sum rho / m", none), correlation("mean_squared", "sum rho^2 / m", none),
                        correlation("largest", "rho_1", none)},
             .curves = {{.name = "correlations", .summary = "rho, falling"}},
             .options = repal::option_infos<Options>()});
    }

    explicit Cca(Options options) : options_(std::move(options)) {}

    Index least_steps() const override { return 1; }

    repal::MetricInfo described(repal::MetricInfo info) const override {
        using enum repal::Invariance;
        info.invariances = {translation, orthogonal, scaling};
        if (options_.variance == 1) info.invariances = {translation, invertible_linear};
        // Sums of absolute values over channels depend on their axes.
        if (is_weighted()) info.invariances = {translation, permutation, scaling};
        info.has_triangle_inequality = !is_weighted();
        if (options_.summary == "mean_squared") std::swap(info.values[0], info.values[1]);
        if (is_weighted()) {
            const auto weighted = [](const char* name, const char* by, repal::Direction direction) {
                return repal::ValueInfo{.name = name,
                                        .summary = fmt::format("sum w rho / sum w, weighted by {}", by),
                                        .minimum = 0,
                                        .maximum = 1,
                                        .direction = direction};
            };
            info.values.insert(info.values.begin(), {weighted("pwcca", "both, the mean", repal::Direction::none),
                                                     weighted("pwcca_a_to_b", "a", repal::Direction::a_to_b),
                                                     weighted("pwcca_b_to_a", "b", repal::Direction::b_to_a)});
        }
        return info;
    }

 protected:
    Span features(const repal::Trajectories& x) const override {
        Span span{.shape = x.shape()};
        const repal::ThinBasis basis = repal::leading(repal::thin_basis(x.rows()), options_.variance);
        if (basis.rank() == 0) {
            span.cause = "all samples of a system are equal";
            return span;
        }
        if (basis.rank() >= x.rows().rows() - 1)
            span.cause = fmt::format(
                "{} samples do not outnumber the {} directions of a system, so that it correlates with everything; use "
                "more samples, or fewer directions (variance below 1)",
                x.rows().rows(), basis.rank());
        span.vectors = repal::Panels(basis.vectors);
        if (is_weighted()) span.channels = basis.singular_values.asDiagonal() * basis.axes.transpose();
        span.bytes += sizeof(double) * static_cast<std::size_t>(span.channels.size()) + span.vectors.bytes();
        return span;
    }

    repal::Score distance(const Span& a, const Span& b) const override {
        if (auto refused = repal::require_corresponding_rows(a.shape, b.shape)) return *refused;
        const std::string& cause = a.cause.empty() ? b.cause : a.cause;
        if (!cause.empty()) return repal::Score::without_value(repal::Status::not_applicable, cause);

        const MatrixXd product = a.vectors.transposed_times(b.vectors);
        const Eigen::BDCSVD<MatrixXd> svd(product, Eigen::ComputeThinU | Eigen::ComputeThinV);
        const VectorXd rho = svd.singularValues().cwiseMin(1);
        repal::Score score = score_of(svd, rho, a, b);
        score.curves = {{rho.data(), rho.data() + rho.size()}};
        const Index n = a.vectors.rows();
        const Index p = a.vectors.cols();
        const Index q = b.vectors.cols();
        if (p + q > n - 1)
            score.warnings = {
                fmt::format("{} of {} correlations are 1 for any data: {} samples for {} and {} "
                            "directions; use more samples, or fewer directions (variance)",
                            p + q - (n - 1), rho.size(), n, p, q)};
        else if (n < 3 * (p + q))
            score.warnings = {
                fmt::format("{} samples are few for {} and {} directions: independent noise of this size has "
                            "a mean squared correlation of about {:.2f}; use more samples, or fewer "
                            "directions (variance)",
                            n, p, q, static_cast<double>(std::max(p, q)) / static_cast<double>(n - 1))};
        return score;
    }

    repal::Score exchanged(repal::Score score) const override {
        if (is_weighted() && score.values.size() > 2) std::swap(score.values[1], score.values[2]);
        return score;
    }

 private:
    bool is_weighted() const { return options_.summary == "projection_weighted"; }

    repal::Score score_of(const Eigen::BDCSVD<MatrixXd>& svd, const VectorXd& rho, const Span& a, const Span& b) const {
        const double mean = rho.mean();
        const double mean_squared = rho.squaredNorm() / static_cast<double>(rho.size());
        const double share = static_cast<double>(rho.size()) /
                             std::sqrt(static_cast<double>(a.vectors.cols()) * static_cast<double>(b.vectors.cols()));
        repal::Score score;
        if (is_weighted()) {
            const MatrixXd of_a = svd.matrixU().transpose() * a.channels;
            const MatrixXd of_b = svd.matrixV().transpose() * b.channels;
            const double by_a = weighted(rho, of_a);
            const double by_b = weighted(rho, of_b);
            score = repal::Score::of(repal::aligned_angle((by_a + by_b) / 2, [&] {
                // 1 - rho = d^2 / 2 with d the length of the difference of two variates.
                const VectorXd apart = difference(svd, a, b).colwise().squaredNorm() / 2;
                return std::sqrt(std::max(0.0, weighted(apart, of_a) + weighted(apart, of_b)));
            }));
            score.values = {(by_a + by_b) / 2, by_a, by_b, mean, mean_squared, rho[0]};
            return score;
        }
        if (options_.summary == "mean") {
            score = repal::Score::of(repal::aligned_angle(mean * share, [&] {
                // Equal ranks, else the cosine is not near 1.
                return difference(svd, a, b).norm() / std::sqrt(static_cast<double>(rho.size()));
            }));
            score.values = {mean, mean_squared, rho[0]};
            return score;
        }
        score = repal::Score::of(repal::aligned_angle(mean_squared * share, [&] {
            // Of the projections: |P_x - P_y|^2 = 2 sum (1 - rho^2), 1 - rho^2 = (d^2 / 2) (2 - d^2 / 2).
            const Eigen::ArrayXd half = difference(svd, a, b).colwise().squaredNorm().array() / 2;
            return std::sqrt(2 * (half * (2 - half)).sum() / static_cast<double>(rho.size()));
        }));
        score.values = {mean_squared, mean, rho[0]};
        return score;
    }

    /// Of canonical variates, those of a less those of b.
    static MatrixXd difference(const Eigen::BDCSVD<MatrixXd>& svd, const Span& a, const Span& b) {
        return a.vectors.matrix() * svd.matrixU() - b.vectors.matrix() * svd.matrixV();
    }

    /// `products` of variates and channels.
    static double weighted(const VectorXd& rho, const MatrixXd& products) {
        const VectorXd weights = products.cwiseAbs().rowwise().sum();
        return weights.dot(rho) / weights.sum();
    }

    Options options_;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::MetricPlugin repal_metric = repal::metric_plugin<Cca>;
