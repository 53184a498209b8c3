module;
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <map>
#include <numbers>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.figures;

namespace repal {
namespace {

bool has_value(const Comparison& comparison) {
    return comparison.score.status == Status::ok;
}

double lower_bound(const Score& score) {
    return score.lower_bound_rad ? *score.lower_bound_rad / (std::numbers::pi / 2) : nothing;
}

const SummaryRow* row_of(std::span<const SummaryRow> summary, const std::string& metric, const std::string& group) {
    const auto found = std::ranges::find_if(
        summary, [&](const SummaryRow& row) { return row.metric == metric && row.group == group && row.n > 0; });
    return found == summary.end() ? nullptr : &*found;
}

/// Pairs of a group with their names.
Series distribution(const std::string& group, double position, std::span<const ScoredPair> pairs,
                    const std::string& metric) {
    Series series{.name = "", .mark = Mark::violin};
    for (const ScoredPair& pair : pairs) {
        if (pair.metric != metric || pair.result.score.status != Status::ok) continue;
        if (std::ranges::find(pair.pair->groups, group) == pair.pair->groups.end()) continue;
        series.x.push_back(position);
        series.y.push_back(pair.result.score.dissimilarity());
        series.labels.push_back(pair.name_a() + " | " + pair.name_b());
    }
    return series;
}

/// Means of groups along the ticks, with their intervals.
Series means(const GroupAxis& axis, const GroupAxis::Curve& curve, std::span<const SummaryRow> summary,
             const std::string& metric) {
    Series series{.name = curve.name, .mark = Mark::line};
    for (std::size_t tick = 0; tick < curve.groups.size(); ++tick) {
        const SummaryRow* row = row_of(summary, metric, curve.groups[tick]);
        if (row == nullptr) continue;
        series.x.push_back(static_cast<double>(tick));
        series.y.push_back(row->mean);
        series.low.push_back(row->interval.low);
        series.high.push_back(row->interval.high);
        series.labels.push_back(
            fmt::format("{}{}mean of {}", curve.name, curve.name.empty() ? "" : ", ", counted(row->n, "pair")));
    }
    if (axis.curves.size() == 1) {
        series.name = "mean and interval";
        series.mark = Mark::points;
        series.colour = black;
    }
    return series;
}

/// The axis without the ticks at which no curve has a value.
GroupAxis with_values(const GroupAxis& axis, std::span<const SummaryRow> summary) {
    GroupAxis kept{axis.caption, axis.title, {}, {}};
    for (const GroupAxis::Curve& curve : axis.curves) kept.curves.push_back({curve.name, {}});
    for (std::size_t tick = 0; tick < axis.ticks.size(); ++tick) {
        const auto has_row = [&](const GroupAxis::Curve& curve) {
            return std::ranges::any_of(
                summary, [&](const SummaryRow& row) { return row.group == curve.groups[tick] && row.n > 0; });
        };
        if (std::ranges::none_of(axis.curves, has_row)) continue;
        kept.ticks.push_back(axis.ticks[tick]);
        for (std::size_t c = 0; c < axis.curves.size(); ++c)
            kept.curves[c].groups.push_back(axis.curves[c].groups[tick]);
    }
    return kept;
}

void add_noise_floor(Panel& panel, std::span<const SummaryRow> summary, const std::string& metric) {
    const SummaryRow* row = row_of(summary, metric, noise_floor);
    if (row == nullptr) return;
    const bool has_interval = std::isfinite(row->interval.low);
    panel.bands.push_back({.name = "noise floor",
                           .low = has_interval ? row->interval.low : row->mean,
                           .high = has_interval ? row->interval.high : row->mean,
                           .colour = grey});
}

}  // namespace

std::vector<Comparison> comparisons_of(std::span<const ScoredPair> pairs) {
    std::vector<Comparison> comparisons;
    for (const ScoredPair& pair : pairs)
        comparisons.push_back({.metric = pair.metric,
                               .a = pair.name_a(),
                               .b = pair.name_b(),
                               .score = pair.result.score,
                               .calibration = pair.calibration,
                               .values = pair.chosen->info.values,
                               .curves = pair.chosen->info.curves});
    return comparisons;
}

std::vector<std::string> metrics_of(std::span<const Comparison> comparisons) {
    std::vector<std::string> metrics;
    for (const Comparison& comparison : comparisons)
        if (std::ranges::find(metrics, comparison.metric) == metrics.end()) metrics.push_back(comparison.metric);
    return metrics;
}

std::string anchor(const std::string& name) {
    std::string id;
    for (const char character : name) id += std::isalnum(static_cast<unsigned char>(character)) != 0 ? character : '-';
    return id;
}

std::string counted(std::size_t n, const std::string& noun) {
    return fmt::format("{} {}{}", n, noun, n == 1 ? "" : "s");
}

std::string n_of_means(std::span<const SummaryRow> rows) {
    std::vector<std::size_t> counts;
    for (const SummaryRow& row : rows)
        if (row.n > 0) counts.push_back(row.n);
    if (counts.empty()) return "n = 0";
    const auto [low, high] = std::ranges::minmax(counts);
    return low == high ? fmt::format("n = {} a mean", counted(low, "pair"))
                       : fmt::format("n = {} to {} pairs a mean", low, high);
}

std::string text_of(const Bootstrap& bootstrap, const std::string& resampled) {
    return fmt::format("{:g} % intervals (of fewer than {} {} the jackknife, of more the bootstrap with {} draws)",
                       100 * bootstrap.confidence, enough_units, resampled, bootstrap.resamples);
}

Figure dissimilarity_map(const std::string& id, std::span<const Comparison> comparisons,
                         const std::vector<std::string>& systems) {
    HeatMap map{.unit = dissimilarity_unit, .rows = systems, .columns = systems, .matrices = {}};
    const auto n = static_cast<Eigen::Index>(systems.size());
    std::map<std::string, Eigen::Index> places;
    for (Eigen::Index i = 0; i < n; ++i) places.emplace(systems[static_cast<std::size_t>(i)], i);
    for (const std::string& metric : metrics_of(comparisons)) {
        RowMatrix values = RowMatrix::Constant(n, n, nothing);
        for (const Comparison& comparison : comparisons) {
            const auto a = places.find(comparison.a);
            const auto b = places.find(comparison.b);
            if (comparison.metric != metric || a == places.end() || b == places.end() || !has_value(comparison))
                continue;
            values(a->second, b->second) = values(b->second, a->second) = comparison.score.dissimilarity();
        }
        map.matrices.push_back({metric, std::move(values)});
    }
    return {.id = id,
            .title = "Dissimilarity of all pairs",
            .caption = fmt::format(
                "Dissimilarity in units of π/2 (0: the same, 1: nothing in common, well above: opposed) of {}{}; "
                "a pair without a value is left empty.",
                counted(systems.size(), "system"),
                map.matrices.size() > 1 ? ", in one colour scale for all metrics or one for each" : ""),
            .choice = "colour scale",
            .variants = with_both_scales(std::move(map))};
}

std::vector<Figure::Variant> with_both_scales(HeatMap map) {
    if (map.matrices.size() == 1) return {{"", std::move(map)}};  // both are the same
    HeatMap own = map;
    own.has_one_scale = false;
    return {{"one for all metrics", std::move(map)}, {"one for each metric", std::move(own)}};
}

Figure certificates(const std::string& id, std::span<const Comparison> comparisons) {
    PanelChart chart{.panels = {}, .columns = 2};
    for (const std::string& metric : metrics_of(comparisons)) {
        std::vector<const Comparison*> certified;
        for (const Comparison& comparison : comparisons)
            if (comparison.metric == metric && has_value(comparison) && comparison.score.lower_bound_rad)
                certified.push_back(&comparison);
        if (certified.empty()) continue;
        std::ranges::sort(certified, {}, [](const Comparison* c) { return std::pair(c->score.angle_rad, c); });
        Series series{.name = "value, and down to its lower bound"};
        for (const Comparison* comparison : certified) {
            series.x.push_back(static_cast<double>(series.x.size() + 1));
            series.y.push_back(comparison->score.dissimilarity());
            series.low.push_back(lower_bound(comparison->score));
            series.high.push_back(comparison->score.dissimilarity());
            series.labels.push_back(comparison->a + " | " + comparison->b);
        }
        chart.panels.push_back({.title = metric,
                                .x = {.title = "pairs, by their dissimilarity"},
                                .y = {.title = dissimilarity_unit, .starts_at_zero = true},
                                .series = {std::move(series)}});
    }
    const std::size_t n = chart.panels.empty() ? 0 : chart.panels.front().series.front().x.size();
    Figure figure{
        .id = id,
        .title = "How far each value can be trusted",
        .caption = fmt::format("Every comparison that was made (n = {}) with the certified lower bound of its "
                               "dissimilarity, in units of π/2: no alignment, found or not, is below the "
                               "whisker.",
                               n)};
    if (!chart.panels.empty()) figure.variants.push_back({"", std::move(chart)});
    return figure;
}

Figure calibrated_pairs(const std::string& id, std::span<const Comparison> comparisons, double confidence) {
    PanelChart chart{.panels = {}, .columns = 2};
    constexpr double unit = std::numbers::pi / 2;
    for (const std::string& metric : metrics_of(comparisons)) {
        std::vector<const Comparison*> pairs;
        for (const Comparison& comparison : comparisons)
            if (comparison.metric == metric && has_value(comparison) && comparison.calibration)
                pairs.push_back(&comparison);
        if (pairs.empty()) continue;
        std::ranges::sort(pairs, {}, [](const Comparison* c) { return std::pair(c->score.angle_rad, c); });
        Series values{.name = "value", .colour = 0};
        Series corrected{.name = "without the bias of few trials, with its interval", .colour = 1};
        Series floors{.name = "noise floor", .mark = Mark::line, .colour = grey, .is_dashed = true};
        Series chances{.name = fmt::format("chance reaches this in {:.3g} % of draws", 100 * (1 - confidence)),
                       .mark = Mark::line,
                       .colour = black,
                       .is_dashed = true};
        for (const Comparison* pair : pairs) {
            const auto place = static_cast<double>(values.x.size() + 1);
            const auto in_units = [&](const std::optional<double>& angle) { return angle ? *angle / unit : nothing; };
            const PairCalibration& found = *pair->calibration;
            for (Series* series : {&values, &corrected, &floors, &chances}) series->x.push_back(place);
            values.y.push_back(pair->score.dissimilarity());
            corrected.y.push_back(in_units(found.corrected_rad));
            corrected.low.push_back(in_units(found.low_rad));
            corrected.high.push_back(in_units(found.high_rad));
            floors.y.push_back(in_units(found.floor_rad));
            chances.y.push_back(in_units(found.chance_rad));
            const std::string label = pair->a + " | " + pair->b;
            values.labels.push_back(label);
            corrected.labels.push_back(label);
        }
        Panel panel{.title = metric,
                    .x = {.title = "pairs, by their dissimilarity"},
                    .y = {.title = dissimilarity_unit, .starts_at_zero = true}};
        for (Series* series : {&values, &corrected, &floors, &chances})
            if (std::ranges::any_of(series->y, [](double y) { return !std::isnan(y); }))
                panel.series.push_back(std::move(*series));
        chart.panels.push_back(std::move(panel));
    }
    Figure figure{
        .id = id,
        .title = "How sure each value is",
        .caption = fmt::format(
            "Every pair: its value, the same without the bias of few trials and its {:.3g} % interval (jackknife over "
            "trials), and beside it what two recordings of one system would show, or what chance "
            "reaches where samples correspond.",
            100 * confidence)};
    if (!chart.panels.empty()) figure.variants.push_back({"", std::move(chart)});
    return figure;
}

Figure observed_and_null(const std::string& id, std::span<const Comparison> comparisons) {
    constexpr std::size_t most = 12;
    constexpr double level = 0.05;
    constexpr double unit = std::numbers::pi / 2;
    Figure figure{
        .id = id,
        .title = "Values and chance",
        .caption = fmt::format("At most {} pairs of each metric, those whose p is nearest to {}: the value, and the "
                               "distribution (21 quantiles) of what draws give if there is no difference (p_differ) "
                               "or no relation (p_relate).",
                               most, level),
        .choice = "metric",
        .variants = {}};
    const auto p_of = [](const Comparison& one) {
        return one.calibration->p_differ ? one.calibration->p_differ : one.calibration->p_relate;
    };
    for (const std::string& metric : metrics_of(comparisons)) {
        std::vector<const Comparison*> pairs;
        for (const Comparison& one : comparisons)
            if (one.metric == metric && has_value(one) && one.calibration && p_of(one) &&
                !one.calibration->null_rad.empty())
                pairs.push_back(&one);
        if (pairs.empty()) continue;
        std::ranges::sort(
            pairs, {}, [&](const Comparison* one) { return std::pair(std::abs(std::log(*p_of(*one) / level)), one); });
        pairs.resize(std::min(pairs.size(), most));
        Panel panel{
            .title = metric, .x = {.title = "pair"}, .y = {.title = dissimilarity_unit, .starts_at_zero = true}};
        Series values{.name = "value", .colour = 1};
        for (const Comparison* pair : pairs) {
            const auto place = static_cast<double>(panel.x.categories.size());
            panel.x.categories.push_back(fmt::format("{} | {}\np = {:.2g}", pair->a, pair->b, *p_of(*pair)));
            Series chance{.name = "chance", .mark = Mark::violin, .colour = grey};
            for (const double angle : pair->calibration->null_rad) {
                chance.x.push_back(place);
                chance.y.push_back(angle / unit);
            }
            panel.series.push_back(std::move(chance));
            values.x.push_back(place);
            values.y.push_back(pair->score.dissimilarity());
            values.labels.push_back(panel.x.categories.back());
        }
        panel.series.push_back(std::move(values));
        figure.variants.push_back({metric, PanelChart{.panels = {std::move(panel)}}});
    }
    return figure;
}

TableFigure failure_table(const std::string& id, std::span<const Comparison> comparisons) {
    std::vector<std::tuple<std::string, std::string, std::string>> causes;
    std::vector<std::pair<std::size_t, const Comparison*>> counts;
    for (const Comparison& comparison : comparisons) {
        if (has_value(comparison)) continue;
        const std::tuple cause(comparison.metric, std::string(to_string(comparison.score.status)),
                               comparison.score.detail);
        const auto place = static_cast<std::size_t>(std::ranges::find(causes, cause) - causes.begin());
        if (place == causes.size()) {
            causes.push_back(cause);
            counts.emplace_back(0, &comparison);
        }
        ++counts[place].first;
    }
    TableFigure table{.id = id,
                      .title = "Comparisons without a value",
                      .caption = fmt::format("{} of {} have no value; they enter no mean.",
                                             std::ranges::count_if(comparisons, std::not_fn(has_value)),
                                             counted(comparisons.size(), "comparison")),
                      .rows = {{"metric", "status", "cause", "comparisons", "the first one"}}};
    for (std::size_t i = 0; i < causes.size(); ++i) {
        const auto& [metric, status, detail] = causes[i];
        table.rows.push_back({metric, status, detail, fmt::format("{}", counts[i].first),
                              counts[i].second->a + " | " + counts[i].second->b});
    }
    return table;
}

Figure group_figure(const std::string& id, const GroupAxis& whole_axis, std::span<const ScoredPair> pairs,
                    std::span<const SummaryRow> summary, const Bootstrap& bootstrap, const std::string& resampled) {
    const GroupAxis axis = with_values(whole_axis, summary);
    // A group has its colour whichever others are there.
    const auto place_of = [&](const std::string& group) {
        const auto& groups = whole_axis.curves.front().groups;
        return static_cast<std::size_t>(std::ranges::find(groups, group) - groups.begin());
    };
    PanelChart chart{.panels = {}, .columns = 3};
    const bool has_one_curve = axis.curves.size() == 1;
    for (const std::string& metric : metrics_of(comparisons_of(pairs))) {
        Panel panel{.title = metric,
                    .x = {.title = axis.title, .categories = axis.ticks},
                    .y = {.title = dissimilarity_unit, .starts_at_zero = true}};
        for (std::size_t c = 0; c < axis.curves.size(); ++c) {
            const GroupAxis::Curve& curve = axis.curves[c];
            for (std::size_t tick = 0; has_one_curve && tick < curve.groups.size(); ++tick) {
                Series violin = distribution(curve.groups[tick], static_cast<double>(tick), pairs, metric);
                violin.colour = place_of(curve.groups[tick]);
                if (!violin.x.empty()) panel.series.push_back(std::move(violin));
            }
            Series line = means(axis, curve, summary, metric);
            if (!has_one_curve) line.colour = c;
            panel.series.push_back(std::move(line));
        }
        add_noise_floor(panel, summary, metric);
        chart.panels.push_back(std::move(panel));
    }
    const bool has_floor = std::ranges::find(summary, noise_floor, &SummaryRow::group) != summary.end();
    std::vector<std::string> counts;
    if (has_one_curve && !summary.empty())
        for (std::size_t tick = 0; tick < axis.ticks.size(); ++tick)
            if (const auto* row = row_of(summary, summary.front().metric, axis.curves.front().groups[tick]))
                counts.push_back(fmt::format("{} n = {}", axis.ticks[tick], row->n));
    if (!has_one_curve) counts.push_back(n_of_means(summary));
    Figure figure{
        .id = id,
        .title = axis.caption,
        .caption = fmt::format(
            "{}{}, in units of π/2{}; means with {}{}.", axis.caption,
            has_one_curve ? ": every pair and its distribution" : "",
            counts.empty() ? "" : fmt::format(" ({})", fmt::join(counts, ", ")), text_of(bootstrap, resampled),
            has_floor ? "; the band is the interval of the noise floor, a system against a fresh draw of itself" : ""),
        .variants = {}};
    if (!axis.ticks.empty()) figure.variants.push_back({"", std::move(chart)});
    return figure;
}

RowMatrix thinned(const RowMatrix& steps) {
    constexpr Eigen::Index most = 100;
    const Eigen::Index every = (steps.rows() + most - 1) / most;
    if (every <= 1) return steps;
    RowMatrix some((steps.rows() + every - 1) / every, steps.cols());
    for (Eigen::Index i = 0; i < some.rows(); ++i) some.row(i) = steps.row(i * every);
    return some;
}

PathChart trial_paths(const Trajectories& x, const std::vector<std::string>& axes, Eigen::Index most_trials) {
    const Shape& shape = x.shape();
    const Eigen::Index channels = std::min<Eigen::Index>(3, shape.channels);
    PathChart chart{.axes = {axes.begin(), axes.begin() + channels}, .paths = {}};
    RowMatrix mean = RowMatrix::Zero(shape.steps, channels);
    for (Eigen::Index trial = 0; trial < shape.trials; ++trial) mean += x.trial(trial).leftCols(channels);
    if (shape.trials > 1)
        chart.paths.push_back({.name = fmt::format("mean of {} trials", shape.trials),
                               .colour = black,
                               .is_mean = true,
                               .points = thinned(mean / static_cast<double>(shape.trials))});
    for (Eigen::Index trial = 0; trial < std::min(most_trials, shape.trials); ++trial)
        chart.paths.push_back({.name = fmt::format("trial {}", trial + 1),
                               .colour = static_cast<std::size_t>(trial % 10),
                               .points = thinned(x.trial(trial).leftCols(channels))});
    return chart;
}

}  // namespace repal
