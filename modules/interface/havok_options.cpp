module;
#include <fmt/format.h>

#include <string>

#include "core/eigen.hpp"
module repal.havok_options;

import repal.linalg;

namespace repal {

Havok HavokOptions::fitted_to(const Trajectories& x) const {
    return {x,
            DelayEmbedding{.n_delays = n_delays, .delay_interval = delay_interval},
            {.rank = rank, .rank_tolerance = rank_tolerance, .min_transition_share = min_transition_share}};
}

std::string HavokOptions::warning(const Havok& havok) const {
    if (havok.rank() >= rank) return {};
    return fmt::format("rank {} is capped to {}: the data determine no more", rank, havok.rank());
}

}  // namespace repal
