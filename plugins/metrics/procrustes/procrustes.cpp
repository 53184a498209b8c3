#include <fmt/format.h>

#include <Eigen/Core>
#include <Eigen/SVD>
#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <tuple>
#include <utility>

import repal.linalg;
import repal.metric;
import repal.random;

namespace {

using Eigen::Index;

/// All samples of a system: columns centred, Frobenius norm 1.
struct Samples {
    /// The wider one comes first.
    bool precedes(const Samples& other) const {
        return x.cols() > other.x.cols() || (x.cols() == other.x.cols() && repal::precedes(x, other.x));
    }

    repal::Shape shape;
    Eigen::MatrixXd x;  ///< (trial * time, channel), narrowed; empty if all samples are equal
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
    const Eigen::MatrixXd x = noise(p);
    const Eigen::MatrixXd cross = x.transpose() * noise(q);
    return std::acos(std::min(1.0, Eigen::BDCSVD<Eigen::MatrixXd>(cross).singularValues().sum()));
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
                .version = "2",
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

        const Eigen::MatrixXd cross = a.x.transpose() * b.x;
        const Eigen::BDCSVD<Eigen::MatrixXd> svd(cross, Eigen::ComputeThinU | Eigen::ComputeThinV);
        const double cosine = svd.singularValues().sum();
        constexpr double is_small = 1 - 1e-4;  // arccos is good to 1e-12 below
        if (cosine <= is_small) {
            repal::Score score = repal::Score::of(std::acos(cosine));
            const auto [p, q] = std::pair(a.shape.channels, b.shape.channels);
            if (a.x.rows() < 3 * (p + q)) score.warnings = {warning_of_few(a.x.rows(), p, q)};
            return score;
        }
        // Near 0 the length of the chord has all the digits: |x - y q^T| = 2 sin(angle / 2).
        const Eigen::MatrixXd rotation = svd.matrixV() * svd.matrixU().transpose();
        const double distance = (a.x - b.x * rotation).norm();
        return repal::Score::of(2 * std::asin(std::min(1.0, distance / 2)));
    }
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::MetricPlugin repal_metric =
    repal::metric_plugin<Procrustes>;
