#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <numbers>
#include <numeric>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

import repal.linalg;
import repal.metric;
import repal.permuted_products;
import repal.sample_grid;

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using repal::Option;

/// The neighbours of a sample. Those that are equally near, where not all of them are among the k nearest, have a share
/// of the places that are left: which of them came first would be the same in any two systems.
struct Neighbours {
    auto operator<=>(const Neighbours&) const = default;

    std::vector<Index> samples;  ///< rising
    std::vector<double> shares;  ///< of each, 1 unless it is tied; their sum is k
};

/// The neighbours of the samples of a system.
struct Neighbourhoods {
    bool precedes(const Neighbourhoods& other) const {
        if (of != other.of) return of < other.of;
        return repal::precedes(unit, other.unit);
    }

    repal::Shape shape;
    std::string cause = {};    ///< why it cannot be compared; empty: it can
    std::string warning = {};  ///< that not all samples are in it
    std::size_t bytes = sizeof(Neighbourhoods);

    std::vector<Neighbours> of = {};  ///< of each sample
    Index tied = 0;                   ///< samples of which some neighbours are tied
    double chance = 0;                ///< mean share of the others that are neighbours: what unrelated systems have
    // For the measures of similarities alone:
    MatrixXd unit = {};       ///< (channel, sample), samples of norm 1
    VectorXd row_means = {};  ///< of the cosines of each sample with all others
    double own = 0;           ///< of a system with itself, under the root
};

/// Sum of the products of shares.
double product_of(const Neighbours& a, const Neighbours& b) {
    double sum = 0;
    for (std::size_t i = 0, j = 0; i < a.samples.size() && j < b.samples.size();) {
        if (a.samples[i] == b.samples[j])
            sum += a.shares[i++] * b.shares[j++];
        else if (a.samples[i] < b.samples[j])
            ++i;
        else
            ++j;
    }
    return sum;
}

/// Neighbours in both systems.
using Common = std::vector<std::vector<Index>>;

/// Sum over i of sum of values(i, j) over its neighbours j.
template <class Values>
double sum_over(const Common& mask, const Values& values) {
    double sum = 0;
    for (std::size_t i = 0; i < mask.size(); ++i)
        for (const Index j : mask[i]) sum += values(static_cast<Index>(i), j);
    return sum;
}

/// n (n - 3) times the unbiased HSIC of Song et al. 2012, eq. 5, of matrices A and B that are 0 outside a mask, which
/// need not be symmetric; B enters the first term transposed, as in the published code of CKNNA. So A and B are not
/// alike.
template <class Values, class OtherValues>
double hsic(const Common& mask, const Values& a, const OtherValues& b) {
    const auto n = static_cast<double>(mask.size());
    const auto size = static_cast<Index>(mask.size());
    VectorXd column_sums = VectorXd::Zero(size);  // of A
    VectorXd row_sums = VectorXd::Zero(size);     // of B
    double both_ways = 0;
    for (std::size_t i = 0; i < mask.size(); ++i)
        for (const Index j : mask[i]) {
            const auto row = static_cast<Index>(i);
            column_sums[j] += a(row, j);
            row_sums[row] += b(row, j);
            if (std::ranges::binary_search(mask[static_cast<std::size_t>(j)], row)) both_ways += a(row, j) * b(j, row);
        }
    return both_ways + column_sums.sum() * row_sums.sum() / ((n - 1) * (n - 2)) -
           2 / (n - 2) * column_sums.dot(row_sums);
}

/// arccos(1 - apart), exact where it is small.
double angle_apart(double apart) {
    return 2 * std::asin(std::sqrt(std::clamp(apart / 2, 0.0, 1.0)));
}

repal::Score score_of(double apart, std::vector<double> values) {
    repal::Score score = repal::Score::of(angle_apart(apart));
    score.values = std::move(values);
    return score;
}

/// Local similarity: whether the same samples are neighbours in two systems. N_i and M_i are the k most similar others
/// of sample i, by `distance`: euclidean, or cosine, s_ij. Rows must correspond.
///
/// measure, and angle = arccos of it:
/// - mutual, mean_i |N_i and M_i| / k; with ties the angle of the matrices of shares;
/// - jaccard, mean_i |N_i and M_i| / |N_i or M_i|; with ties of products of shares;
/// - second_order, mean_i of the cosine of s_x(i, j) and s_y(i, j) over j in N_i or M_i;
/// - cknna, CKA of the kernels s where both systems have neighbours, as its published code computes it but without its
///   1e-6: the mean of both orders of the systems, in which it differs;
/// - local_alignment, sum over j in N_i and M_i of cx_ij cy_ij, c_ij = s_ij - mean of s_il over l != i, normalised by
/// the
///   sums of squares over N and M: as the paper of CKNNA writes it.
///
/// Source: Huh et al. 2024 (mutual, CKNNA); Wang et al. 2020 and Hamilton et al. 2016 (jaccard, second_order).
class NeighboursMetric final : public repal::MetricOf<Neighbourhoods> {
 public:
    struct Options {
        std::string measure = "mutual";
        std::int64_t k = 10;
        std::string distance = "euclidean";
        std::int64_t exclude_steps = 0;
        std::int64_t max_samples = 2000;

        static auto table() {
            return std::tuple{
                Option{&Options::measure,
                       {.name = "measure",
                        .summary = "of the neighbours alone: mutual, jaccard; of their similarities: second_order, "
                                   "cknna, local_alignment",
                        .choices = {"mutual", "jaccard", "second_order", "cknna", "local_alignment"}}},
                Option{&Options::k, {.name = "k", .summary = "neighbours of a sample", .minimum = 1}},
                Option{&Options::distance,
                       {.name = "distance",
                        .summary = "of samples; for cosine the origin matters",
                        .choices = {"euclidean", "cosine"}}},
                Option{&Options::exclude_steps,
                       {.name = "exclude_steps",
                        .unit = "steps",
                        .summary = "samples of one trial that are no further apart are no neighbours: in smooth "
                                   "trajectories those are the nearest ones of any system",
                        .minimum = 0}},
                Option{&Options::max_samples,
                       {.name = "max_samples", .summary = "evenly spaced, of all", .minimum = 4, .maximum = 20'000}}};
        }
    };

    static repal::MetricInfo info() {
        return NeighboursMetric(Options()).described(
            {.name = "neighbours",
             .version = "1",
             .family = repal::Family::representational,
             .summary = "whether the same samples are nearest neighbours in both systems",
             .source = "Huh et al. 2024 (mutual, CKNNA); Wang et al. 2020; Hamilton et al. 2016",
             .invariances = {},
             .corresponding = {repal::Correspondence::rows},
             .has_common_form = false,
             .depends_on_size = true,
             .options = repal::option_infos<Options>()});
    }

    explicit NeighboursMetric(Options options) : options_(std::move(options)) {}

    Index least_steps() const override { return 1; }

    repal::MetricInfo described(repal::MetricInfo info) const override {
        using enum repal::Invariance;
        info.invariances = {orthogonal, scaling};
        if (!is_cosine() && !uses_similarities()) info.invariances.push_back(translation);
        info.has_triangle_inequality = !uses_similarities();
        info.largest_rad = uses_similarities() ? std::numbers::pi : std::numbers::pi / 2;
        const repal::ValueInfo mutual{
            .name = "mutual", .summary = "share of common neighbours", .minimum = 0, .maximum = 1};
        info.values = {mutual,
                       {.name = "mutual_above_chance",
                        .summary = "(mutual - c) / (1 - c), c the mean of k / others, that noise has",
                        .maximum = 1}};
        if (options_.measure == "mutual") return info;
        info.values.insert(info.values.begin(),
                           {.name = options_.measure, .summary = "the cosine", .minimum = -1, .maximum = 1});
        if (options_.measure == "jaccard") info.values.front().minimum = 0;
        if (options_.measure == "cknna" || options_.measure == "local_alignment")
            info.values.front() = {.name = options_.measure, .summary = "may be below 0 or above 1"};
        if (options_.measure == "cknna")
            for (const auto& [name, direction] : {std::pair("cknna_a_to_b", repal::Direction::a_to_b),
                                                  std::pair("cknna_b_to_a", repal::Direction::b_to_a)})
                info.values.push_back({.name = name, .summary = "of one order of the systems", .direction = direction});
        if (options_.measure == "second_order")
            info.values.push_back({.name = "second_order_of_distances",
                                   .summary = "the same of 1 - s, as some packages have it",
                                   .minimum = -1,
                                   .maximum = 1});
        return info;
    }

 protected:
    Neighbourhoods features(const repal::Trajectories& x) const override {
        const repal::GridSamples samples = repal::grid_samples(x, options_.max_samples);
        Neighbourhoods found{.shape = x.shape(), .warning = samples.warning};
        // A power of two: ties stay ties.
        const MatrixXd rows = samples.rows * repal::scale_into_range(samples.rows.cwiseAbs().maxCoeff());
        const Index n = rows.rows();
        if ((rows.rowwise() - rows.row(0)).cwiseAbs().maxCoeff() == 0) {
            found.cause = "all samples of a system are equal";
            return found;
        }
        MatrixXd cosines;
        if (is_cosine() || uses_similarities()) {
            const VectorXd norms = rows.rowwise().norm();
            if (!(norms.minCoeff() > 0)) {
                found.cause = "a sample of a system is 0 in all channels and has no cosine";
                return found;
            }
            found.unit = (norms.cwiseInverse().asDiagonal() * rows).transpose();
            cosines = found.unit.transpose() * found.unit;
        }
        for (Index i = 0; i < n; ++i) {
            const VectorXd similarity = is_cosine() ? VectorXd(cosines.col(i)) : nearness(rows, i);
            std::vector<Index> others = others_of(i, samples.row_of, x.shape().steps);
            if (std::ssize(others) < options_.k) {
                found.cause = fmt::format("{} neighbours need more than {} other samples: sample {} of {} has {}",
                                          options_.k, options_.k, i, n, others.size());
                return found;
            }
            found.chance +=
                static_cast<double>(options_.k) / static_cast<double>(others.size()) / static_cast<double>(n);
            found.of.push_back(nearest(std::move(others), similarity));
            found.tied += std::ranges::any_of(found.of.back().shares, [](double share) { return share != 1; }) ? 1 : 0;
        }
        if (found.tied > 0 && uses_similarities()) {
            found.cause = fmt::format(
                "neighbours of {} of {} samples are equally near: which are the {} nearest is not "
                "known; measures mutual and jaccard share such places out",
                found.tied, n, options_.k);
            return found;
        }
        if (options_.k > n / 4 && found.warning.empty())
            found.warning =
                fmt::format("{} of {} samples are neighbours of a sample: they are hardly local", options_.k, n);
        if (uses_similarities()) add_similarities(cosines, found);
        if (!uses_similarities()) found.unit.resize(0, 0);
        for (const Neighbours& one : found.of) found.bytes += 2 * sizeof(double) * one.samples.size();
        found.bytes += sizeof(double) * static_cast<std::size_t>(found.unit.size() + 8 * n);
        return found;
    }

    repal::Score distance(const Neighbourhoods& a, const Neighbourhoods& b) const override {
        if (auto refused = refusal(a, b)) return *refused;
        const auto n = static_cast<double>(a.of.size());
        const auto k = static_cast<double>(options_.k);
        double shared = 0;
        double of_a = 0;
        double of_b = 0;
        double jaccard_apart = 0;
        for (std::size_t i = 0; i < a.of.size(); ++i) {
            const double product = product_of(a.of[i], b.of[i]);
            const double square = product_of(a.of[i], a.of[i]);
            const double other_square = product_of(b.of[i], b.of[i]);
            shared += product;
            of_a += square;
            of_b += other_square;
            const double either = square + other_square - product;
            jaccard_apart += (either - product) / either / n;
        }
        const double norms = std::sqrt(of_a) * std::sqrt(of_b);
        const double mutual_apart = (norms - shared) / norms;
        const std::vector<double> mutual = {shared / (n * k), above_chance(shared / (n * k), a.chance)};
        const double of_unrelated = a.chance * k * n / norms;
        if (options_.measure == "mutual") return warned(score_of(mutual_apart, mutual), a, b, of_unrelated);
        if (options_.measure == "jaccard")
            return warned(score_of(jaccard_apart, {1 - jaccard_apart, mutual[0], mutual[1]}), a, b, of_unrelated);
        if (options_.measure == "second_order") {
            const double apart = second_order_apart(a, b, [](double s) { return s; });
            const double of_distances = 1 - second_order_apart(a, b, [](double s) { return 1 - s; });
            return score_of(apart, {1 - apart, mutual[0], mutual[1], of_distances});
        }
        Common both;
        for (std::size_t i = 0; i < a.of.size(); ++i) {
            std::ranges::set_intersection(a.of[i].samples, b.of[i].samples, std::back_inserter(both.emplace_back()));
        }
        const double own = std::sqrt(a.own) * std::sqrt(b.own);
        const bool is_directed = options_.measure == "cknna";
        const double forth = aligned_kernels(both, a, b) / own;
        const double back = is_directed ? aligned_kernels(both, b, a) / own : forth;
        const double aligned = (forth + back) / 2;
        repal::Score score = score_of(1 - aligned, {aligned, mutual[0], mutual[1]});
        if (is_directed) score.values.insert(score.values.end(), {forth, back});
        if (std::abs(aligned) > 1)
            score.warnings = {options_.measure +
                              ", a ratio of estimates, is outside -1 and 1; its angle is that of the end"};
        return score;
    }

    /// Neighbours go with their trials.
    std::vector<repal::Score> permuted_distances(const Neighbourhoods& a, const Neighbourhoods& b,
                                                 repal::TrialOrders orders) const override {
        const Index n = std::ssize(b.of);
        if (uses_similarities() || refusal(a, b) || n != b.shape.trials * b.shape.steps) return {};
        VectorXd places(n);
        std::iota(places.begin(), places.end(), 0.0);
        std::vector<repal::Score> scores;
        for (const std::vector<Index>& order : orders) {
            const MatrixXd old_of = repal::in_trial_order(places, b.shape.steps, order);
            std::vector<Index> new_of(static_cast<std::size_t>(n));
            for (Index i = 0; i < n; ++i) new_of[static_cast<std::size_t>(old_of(i, 0))] = i;
            Neighbourhoods permuted{.shape = b.shape};
            for (Index i = 0; i < n; ++i) {
                const Neighbours& before = b.of[static_cast<std::size_t>(old_of(i, 0))];
                std::vector<std::pair<Index, double>> moved;
                for (std::size_t j = 0; j < before.samples.size(); ++j)
                    moved.emplace_back(new_of[static_cast<std::size_t>(before.samples[j])], before.shares[j]);
                std::ranges::sort(moved);
                Neighbours& after = permuted.of.emplace_back();
                for (const auto& [sample, share] : moved) {
                    after.samples.push_back(sample);
                    after.shares.push_back(share);
                }
            }
            scores.push_back(distance(a, permuted));
        }
        return scores;
    }

    repal::Score exchanged(repal::Score score) const override {
        return repal::exchanged(std::move(score), described({}).values);
    }

 private:
    bool is_cosine() const { return options_.distance == "cosine"; }
    bool uses_similarities() const { return options_.measure != "mutual" && options_.measure != "jaccard"; }

    static std::optional<repal::Score> refusal(const Neighbourhoods& a, const Neighbourhoods& b) {
        if (auto refused = repal::require_corresponding_rows(a.shape, b.shape)) return refused;
        const std::string& cause = a.cause.empty() ? b.cause : a.cause;
        if (!cause.empty()) return repal::Score::without_value(repal::Status::not_applicable, cause);
        return {};
    }

    /// -|x_i - x_j|^2 from differences, so that equal samples are at 0.
    static VectorXd nearness(const MatrixXd& rows, Index i) {
        VectorXd squares = VectorXd::Zero(rows.rows());
        for (Index channel = 0; channel < rows.cols(); ++channel)
            squares -= (rows.col(channel).array() - rows(i, channel)).square().matrix();
        return squares;
    }

    std::vector<Index> others_of(Index i, const std::vector<Index>& row_of, Index steps) const {
        std::vector<Index> others;
        const Index row = row_of[static_cast<std::size_t>(i)];
        for (Index j = 0; j < std::ssize(row_of); ++j) {
            const Index other = row_of[static_cast<std::size_t>(j)];
            const bool is_near = other / steps == row / steps && std::abs(other - row) <= options_.exclude_steps;
            if (j != i && !is_near) others.push_back(j);
        }
        return others;
    }

    static double above_chance(double mutual, double chance) {
        return chance < 1 ? (mutual - chance) / (1 - chance) : std::numeric_limits<double>::quiet_NaN();
    }

    /// `of_unrelated`: the cosine that independent systems with as many ties have.
    static repal::Score warned(repal::Score score, const Neighbourhoods& a, const Neighbourhoods& b,
                               double of_unrelated) {
        if (a.tied + b.tied == 0 || of_unrelated < 1.5 * a.chance) return score;
        score.warnings.push_back(
            fmt::format("neighbours of {} and {} of {} samples are equally near: systems with as many ties that are "
                        "unrelated are at about {:.2f} rad; mutual_above_chance knows it",
                        a.tied, b.tied, a.of.size(), std::acos(std::min(1.0, of_unrelated))));
        return score;
    }

    /// The k nearest of the others. Similarities that differ by rounding are equal.
    Neighbours nearest(std::vector<Index> others, const VectorXd& similarity) const {
        const auto by_similarity = [&](Index i, Index j) { return similarity[i] > similarity[j]; };
        const auto last = others.begin() + (options_.k - 1);
        std::ranges::nth_element(others, last, by_similarity);
        const double least = similarity[*last];
        const double rounding = 1e-12 * (is_cosine() ? 1 : std::abs(least));
        Neighbours found;
        Index nearer = 0;
        Index tied = 0;
        for (const Index i : others) {
            nearer += similarity[i] > least + rounding ? 1 : 0;
            tied += std::abs(similarity[i] - least) <= rounding ? 1 : 0;
        }
        const double share = static_cast<double>(options_.k - nearer) / static_cast<double>(tied);
        std::ranges::sort(others);
        for (const Index i : others) {
            if (similarity[i] < least - rounding) continue;
            found.samples.push_back(i);
            found.shares.push_back(similarity[i] > least + rounding ? 1 : share);
        }
        return found;
    }

    void add_similarities(const MatrixXd& cosines, Neighbourhoods& found) const {
        const auto others = static_cast<double>(cosines.rows() - 1);
        found.row_means = (cosines.rowwise().sum() - cosines.diagonal()) / others;
        if (options_.measure == "second_order") return;
        const auto values = [&](Index i, Index j) { return cosines(i, j); };
        Common mask;
        for (const Neighbours& one : found.of) mask.push_back(one.samples);
        if (options_.measure == "cknna")
            found.own = cosines.rows() > 3 ? hsic(mask, values, values) : 0;
        else
            found.own = sum_over(mask, [&](Index i, Index j) {
                const double centred = cosines(i, j) - found.row_means[i];
                return centred * centred;
            });
        if (!(found.own > 0)) found.cause = "the similarities of neighbours do not vary in a system";
    }

    double aligned_kernels(const Common& both, const Neighbourhoods& a, const Neighbourhoods& b) const {
        const auto of_a = [&](Index i, Index j) { return a.unit.col(i).dot(a.unit.col(j)); };
        const auto of_b = [&](Index i, Index j) { return b.unit.col(i).dot(b.unit.col(j)); };
        if (options_.measure == "cknna") return hsic(both, of_a, of_b);
        return sum_over(
            both, [&](Index i, Index j) { return (of_a(i, j) - a.row_means[i]) * (of_b(i, j) - b.row_means[i]); });
    }

    /// 1 less the mean cosine, `of` the similarities over the union of neighbours.
    template <class Of>
    static double second_order_apart(const Neighbourhoods& a, const Neighbourhoods& b, const Of& of) {
        double apart = 0;
        for (std::size_t i = 0; i < a.of.size(); ++i) {
            std::vector<Index> either;
            std::ranges::set_union(a.of[i].samples, b.of[i].samples, std::back_inserter(either));
            VectorXd x(std::ssize(either));
            VectorXd y(std::ssize(either));
            for (std::size_t j = 0; j < either.size(); ++j) {
                const auto place = static_cast<Index>(j);
                x[place] = of(a.unit.col(static_cast<Index>(i)).dot(a.unit.col(either[j])));
                y[place] = of(b.unit.col(static_cast<Index>(i)).dot(b.unit.col(either[j])));
            }
            apart += (x.normalized() - y.normalized()).squaredNorm() / 2;
        }
        return apart / static_cast<double>(a.of.size());
    }

    Options options_;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::MetricPlugin repal_metric =
    repal::metric_plugin<NeighboursMetric>;
