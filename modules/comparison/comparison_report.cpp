module;
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.figures;

import repal.linalg;
import repal.scaling;
import repal.score_table;

namespace repal {
namespace {

/// All systems in a plane, of metrics that have a value for each pair of at least three.
Figure plane_map(std::span<const Comparison> comparisons, const std::vector<std::string>& names) {
    PanelChart chart{.panels = {}, .columns = 3};
    const auto n = std::ssize(names);
    for (const std::string& metric : metrics_of(comparisons)) {
        Eigen::MatrixXd distances = Eigen::MatrixXd::Constant(n, n, std::numeric_limits<double>::quiet_NaN());
        distances.diagonal().setZero();
        const auto place = [&](const std::string& name) { return std::ranges::find(names, name) - names.begin(); };
        for (const Comparison& comparison : comparisons)
            if (comparison.metric == metric && comparison.score.status == Status::ok)
                distances(place(comparison.a), place(comparison.b)) =
                    distances(place(comparison.b), place(comparison.a)) = comparison.score.dissimilarity();
        if (n < 3 || !distances.allFinite()) continue;
        const PlaneMap map = classical_scaling(distances);
        Panel panel{.title = fmt::format("{}\nstress {:.2f}", metric, map.stress),
                    .x = {.title = "first axis (units of π/2)"},
                    .y = {.title = "second axis (units of π/2)"}};
        constexpr Eigen::Index most_in_legend = 30;
        for (Eigen::Index i = 0; i < n; ++i) {
            const std::string& name = names[static_cast<std::size_t>(i)];
            // Of more systems than a legend can tell apart, each point says what it is.
            if (i == 0 || n <= most_in_legend)
                panel.series.push_back(
                    {.name = n <= most_in_legend ? name : "", .colour = static_cast<std::size_t>(i)});
            panel.series.back().x.push_back(map.points(i, 0));
            panel.series.back().y.push_back(map.points(i, 1));
            if (n > most_in_legend) panel.series.back().labels.push_back(name);
        }
        chart.panels.push_back(std::move(panel));
    }
    Figure figure{
        .id = "dissimilarity-plane",
        .title = "Map of all systems",
        .caption = fmt::format("Classical multidimensional scaling of the dissimilarities of {} (n), in units "
                               "of π/2: near points are alike, and the stress says how much the plane cannot "
                               "show.",
                               counted(names.size(), "system"))};
    if (!chart.panels.empty()) figure.variants.push_back({"", std::move(chart)});
    return figure;
}

TableFigure comparison_table(std::span<const Comparison> comparisons) {
    ValueColumns columns;
    for (const Comparison& one : comparisons) columns.add(one.metric, one.values);
    Table rows = {joined(joined({"metric", "a", "b"}, score_titles()), joined(columns.names(), {"settings"}))};
    const bool is_calibrated =
        std::ranges::any_of(comparisons, [](const Comparison& one) { return one.calibration.has_value(); });
    for (const CalibrationColumn& column : calibration_columns())
        if (is_calibrated) rows[0].emplace_back(column.name);
    constexpr std::size_t most = 10'000;
    const auto shown = comparisons.first(std::min(most, comparisons.size()));
    for (const Comparison& one : shown) {
        rows.push_back(joined(joined({one.metric, one.a, one.b}, score_fields(one.score)),
                              joined(columns.fields(one.metric, one.score, one.values), {one.settings})));
        for (const CalibrationColumn& column : calibration_columns())
            if (is_calibrated)
                rows.back().push_back(one.calibration ? csv_number((*one.calibration).*column.value) : "");
    }
    return {.id = "dissimilarity-table",
            .title = shown.size() == comparisons.size() ? "All values" : "The first values",
            .caption = fmt::format(
                "Dissimilarity is the angle in units of π/2.{}",
                shown.size() == comparisons.size()
                    ? ""
                    : fmt::format(" These are {} of {}; --out writes all of them.", shown.size(), comparisons.size())),
            .rows = std::move(rows)};
}

}  // namespace

Report comparison_report(std::span<const Comparison> comparisons, std::span<const ChosenMetric> metrics,
                         std::span<const NamedSystem> systems) {
    std::vector<std::string> names;
    for (const NamedSystem& system : systems) names.push_back(system.name);
    Report report{
        .title = "Comparison of " + counted(systems.size(), "system"),
        .summary =
            "How alike are these systems? 0: the same, as far as the metric can tell; 1: nothing in common; well "
            "above 1: opposed, for metrics that know opposites. Estimates of nothing scatter around 1. What "
            "counts as far depends on metric and settings: the noise floor (--calibrate) tells, not the scale.",
        .provenance = {},
        .reproduce = {},
        .sections = {}};
    Section values{.id = "dissimilarity", .title = "Dissimilarity"};
    values.figures.emplace_back(dissimilarity_map("dissimilarity-map", comparisons, names));
    for (Figure figure :
         {value_maps("dissimilarity-values", comparisons, names), curves_of_pairs("dissimilarity-curves", comparisons)})
        if (!figure.variants.empty()) values.figures.emplace_back(std::move(figure));
    for (Figure figure : {calibrated_pairs("dissimilarity-calibration", comparisons, CalibrationOptions().confidence),
                          observed_and_null("dissimilarity-null", comparisons),
                          certificates("dissimilarity-certificates", comparisons), plane_map(comparisons, names)})
        if (!figure.variants.empty()) values.figures.emplace_back(std::move(figure));
    values.figures.emplace_back(comparison_table(comparisons));

    constexpr Eigen::Index all_trials = 600;  // so that the page of hundreds of systems can be sent to somebody
    const Eigen::Index trials =
        std::clamp<Eigen::Index>(all_trials / std::max<Eigen::Index>(1, std::ssize(systems)), 1, usual_trials);
    Figure paths{.id = "trajectories-figure",
                 .title = "Systems",
                 .caption = fmt::format("Mean over all trials and the first {} ({}), in the units of the file; of more "
                                        "than three channels the first three principal components. Drag to rotate.",
                                        trials == 1 ? "trial" : "trials", trials),
                 .choice = "system",
                 .variants = {}};
    Table shapes = {{"system", "trials", "steps", "channels"}};
    for (const NamedSystem& named : systems) {
        const auto& [name, system] = std::pair(named.name, named.system);
        const Observed observed = system->observe({});
        const Trajectories& x = observed.trajectories();
        const Shape& shape = x.shape();
        paths.variants.push_back({name, shape.channels > 3
                                            ? trial_paths(Pca{.components = 3}(x), {"PC 1", "PC 2", "PC 3"}, trials)
                                            : trial_paths(x, {"channel 1", "channel 2", "channel 3"}, trials)});
        shapes.push_back(
            {name, fmt::format("{}", shape.trials), fmt::format("{}", shape.steps), fmt::format("{}", shape.channels)});
    }
    Section shown{.id = "trajectories", .title = "Trajectories"};
    if (Figure modes = eigenvalue_figure("modes", metrics, systems); !modes.variants.empty())
        shown.figures.emplace_back(std::move(modes));
    shown.figures.emplace_back(std::move(paths));
    shown.figures.emplace_back(
        TableFigure{.id = "trajectories-shapes", .title = "Shapes", .caption = "What was read.", .rows = shapes});

    Section failures{.id = "failures", .title = "Failures and exclusions"};
    failures.figures.emplace_back(failure_table("failures-table", comparisons));
    report.sections = {std::move(values), std::move(shown), std::move(failures)};
    return report;
}

}  // namespace repal
