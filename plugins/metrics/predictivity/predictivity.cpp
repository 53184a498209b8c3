#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

import repal.linalg;
import repal.metric;
import repal.panels;
import repal.thin_basis;

namespace {

using Eigen::ArrayXd;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using repal::Option;
using repal::Panels;

/// A system as source of one fold: the regression on its training rows X = norm U S V^T, which are centred.
struct Fold {
    std::vector<Index> training;  ///< rows
    std::vector<Index> held_out;
    Panels vectors;        ///< U (training row, rank)
    ArrayXd squares;       ///< S^2, of sum 1
    MatrixXd coordinates;  ///< (held-out row, rank): (x - training mean) V S^-1 / norm

    // Of several ridges, how much larger the error of a row is when that row is left out, squared: W.
    MatrixXd weights;             ///< (training row, ridge) 1 / (1 - 1/n - leverage)^2; all 0: a row is fitted exactly
    std::vector<VectorXd> grams;  ///< of a ridge: lower triangle of U^T W U, column by column, what is beside the
                                  ///< diagonal twice, for both triangles; empty: W is so uneven that errors are to be
                                  ///< summed one by one
};

/// Samples as target, and folds as source.
struct Samples {
    bool precedes(const Samples& other) const { return repal::precedes(rows, other.rows); }

    repal::Shape shape;
    std::string cause = {};  ///< why it cannot be compared; empty: it can
    MatrixXd rows = {};      ///< (trial * time, channel), columns centred, of norm 1
    std::vector<Fold> folds = {};
    std::size_t bytes = sizeof(Samples);
};

MatrixXd chosen(const MatrixXd& rows, const std::vector<Index>& indices) {
    return rows(indices, Eigen::all);
}

/// How much of the channels of one system another one tells.
struct Prediction {
    double error = 0;  ///< sum of squares, of all channels and held-out rows
    double total = 0;  ///< the same of the training mean instead
    double r2_channel_mean = 0;
    double pearson_mean = 0;
    double pearson_median = 0;
};

double pearson(const VectorXd& x, const VectorXd& y) {
    const VectorXd a = x.array() - x.mean();
    const VectorXd b = y.array() - y.mean();
    const double norms = a.norm() * b.norm();
    return norms > 0 ? a.dot(b) / norms : 0;
}

double median(std::vector<double> values) {
    std::ranges::sort(values);
    const std::size_t n = values.size();
    return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/// How well the samples of one system are told from those of the other by ridge regression, in both directions.
///
/// B = (X^T X + ridge u I)^-1 X^T Y on training rows, centred by their means, u = |X|^2 / p; R^2 = 1 - sum |Y - Yhat|^2
/// / sum |Y - training mean|^2, sums over channels and held-out rows. Folds are of whole trials, trial k in fold k mod
/// folds; of a single trial they are blocks of time. Of several ridges each fold takes the one with the least
/// leave-one-out error on its training rows, e / (1 - 1/n - h) with the leverage h; of equal ones the largest.
/// angle = arccos(sqrt(R^2)), R^2 the mean of both directions, at most pi/2. In sample and without a ridge, sqrt(R^2)
/// is the cosine of Y and its projection on what X spans.
///
/// Source: Hastie, Tibshirani & Friedman 2009, sections 3.4.1 and 7.10 (ridge, leave-one-out); Yamins et al. 2014
/// (use).
class Predictivity final : public repal::MetricOf<Samples> {
 public:
    struct Options {
        std::vector<double> ridge = {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100, 1000};
        std::int64_t folds = 5;

        static auto table() {
            return std::tuple{
                Option{&Options::ridge,
                       {.name = "ridge",
                        .unit = "mean eigenvalue of X^T X",
                        .summary = "of several the one with the least leave-one-out error",
                        .minimum = 0}},
                Option{&Options::folds,
                       {.name = "folds", .summary = "1: in sample, with one ridge", .minimum = 1, .maximum = 1000}}};
        }
    };

    static repal::MetricInfo info() {
        using enum repal::Invariance;
        repal::MetricInfo info{
            .name = "predictivity",
            .version = "2",
            .family = repal::Family::predictive,
            .summary = "how well one system tells the other by cross-validated ridge regression",
            .source = "Hastie, Tibshirani & Friedman 2009, sections 3.4.1 and 7.10; Yamins et al. 2014",
            .invariances = {translation, orthogonal, scaling},
            .largest_rad = std::numbers::pi / 2,
            .corresponding = {repal::Correspondence::rows},
            .has_common_form = false,
            .depends_on_size = true,  // fewer samples tell less, and without some others share a fold
            .values = {{.name = "r2", .summary = "mean of both directions", .maximum = 1}},
            .options = repal::option_infos<Options>()};
        const auto add = [&](const std::string& name, const std::string& summary, double least) {
            const std::array ways = {std::pair("a_to_b", repal::Direction::a_to_b),
                                     std::pair("b_to_a", repal::Direction::b_to_a)};
            for (const auto& [way, direction] : ways)
                info.values.push_back({.name = fmt::format("{}_{}", name, way),
                                       .summary = summary,
                                       .minimum = least,
                                       .maximum = 1,
                                       .direction = direction});
        };
        constexpr double infinite = std::numeric_limits<double>::infinity();
        add("r2", "share of the variance that is told", -infinite);
        add("r2_channel_mean", "mean of channels' own R^2", -infinite);
        add("pearson_mean", "mean over channels", -1);
        add("pearson_median", "median over channels", -1);
        return info;
    }

    explicit Predictivity(Options options) : options_(std::move(options)) {
        if (options_.ridge.empty()) throw repal::InputError("", "no ridge is given", "e.g. 0.1, or [0.1, 1]");
        if (options_.folds == 1 && options_.ridge.size() > 1)
            throw repal::InputError("", fmt::format("folds 1 with {} ridges", options_.ridge.size()),
                                    "in sample the smallest ridge is always the best one: give one, e.g. ridge=0.1");
    }

    Index least_steps() const override { return 1; }

 protected:
    Samples features(const repal::Trajectories& x) const override {
        Samples samples{.shape = x.shape(), .rows = repal::centred_unit(x.rows())};
        if (samples.rows.size() == 0) {
            samples.cause = "all samples of a system are equal";
            return samples;
        }
        for (Index channel = 0; channel < samples.rows.cols(); ++channel)  // of rounding nothing is told
            if (x.rows().col(channel).minCoeff() == x.rows().col(channel).maxCoeff())
                samples.rows.col(channel).setZero();

        const MatrixXd narrow = repal::narrowed(samples.rows);
        for (const std::vector<Index>& held_out : folds_of(x.shape())) {
            Fold fold = fold_of(held_out, narrow, samples.rows.cols());
            if (fold.training.size() < 3)
                samples.cause =
                    fmt::format("{} samples leave {} to fit to: three are needed", narrow.rows(), fold.training.size());
            else if (options_.folds == 1 && fold.squares.size() >= narrow.rows() - 1)
                samples.cause = fmt::format(
                    "{} samples do not outnumber the channels: in sample they tell any data; use more folds",
                    narrow.rows());
            samples.bytes += bytes_of(fold);
            samples.folds.push_back(std::move(fold));
        }
        samples.bytes += sizeof(double) * static_cast<std::size_t>(samples.rows.size());
        return samples;
    }

    repal::Score distance(const Samples& a, const Samples& b) const override {
        if (auto refused = repal::require_corresponding_rows(a.shape, b.shape)) return *refused;
        const std::string& cause = a.cause.empty() ? b.cause : a.cause;
        if (!cause.empty()) return repal::Score::without_value(repal::Status::not_applicable, cause);

        const Prediction to_b = predicted(a, b);
        const Prediction to_a = predicted(b, a);
        // 1 - R^2, exact where R^2 is near 1.
        const double left = (to_b.error / to_b.total + to_a.error / to_a.total) / 2;
        repal::Score score = repal::Score::of(std::asin(std::sqrt(std::min(1.0, left))));
        score.values = {1 - left,
                        1 - to_b.error / to_b.total,
                        1 - to_a.error / to_a.total,
                        to_b.r2_channel_mean,
                        to_a.r2_channel_mean,
                        to_b.pearson_mean,
                        to_a.pearson_mean,
                        to_b.pearson_median,
                        to_a.pearson_median};
        if (left > 1) score.warnings = {"they tell each other no better than their means do: the angle is pi/2"};
        return score;
    }

    repal::Score exchanged(repal::Score score) const override {
        return repal::exchanged(std::move(score), info().values);
    }

 private:
    static std::size_t bytes_of(const Fold& fold) {
        Index numbers = fold.coordinates.size() + fold.weights.size();
        for (const VectorXd& gram : fold.grams) numbers += gram.size();
        return fold.vectors.bytes() + sizeof(double) * static_cast<std::size_t>(numbers);
    }

    /// The rows that each fold holds out.
    std::vector<std::vector<Index>> folds_of(const repal::Shape& shape) const {
        const Index units = shape.trials > 1 ? shape.trials : shape.steps;
        const Index folds = std::min<Index>(options_.folds, units);
        std::vector<std::vector<Index>> held_out(static_cast<std::size_t>(folds));
        for (Index row = 0; row < shape.trials * shape.steps; ++row) {
            const Index fold = shape.trials > 1 ? row / shape.steps % folds : row * folds / shape.steps;
            held_out[static_cast<std::size_t>(fold)].push_back(row);
        }
        return held_out;
    }

    Fold fold_of(const std::vector<Index>& held_out, const MatrixXd& rows, Index channels) const {
        Fold fold;
        fold.held_out = held_out;
        const bool is_in_sample = std::ssize(held_out) == rows.rows();
        for (Index row = 0, next = 0; row < rows.rows(); ++row) {
            const bool is_held_out = next < std::ssize(held_out) && held_out[static_cast<std::size_t>(next)] == row;
            next += is_held_out ? 1 : 0;
            if (!is_held_out || is_in_sample) fold.training.push_back(row);
        }
        const repal::RowMatrix training = chosen(rows, fold.training);
        const repal::ThinBasis basis = repal::thin_basis(training);
        fold.vectors = Panels(basis.vectors);
        fold.squares = basis.singular_values.array().square();
        const MatrixXd centred = chosen(rows, held_out).rowwise() - training.colwise().mean();
        if (basis.rank() > 0)
            fold.coordinates = centred * basis.axes * (basis.norm * basis.singular_values).cwiseInverse().asDiagonal();
        else
            fold.coordinates.resize(centred.rows(), 0);
        if (options_.ridge.size() > 1) leave_out(fold, basis.vectors, channels);
        return fold;
    }

    static VectorXd packed(const MatrixXd& symmetric) {
        const Index n = symmetric.rows();
        VectorXd values(n * (n + 1) / 2);
        for (Index column = 0, place = 0; column < n; place += n - column, ++column) {
            values.segment(place, n - column) = 2 * symmetric.col(column).tail(n - column);
            values[place] /= 2;
        }
        return values;
    }

    /// The ridge of a source of so many channels, in units of |X|^2.
    double ridge_at(std::size_t i, Index channels) const { return options_.ridge[i] / static_cast<double>(channels); }

    /// Fills in what errors of rows that are left out need. `vectors`: U.
    void leave_out(Fold& fold, const MatrixXd& vectors, Index channels) const {
        constexpr double is_exact = 1e-12;
        constexpr double is_uneven = 1e-3;  // weights of 1e6, which would leave ten digits of a difference of sums
        fold.weights = MatrixXd::Zero(vectors.rows(), std::ssize(options_.ridge));
        fold.grams.resize(options_.ridge.size());
        if (vectors.size() == 0) return;
        const MatrixXd squared = vectors.cwiseAbs2();
        for (std::size_t i = 0; i < options_.ridge.size(); ++i) {
            const VectorXd shrunk = fold.squares / (fold.squares + ridge_at(i, channels));
            const VectorXd left = 1 - 1 / static_cast<double>(vectors.rows()) - (squared * shrunk).array();
            if (left.minCoeff() < is_exact) continue;
            fold.weights.col(static_cast<Index>(i)) = left.cwiseAbs2().cwiseInverse();
            if (left.minCoeff() > is_uneven)
                fold.grams[i] = packed(fold.vectors.transposed_times(
                    Panels(fold.weights.col(static_cast<Index>(i)).asDiagonal() * vectors)));
        }
    }

    /// Of the target, as it is told from the source.
    Prediction predicted(const Samples& source, const Samples& target) const {
        MatrixXd told(target.rows.rows(), target.rows.cols());
        MatrixXd baseline(told.rows(), told.cols());
        for (const Fold& fold : source.folds) {
            const MatrixXd all = chosen(target.rows, fold.training);
            const Eigen::RowVectorXd mean = all.colwise().mean();
            const MatrixXd training = all.rowwise() - mean;
            const MatrixXd products = fold.vectors.transposed_times(Panels(training));
            const double ridge = ridge_at(ridge_of(fold, training, products, source.rows.cols()), source.rows.cols());
            const VectorXd shrunk = fold.squares / (fold.squares + ridge);
            const MatrixXd held_out = fold.coordinates * (shrunk.asDiagonal() * products);
            told(fold.held_out, Eigen::all) = held_out.rowwise() + mean;
            baseline(fold.held_out, Eigen::all) = mean.replicate(held_out.rows(), 1);
        }
        const Eigen::RowVectorXd errors = (target.rows - told).colwise().squaredNorm();
        const Eigen::RowVectorXd totals = (target.rows - baseline).colwise().squaredNorm();
        std::vector<double> correlations;
        double r2 = 0;
        for (Index channel = 0; channel < told.cols(); ++channel) {
            if (!(totals[channel] > 0)) continue;  // it is constant
            r2 += 1 - errors[channel] / totals[channel];
            correlations.push_back(pearson(told.col(channel), target.rows.col(channel)));
        }
        const auto n = static_cast<double>(correlations.size());
        double sum = 0;
        for (const double correlation : correlations) sum += correlation;
        return {.error = errors.sum(),
                .total = totals.sum(),
                .r2_channel_mean = r2 / n,
                .pearson_mean = sum / n,
                .pearson_median = median(correlations)};
    }

    /// The ridge with the least leave-one-out error, summed over channels. `products`: U^T Y of the training rows Y.
    std::size_t ridge_of(const Fold& fold, const MatrixXd& training, const MatrixXd& products, Index channels) const {
        if (options_.ridge.size() == 1) return 0;
        const Panels transposed(products.transpose());
        const MatrixXd gram = transposed.transposed_times(transposed);  // (direction, direction)
        // Of a row y and a direction u: (y . Y^T u) u[row], (direction, ridge) with weights.
        const MatrixXd cross = Panels(training.transpose()).transposed_times(transposed);
        const MatrixXd told = cross.cwiseProduct(fold.vectors.matrix()).transpose() * fold.weights;
        const VectorXd lengths = fold.weights.transpose() * training.rowwise().squaredNorm();
        std::size_t best = 0;
        double least = std::numeric_limits<double>::infinity();
        for (std::size_t i = 0; i < options_.ridge.size(); ++i) {
            const auto column = static_cast<Index>(i);
            if (fold.weights.col(column).isZero(0)) continue;
            const VectorXd shrunk = fold.squares / (fold.squares + ridge_at(i, channels));
            const double error =
                fold.grams[i].size() > 0
                    ? lengths[column] - 2 * shrunk.dot(told.col(column)) + weighed_by(gram, fold.grams[i], shrunk)
                    : fold.weights.col(column).dot((training - fold.vectors.matrix() * (shrunk.asDiagonal() * products))
                                                       .rowwise()
                                                       .squaredNorm());
            if (error < least || (error == least && options_.ridge[i] > options_.ridge[best])) {
                least = error;
                best = i;
            }
        }
        return best;
    }

    /// s^T (A o B) s, of the elementwise product of symmetric matrices, B as packed() gives it.
    static double weighed_by(const MatrixXd& a, const VectorXd& b, const VectorXd& s) {
        double sum = 0;
        for (Index column = 0, place = 0; column < a.cols(); ++column) {
            const Index n = a.cols() - column;
            sum += s[column] * (s.tail(n).array() * a.col(column).tail(n).array() * b.segment(place, n).array()).sum();
            place += n;
        }
        return sum;
    }

    Options options_;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::MetricPlugin repal_metric =
    repal::metric_plugin<Predictivity>;
