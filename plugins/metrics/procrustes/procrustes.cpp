#include <fmt/format.h>

#include <Eigen/Core>
#include <Eigen/SVD>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

import repal.linalg;
import repal.metric;
import repal.permuted_products;
import repal.random;

namespace {

using Eigen::Index;
using Eigen::MatrixXd;

/// All samples of a system: columns centred, Frobenius norm 1.
struct Samples {
    /// The wider one comes first.
    bool precedes(const Samples& other) const {
        return x.cols() > other.x.cols() || (x.cols() == other.x.cols() && repal::precedes(x, other.x));
    }

    repal::Shape shape;
    MatrixXd x;  ///< (trial * time, channel), narrowed; empty if all samples are equal
};

constexpr double is_small = 1 - 1e-4;  // arccos is good to 1e-12 below

double nuclear_norm(const MatrixXd& x) {
    return Eigen::BDCSVD<MatrixXd>(x).singularValues().sum();
}

/// Near 0 the length of the chord has all the digits: |x - y q^T| = 2 sin(angle / 2). `product`: x^T y.
double small_angle(const MatrixXd& x, const MatrixXd& y, const MatrixXd& product) {
    const Eigen::BDCSVD<MatrixXd> svd(product, Eigen::ComputeThinU | Eigen::ComputeThinV);
    const double distance = (x - y * (svd.matrixV() * svd.matrixU().transpose())).norm();
    return 2 * std::asin(std::min(1.0, distance / 2));
}

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
    return std::acos(std::min(1.0, nuclear_norm(cross)));
}

std::string warning_of_few(Index samples, Index channels, Index other_channels) {
    return fmt::format(
        "{} samples are few for {} and {} channels: independent noise of this size is at about {:.2f} rad; "
        "use more samples or principal components",
        samples, channels, other_channels, angle_of_noise(samples, channels, other_channels));
}

/// Angular Procrustes distance: arccos(||x^T y||_* / (||x||_F ||y||_F)), columns centred, any widths (the narrower
/// one is padded with zeros, which leaves the nuclear norm as it is). Reflections are allowed.
/// Rows must correspond: the same trials and steps in both systems.
/// Source: Williams et al. 2021, eq. 7 (generalised shape metrics).
class Procrustes final : public repal::MetricOf<Samples> {
 public:
    struct Options {
        static auto table() { return std::tuple{}; }
    };

    static repal::MetricInfo info() {
        using enum repal::Invariance;
        return {.name = "procrustes",
                .version = "3",
                .summary = "angle between two systems after the best rotation and reflection",
                .source = "Williams et al. 2021, Generalized shape metrics on neural representations",
                .invariances = {translation, orthogonal, scaling},
                .has_triangle_inequality = true,
                .largest_rad = std::numbers::pi / 2,
                .corresponding = {repal::Correspondence::rows},
                .has_common_form = false,
                .options = repal::option_infos<Options>()};
    }

    explicit Procrustes(const Options&) {}

 protected:
    Samples features(const repal::Trajectories& x) const override {
        return {x.shape(), repal::narrowed(repal::centred_unit(x.rows()))};
    }

    repal::Score distance(const Samples& a, const Samples& b) const override {
        if (auto refused = repal::require_corresponding_rows(a.shape, b.shape)) return *refused;
        if (a.x.size() == 0 || b.x.size() == 0)
            return repal::Score::without_value(repal::Status::not_applicable, "all samples of a system are equal");

        const MatrixXd cross = a.x.transpose() * b.x;
        const double cosine = nuclear_norm(cross);
        if (cosine > is_small) return repal::Score::of(small_angle(a.x, b.x, cross));
        repal::Score score = repal::Score::of(std::acos(cosine));
        const auto [p, q] = std::pair(a.shape.channels, b.shape.channels);
        if (a.x.rows() < 3 * (p + q)) score.warnings = {warning_of_few(a.x.rows(), p, q)};
        return score;
    }

    std::vector<repal::Score> permuted_distances(const Samples& a, const Samples& b,
                                                 repal::TrialOrders orders) const override {
        if (a.x.size() == 0 || b.x.size() == 0 || repal::require_corresponding_rows(a.shape, b.shape)) return {};
        std::vector<repal::Score> scores(orders.size());
        repal::for_each_product(a.x, b.x, b.shape.steps, orders, [&](std::size_t i, const MatrixXd& product) {
            const double cosine = nuclear_norm(product);
            scores[i] = repal::Score::of(
                cosine <= is_small ? std::acos(cosine)
                                   : small_angle(a.x, repal::in_trial_order(b.x, b.shape.steps, orders[i]), product));
        });
        return scores;
    }
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::MetricPlugin repal_metric =
    repal::metric_plugin<Procrustes>;
