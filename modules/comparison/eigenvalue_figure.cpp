module;
#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <cstddef>
#include <exception>
#include <limits>
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

/// A point where a mode grows and turns, which is the logarithm of its eigenvalue; none of the lower of conjugate
/// pairs.
void add_mode(Series& modes, const std::complex<double>& eigenvalue, double dt, const std::string& more = {}) {
    constexpr double smallest = 1e-6;  // what decays by more in one step is noise
    const double turn = dt > 0 ? 2 * std::numbers::pi * dt : 1;
    if (eigenvalue.imag() < 0 || std::abs(eigenvalue) < smallest) return;
    modes.x.push_back(std::log(std::abs(eigenvalue)) / (dt > 0 ? dt : 1));
    modes.y.push_back(std::arg(eigenvalue) / turn);
    modes.labels.push_back(fmt::format("|eigenvalue| {:.4g} a step{}", std::abs(eigenvalue), more));
}

Series modes_of(const Havok& havok, Eigen::Index rank, double dt) {
    Series modes;
    const Eigen::VectorXcd eigenvalues =
        Eigen::EigenSolver<Eigen::MatrixXd>(havok.operator_of_rank(rank), false).eigenvalues();
    for (const std::complex<double>& value : eigenvalues) add_mode(modes, value, dt);
    return modes;
}

/// Fitting half of the trials of more systems than these anew would take longer than it is worth.
constexpr std::size_t most_held_out = 12;

/// The modes of every other trial, of which the remaining ones tell how far they are from being theirs; none of a
/// system that does not bear it.
std::vector<HeldOutMode> held_out_modes(const ChosenMetric& metric, const Trajectories& x, Eigen::Index rank) {
    std::vector<bool> is_training(static_cast<std::size_t>(x.shape().trials));
    for (std::size_t trial = 0; trial < is_training.size(); trial += 2) is_training[trial] = true;
    try {
        const auto reduced = metric.reduced(x);
        const auto found = metric.metric->held_out(reduced ? reduced->x : x, is_training, std::array{rank},
                                                   metric.metric->least_steps() - 1);
        return found.empty() || !found.front() ? std::vector<HeldOutMode>{} : found.front()->modes;
    } catch (const std::exception&) {
        return {};  // the pairs of this system say why
    }
}

/// The lower end of the next is the upper end of one; the last has none.
struct ResidualRange {
    double end;
    const char* name;
};
constexpr std::array<ResidualRange, 4> residual_ranges = {
    {{0.1, "residual below 0.1: a mode of the other trials"},
     {0.3, "0.1 to 0.3"},
     {1, "0.3 to 1"},
     {std::numeric_limits<double>::infinity(), "1 and more: noise"}}};

/// A series for each range of residuals that has modes.
std::vector<Series> by_residual(const ChosenMetric& metric, std::span<const NamedSystem> systems,
                                std::span<const Eigen::Index> ranks, bool has_times) {
    std::vector<Series> series(residual_ranges.size());
    for (std::size_t range = 0; range < series.size(); ++range) {
        series[range].name = residual_ranges[range].name;
        series[range].colour = range;
    }
    for (std::size_t i = 0; i < systems.size(); ++i) {
        const Observed observed = systems[i].system->observe({});
        const Trajectories& x = observed.trajectories();
        for (const HeldOutMode& mode : held_out_modes(metric, x, ranks[i])) {
            std::size_t range = 0;
            while (range + 1 < series.size() && !(mode.residual < residual_ranges[range].end)) ++range;
            add_mode(series[range], mode.eigenvalue, has_times ? *x.dt() : 0,
                     fmt::format(", residual {:.3g}: {}", mode.residual, systems[i].name));
        }
    }
    std::erase_if(series, [](const Series& one) { return one.x.empty(); });
    return series;
}

/// With the line of modes that last, as high as the highest mode.
Panel panel_of(const ChosenMetric& metric, std::vector<Series> series, bool has_times) {
    double highest = 0;
    for (const Series& modes : series)
        for (const double frequency : modes.y) highest = std::max(highest, frequency);
    series.push_back({.name = "", .mark = Mark::line, .x = {0, 0}, .y = {0, highest}, .is_dashed = true});
    return {.title = fmt::format("{}\n{}", metric.name, metric.settings()),
            .x = {.title = has_times ? "growth (1/s)" : "growth (1/step)"},
            .y = {.title = has_times ? "frequency (Hz)" : "frequency (rad/step)"},
            .series = std::move(series)};
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
                      "that lasts. By residual: of every other trial, and how far each mode is from being one of the "
                      "trials between (Colbrook and Townsend 2024).",
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
        std::vector<Series> by_system;
        std::vector<Eigen::Index> ranks;
        for (std::size_t i = 0; i < systems.size(); ++i) {
            ranks.push_back(is_common || fitted[i] == nullptr ? *smallest : fitted[i]->rank());
            if (fitted[i] == nullptr) continue;
            Series modes = modes_of(*fitted[i], ranks.back(), has_times ? *steps[i] : 0);
            modes.name = systems[i].name;
            modes.colour = i;
            by_system.push_back(std::move(modes));
        }
        figure.variants.push_back(
            {metric.name, PanelChart{.panels = {panel_of(metric, std::move(by_system), has_times)}}});
        if (systems.size() > most_held_out) continue;
        if (std::vector<Series> residuals = by_residual(metric, systems, ranks, has_times); !residuals.empty())
            figure.variants.push_back({metric.name + ", by residual",
                                       PanelChart{.panels = {panel_of(metric, std::move(residuals), has_times)}}});
    }
    return figure;
}

}  // namespace repal
