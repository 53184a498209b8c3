module;
#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <memory>
#include <numbers>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/eigen.hpp"
module repal.figures;

import repal.operators;

namespace repal {
namespace {

/// A point for each mode: growth and angle, which are the logarithm of its eigenvalue; the upper of conjugate pairs.
Series modes_of(const Havok& havok, Eigen::Index rank, double dt) {
    constexpr double smallest = 1e-6;  // what decays by more in one step is noise
    const double turn = dt > 0 ? 2 * std::numbers::pi * dt : 1;
    Series modes;
    const Eigen::VectorXcd eigenvalues =
        Eigen::EigenSolver<Eigen::MatrixXd>(havok.operator_of_rank(rank), false).eigenvalues();
    for (const std::complex<double>& value : eigenvalues) {
        if (value.imag() < 0 || std::abs(value) < smallest) continue;
        modes.x.push_back(std::log(std::abs(value)) / (dt > 0 ? dt : 1));
        modes.y.push_back(std::arg(value) / turn);
        modes.labels.push_back(fmt::format("|eigenvalue| {:.4g} a step", std::abs(value)));
    }
    return modes;
}

}  // namespace

Figure eigenvalue_figure(const std::string& id, std::span<const ChosenMetric> metrics,
                         std::span<const NamedSystem> systems) {
    bool has_times = true;
    std::vector<std::optional<double>> steps;
    for (const NamedSystem& system : systems) {
        steps.push_back(system.system->observe({}).trajectories().dt());
        has_times = has_times && steps.back().has_value();
    }
    Figure figure{.id = id,
                  .title = "Modes",
                  .caption =
                      "Logarithms of the eigenvalues of the operator of each system: how fast a mode grows or "
                      "decays, and how fast it turns; the upper one of conjugate pairs. The dashed line: a mode "
                      "that lasts.",
                  .choice = "metric",
                  .variants = {}};
    for (const ChosenMetric& metric : metrics) {
        std::vector<std::shared_ptr<const Havok>> fitted;
        for (const NamedSystem& system : systems)
            fitted.push_back(operators_of(metric, system, system.system->observe({})));
        std::optional<Eigen::Index> smallest;
        for (const auto& havok : fitted)
            if (havok != nullptr) smallest = std::min(smallest.value_or(havok->rank()), havok->rank());
        if (!smallest) continue;
        const auto common = metric.options.find("common_rank");
        const bool is_common = common != metric.options.end() && common->second == OptionValue(true);
        Panel panel{.title = fmt::format("{}\n{}", metric.name, metric.settings()),
                    .x = {.title = has_times ? "growth (1/s)" : "growth (1/step)"},
                    .y = {.title = has_times ? "frequency (Hz)" : "frequency (rad/step)"}};
        double highest = 0;
        for (std::size_t i = 0; i < systems.size(); ++i) {
            if (fitted[i] == nullptr) continue;
            const double dt = has_times ? *steps[i] : 0;
            Series modes = modes_of(*fitted[i], is_common ? *smallest : fitted[i]->rank(), dt);
            modes.name = systems[i].name;
            modes.colour = i;
            for (const double frequency : modes.y) highest = std::max(highest, frequency);
            panel.series.push_back(std::move(modes));
        }
        panel.series.push_back({.name = "", .mark = Mark::line, .x = {0, 0}, .y = {0, highest}, .is_dashed = true});
        figure.variants.push_back({metric.name, PanelChart{.panels = {std::move(panel)}}});
    }
    return figure;
}

}  // namespace repal
