#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

import repal.linalg;
import repal.metric;
import repal.transport;

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using repal::Option;

/// The channels of a system over all samples.
struct Channels {
    bool precedes(const Channels& other) const {
        return x.cols() < other.x.cols() || (x.cols() == other.x.cols() && repal::precedes(x, other.x));
    }

    repal::Shape shape;
    MatrixXd x = {};      ///< (trial * time, channel), centred, all together of norm 1; empty: all samples are equal
    VectorXd norms = {};  ///< of its channels
    double unit = 1;      ///< what 1 is in the data
    std::string warning = {};
};

struct Match {
    Index a;
    Index b;
    double share;  ///< of the match in the sum
};

/// Correspondence of single channels, of centred samples X and Y with p and q channels. `channels`: unit, each divided
/// by its norm (a constant one stays 0); as_is.
///
/// soft: cos = max over T of sum T_ij x_i . y_j / sqrt(mean |x_i|^2 mean |y_j|^2), T >= 0 with row sums 1/p and column
/// sums 1/q: an optimal transport, solved exactly and proven by dual prices. one_to_one: cos = max over partial
/// matchings of sum x_i . y_j / (|X| |Y|); a channel may stay alone (`unmatched` allowed), or all of the narrower
/// system are matched (forbidden). angle = arccos(cos). Rows must correspond.
///
/// Source: Khosla & Williams 2024 (soft); Li et al. 2015 (one_to_one).
class Matching final : public repal::MetricOf<Channels> {
 public:
    struct Options {
        std::string correspondence = "soft";
        std::string channels = "unit";
        std::string unmatched = "allowed";

        static auto table() {
            return std::tuple{
                Option{&Options::correspondence,
                       {.name = "correspondence",
                        .summary = "soft: a channel may be shared out among several; one_to_one: it may not",
                        .choices = {"soft", "one_to_one"}}},
                Option{&Options::channels,
                       {.name = "channels",
                        .summary = "unit: all channels count alike; as_is: as much as they vary",
                        .choices = {"unit", "as_is"}}},
                Option{
                    &Options::unmatched,
                    {.name = "unmatched",
                     .summary = "of one_to_one: whether channels may stay alone, rather than be matched with what is "
                                "opposed to them",
                     .choices = {"allowed", "forbidden"}}}};
        }
    };

    static repal::MetricInfo info() {
        return Matching(Options()).described(
            {.name = "matching",
             .version = "1",
             .family = repal::Family::single_channel,
             .summary = "how well single channels of two systems match",
             .source = "Khosla & Williams 2024, Soft matching distance; Li et al. 2015 (one-to-one)",
             .invariances = {},
             .corresponding = {repal::Correspondence::rows},
             .has_common_form = false,
             .options = repal::option_infos<Options>()});
    }

    explicit Matching(Options options) : options_(std::move(options)) {
        if (is_soft() && options_.unmatched != Options{}.unmatched)
            throw repal::InputError("", "unmatched forbidden with the correspondence soft",
                                    "it is of one_to_one: soft leaves no channel alone");
    }

    Index least_steps() const override { return 1; }

    repal::MetricInfo described(repal::MetricInfo info) const override {
        using enum repal::Invariance;
        info.invariances = {translation, permutation, scaling};
        if (is_unit()) info.invariances.push_back(channel_scaling);
        // Forbidden: of different widths it fails, by up to 0.95 rad.
        info.has_triangle_inequality = is_soft() || is_alone_allowed();
        const repal::ValueInfo correlation{
            .name = "mean_correlation", .summary = "of matched channels", .minimum = -1, .maximum = 1};
        if (is_soft())
            info.values = {{.name = "soft_matching", .summary = "the cosine", .minimum = -1, .maximum = 1},
                           {.name = "soft_matching_distance",
                            .summary = "sqrt(sum T_ij |x_i - y_j|^2)",
                            .unit = is_unit() ? "" : "of the data",
                            .minimum = 0,
                            .larger_is_alike = false},
                           correlation};
        else
            info.values = {{.name = "one_to_one", .summary = "the cosine", .minimum = -1, .maximum = 1}, correlation};
        return info;
    }

 protected:
    Channels features(const repal::Trajectories& x) const override {
        Channels channels{.shape = x.shape(), .x = repal::centred_unit(x.rows())};
        if (channels.x.size() == 0) return channels;
        Index constant = 0;
        for (Index channel = 0; channel < channels.x.cols(); ++channel) {
            auto values = channels.x.col(channel);
            if (x.rows().col(channel).minCoeff() == x.rows().col(channel).maxCoeff()) {
                values.setZero();
                ++constant;
            } else if (is_unit()) {
                values /= values.norm();
            }
        }
        if (is_unit() && constant > 0)
            channels.warning =
                fmt::format("{} of {} channels are constant and match nothing", constant, channels.x.cols());
        const double norm = channels.x.norm();
        channels.x /= norm;
        channels.unit = is_unit() ? norm : repal::centred_norm(x.rows());
        channels.norms = channels.x.colwise().norm();
        return channels;
    }

    repal::Score distance(const Channels& a, const Channels& b) const override {
        if (auto refused = repal::require_corresponding_rows(a.shape, b.shape)) return *refused;
        if (a.x.size() == 0 || b.x.size() == 0)
            return repal::Score::without_value(repal::Status::not_applicable, "all samples of a system are equal");

        const MatrixXd products = a.x.transpose() * b.x;
        return is_soft() ? soft(products, a, b) : one_to_one(products, a, b);
    }

 private:
    bool is_soft() const { return options_.correspondence == "soft"; }
    bool is_unit() const { return options_.channels == "unit"; }
    bool is_alone_allowed() const { return options_.unmatched == "allowed"; }

    repal::Score soft(const MatrixXd& products, const Channels& a, const Channels& b) const {
        // Channels in units of their root mean square norms.
        const auto p = static_cast<double>(products.rows());
        const auto q = static_cast<double>(products.cols());
        const double scale = std::sqrt(p * q);
        const repal::Transport transport = repal::cheapest_transport(-scale * products);
        if (!transport.is_proven(scale * products.cwiseAbs().maxCoeff()))
            return repal::Score::without_value(
                repal::Status::not_converged,
                fmt::format("the best matching is proven to {:.1e} only", transport.cost - transport.lower_bound));
        std::vector<Match> matches;
        for (const auto& [row, column, mass] : transport.moves) matches.push_back({row, column, mass});
        const double cosine = std::clamp(-transport.cost, -1.0, 1.0);
        repal::Score score = repal::Score::of(
            repal::aligned_angle(cosine, [&] { return length_of(matches, a.x * std::sqrt(p), b.x * std::sqrt(q)); }));
        // sum T_ij |x_i - y_j|^2 in units of the data, without cancellation where it is small.
        const double x = a.unit / std::sqrt(p);
        const double y = b.unit / std::sqrt(q);
        const double distance = std::hypot(x - y, 2 * std::sqrt(x) * std::sqrt(y) * std::sin(score.angle_rad / 2));
        score.values = {cosine, distance, mean_correlation(matches, products, a, b)};
        return score;
    }

    repal::Score one_to_one(const MatrixXd& products, const Channels& a, const Channels& b) const {
        // The narrower system comes first.
        const MatrixXd gain = is_alone_allowed() ? MatrixXd(products.cwiseMax(0)) : products;
        const std::vector<Index> partners = repal::cheapest_assignment(-gain);
        std::vector<Match> matches;
        double cosine = 0;
        for (Index i = 0; i < products.rows(); ++i) {
            const Index j = partners[static_cast<std::size_t>(i)];
            if (is_alone_allowed() && !(products(i, j) > 0)) continue;
            matches.push_back({i, j, 1});
            cosine += products(i, j);
        }
        cosine = std::clamp(cosine, -1.0, 1.0);
        repal::Score score = repal::Score::of(repal::aligned_angle(cosine, [&] {
            // What is alone is as long as it is.
            VectorXd left = a.norms;
            VectorXd other_left = b.norms;
            for (const Match& match : matches) left[match.a] = other_left[match.b] = 0;
            return std::hypot(length_of(matches, a.x, b.x), left.norm(), other_left.norm());
        }));
        score.values = {cosine, mean_correlation(matches, products, a, b)};
        return score;
    }

    static double length_of(const std::vector<Match>& matches, const MatrixXd& x, const MatrixXd& y) {
        double square = 0;
        for (const auto& [i, j, share] : matches) square += share * (x.col(i) - y.col(j)).squaredNorm();
        return std::sqrt(square);
    }

    /// NaN if nothing is matched. A channel that is constant has a correlation of 0.
    static double mean_correlation(const std::vector<Match>& matches, const MatrixXd& products, const Channels& a,
                                   const Channels& b) {
        double sum = 0;
        double shares = 0;
        for (const auto& [i, j, share] : matches) {
            const double norms = a.norms[i] * b.norms[j];
            if (norms > 0) sum += share * products(i, j) / norms;
            shares += share;
        }
        return shares > 0 ? sum / shares : std::numeric_limits<double>::quiet_NaN();
    }

    Options options_;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::MetricPlugin repal_metric =
    repal::metric_plugin<Matching>;
