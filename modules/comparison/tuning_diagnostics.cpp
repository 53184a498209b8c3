module;
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/eigen.hpp"
module repal.tuning;

import repal.operators;
import repal.parallel;

namespace repal {

std::vector<SystemDiagnostics> diagnostics_of(const ChosenMetric& metric, const std::vector<NamedSystem>& systems,
                                              const Stream& stream, int jobs) {
    const std::vector<std::optional<double>> gains = gains_of(metric, systems, stream, jobs);
    const DelayEmbedding delays{.n_delays = whole_number(metric.options, "n_delays"),
                                .delay_interval = whole_number(metric.options, "delay_interval")};
    std::vector<SystemDiagnostics> found(systems.size());
    for_each_index(systems.size(), jobs, [&](std::size_t i) {
        const Observed observed = systems[i].system->observe({});
        const Trajectories& x = observed.trajectories();
        found[i] = {.system = systems[i].name, .shape = x.shape(), .gain = gains[i]};
        const std::shared_ptr<const Havok> havok = operators_of(metric, systems[i], observed);
        if (havok == nullptr) return;
        found[i].non_normality = non_normality(havok->operator_of_rank(havok->rank()));
        if (delays.n_delays < 1 || delays.delay_interval < 1) return;
        const auto reduced = metric.reduced(x);
        found[i].rank_above_noise = rank_above_noise(reduced ? reduced->x : x, delays);
    });
    return found;
}

}  // namespace repal
