#include <fmt/format.h>

#include <Eigen/Core>
#include <Eigen/QR>
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

namespace {

constexpr double is_small = 1 - 1e-4;  // arccos is good to 1e-12 below

/// All samples of a system: columns centred, Frobenius norm 1.
struct Samples {
    bool precedes(const Samples& other) const { return repal::precedes(x, other.x); }

    repal::Shape shape;
    Eigen::MatrixXd x;     ///< (trial * time, channel), narrowed; empty if all samples are equal
    double gram_norm = 0;  ///< ||x^T x||_F = ||x x^T||_F
};

/// Angle between the unit kernels K_x = x x^T / ||x x^T||_F and K_y, from the length of their difference. Exact for
/// small angles, where arccos would lose half of the digits. With [x y] = Q R the difference is a small matrix.
double small_angle(const Samples& a, const Samples& b) {
    const Eigen::Index width = a.x.cols() + b.x.cols();
    Eigen::MatrixXd both(a.x.rows(), width);
    both << a.x / std::sqrt(a.gram_norm), b.x / std::sqrt(b.gram_norm);
    const Eigen::HouseholderQR<Eigen::MatrixXd> qr(both);
    const Eigen::Index rank = std::min(both.rows(), width);
    const Eigen::MatrixXd r = qr.matrixQR().topRows(rank).triangularView<Eigen::Upper>();
    Eigen::VectorXd signs = Eigen::VectorXd::Ones(width);
    signs.tail(b.x.cols()).setConstant(-1);
    const double distance = (r * signs.asDiagonal() * r.transpose()).norm();
    return 2 * std::asin(std::min(1.0, distance / 2));
}

/// Of independent noise with as many samples and channels: E |Y^T X|^2 / (|X^T X| |Y^T Y|), within .002 of simulations.
std::string warning_of_few(Eigen::Index samples, Eigen::Index channels, Eigen::Index other_channels) {
    const auto n = static_cast<double>(samples);
    const auto p = static_cast<double>(channels);
    const auto q = static_cast<double>(other_channels);
    const double cka = std::sqrt(p * q / ((n - 1 + p) * (n - 1 + q)));
    return fmt::format(
        "{} samples are few for {} and {} channels: independent noise of this size has a CKA of about {:.2f}, "
        "an angle of {:.2f} rad; use more samples or principal components",
        samples, channels, other_channels, cka, std::acos(cka));
}

/// Angular centred kernel alignment: arccos(||y^T x||_F^2 / (||x^T x||_F ||y^T y||_F)), columns centred, any widths.
/// Rows must correspond: the same trials and steps in both systems.
/// Source: Kornblith et al. 2019, eq. 4 (linear CKA); Williams et al. 2021 (its angle).
class Cka final : public repal::MetricOf<Samples> {
 public:
    struct Options {
        static auto table() { return std::tuple{}; }
    };

    static repal::MetricInfo info() {
        using enum repal::Invariance;
        return {.name = "cka",
                .version = "1",
                .summary = "linear centred kernel alignment, as an angle",
                .source = "Kornblith et al. 2019, eq. 4; angle after Williams et al. 2021",
                .invariances = {translation, orthogonal, scaling},
                .has_triangle_inequality = true,
                .largest_rad = std::numbers::pi / 2,
                .corresponding = {repal::Correspondence::rows},
                .has_common_form = false,
                .options = repal::option_infos<Options>()};
    }

    explicit Cka(const Options&) {}

 protected:
    Samples features(const repal::Trajectories& x) const override {
        Eigen::MatrixXd samples = repal::narrowed(repal::centred_unit(x.rows()));
        const double gram_norm = (samples.transpose() * samples).norm();
        return {x.shape(), std::move(samples), gram_norm};
    }

    repal::Score distance(const Samples& a, const Samples& b) const override {
        if (auto refused = repal::require_corresponding_rows(a.shape, b.shape)) return *refused;
        if (a.x.size() == 0 || b.x.size() == 0)
            return repal::Score::without_value(repal::Status::not_applicable, "all samples of a system are equal");

        const double cka = (a.x.transpose() * b.x).squaredNorm() / (a.gram_norm * b.gram_norm);
        repal::Score score = repal::Score::of(cka > is_small ? small_angle(a, b) : std::acos(std::max(0.0, cka)));
        const auto [p, q] = std::pair(a.shape.channels, b.shape.channels);
        if (a.x.rows() < 3 * (p + q)) score.warnings = {warning_of_few(a.x.rows(), p, q)};
        return score;
    }

    std::vector<repal::Score> permuted_distances(const Samples& a, const Samples& b,
                                                 repal::TrialOrders orders) const override {
        if (a.x.size() == 0 || b.x.size() == 0 || repal::require_corresponding_rows(a.shape, b.shape)) return {};
        std::vector<repal::Score> scores(orders.size());
        repal::for_each_product(a.x, b.x, b.shape.steps, orders, [&](std::size_t i, const Eigen::MatrixXd& product) {
            const double cka = product.squaredNorm() / (a.gram_norm * b.gram_norm);
            if (cka <= is_small) {
                scores[i] = repal::Score::of(std::acos(std::max(0.0, cka)));
                return;
            }
            Samples permuted = b;
            permuted.x = repal::in_trial_order(b.x, b.shape.steps, orders[i]);
            scores[i] = repal::Score::of(small_angle(a, permuted));
        });
        return scores;
    }
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::MetricPlugin repal_metric = repal::metric_plugin<Cka>;
