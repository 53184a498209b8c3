module;
#include <Eigen/Core>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>
export module repal.havok_options;

export import repal.havok;
export import repal.linalg;
export import repal.metric;
export import repal.trajectories;

/// For metrics of the HAVOK operators of systems, whose Options inherit HavokOptions:
///
///     struct Options : HavokOptions {
///         static auto table() { return std::tuple_cat(HavokOptions::table(), std::tuple{...}); }
///     };
namespace repal {

/// How the operator of a system is found, with one meaning for all such metrics.
export struct HavokOptions {
    std::int64_t n_delays = 10;
    std::int64_t delay_interval = 1;  ///< steps
    std::int64_t rank = 10;
    double rank_tolerance = Havok::Limits{}.rank_tolerance;
    double min_transition_share = Havok::Limits{}.min_transition_share;
    std::string centre = "none";
    bool common_rank = false;
    std::string window =
        "rectangular";  ///< of the delays; only metrics whose table has window_option() have another one

    /// `least_rank`: below it the metric says nothing.
    static auto table(std::int64_t least_rank = 1) {
        return std::tuple{
            Option{&HavokOptions::n_delays,
                   {.name = "n_delays",
                    .summary = "delays in a row of the embedding",
                    .minimum = 1,
                    .is_automatic = true}},
            Option{&HavokOptions::delay_interval,
                   {.name = "delay_interval", .unit = "steps", .summary = "time between two delays", .minimum = 1}},
            Option{&HavokOptions::rank,
                   {.name = "rank",
                    .summary = "rank of the operators",
                    .minimum = static_cast<double>(least_rank),
                    .is_automatic = true}},
            Option{&HavokOptions::rank_tolerance,
                   {.name = "rank_tolerance",
                    .summary = "singular values of the embedding below this share of the largest carry no signal",
                    .minimum = 1e-15,
                    .maximum = 0.5}},
            Option{&HavokOptions::min_transition_share,
                   {.name = "min_transition_share",
                    .summary = "of the energy of every direction, in samples that have a successor in their trial",
                    .minimum = 1e-6,
                    .maximum = 1}},
            Option{&HavokOptions::centre,
                   {.name = "centre",
                    .summary = "what is subtracted before: nothing, the mean of all samples, or the mean course over "
                               "trials, so that what is left differs from trial to trial",
                    .choices = {"none", "mean", "course"}}},
            Option{&HavokOptions::common_rank,
                   {.name = "common_rank",
                    .summary = "use the smallest rank among the systems that are compared together; otherwise systems "
                               "whose ranks differ are not comparable"}}};
    }

    static auto window_option() {
        return Option{&HavokOptions::window,
                      {.name = "window",
                       .summary = "of the delays: all count alike, or those in the middle more, as in a spectrogram",
                       .choices = {"rectangular", "hann"}}};
    }

    DelayEmbedding delays() const { return {.n_delays = n_delays, .delay_interval = delay_interval}; }
    /// With the weights of the window.
    DelayEmbedding weighted_delays() const;
    Havok::Limits limits() const {
        return {.rank = rank, .rank_tolerance = rank_tolerance, .min_transition_share = min_transition_share};
    }

    /// Without what `centre` says, as it is in the trials of `is_used`.
    Trajectories centred(const Trajectories& x, const std::vector<bool>& is_used) const;

    /// Throws InvalidTrajectories as Havok does.
    Havok fitted_to(const Trajectories& x) const;

    /// For Metric::prepare_trials(); none where what is subtracted depends on the trials that are used.
    std::optional<HavokSums> sums_of(const Trajectories& x) const;

    /// For Metric::held_out().
    std::vector<std::optional<HeldOut>> held_out(const Trajectories& x, const std::vector<bool>& is_training,
                                                 std::span<const Eigen::Index> ranks, Eigen::Index first_target) const;

    /// Says that the rank is below the requested one; empty if it is not.
    std::string warning(const Havok& havok) const;
};

}  // namespace repal
