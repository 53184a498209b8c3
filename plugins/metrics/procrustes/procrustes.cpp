#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

import repal.linalg;
import repal.metric;
import repal.panels;
import repal.permuted_products;
import repal.random;
import repal.thin_basis;

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using repal::Option;

/// What is aligned of a system.
struct Features {
    /// The wider one comes first.
    bool precedes(const Features& other) const {
        return phi.cols() > other.phi.cols() || (phi.cols() == other.phi.cols() && phi.precedes(other.phi));
    }

    repal::Shape shape;
    repal::Panels phi = {};   ///< (sample, direction) of norm 1; empty: see cause
    std::string cause = {};   ///< why it cannot be compared
    double norm = 0;          ///< of the centred samples, in their unit
    repal::Panels unit = {};  ///< these with norm 1, if phi is not
    std::size_t bytes = 0;
};

/// The angle of independent noise of a shape: of one draw of it, smaller where it is large, for it depends on the
/// proportions alone.
double angle_of_noise(Index n, Index p, Index q) {
    constexpr double largest = 50;
    const double scale = std::min(1.0, largest / static_cast<double>(std::max(p, q)));
    const auto scaled = [&](Index size) {
        return std::max<Index>(2, static_cast<Index>(std::lround(scale * static_cast<double>(size))));
    };
    repal::Stream draws = repal::Stream(0).child("noise");
    const auto noise = [&](Index channels) {
        repal::RowMatrix rows(scaled(n), scaled(channels));
        for (double& value : rows.reshaped()) value = draws.normal();
        return repal::centred_unit(rows);
    };
    const MatrixXd x = noise(p);
    const MatrixXd cross = x.transpose() * noise(q);
    return std::acos(std::min(1.0, repal::nuclear_norm(cross)));
}

std::string warning_of_few(Index samples, Index channels, Index other_channels) {
    return fmt::format(
        "{} samples are few for {} and {} channels: independent noise of this size is at about {:.2f} rad; "
        "use more samples or principal components",
        samples, channels, other_channels, angle_of_noise(samples, channels, other_channels));
}

/// |x - y Q| with the best Q: near 0 it has all the digits that the cosine lacks. `product`: x^T y.
double distance_of_aligned(const MatrixXd& x, const MatrixXd& y, const MatrixXd& product) {
    return (x - y * repal::polar_factor(product).transpose()).norm();
}

/// Generalised shape metric: arccos(|phi(X)^T phi(Y)|_* / (|phi(X)| |phi(Y)|)), columns centred, any widths (the
/// narrower one is padded with zeros, which leaves the nuclear norm as it is). Reflections are allowed. Of X = U S V^T,
/// phi(X) = U g(S) by `whitening`: mix, g(s) = alpha s + 1 - alpha, s scaled to a mean square of 1 (`scaled`), or
/// power, g(s) = s^alpha. alpha 1: the angular Procrustes distance; alpha 0: canonical correlations alone. Rows must
/// correspond: the same trials and steps in both systems. Source: Williams et al. 2021, eqs. 7, 11 (generalised shape
/// metrics); Harvey et al. 2024 (its cosine is the normalised Bures similarity).
class Procrustes final : public repal::MetricOf<Features> {
 public:
    struct Options {
        double alpha = 1;
        std::string whitening = "mix";
        bool scaled = true;

        static auto table() {
            return std::tuple{
                Option{&Options::alpha,
                       {.name = "alpha",
                        .summary = "1: Procrustes; 0: all directions count alike, as in canonical correlations",
                        .minimum = 0,
                        .maximum = 1}},
                Option{&Options::whitening,
                       {.name = "whitening",
                        .summary = "what alpha does to singular values s: alpha s + 1 - alpha, or s^alpha",
                        .choices = {"mix", "power"}}},
                Option{&Options::scaled,
                       {.name = "scaled",
                        .summary = "mix only: bring s to a mean square of 1 before, so that the scale of the data does "
                                   "not matter"}}};
        }
    };

    static repal::MetricInfo info() {
        return Procrustes(Options()).described(
            {.name = "procrustes",
             .version = "5",
             .family = repal::Family::geometry,
             .summary = "angle between two systems after the best rotation and reflection",
             .source = "Williams et al. 2021, Generalized shape metrics on neural representations",
             .invariances = {},
             .has_triangle_inequality = true,
             .largest_rad = std::numbers::pi / 2,
             .corresponding = {repal::Correspondence::rows},
             .has_common_form = false,
             .values = {{.name = "nbs",
                         .summary = "normalised Bures similarity, the cosine at alpha 1, whatever alpha is",
                         .minimum = 0,
                         .maximum = 1},
                        {.name = "size_and_shape",
                         .summary = "|X - Y Q| at the best Q, the Bures distance of the kernels",
                         .unit = "of the data",
                         .minimum = 0,
                         .larger_is_alike = false}},
             .options = repal::option_infos<Options>()});
    }

    explicit Procrustes(Options options) : options_(std::move(options)) {
        const auto refuse = [](const char* option, const char* of) {
            throw repal::InputError("", fmt::format("{} does nothing here", option), of);
        };
        if (is_plain() && options_.whitening != "mix") refuse("whitening", "it is of alpha below 1");
        if (!options_.scaled && (is_plain() || options_.whitening == "power"))
            refuse("scaled", "it is of alpha below 1 and whitening mix");
    }

    Index least_steps() const override { return 1; }

    repal::MetricInfo described(repal::MetricInfo info) const override {
        using enum repal::Invariance;
        info.invariances = {translation, orthogonal, scaling};
        if (options_.alpha == 0) info.invariances = {translation, invertible_linear};
        if (!is_plain())
            info.values.insert(
                info.values.begin(),
                {.name = "cosine", .summary = "of the angle, at this alpha", .minimum = 0, .maximum = 1});
        if (!is_plain() && options_.alpha > 0 && options_.whitening == "mix" && !options_.scaled)
            info.invariances = {translation, orthogonal};
        return info;
    }

 protected:
    Features features(const repal::Trajectories& x) const override {
        Features features{.shape = x.shape(), .norm = repal::centred_norm(x.rows())};
        const MatrixXd unit = repal::narrowed(repal::centred_unit(x.rows()));
        if (unit.size() == 0) {
            features.cause = "all samples of a system are equal";
            return features;
        }
        if (is_plain()) {
            features.phi = repal::Panels(unit);
            return features;
        }
        features.unit = repal::Panels(unit);
        const repal::ThinBasis basis = repal::thin_basis(x.rows());
        if (options_.alpha == 0 && basis.rank() >= x.rows().rows() - 1) {
            features.cause = fmt::format(
                "{} samples do not outnumber the channels: without singular values all systems of this size are equal",
                x.rows().rows());
            return features;
        }
        const MatrixXd phi = basis.vectors * weights(basis).asDiagonal();
        features.phi = repal::Panels(phi / phi.norm());
        features.bytes = features.phi.bytes() + features.unit.bytes();
        return features;
    }

    repal::Score distance(const Features& a, const Features& b) const override {
        if (auto refused = refusal(a, b)) return *refused;
        repal::Score score = score_of(a.phi, b.phi);
        const repal::Score plain = is_plain() ? score : score_of(a.unit, b.unit);
        if (!is_plain()) score.values.push_back(plain.values[0]);
        score.values.push_back(size_and_shape(a.norm, b.norm, plain.angle_rad));
        const auto [p, q] = std::pair(a.shape.channels, b.shape.channels);
        if (a.phi.rows() < 3 * (p + q)) score.warnings = {warning_of_few(a.phi.rows(), p, q)};
        return score;
    }

    std::vector<repal::Score> permuted_distances(const Features& a, const Features& b,
                                                 repal::TrialOrders orders) const override {
        if (refusal(a, b)) return {};
        std::vector<repal::Score> scores(orders.size());
        const MatrixXd x = a.phi.matrix();
        const MatrixXd y = b.phi.matrix();
        repal::for_each_product(x, y, b.shape.steps, orders, [&](std::size_t i, const MatrixXd& product) {
            const double cosine = repal::nuclear_norm(product);
            scores[i] = repal::Score::of(repal::aligned_angle(cosine, [&] {
                return distance_of_aligned(x, repal::in_trial_order(y, b.shape.steps, orders[i]), product);
            }));
        });
        return scores;
    }

 private:
    bool is_plain() const { return options_.alpha == 1; }

    Eigen::VectorXd weights(const repal::ThinBasis& basis) const {
        Eigen::VectorXd s = basis.singular_values;
        if (options_.whitening == "power") return s.array().pow(options_.alpha);
        s *= options_.scaled ? std::sqrt(static_cast<double>(basis.rank())) : basis.norm;
        return options_.alpha * s.array() + (1 - options_.alpha);
    }

    static std::optional<repal::Score> refusal(const Features& a, const Features& b) {
        if (auto refused = repal::require_corresponding_rows(a.shape, b.shape)) return refused;
        const std::string& cause = a.cause.empty() ? b.cause : a.cause;
        if (!cause.empty()) return repal::Score::without_value(repal::Status::not_applicable, cause);
        return {};
    }

    /// The angle, and the cosine as a value.
    static repal::Score score_of(const repal::Panels& x, const repal::Panels& y) {
        const MatrixXd product = x.transposed_times(y);
        const double cosine = repal::nuclear_norm(product);
        repal::Score score = repal::Score::of(
            repal::aligned_angle(cosine, [&] { return distance_of_aligned(x.matrix(), y.matrix(), product); }));
        score.values = {std::min(1.0, cosine)};
        return score;
    }

    /// |X - Y Q|^2 = (|X| - |Y|)^2 + 2 |X| |Y| (1 - cos(angle)).
    static double size_and_shape(double norm, double other_norm, double angle_rad) {
        return std::hypot(norm - other_norm, 2 * std::sqrt(norm) * std::sqrt(other_norm) * std::sin(angle_rad / 2));
    }

    Options options_;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::MetricPlugin repal_metric =
    repal::metric_plugin<Procrustes>;
