module;
#include <cstdint>
#include <string>
#include <tuple>
export module repal.havok_options;

import repal.options;
export import repal.havok;
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

    static auto table() {
        return std::tuple{
            Option{&HavokOptions::n_delays,
                   {.name = "n_delays", .summary = "delays in a row of the embedding", .minimum = 1}},
            Option{&HavokOptions::delay_interval,
                   {.name = "delay_interval", .unit = "steps", .summary = "time between two delays", .minimum = 1}},
            Option{&HavokOptions::rank,
                   {.name = "rank", .summary = "rank of the operators, at most what the data bear", .minimum = 1}},
            Option{&HavokOptions::rank_tolerance,
                   {.name = "rank_tolerance",
                    .summary = "singular values of the embedding below this share of the largest carry no signal",
                    .minimum = 1e-15,
                    .maximum = 0.5}},
            Option{&HavokOptions::min_transition_share,
                   {.name = "min_transition_share",
                    .summary = "of the energy of every direction, in samples that have a successor in their trial",
                    .minimum = 1e-6,
                    .maximum = 1}}};
    }

    /// Throws InvalidTrajectories as Havok does.
    Havok fitted_to(const Trajectories& x) const;

    /// Says that the rank is below the requested one; empty if it is not.
    std::string warning(const Havok& havok) const;
};

}  // namespace repal
