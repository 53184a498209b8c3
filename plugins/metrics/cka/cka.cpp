#include <fmt/format.h>

#include <Eigen/Core>
#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
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
import repal.permuted_products;
import repal.sample_grid;
import repal.thin_basis;

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using repal::Option;

/// The kernel of a system: as factor factor^T, or centred as the numbers of its pairs of samples.
struct Kernel {
    bool precedes(const Kernel& other) const {
        return unit.size() > 0 ? std::ranges::lexicographical_compare(unit, other.unit) : factor.precedes(other.factor);
    }

    repal::Shape shape;
    std::string cause = {};    ///< why it cannot be compared; empty: it can
    std::string warning = {};  ///< that not all samples are in it
    std::size_t bytes = sizeof(Kernel);

    repal::Panels factor = {};  ///< (sample, direction), columns centred
    VectorXd squares = {};      ///< (sample), of its rows
    double biased = 0;          ///< |J K J|
    double debiased = 0;        ///< |U-centred K|; 0: there is none
    double own = 0;             ///< feature_corrected: <K, K> of two different channels
    VectorXd unit = {};         ///< centred kernel of norm 1: pairs of samples i < j times sqrt(2), then the diagonal
};

/// <U-centred K, U-centred L> of `product` = <J K J, J L J> and the diagonals of the centred kernels.
/// Source: Song et al. 2012, eq. 5; Szekely & Rizzo 2014.
double debiased_product(double product, const VectorXd& diagonal, const VectorXd& other) {
    const auto n = static_cast<double>(diagonal.size());
    return product - n / (n - 2) * diagonal.dot(other) + diagonal.sum() * other.sum() / ((n - 1) * (n - 2));
}

/// Sum over channels of <x_a, y_a>, the debiased products of the linear kernels of channels alone.
double product_of_channels(const MatrixXd& x, const MatrixXd& y) {
    double sum = 0;
    for (Index channel = 0; channel < x.cols(); ++channel) {
        const double product = x.col(channel).dot(y.col(channel));
        sum += debiased_product(product * product, x.col(channel).cwiseAbs2(), y.col(channel).cwiseAbs2());
    }
    return sum;
}

/// |a K - b L|, J K J or U-centred, exact where the difference is small. With [x y] = Q R it is that of a small matrix.
double length_of_difference(const Kernel& x, double a, const Kernel& y, double b, bool is_debiased) {
    const Index width = x.factor.cols() + y.factor.cols();
    MatrixXd both(x.factor.rows(), width);
    both << x.factor.matrix() * std::sqrt(a), y.factor.matrix() * std::sqrt(b);
    const Eigen::HouseholderQR<MatrixXd> qr(both);
    const Index rank = std::min(both.rows(), width);
    const MatrixXd r = qr.matrixQR().topRows(rank).triangularView<Eigen::Upper>();
    VectorXd signs = VectorXd::Ones(width);
    signs.tail(y.factor.cols()).setConstant(-1);
    const double square = (r * signs.asDiagonal() * r.transpose()).squaredNorm();
    if (!is_debiased) return std::sqrt(square);
    const VectorXd diagonal = a * x.squares - b * y.squares;
    return std::sqrt(std::max(0.0, debiased_product(square, diagonal, diagonal)));
}

/// |x_i - x_j|^2 of the samples, lower triangle.
MatrixXd squared_distances(const MatrixXd& x) {
    const Index n = x.rows();
    MatrixXd squares = MatrixXd::Zero(n, n);
    for (Index j = 0; j < n; ++j)
        for (Index channel = 0; channel < x.cols(); ++channel)
            squares.col(j).tail(n - j) += (x.col(channel).tail(n - j).array() - x(j, channel)).square().matrix();
    return squares;
}

/// Of the pairs i < j.
double median_of_pairs(const MatrixXd& lower) {
    std::vector<double> all;
    for (Index j = 0; j < lower.cols(); ++j)
        for (Index i = j + 1; i < lower.rows(); ++i) all.push_back(lower(i, j));
    const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
    std::ranges::nth_element(all, middle);
    return all.size() % 2 == 1 ? *middle : (*middle + *std::max_element(all.begin(), middle)) / 2;
}

/// Whether all pairs have the same number, up to rounding: such a kernel knows nothing.
bool is_even(const MatrixXd& lower) {
    constexpr double rounding = 1e-12;
    double least = lower(1, 0);
    double largest = least;
    for (Index j = 0; j + 1 < lower.cols(); ++j) {
        const auto below = lower.col(j).tail(lower.rows() - j - 1);
        least = std::min(least, below.minCoeff());
        largest = std::max(largest, below.maxCoeff());
    }
    return largest - least <= rounding * std::max(std::abs(least), std::abs(largest));
}

/// The centred kernel, packed and of norm 1; empty if it is 0. `lower`: the kernel below its diagonal, which is 0.
VectorXd packed(const MatrixXd& lower, bool is_debiased) {
    const Index n = lower.rows();
    const auto m = static_cast<double>(n);
    VectorXd sums = VectorXd::Zero(n);
    for (Index j = 0; j < n; ++j) {
        const auto below = lower.col(j).tail(n - j - 1);
        sums.tail(n - j - 1) += below;
        sums[j] += below.sum();
    }
    const double all = sums.sum();
    const double row_share = is_debiased ? m - 2 : m;
    const double all_share = is_debiased ? (m - 1) * (m - 2) : m * m;
    const Index pairs = n * (n - 1) / 2;
    VectorXd centred(is_debiased ? pairs : pairs + n);
    for (Index j = 0, place = 0; j < n; place += n - j - 1, ++j)
        centred.segment(place, n - j - 1) =
            std::numbers::sqrt2 * (lower.col(j).tail(n - j - 1).array() -
                                   (sums.tail(n - j - 1).array() + sums[j]) / row_share + all / all_share);
    if (!is_debiased) centred.tail(n) = all / all_share - 2 / row_share * sums.array();
    const double norm = centred.norm();
    const double rounding = 1e-13 * lower.norm();
    return norm > rounding ? VectorXd(centred / norm) : VectorXd();
}

/// What independent noise of this size scores: E |Y^T X|^2 / (|X^T X| |Y^T Y|), within .002 of simulations.
std::string warning_of_few(Index samples, Index channels, Index other_channels, bool is_linear) {
    std::string text = fmt::format("{} samples are few for {} and {} channels: independent noise of this size has ",
                                   samples, channels, other_channels);
    const auto n = static_cast<double>(samples);
    const auto p = static_cast<double>(channels);
    const auto q = static_cast<double>(other_channels);
    const double cka = std::sqrt(p * q / ((n - 1 + p) * (n - 1 + q)));
    text += is_linear ? fmt::format("a CKA of about {:.2f}, an angle of {:.2f} rad", cka, std::acos(cka))
                      : std::string("a large biased CKA, too");
    return text + "; set estimator to debiased, or use more samples or principal components";
}

/// Centred kernel alignment of the samples of two systems, as an angle: arccos(<A, B> / (|A| |B|)), A and B the centred
/// kernels. Rows must correspond: the same trials and steps in both systems.
///
/// estimator: biased, A = J K J with J = I - 11^T / n; debiased, the U-centred kernel, whose products are those of
/// the unbiased HSIC, so that noise scatters around 0. feature_corrected: linear kernels without what
/// channels have in common with themselves, for channels that are a sample of a population; with T the debiased
/// product, own(X) = (T(X, X) - sum_a T(x_a, x_a)) / (p (p - 1)) and CKA = T(X, Y) / (p q) / sqrt(own(X) own(Y)).
///
/// kernel: linear, xc_i . xc_j; rbf, exp(-|x_i - x_j|^2 / (2 bandwidth^2 m)), m the median of |x_i - x_j|^2; distance,
/// -|x_i - x_j| / 2; ridge, U diag(s^2 / (s^2 + ridge)) U^T of X = U S V^T with |S| = 1.
///
/// Source: Kornblith et al. 2019, eq. 4 (linear, rbf); Williams et al. 2021 (its angle); Szekely & Rizzo 2014 and
/// Nguyen et al. 2021 (debiased); Chun et al. 2025 (feature_corrected); Boix-Adsera et al. 2022 (ridge: GULP).
class Cka final : public repal::MetricOf<Kernel> {
 public:
    struct Options {
        std::string kernel = "linear";
        std::string estimator = "biased";
        double bandwidth = 1;
        double ridge = 0.01;
        bool same_channels = false;
        std::int64_t max_samples = 2000;

        static auto table() {
            return std::tuple{
                Option{&Options::kernel,
                       {.name = "kernel",
                        .summary = "linear; rbf and distance: of the distances of samples; ridge: what a ridge "
                                   "regression on the system can predict",
                        .choices = {"linear", "rbf", "distance", "ridge"}}},
                Option{&Options::estimator,
                       {.name = "estimator",
                        .summary = "biased; debiased: noise is at 0 on average; feature_corrected: debiased, and for "
                                   "recorded channels that are a sample of many",
                        .choices = {"biased", "debiased", "feature_corrected"}}},
                Option{&Options::bandwidth,
                       {.name = "bandwidth",
                        .summary = "of rbf, in units of the root of the median squared distance",
                        .minimum = 1e-6,
                        .maximum = 1e6}},
                Option{&Options::ridge,
                       {.name = "ridge",
                        .summary = "of the kernel ridge, where the mean squared norm of a sample is 1",
                        .minimum = 0,
                        .maximum = 1e8}},
                Option{&Options::same_channels,
                       {.name = "same_channels",
                        .summary = "feature_corrected of the same channels twice: what they share with themselves is "
                                   "left out"}},
                Option{&Options::max_samples,
                       {.name = "max_samples",
                        .summary = "of rbf and distance, evenly spaced, of all",
                        .minimum = 4,
                        .maximum = 20'000}}};
        }
    };

    static repal::MetricInfo info() {
        using enum repal::Invariance;
        return Cka(Options()).described(
            {.name = "cka",
             .version = "2",
             .family = repal::Family::geometry,
             .summary = "centred kernel alignment, as an angle",
             .source = "Kornblith et al. 2019, eq. 4; angle after Williams et al. 2021; debiased: Szekely & "
                       "Rizzo 2014; feature_corrected: Chun et al. 2025; ridge: Boix-Adsera et al. 2022",
             .invariances = {translation, orthogonal, scaling},
             .has_triangle_inequality = true,
             .corresponding = {repal::Correspondence::rows},
             .has_common_form = false,
             .options = repal::option_infos<Options>()});
    }

    explicit Cka(Options options) : options_(std::move(options)) {
        if (is_corrected() && options_.kernel != "linear")
            throw repal::InputError("", fmt::format("estimator feature_corrected with the kernel {}", options_.kernel),
                                    "it is defined for the linear kernel");
        if (options_.kernel != "rbf" && options_.bandwidth != Options{}.bandwidth)
            throw repal::InputError("", fmt::format("bandwidth with the kernel {}", options_.kernel), "it is of rbf");
        if (options_.kernel != "ridge" && options_.ridge != Options{}.ridge)
            throw repal::InputError("", fmt::format("ridge with the kernel {}", options_.kernel), "it is of ridge");
        if (!is_corrected() && options_.same_channels != Options{}.same_channels)
            throw repal::InputError("", fmt::format("same_channels with the estimator {}", options_.estimator),
                                    "it is of feature_corrected");
    }

    Index least_steps() const override { return 1; }

    repal::MetricInfo described(repal::MetricInfo info) const override {
        using enum repal::Invariance;
        info.invariances = {translation, orthogonal, scaling};
        if (is_corrected()) info.invariances = {translation, permutation, scaling};
        if (options_.kernel == "ridge" && options_.ridge == 0) info.invariances = {translation, invertible_linear};
        info.has_triangle_inequality = !is_corrected();
        info.largest_rad = is_biased() ? std::numbers::pi / 2 : std::numbers::pi;
        info.most_samples = is_factored() ? 0 : options_.max_samples;
        const repal::ValueInfo cka{.name = "cka", .summary = "<A, B> / (|A| |B|)", .minimum = 0, .maximum = 1};
        const repal::ValueInfo debiased{
            .name = "cka_debiased", .summary = "the same, U-centred: noise is at 0", .minimum = -1, .maximum = 1};
        info.values = {is_biased() ? cka : debiased};
        if (is_factored()) info.values.push_back(is_biased() ? debiased : cka);
        if (is_corrected())
            info.values.insert(info.values.begin(), {.name = "cka_feature_corrected",
                                                     .summary = "of populations that the channels are a sample of"});
        if (options_.kernel == "distance" && is_biased())
            info.values.push_back({.name = "distance_correlation", .summary = "sqrt(cka)", .minimum = 0, .maximum = 1});
        if (options_.kernel == "ridge")
            info.values.push_back({.name = "gulp",
                                   .summary = "|H_x - H_y|, H the ridge hat matrix",
                                   .minimum = 0,
                                   .larger_is_alike = false});
        return info;
    }

 protected:
    Kernel features(const repal::Trajectories& x) const override {
        Kernel kernel = is_factored() ? factored(x) : of_pairs(x);
        kernel.bytes += sizeof(double) * static_cast<std::size_t>(kernel.unit.size()) + kernel.factor.bytes();
        return kernel;
    }

    repal::Score distance(const Kernel& a, const Kernel& b) const override {
        if (auto refused = refusal(a, b)) return *refused;
        if (!is_factored()) {
            const double angle = repal::angle_between(a.unit, b.unit);
            repal::Score score = repal::Score::of(angle);
            score.values = {a.unit.dot(b.unit)};
            if (options_.kernel == "distance" && is_biased())
                score.values.push_back(std::sqrt(std::max(0.0, score.values[0])));
            return warned(std::move(score), a, b);
        }
        const double product = a.factor.transposed_times(b.factor).squaredNorm();
        repal::Score score = score_of(product, a, b);
        if (options_.kernel == "ridge") score.values.push_back(gulp(product, a, b));
        return warned(std::move(score), a, b);
    }

    std::vector<repal::Score> permuted_distances(const Kernel& a, const Kernel& b,
                                                 repal::TrialOrders orders) const override {
        if (!is_factored() || is_corrected() || refusal(a, b)) return {};
        std::vector<repal::Score> scores(orders.size());
        const MatrixXd factor = b.factor.matrix();
        repal::for_each_product(
            a.factor.matrix(), factor, b.shape.steps, orders, [&](std::size_t i, const MatrixXd& product) {
                Kernel permuted{.shape = b.shape,
                                .squares = repal::in_trial_order(b.squares, b.shape.steps, orders[i]),
                                .biased = b.biased,
                                .debiased = b.debiased};
                if (is_close(product.squaredNorm(), a, permuted))
                    permuted.factor = repal::Panels(repal::in_trial_order(factor, b.shape.steps, orders[i]));
                scores[i] = score_of(product.squaredNorm(), a, permuted);
            });
        return scores;
    }

 private:
    bool is_biased() const { return options_.estimator == "biased"; }
    bool is_corrected() const { return options_.estimator == "feature_corrected"; }
    bool is_factored() const { return options_.kernel == "linear" || options_.kernel == "ridge"; }

    Kernel factored(const repal::Trajectories& x) const {
        Kernel kernel{.shape = x.shape()};
        MatrixXd factor;
        if (options_.kernel == "linear") {
            factor = repal::centred_unit(x.rows());
            if (!is_corrected()) factor = repal::narrowed(std::move(factor));
        } else {
            const repal::ThinBasis basis = repal::thin_basis(x.rows());
            if (options_.ridge == 0 && basis.rank() >= x.rows().rows() - 1)
                kernel.cause = fmt::format(
                    "{} samples do not outnumber the channels: without a ridge, any system of this size predicts all",
                    x.rows().rows());
            const auto s2 = basis.singular_values.array().square();
            factor = basis.vectors * (s2 / (s2 + options_.ridge)).sqrt().matrix().asDiagonal();
        }
        if (factor.size() == 0) {
            kernel.cause = "all samples of a system are equal";
            return kernel;
        }
        kernel.factor = repal::Panels(factor);
        kernel.squares = factor.rowwise().squaredNorm();
        kernel.biased = kernel.factor.transposed_times(kernel.factor).norm();
        if (kernel.squares.size() < 4) {
            if (!is_biased()) kernel.cause = "a debiased estimate needs four samples";
            return kernel;
        }
        const double square = kernel.biased * kernel.biased;
        const double debiased = debiased_product(square, kernel.squares, kernel.squares);
        constexpr double rounding = 1e-13;
        if (debiased > rounding * square) kernel.debiased = std::sqrt(debiased);
        if (!is_biased() && kernel.debiased == 0) kernel.cause = "all samples of a system are equally far apart";
        if (is_corrected()) correct(debiased, factor, kernel);
        return kernel;
    }

    static void correct(double product, const MatrixXd& factor, Kernel& kernel) {
        const auto p = static_cast<double>(kernel.factor.cols());
        if (kernel.factor.cols() > 1) kernel.own = (product - product_of_channels(factor, factor)) / (p * (p - 1));
        if (!(kernel.own > 0))
            kernel.cause = fmt::format(
                "{} channels are too few for the dimension of the data: what different channels "
                "share is not above 0",
                kernel.factor.cols());
    }

    Kernel of_pairs(const repal::Trajectories& x) const {
        const repal::GridSamples samples = repal::grid_samples(x, options_.max_samples);
        Kernel kernel{.shape = x.shape(), .warning = samples.warning};
        const MatrixXd unit = repal::narrowed(repal::centred_unit(samples.rows));
        kernel.squares.resize(samples.rows.rows());  // for their number
        if (unit.size() == 0) {
            kernel.cause = "all samples of a system are equal";
            return kernel;
        }
        if (unit.rows() < 4 && !is_biased()) {
            kernel.cause = "a debiased estimate needs four samples";
            return kernel;
        }
        MatrixXd lower = squared_distances(unit);
        if (options_.kernel == "rbf") {
            const double median = median_of_pairs(lower);
            if (!(median > 0)) {
                kernel.cause = "half of the pairs of samples of a system coincide: rbf has no bandwidth";
                return kernel;
            }
            // Minus 1, which centring takes off: nothing cancels where the bandwidth is wide.
            lower = lower.unaryExpr([scale = -1 / (2 * options_.bandwidth * options_.bandwidth * median)](
                                        double square) { return std::expm1(scale * square); });
        } else {
            lower = -lower.cwiseSqrt() / 2;
        }
        if (is_even(lower)) {
            kernel.cause = "all samples of a system are equally far apart";
            return kernel;
        }
        kernel.unit = packed(lower, !is_biased());
        if (kernel.unit.size() == 0) kernel.cause = "all samples of a system are equally far apart";
        return kernel;
    }

    std::optional<repal::Score> refusal(const Kernel& a, const Kernel& b) const {
        if (auto refused = repal::require_corresponding_rows(a.shape, b.shape)) return refused;
        if (options_.same_channels && is_corrected())
            if (auto refused = repal::require_corresponding_channels(a.shape, b.shape)) return refused;
        const std::string& cause = a.cause.empty() ? b.cause : a.cause;
        if (!cause.empty()) return repal::Score::without_value(repal::Status::not_applicable, cause);
        return {};
    }

    double cosine(double product, const Kernel& a, const Kernel& b) const {
        return is_biased() ? product / (a.biased * b.biased)
                           : debiased_product(product, a.squares, b.squares) / (a.debiased * b.debiased);
    }

    bool is_close(double product, const Kernel& a, const Kernel& b) const {
        constexpr double needs_data = 1 - 2e-4;  // a little more than aligned_angle() asks for
        return cosine(product, a, b) > needs_data;
    }

    /// `product`: |x^T y|^2 of the factors.
    repal::Score score_of(double product, const Kernel& a, const Kernel& b) const {
        if (is_corrected()) return corrected(product, a, b);
        const double same = cosine(product, a, b);
        const double least = is_biased() ? 0 : -1;
        repal::Score score = repal::Score::of(repal::aligned_angle(std::max(least, same), [&] {
            return is_biased() ? length_of_difference(a, 1 / a.biased, b, 1 / b.biased, false)
                               : length_of_difference(a, 1 / a.debiased, b, 1 / b.debiased, true);
        }));
        score.values = {std::clamp(same, least, 1.0), other_cka(product, a, b)};
        return score;
    }

    static double gulp(double product, const Kernel& a, const Kernel& b) {
        constexpr double cancels = 1e-4;
        const double all = a.biased * a.biased + b.biased * b.biased;
        const double square = all - 2 * product;
        return square > cancels * all ? std::sqrt(square) : length_of_difference(a, 1, b, 1, false);
    }

    /// CKA by the estimator that makes no angle.
    double other_cka(double product, const Kernel& a, const Kernel& b) const {
        if (!is_biased()) return std::min(1.0, product / (a.biased * b.biased));
        if (a.debiased == 0 || b.debiased == 0) return std::numeric_limits<double>::quiet_NaN();
        return std::clamp(debiased_product(product, a.squares, b.squares) / (a.debiased * b.debiased), -1.0, 1.0);
    }

    repal::Score corrected(double product, const Kernel& a, const Kernel& b) const {
        const auto p = static_cast<double>(a.factor.cols());
        const auto q = static_cast<double>(b.factor.cols());
        double shared = debiased_product(product, a.squares, b.squares);
        if (options_.same_channels)
            shared = (shared - product_of_channels(a.factor.matrix(), b.factor.matrix())) / (p * (p - 1));
        else
            shared /= p * q;
        const double cka = shared / std::sqrt(a.own * b.own);
        repal::Score score = repal::Score::of(std::acos(std::clamp(cka, -1.0, 1.0)));
        score.values = {cka, debiased_product(product, a.squares, b.squares) / (a.debiased * b.debiased),
                        std::min(1.0, product / (a.biased * b.biased))};
        if (std::abs(cka) > 1)
            score.warnings = {
                "the corrected CKA, a ratio of estimates, is outside -1 and 1; its angle is that of the end"};
        return score;
    }

    repal::Score warned(repal::Score score, const Kernel& a, const Kernel& b) const {
        const auto [p, q] = std::pair(a.shape.channels, b.shape.channels);
        if (is_biased() && a.squares.size() < 3 * (p + q))
            score.warnings.push_back(warning_of_few(a.squares.size(), p, q, options_.kernel == "linear"));
        return score;
    }

    Options options_;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::MetricPlugin repal_metric = repal::metric_plugin<Cka>;
