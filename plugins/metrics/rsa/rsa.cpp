#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <numeric>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

import repal.linalg;
import repal.metric;
import repal.repeats;
import repal.rsa.crossnobis;
import repal.rsa.ranks;
import repal.sample_grid;

namespace {

using Eigen::Index;
using Eigen::VectorXd;
using repal::Option;
using repal::RowMatrix;

/// The dissimilarities of a system as a vector, so that the similarity of two systems is an inner product.
struct Geometry {
    bool precedes(const Geometry& other) const { return std::ranges::lexicographical_compare(unit, other.unit); }

    repal::Shape shape;
    VectorXd unit = {};        ///< of norm 1, or ranks for kendall; empty: there is none, see cause
    std::string cause = {};    ///< why there is none
    std::string warning = {};  ///< that not all conditions are in it
    std::size_t bytes = sizeof(Geometry);
    double rank_norm = 0;                       ///< of the centred ranks, for spearman
    std::vector<std::int64_t> conditions = {};  ///< of crossnobis
};

/// Representational similarity analysis: arccos of the similarity of two systems' dissimilarities of conditions i < j,
/// d_ij = |p_i - p_j|^2 / 2. A pattern p has, by `distance`, norm 1 after its mean is taken off (correlation: d_ij is
/// 1 - Pearson's r of i and j), norm 1 (cosine: d_ij is 1 - their cosine), or is as it is (squared_euclidean).
/// The similarity is, by `comparison`, Pearson's or Spearman's correlation of d and e over all pairs, or the whitened
/// cosine d^T V^-1 e / sqrt(d^T V^-1 d * e^T V^-1 e). V is the covariance of d for i.i.d. noise: 4 for a pair with
/// itself, 1 for pairs that share a condition, else 0. So V = 2 I + B B^T, B the incidence of pairs and conditions, and
/// (V^-1 d)_ij = (J D J)_ij / 2 (Woodbury), D the symmetric matrix of d, J = I - 11^T / n. As J D J = -J P P^T J for
/// patterns P as rows, it is the cosine of the centred kernels of P, their linear CKA. Kendall's tau-b is the cosine of
/// the signs of all differences of dissimilarities, cosine that of d and e themselves.
///
/// crossnobis: cross-validated distances of conditions that are repeated, see crossnobis(). Conditions correspond then,
/// not trials.
///
/// Source: Kriegeskorte et al. 2008; Walther et al. 2016 (crossnobis); Diedrichsen et al. 2021 (whitened cosine).
class Rsa final : public repal::MetricOf<Geometry> {
 public:
    struct Options {
        std::string conditions = "steps";
        std::string distance = "correlation";
        std::string comparison = "spearman";
        std::string noise = "identity";
        std::int64_t repeats = 0;
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
                                                  {"correlation", "cosine", "squared_euclidean", "crossnobis"})},
                Option{&Options::comparison, choice("comparison", "of the dissimilarities of two systems",
                                                    {"spearman", "pearson", "kendall", "cosine", "whitened_cosine"})},
                Option{&Options::noise,
                       choice("noise", "of crossnobis: whether distances are in units of the noise of the repeats",
                              {"identity", "shrunk"})},
                Option{&Options::repeats,
                       {.name = "repeats",
                        .unit = "trials",
                        .summary = "of crossnobis: trials come in blocks of so many of one condition; 0: as the "
                                   "conditions of the trials say",
                        .minimum = 0}},
                Option{
                    &Options::max_conditions,
                    {.name = "max_conditions", .summary = "evenly spaced, of all", .minimum = 3, .maximum = 10'000}}};
        }
    };

    static repal::MetricInfo info() {
        return Rsa(Options()).described(
            {.name = "rsa",
             .version = "3",
             .family = repal::Family::representational,
             .summary = "representational similarity analysis: angle between dissimilarities of conditions",
             .source = "Kriegeskorte et al. 2008; Walther et al. 2016 (crossnobis); Diedrichsen et al. 2021 "
                       "(whitened cosine)",
             .invariances = {},
             .has_triangle_inequality = true,
             .has_common_form = false,
             .options = repal::option_infos<Options>()});
    }

    explicit Rsa(Options options) : options_(std::move(options)) {
        if (!is_crossvalidated()) {
            if (options_.noise != Options{}.noise || options_.repeats != Options{}.repeats)
                throw repal::InputError("", fmt::format("noise or repeats with the distance {}", options_.distance),
                                        "they are of distance crossnobis");
            return;
        }
        if (options_.repeats == 1)
            throw repal::InputError("", "one repeat of a condition leaves nothing to validate with", "two or more");
        if (options_.conditions == "steps")
            throw repal::InputError("", "distance crossnobis with the conditions steps",
                                    "trials repeat a condition: set conditions to trials or trial_means");
    }

    Index least_steps() const override { return 1; }

    repal::MetricInfo described(repal::MetricInfo info) const override {
        using enum repal::Invariance;
        info.invariances = {scaling};
        const bool has_axes = options_.distance == "correlation" || (is_crossvalidated() && options_.noise == "shrunk");
        info.invariances.push_back(has_axes ? permutation : orthogonal);
        if (options_.distance == "squared_euclidean" || is_crossvalidated()) info.invariances.push_back(translation);
        if (is_crossvalidated() && options_.noise == "shrunk") info.invariances.push_back(channel_scaling);
        if (options_.conditions != "steps") info.invariances.push_back(step_order);
        const Index most = is_crossvalidated() ? 0 : options_.max_conditions;
        info.most_samples = options_.conditions == "steps" ? most : 0;
        info.most_trials = options_.conditions == "steps" ? 0 : most;
        info.corresponding = {is_crossvalidated() ? repal::Correspondence::conditions : repal::Correspondence::rows};
        const auto value = [](const char* name, const char* summary) {
            return repal::ValueInfo{.name = name, .summary = summary, .minimum = -1, .maximum = 1};
        };
        if (options_.comparison == "spearman")
            info.values = {value("spearman", "correlation of ranks"),
                           value("rho_a", "the same numerator without correction for ties")};
        else if (options_.comparison == "kendall")
            info.values = {value("tau_b", "Kendall's, of pairs without ties"),
                           value("tau_a", "Kendall's, of all pairs")};
        else
            info.values = {value(options_.comparison.c_str(), "of the dissimilarities")};
        return info;
    }

 protected:
    Geometry features(const repal::Trajectories& x) const override {
        Geometry geometry{.shape = x.shape()};
        if (is_crossvalidated()) {
            compare_conditions(x, geometry);
            geometry.bytes += sizeof(double) * static_cast<std::size_t>(geometry.unit.size());
            return geometry;
        }
        const Index steps = options_.conditions == "steps" ? x.shape().steps : 1;
        const std::vector<Index> samples = repal::sample_grid(x.shape(), steps, options_.max_conditions);
        if (std::ssize(samples) < x.shape().trials * steps)
            geometry.warning = fmt::format("{} of {} conditions are compared, evenly spaced: max_conditions is {}",
                                           samples.size(), x.shape().trials * steps, options_.max_conditions);
        RowMatrix patterns = patterns_at(samples, x);
        if (const std::vector<std::size_t> undefined = normalise(patterns); !undefined.empty())
            geometry.cause = cause_of(undefined, samples, x.shape());
        else
            add_dissimilarities(patterns, geometry);
        geometry.bytes += sizeof(double) * static_cast<std::size_t>(geometry.unit.size());
        return geometry;
    }

    std::string cause_of(const std::vector<std::size_t>& undefined, const std::vector<Index>& samples,
                         const repal::Shape& shape) const {
        const Index trial = samples[undefined.front()] / shape.steps;
        const auto is_of_trial = [&](std::size_t i) { return samples[i] / shape.steps == trial; };
        const bool is_whole_trial =
            options_.conditions != "steps" ||
            std::ranges::count_if(undefined, is_of_trial) ==
                std::ranges::count_if(samples, [&](Index sample) { return sample / shape.steps == trial; });
        const std::string first =
            is_whole_trial ? fmt::format("that of trial {} (counted from 0); leave it out of all systems", trial)
                           : fmt::format(
                                 "at trial {}, step {} (counted from 0); leave such steps out, e.g. "
                                 "FILE[:,1:]",
                                 trial, samples[undefined.front()] % shape.steps);
        return fmt::format("{} of {} patterns are constant or 0, the first {}, or set distance to squared_euclidean",
                           undefined.size(), samples.size(), first);
    }

    repal::Score distance(const Geometry& a, const Geometry& b) const override {
        if (auto refused = refusal(a, b)) return *refused;
        if (options_.comparison == "kendall") {
            const repal::Kendall tau = repal::kendall(a.unit, b.unit);
            repal::Score score = repal::Score::of(std::acos(std::clamp(tau.tau_b, -1.0, 1.0)));
            score.values = {tau.tau_b, tau.tau_a};
            return score;
        }
        repal::Score score = repal::Score::of(repal::angle_between(a.unit, b.unit));
        const double cosine = std::clamp(a.unit.dot(b.unit), -1.0, 1.0);
        score.values = {cosine};
        if (options_.comparison == "spearman") {
            const auto n = static_cast<double>(a.unit.size());
            score.values.push_back(12 * cosine * a.rank_norm * b.rank_norm / (n * n * n - n));
        }
        return score;
    }

 private:
    bool is_crossvalidated() const { return options_.distance == "crossnobis"; }

    /// "one system has 8 and the other 9, and only one of them has the condition 7"
    static std::string difference_of(const std::vector<std::int64_t>& a, const std::vector<std::int64_t>& b) {
        std::vector<std::int64_t> apart;
        std::ranges::set_symmetric_difference(a, b, std::back_inserter(apart));
        return fmt::format("one system has {} and the other {}, and only one of them has the condition {}", a.size(),
                           b.size(), apart.front());
    }

    std::optional<repal::Score> refusal(const Geometry& a, const Geometry& b) const {
        // Trials may be of any length where they are the conditions.
        if (!is_crossvalidated() && (options_.conditions == "steps" || a.shape.trials != b.shape.trials))
            if (auto refused = repal::require_corresponding_rows(a.shape, b.shape)) return refused;
        const std::string& cause = a.cause.empty() ? b.cause : a.cause;
        if (!cause.empty()) return repal::Score::without_value(repal::Status::not_applicable, cause);
        if (a.conditions != b.conditions)
            return repal::Score::without_value(
                repal::Status::not_applicable,
                "conditions must correspond, but " + difference_of(a.conditions, b.conditions));
        return {};
    }

    void compare_conditions(const repal::Trajectories& x, Geometry& geometry) const {
        const repal::Repeats repeats = repal::repeats_of(x.shape().trials, options_.repeats, x.conditions());
        geometry.conditions = repeats.conditions;
        geometry.cause = repeats.cause;
        if (repeats.conditions.size() == 1)
            geometry.cause = "all trials are of one condition: --conditions, or repeats, says which repeat which";
        if (!geometry.cause.empty()) return;
        std::vector<Index> first_rows;
        for (Index k = 0; k < x.shape().trials; ++k) first_rows.push_back(k * x.shape().steps);
        const repal::Crossnobis found =
            repal::crossnobis(patterns_at(first_rows, x), repeats, options_.noise == "shrunk");
        geometry.cause = found.cause;
        if (geometry.cause.empty()) add_unit(found.distances, found.distances.cwiseAbs().maxCoeff(), geometry);
    }

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

    void add_dissimilarities(const RowMatrix& patterns, Geometry& geometry) const {
        const RowMatrix centred = repal::centred_unit(patterns);  // origin and unit do not matter
        const Index n = patterns.rows();
        if (centred.rows() < 3) {
            geometry.cause = few(n);
            return;
        }
        if (options_.comparison == "whitened_cosine") {
            geometry.unit = (centred * centred.transpose()).reshaped().normalized();
            return;
        }
        VectorXd lengths(n * (n - 1) / 2);
        for (Index i = 0, pair = 0; i < n; ++i)
            for (Index j = i + 1; j < n; ++j) lengths[pair++] = (centred.row(i) - centred.row(j)).norm();
        // Ranks are those of the lengths, whose ties are found to rounding.
        const bool is_ranked = options_.comparison == "spearman" || options_.comparison == "kendall";
        const double largest = lengths.maxCoeff();
        if (options_.comparison != "cosine" && largest - lengths.minCoeff() <= rounding * largest)
            geometry.cause = few(n);
        else
            add_unit(is_ranked ? lengths : VectorXd(lengths.array().square()), largest, geometry);
    }

    /// What is compared, so that the similarity is an inner product.
    void add_unit(const VectorXd& dissimilarities, double largest, Geometry& geometry) const {
        const auto n = static_cast<Index>(std::lround((1 + std::sqrt(1 + 8 * dissimilarities.size())) / 2));
        if (options_.comparison == "spearman" || options_.comparison == "kendall") {
            geometry.unit = repal::ranks(dissimilarities, rounding * largest);
            if (geometry.unit.maxCoeff() == geometry.unit.minCoeff()) {
                geometry.unit = {};
                geometry.cause = few(n);
            }
            if (options_.comparison == "kendall" || geometry.unit.size() == 0) return;
            geometry.unit.array() -= geometry.unit.mean();
            geometry.rank_norm = geometry.unit.norm();
            geometry.unit /= geometry.rank_norm;
            return;
        }
        if (options_.comparison == "pearson")
            geometry.unit = repal::centred_unit(dissimilarities);
        else if (options_.comparison == "cosine")
            geometry.unit = dissimilarities.norm() > 0 ? VectorXd(dissimilarities.normalized()) : VectorXd();
        else
            geometry.unit = centred_kernel(dissimilarities, n);
        if (geometry.unit.size() == 0) geometry.cause = few(n);
    }

    /// -J D J / 2 of the symmetric matrix D of dissimilarities of n conditions, of norm 1; empty if it is 0.
    static VectorXd centred_kernel(const VectorXd& dissimilarities, Index n) {
        Eigen::MatrixXd square = Eigen::MatrixXd::Zero(n, n);
        for (Index i = 0, pair = 0; i < n; ++i)
            for (Index j = i + 1; j < n; ++j) square(i, j) = square(j, i) = -dissimilarities[pair++] / 2;
        square.rowwise() -= square.colwise().mean().eval();
        square.colwise() -= square.rowwise().mean().eval();
        const double norm = square.norm();
        return norm > 0 ? VectorXd(square.reshaped() / norm) : VectorXd();
    }

    static std::string few(Index conditions) {
        return fmt::format("{} conditions of a system: three are needed, not all equally dissimilar", conditions);
    }

    static constexpr double rounding = 1e-14;  // of a distance, of the largest

    Options options_;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::MetricPlugin repal_metric = repal::metric_plugin<Rsa>;
