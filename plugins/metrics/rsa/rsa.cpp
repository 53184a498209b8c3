#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

import repal.linalg;
import repal.metric;

namespace {

using Eigen::Index;
using Eigen::VectorXd;
using repal::Option;
using repal::RowMatrix;

/// The dissimilarities of a system as a vector, so that the similarity of two systems is an inner product.
struct Geometry {
    bool precedes(const Geometry& other) const { return std::ranges::lexicographical_compare(unit, other.unit); }

    repal::Shape shape;
    VectorXd unit;        ///< of norm 1; empty: there is none, see cause
    std::string cause;    ///< why there is none
    std::string warning;  ///< that not all conditions are in it
    std::size_t bytes = sizeof(Geometry);
};

/// The first samples of conditions, at most `most`, on a grid of trials and `steps` that is as square as they allow: so
/// that few trials are all in it, and many leave several steps of each.
std::vector<Index> conditions_of(const repal::Shape& shape, Index steps, Index most) {
    const auto side = static_cast<Index>(std::sqrt(static_cast<double>(most)));
    const Index trials = std::min(shape.trials, std::max(side, most / steps));
    const Index kept = std::min(steps, most / trials);
    std::vector<Index> rows;
    for (Index k = 0; k < trials; ++k)  // the middles of equal parts
        for (Index t = 0; t < kept; ++t)
            rows.push_back((2 * k + 1) * shape.trials / (2 * trials) * shape.steps + (2 * t + 1) * steps / (2 * kept));
    return rows;
}

/// Ranks from 0; values that differ by `tie` or less have the mean of their ranks.
VectorXd ranks(const VectorXd& values, double tie) {
    std::vector<Index> order(static_cast<std::size_t>(values.size()));
    std::iota(order.begin(), order.end(), Index{0});
    std::ranges::sort(order, {}, [&](Index k) { return values[k]; });
    VectorXd result(values.size());
    for (auto first = order.begin(); first != order.end();) {
        const auto end = std::find_if(first, order.end(), [&](Index k) { return values[k] - values[*first] > tie; });
        const double mean = static_cast<double>((first - order.begin()) + (end - order.begin()) - 1) / 2;
        for (; first != end; ++first) result[*first] = mean;
    }
    return result;
}

/// Representational similarity analysis: arccos of the similarity of two systems' dissimilarities of conditions i < j,
/// d_ij = |p_i - p_j|^2 / 2. A pattern p has, by `distance`, norm 1 after its mean is taken off (correlation: d_ij is
/// 1 - Pearson's r of i and j), norm 1 (cosine: d_ij is 1 - their cosine), or is as it is (squared_euclidean).
/// The similarity is, by `comparison`, Pearson's or Spearman's correlation of d and e over all pairs, or the whitened
/// cosine d^T V^-1 e / sqrt(d^T V^-1 d * e^T V^-1 e). V is the covariance of d for i.i.d. noise: 4 for a pair with
/// itself, 1 for pairs that share a condition, else 0. So V = 2 I + B B^T, B the incidence of pairs and conditions, and
/// (V^-1 d)_ij = (J D J)_ij / 2 (Woodbury), D the symmetric matrix of d, J = I - 11^T / n. As J D J = -J P P^T J for
/// patterns P as rows, it is the cosine of the centred kernels of P, their linear CKA.
///
/// Source: Kriegeskorte et al. 2008; Diedrichsen et al. 2021.
class Rsa final : public repal::MetricOf<Geometry> {
 public:
    struct Options {
        std::string conditions = "steps";
        std::string distance = "correlation";
        std::string comparison = "spearman";
        std::int64_t max_conditions = 1000;

        static auto table() {
            const auto choice = [](const char* name, const char* summary, const std::vector<std::string>& choices) {
                return repal::OptionText{.name = name, .summary = summary, .choices = choices};
            };
            return std::tuple{
                Option{&Options::conditions,
                       choice("conditions", "each step of each trial; or each trial: all its steps, or their mean",
                              {"steps", "trials", "trial_means"})},
                Option{&Options::distance, choice("distance", "of the patterns of two conditions",
                                                  {"correlation", "cosine", "squared_euclidean"})},
                Option{&Options::comparison, choice("comparison", "of the dissimilarities of two systems",
                                                    {"spearman", "pearson", "whitened_cosine"})},
                Option{
                    &Options::max_conditions,
                    {.name = "max_conditions", .summary = "evenly spaced, of all", .minimum = 3, .maximum = 10'000}}};
        }
    };

    static repal::MetricInfo info() {
        return {.name = "rsa",
                .version = "2",
                .summary = "representational similarity analysis: angle between dissimilarities of conditions",
                .source = "Kriegeskorte et al. 2008; Diedrichsen et al. 2021 (whitened cosine)",
                .invariances = *Rsa({}).invariances(),
                .has_triangle_inequality = true,
                .corresponding = {repal::Correspondence::rows},
                .has_common_form = false,
                .options = repal::option_infos<Options>()};
    }

    explicit Rsa(Options options) : options_(std::move(options)) {}

    std::optional<std::vector<repal::Invariance>> invariances() const override {
        using enum repal::Invariance;
        std::vector<repal::Invariance> invariances = {scaling};
        invariances.push_back(options_.distance == "correlation" ? permutation : orthogonal);
        if (options_.distance == "squared_euclidean") invariances.push_back(translation);
        if (options_.conditions != "steps") invariances.push_back(step_order);
        return invariances;
    }

 protected:
    Geometry features(const repal::Trajectories& x) const override {
        Geometry geometry{.shape = x.shape()};
        const Index steps = options_.conditions == "steps" ? x.shape().steps : 1;
        const std::vector<Index> samples = conditions_of(x.shape(), steps, options_.max_conditions);
        if (std::ssize(samples) < x.shape().trials * steps)
            geometry.warning = fmt::format("{} of {} conditions are compared, evenly spaced: max_conditions is {}",
                                           samples.size(), x.shape().trials * steps, options_.max_conditions);
        RowMatrix patterns = patterns_at(samples, x);
        if (const std::vector<std::size_t> undefined = normalise(patterns); !undefined.empty())
            geometry.cause = fmt::format(
                "{} of {} patterns are constant or 0, the first at trial {}, step {} (counted from 0); leave such "
                "steps "
                "out, e.g. FILE[:,1:], or set distance to squared_euclidean",
                undefined.size(), samples.size(), samples[undefined.front()] / x.shape().steps,
                samples[undefined.front()] % x.shape().steps);
        else if (geometry.unit = unit_of(patterns); geometry.unit.size() == 0)
            geometry.cause =
                fmt::format("{} conditions of a system: three are needed, not all equally dissimilar", samples.size());
        geometry.bytes += sizeof(double) * static_cast<std::size_t>(geometry.unit.size());
        return geometry;
    }

    repal::Score distance(const Geometry& a, const Geometry& b) const override {
        // Trials may be of any length where they are the conditions.
        if (options_.conditions == "steps" || a.shape.trials != b.shape.trials)
            if (auto refused = repal::require_corresponding_rows(a.shape, b.shape)) return *refused;
        const std::string& cause = a.cause.empty() ? b.cause : a.cause;
        if (!cause.empty()) return repal::Score::without_value(repal::Status::not_applicable, cause);
        // arccos of the inner product, with all digits at 0 and at pi.
        return repal::Score::of(2 * std::atan2((a.unit - b.unit).norm(), (a.unit + b.unit).norm()));
    }

 private:
    /// One row a condition.
    RowMatrix patterns_at(const std::vector<Index>& samples, const repal::Trajectories& x) const {
        const double largest = x.rows().cwiseAbs().maxCoeff();
        const double unit = largest > 0 ? largest : 1;  // in which no square leaves the range of double
        const Index steps = options_.conditions == "steps" ? 1 : x.shape().steps;
        const bool is_mean = options_.conditions == "trial_means";
        RowMatrix patterns(std::ssize(samples), (is_mean ? 1 : steps) * x.shape().channels);
        for (Index i = 0; i < patterns.rows(); ++i) {
            const auto condition = x.rows().middleRows(samples[i], steps) / unit;
            patterns.row(i) = is_mean ? Eigen::RowVectorXd(condition.colwise().mean())
                                      : Eigen::RowVectorXd(condition.reshaped<Eigen::RowMajor>().transpose());
        }
        return patterns;
    }

    /// As `distance` says; gives the patterns that cannot have norm 1.
    std::vector<std::size_t> normalise(RowMatrix& patterns) const {
        std::vector<std::size_t> undefined;
        if (options_.distance == "squared_euclidean") return undefined;
        for (Index i = 0; i < patterns.rows(); ++i) {
            const double left_of_mean =  // by rounding
                1e-15 * std::sqrt(static_cast<double>(patterns.cols())) * patterns.row(i).stableNorm();
            for (int pass = 0; pass < 2 && options_.distance == "correlation"; ++pass)  // again: what rounding left
                patterns.row(i).array() -= patterns.row(i).mean();
            const double norm = patterns.row(i).stableNorm();
            if (norm > left_of_mean)
                patterns.row(i) /= norm;
            else
                undefined.push_back(static_cast<std::size_t>(i));
        }
        return undefined;
    }

    /// What is compared, so that the similarity is an inner product; empty if all dissimilarities are equal.
    VectorXd unit_of(const RowMatrix& patterns) const {
        const RowMatrix centred = repal::centred_unit(patterns);  // origin and unit do not matter
        if (centred.rows() < 3) return {};
        if (options_.comparison == "whitened_cosine") return (centred * centred.transpose()).reshaped().normalized();
        VectorXd lengths(centred.rows() * (centred.rows() - 1) / 2);
        for (Index i = 0, pair = 0; i < centred.rows(); ++i)
            for (Index j = i + 1; j < centred.rows(); ++j) lengths[pair++] = (centred.row(i) - centred.row(j)).norm();
        const double rounding = 1e-14 * lengths.maxCoeff();
        if (lengths.maxCoeff() - lengths.minCoeff() <= rounding) return {};
        return repal::centred_unit(options_.comparison == "spearman" ? ranks(lengths, rounding)
                                                                     : VectorXd(lengths.array().square()));
    }

    Options options_;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::MetricPlugin repal_metric = repal::metric_plugin<Rsa>;
