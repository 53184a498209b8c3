module;
#include <Eigen/Core>
#include <array>
#include <cmath>
#include <complex>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <numbers>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>
export module repal.metric;

export import repal.abi;
export import repal.options;
export import repal.score;
export import repal.trajectories;

namespace repal {

/// A change of one of two systems that leaves a metric's value as it is.
export enum class Invariance : std::uint8_t {
    translation,        ///< one vector added to every sample
    orthogonal,         ///< channels rotated, reflected or permuted
    scaling,            ///< all values times one positive number
    trial_order,        ///< trials in another order
    step_order,         ///< steps in another order, the same in all trials: such a metric ignores time
    permutation,        ///< channels in another order
    invertible_linear,  ///< channels times any invertible matrix
    channel_scaling,    ///< each channel times a positive number of its own
};
export inline constexpr std::array all_invariances = {
    Invariance::translation, Invariance::orthogonal,  Invariance::scaling,           Invariance::trial_order,
    Invariance::step_order,  Invariance::permutation, Invariance::invertible_linear, Invariance::channel_scaling};
export std::string_view to_string(Invariance invariance);

/// Whether it is declared or follows from what is: orthogonal implies permutation, invertible_linear these two, scaling
/// and channel_scaling.
export bool has(std::span<const Invariance> declared, Invariance invariance);

/// What of two systems has to correspond, one to one, for their comparison to mean something.
export enum class Correspondence : std::uint8_t {
    rows,        ///< trials and steps: such a metric compares sample by sample
    conditions,  ///< conditions of the trials, and steps
    channels,
};
export std::string_view to_string(Correspondence correspondence);

/// What a metric looks at.
export enum class Family : std::uint8_t {
    geometry,          ///< samples, after the best rotation or as kernels
    dynamics,          ///< how one sample follows another
    representational,  ///< how dissimilar conditions or samples are
    predictive,        ///< how well one system tells the other
    single_channel,    ///< channels one by one
};
export std::string_view to_string(Family family);

/// Which way a value of a score points, between the systems a and b of compare(a, b).
export enum class Direction : std::uint8_t { none, a_to_b, b_to_a };

/// A number that the field reports of this metric, e.g. CKA itself; see Score::values.
export struct ValueInfo {
    std::string name;
    std::string summary;
    std::string unit = {};
    double minimum = -std::numeric_limits<double>::infinity();
    double maximum = std::numeric_limits<double>::infinity();
    bool larger_is_alike = true;
    Direction direction = Direction::none;
};

/// A vector that a metric reports; see Score::curves.
export struct CurveInfo {
    std::string name;
    std::string summary;
};

export struct MetricInfo {
    std::string name;
    std::string version;
    Family family = Family::geometry;
    std::string summary;
    std::string source;                              ///< paper and equation
    std::vector<Invariance> invariances;             ///< with the default options
    bool has_triangle_inequality = false;            ///< of the angle, with the default options
    double largest_rad = std::numbers::pi;           ///< that the angle can be: pi, or pi/2 where nothing is opposed
    std::vector<Correspondence> corresponding = {};  ///< empty: any two systems can be compared
    bool needs_equal_steps = true;                   ///< in all trials of a system; the host refuses others
    bool has_common_form = true;                     ///< false: harmonise() gives back what it got
    bool depends_on_size = false;                    ///< on the number of samples: no interval from leaving some out
    Eigen::Index most_samples = 0;                   ///< of more it looks at those of sample_grid(); 0: at all
    Eigen::Index most_trials = 0;                    ///< the same of trials, if each is one sample
    std::vector<ValueInfo> values = {};              ///< of Score::values, with the default options
    std::vector<CurveInfo> curves = {};              ///< of Score::curves
    std::vector<OptionInfo> options;
};

/// For metrics that compare sample by sample: not_applicable, with the cause, unless both systems have the same number
/// of trials and steps.
export std::optional<Score> require_corresponding_rows(const Shape& a, const Shape& b);

/// For metrics that compare channel by channel: the same unless both have the same number of channels.
export std::optional<Score> require_corresponding_channels(const Shape& a, const Shape& b);

/// A score of (b, a) as one of (a, b): values that point one way are exchanged with those, next to them, that point the
/// other way.
export Score exchanged(Score score, std::span<const ValueInfo> values);

/// An embedding as matrices with names, each of letters, digits and _.
export using EmbeddingArrays = std::map<std::string, Eigen::MatrixXd>;

/// What a metric knows of one system, ready to be compared.
export class Embedding {
 public:
    virtual ~Embedding();

    /// Ability: all that Metric::restore() needs to make an embedding that compares to the same bits. Then a study
    /// keeps it on disk, and no later process prepares the system again. Empty: it cannot be kept.
    virtual EmbeddingArrays arrays() const;

    std::string warning;    ///< what the user should know of it, e.g. that a rank was capped; usually empty
    std::size_t bytes = 0;  ///< of memory, roughly; 0: about as many as the trajectories have
};

export struct EmbeddingPair {
    const Embedding& a;
    const Embedding& b;
};

/// Embeddings of any weighting of the trials of one system, made from sums over them and so without its data.
export class TrialEmbeddings {
 public:
    virtual ~TrialEmbeddings();

    /// The embedding in which trial k counts weights[k] >= 0 times. With all weights 1 that of prepare(x), with 0 and 1
    /// that of prepare(x.of_trials(...)), up to rounding. May be called by several threads at once. Throws
    /// InvalidTrajectories as prepare() does.
    virtual std::unique_ptr<Embedding> embedding(std::span<const double> weights) const = 0;
};

/// A mode of a model of some trials: w with A^T w = eigenvalue w.
export struct HeldOutMode {
    std::complex<double> eigenvalue;  ///< of one step
    double residual;                  ///< how far it is from being a mode of the other trials; 0: it is one, 1: noise
};

/// How well the model of dynamics of some trials tells others: see Metric::held_out().
export struct HeldOut {
    /// ln(smallest of the squared errors of "it stays as it is" and "it is the mean" / squared error), less the price
    /// of the Bayesian criterion for the numbers of the model: nats for each predicted scalar. 0 or less: nothing is
    /// predicted.
    double gain;
    double residual;                      ///< mean of those of the modes
    double mase;                          ///< mean absolute error in units of that of "it stays as it is"
    std::vector<double> free_error;       ///< squared error of h steps ahead, share of that of 0; h of `horizons`
    std::vector<HeldOutMode> modes = {};  ///< all of the model; none if the metric does not tell
};
/// Steps ahead of HeldOut::free_error.
export inline constexpr std::array<Eigen::Index, 5> horizons = {1, 2, 4, 8, 16};

/// A measure of dissimilarity. Every function may be called by several threads at once. A metric has those abilities
/// whose functions it overrides.
export class Metric {
 public:
    virtual ~Metric();

    /// The plugin's info, with what is different with this metric's options: invariances, triangle inequality, largest
    /// angle, what must correspond, values, curves.
    virtual MetricInfo described(MetricInfo info) const;

    /// With this metric's options, the steps that a trial must have; shorter trials are of no use. 1: it looks at
    /// single samples.
    virtual Eigen::Index least_steps() const;

    /// Once per system, costly. Throws InvalidTrajectories if the system cannot be embedded.
    virtual std::unique_ptr<Embedding> prepare(const Trajectories& x) const = 0;

    /// Once per set of systems that are compared with each other, before the first comparison: the same embeddings in a
    /// common form, where that needs all of them. Most metrics need nothing and give back what they got; with
    /// MetricInfo::has_common_form false, fewer embeddings than all need to be in memory. Never called where every pair
    /// is compared as if there were no others.
    virtual std::vector<std::shared_ptr<const Embedding>> harmonise(
        std::vector<std::shared_ptr<const Embedding>> embeddings) const;

    /// Once per pair, cheap; the same bits in both orders.
    virtual Score compare(const Embedding& a, const Embedding& b) const = 0;

    /// Ability: the embedding, not harmonised, whose arrays() these are.
    virtual std::unique_ptr<Embedding> restore(const EmbeddingArrays& arrays) const;

    /// Ability: how many pairs compare_batch() wants at once; fewer come at the end. 1: it gains nothing by more.
    virtual std::size_t pairs_per_batch() const;

    /// Ability: the scores of the pairs, in their order, the same bits as from compare().
    virtual std::vector<Score> compare_batch(std::span<const EmbeddingPair> pairs) const;

    /// Ability of a metric that compares sample by sample: the scores of a and of b with its trials in each of these
    /// orders, up to rounding. Empty: it has none, and then the host prepares b in each order anew.
    virtual std::vector<Score> compare_permuted(const Embedding& a, const Embedding& b,
                                                std::span<const std::vector<Eigen::Index>> orders) const;

    /// Ability: null if it has none, and then the host prepares x.of_trials() anew. Throws as prepare().
    virtual std::unique_ptr<TrialEmbeddings> prepare_trials(const Trajectories& x) const;

    /// Ability of a metric that models dynamics and has an option `rank`: how well a model of each of `ranks` that is
    /// fitted to the trials of `is_training` tells the other ones, from step `first_target` on (h steps ahead, from
    /// first_target + h - 1), so that models of different delays tell the same samples. None for a rank that the trials
    /// do not bear. Empty: no such model.
    virtual std::vector<std::optional<HeldOut>> held_out(const Trajectories& x, const std::vector<bool>& is_training,
                                                         std::span<const Eigen::Index> ranks,
                                                         Eigen::Index first_target) const;
};

/// A plain value that is kept on disk: see Embedding::arrays() and Metric::restore().
export template <class Features>
concept Storable = requires(const Features& features, const EmbeddingArrays& arrays) {
    { features.arrays() } -> std::same_as<EmbeddingArrays>;
    { Features::from(arrays) } -> std::same_as<Features>;
};

/// A number, or a plain value whose member `precedes` is a strict order of all that distance() depends on.
export template <class Features>
concept Ordered = std::is_arithmetic_v<Features> || requires(const Features& a, const Features& b) {
    { a.precedes(b) } -> std::same_as<bool>;
};

/// A metric whose embedding is a plain value. If that has members `warning` or `bytes`, the embedding has them.
/// compare(a, b) and compare(b, a) are one call of distance(), so that they have the same bits; if neither precedes the
/// other, they are equal and their angle is 0.
export template <class Features>
    requires Ordered<Features>
class MetricOf : public Metric {
 public:
    std::unique_ptr<Embedding> prepare(const Trajectories& x) const final {
        return std::make_unique<Prepared>(features(x));
    }
    Score compare(const Embedding& a, const Embedding& b) const final {
        const Features& x = features_of(a);
        const Features& y = features_of(b);
        if (precedes(y, x)) return exchanged(distance(y, x));
        Score score = distance(x, y);
        // What is not finite stays: it is a fault of the metric.
        const bool is_of_equal_features = !precedes(x, y);
        if (is_of_equal_features && std::isfinite(score.angle_rad)) {
            score.angle_rad = 0;
            if (score.lower_bound_rad > 0.0) score.lower_bound_rad = 0;
        }
        return score;
    }
    std::vector<Score> compare_permuted(const Embedding& a, const Embedding& b,
                                        std::span<const std::vector<Eigen::Index>> orders) const final {
        return permuted_distances(features_of(a), features_of(b), orders);
    }
    std::unique_ptr<Embedding> restore(const EmbeddingArrays& arrays) const final {
        if constexpr (Storable<Features>)
            return std::make_unique<Prepared>(Features::from(arrays));
        else
            return Metric::restore(arrays);
    }

 protected:
    virtual Features features(const Trajectories& x) const = 0;
    /// `a` precedes `b`, or they are equal.
    virtual Score distance(const Features& a, const Features& b) const = 0;
    /// distance(b, a) as a score of a and b. A metric with directed values exchanges those.
    virtual Score exchanged(Score score) const { return score; }
    /// Ability: see compare_permuted().
    virtual std::vector<Score> permuted_distances(const Features& /*a*/, const Features& /*b*/,
                                                  std::span<const std::vector<Eigen::Index>> /*orders*/) const {
        return {};
    }

 private:
    static bool precedes(const Features& a, const Features& b) {
        if constexpr (std::is_arithmetic_v<Features>)
            return a < b;
        else
            return a.precedes(b);
    }

    struct Prepared final : Embedding {
        explicit Prepared(Features value) : features(std::move(value)) {
            if constexpr (requires { features.warning; }) warning = features.warning;
            if constexpr (requires { features.bytes; }) bytes = features.bytes;
        }
        EmbeddingArrays arrays() const override {
            if constexpr (Storable<Features>)
                return features.arrays();
            else
                return {};
        }
        Features features;
    };

    static const Features& features_of(const Embedding& embedding) {
        return static_cast<const Prepared&>(embedding).features;
    }
};

/// What a metric's shared object exports, as `extern "C" constinit const MetricPlugin repal_metric`. The tag comes
/// first and is compared before anything else of the plugin is used.
export struct MetricPlugin {
    const char* abi;
    MetricInfo (*info)();
    std::unique_ptr<Metric> (*make)(const OptionValues& options);
};

/// For a class with a nested Options, a static info() and a constructor from Options.
export template <class M>
inline constexpr MetricPlugin metric_plugin{abi_tag, &M::info,
                                            [](const OptionValues& options) -> std::unique_ptr<Metric> {
                                                return std::make_unique<M>(options_from<typename M::Options>(options));
                                            }};

}  // namespace repal
