module;
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/eigen.hpp"
module repal.neurotask_figures;

namespace repal {
namespace {

template <class Finding>
std::vector<const Finding*> of_ruleset(const std::vector<Finding>& findings, const Ruleset& ruleset) {
    std::vector<const Finding*> some;
    for (const Finding& finding : findings)
        if (finding.ruleset == &ruleset) some.push_back(&finding);
    return some;
}

/// The means of a comparison, by metric and group.
class Means {
 public:
    Means(std::span<const SummaryRow> summary, const std::string& experiment) {
        for (const SummaryRow& row : summary) {
            if (row.experiment != experiment || row.n == 0) continue;
            if (std::ranges::find(metrics_, row.metric) == metrics_.end()) metrics_.push_back(row.metric);
            means_[{row.metric, row.group}] = row.mean;
        }
    }
    const std::vector<std::string>& metrics() const { return metrics_; }
    double of(const std::string& metric, const std::string& group) const {
        const auto found = means_.find({metric, group});
        return found == means_.end() ? nothing : found->second;
    }

 private:
    std::vector<std::string> metrics_;
    std::map<std::pair<std::string, std::string>, double> means_;
};

Figure group_map(const Ruleset& ruleset, const Experiment& experiment, std::span<const SummaryRow> summary) {
    const Means means(summary, experiment.name);
    HeatMap map{.unit = dissimilarity_unit, .rows = {}, .columns = {}, .matrices = {}};
    for (const Curriculum& group : ruleset.curricula) map.rows.push_back(group.name);
    map.columns = map.rows;
    const auto n = std::ssize(map.rows);
    for (const std::string& metric : means.metrics()) {
        RowMatrix values = RowMatrix::Constant(n, n, nothing);
        for (const CurriculumPair& pair : curriculum_pairs(ruleset)) {
            const auto a = static_cast<Eigen::Index>(pair.a->number);
            const auto b = static_cast<Eigen::Index>(pair.b->number);
            values(a, b) = values(b, a) = means.of(metric, pair.label());
        }
        map.matrices.push_back({metric, std::move(values)});
    }
    return {.id = anchor(ruleset.name) + "-groups",
            .title = "Groups against groups",
            .caption =
                fmt::format("Mean dissimilarity of two groups in the same setting and replicate, in units of π/2 ({}); "
                            "on the diagonal between the replicates of a group.",
                            n_of_means(summary)),
            .choice = "colour scale",
            .variants = with_both_scales(std::move(map))};
}

/// Dissimilarity over learning, and beside it what the networks could do at that time.
Figure with_performance(Figure figure, const Experiment& experiment, std::span<const ScoredPair> pairs) {
    const GroupAxis& axis = experiment.axes.front();
    std::map<std::string, std::pair<double, std::size_t>> sums;
    for (const ScoredPair& pair : pairs)
        if (pair.metric == pairs.front().metric && pair.result.b.performance) {
            auto& [sum, n] = sums[pair.pair->groups.front()];
            sum += *pair.result.b.performance;
            ++n;
        }
    Panel panel{.title = "performance",
                .x = {.title = axis.title, .categories = axis.ticks},
                .y = {.title = "performance on the test trials", .starts_at_zero = true}};
    for (std::size_t c = 0; c < axis.curves.size(); ++c) {
        Series series{.name = axis.curves[c].name, .mark = Mark::line, .colour = c};
        for (std::size_t tick = 0; tick < axis.curves[c].groups.size(); ++tick) {
            const auto found = sums.find(axis.curves[c].groups[tick]);
            if (found == sums.end()) continue;
            const auto& [sum, n] = found->second;
            series.x.push_back(static_cast<double>(tick));
            series.y.push_back(sum / static_cast<double>(n));
            series.labels.push_back(fmt::format("{}, mean of {}", series.name, counted(n, "network")));
        }
        panel.series.push_back(std::move(series));
    }
    auto& chart = std::get<PanelChart>(figure.variants.front().chart);
    chart.panels.push_back(std::move(panel));
    chart.columns = 2;
    figure.caption += " The last panel is the mean performance of the same states, as a share of right actions.";
    return figure;
}

Figure within_learning_map(const Ruleset& ruleset, const Experiment& experiment, std::int64_t parts,
                           std::span<const SummaryRow> summary) {
    const Means means(summary, experiment.name);
    Figure figure{
        .id = anchor(ruleset.name) + "-within-learning",
        .title = "Networks against themselves, over training",
        .caption = fmt::format("Mean dissimilarity of a network's states in one part of its training and in another, "
                               "over all networks of the group, in units of π/2 ({}); equal states are not "
                               "compared.",
                               n_of_means(summary)),
        .choice = "group",
        .variants = {}};
    for (const Curriculum& group : ruleset.curricula) {
        if (std::ranges::find(experiment.groups, TrainingParts{&group, 1, parts}.label()) == experiment.groups.end())
            continue;
        HeatMap map{.unit = dissimilarity_unit, .rows = {}, .columns = {}, .matrices = {}, .has_one_scale = false};
        for (std::int64_t part = 1; part <= parts; ++part) map.rows.push_back(fmt::format("part {}", part));
        map.columns = map.rows;
        for (const std::string& metric : means.metrics()) {
            RowMatrix values = RowMatrix::Constant(parts, parts, nothing);
            for (std::int64_t a = 0; a < parts; ++a)
                for (std::int64_t b = a; b < parts; ++b)
                    values(a, b) = values(b, a) = means.of(metric, TrainingParts{&group, a + 1, b + 1}.label());
            map.matrices.push_back({metric, std::move(values)});
        }
        if (!map.matrices.empty()) figure.variants.push_back({group.name, std::move(map)});
    }
    return figure;
}

Figure map_figure(const Ruleset& ruleset, std::span<const NetworkMap* const> maps) {
    PanelChart chart{.panels = {}, .columns = 3};
    for (const NetworkMap* map : maps) {
        if (!map->stress) continue;
        Panel panel{
            .title = fmt::format("{}\nstress {:.2f}\nnearest of its group: {:.0f} % (chance {:.0f} %, p = {:.2g})",
                                 map->metric, *map->stress, 100 * map->accuracy, 100 * map->chance, map->p),
            .x = {.title = "first axis (units of π/2)"},
            .y = {.title = "second axis (units of π/2)"}};
        for (std::size_t g = 0; g < ruleset.curricula.size(); ++g) {
            Series series{.name = ruleset.curricula[g].name, .mark = Mark::points, .colour = g};
            for (const MappedNetwork& network : map->networks) {
                if (network.nearest == nullptr || network.network->group != series.name) continue;
                series.x.push_back(network.x);
                series.y.push_back(network.y);
                series.labels.push_back(fmt::format("{}\nnearest: {}", network.network->name, network.nearest->name));
            }
            if (!series.x.empty()) panel.series.push_back(std::move(series));
        }
        chart.panels.push_back(std::move(panel));
    }
    Figure figure{
        .id = anchor(ruleset.name) + "-map",
        .title = "Map of all networks",
        .caption = maps.empty()
                       ? std::string()
                       : fmt::format("Classical multidimensional scaling of the dissimilarities of {} "
                                     "(n), in units of π/2: near points are alike, and the stress says "
                                     "how much the plane cannot show.",
                                     counted(maps.front()->networks.size() - maps.front()->n_excluded, "network"))};
    if (!chart.panels.empty()) figure.variants.push_back({"", std::move(chart)});
    return figure;
}

Figure regression_figure(const Ruleset& ruleset, std::span<const GroupRegression* const> regressions,
                         const Bootstrap& bootstrap) {
    Figure figure{
        .id = anchor(ruleset.name) + "-regressions",
        .title = "What dissimilarity goes with",
        .caption = fmt::format("Every pair of groups in one setting and replicate, with the least-squares line; "
                               "n, the slope with its {:g} % interval (jackknife of settings and of groups) and p "
                               "(orders of groups permuted) are above each panel.",
                               100 * bootstrap.confidence),
        .choice = "predictor",
        .variants = {}};
    for (const GroupRegression* regression : regressions) {
        std::string name = regression->predictor;
        std::ranges::replace(name, '_', ' ');
        if (std::ranges::find(figure.variants, name, &Figure::Variant::name) == figure.variants.end())
            figure.variants.push_back({name, PanelChart{.panels = {}, .columns = 3}});
        auto& chart = std::get<PanelChart>(std::ranges::find(figure.variants, name, &Figure::Variant::name)->chart);
        const Regression& found = regression->found;
        Panel panel{.title = fmt::format("{}\nslope {:.2g} [{:.2g}, {:.2g}]\np = {:.2g}, n = {}", regression->metric,
                                         found.slope, found.interval.low, found.interval.high, found.p, found.n),
                    .x = {.title = name},
                    .y = {.title = dissimilarity_unit, .starts_at_zero = true}};
        panel.series.push_back({.name = "pair of groups",
                                .mark = Mark::points,
                                .x = regression->x,
                                .y = regression->y,
                                .labels = regression->groups});
        if (!regression->x.empty() && std::isfinite(found.slope)) {
            const auto [low, high] = std::ranges::minmax(regression->x);
            panel.series.push_back({.name = "least squares",
                                    .mark = Mark::line,
                                    .colour = 1,
                                    .x = {low, high},
                                    .y = {found.intercept + found.slope * low, found.intercept + found.slope * high}});
        }
        chart.panels.push_back(std::move(panel));
    }
    return figure;
}

/// The rows of a ruleset, without its column.
Table of_ruleset(const Table& all, const Ruleset& ruleset) {
    Table rows;
    for (const auto& row : all) {
        const bool is_head = &row == &all.front();
        if (!is_head && row.front() != ruleset.name) continue;
        rows.emplace_back(row.begin() + 1, row.end());
        if (is_head)
            for (std::string& name : rows.back()) std::ranges::replace(name, '_', ' ');
    }
    return rows;
}

}  // namespace

Section comparison_section(const Ruleset& ruleset, std::span<const Experiment> experiments,
                           const std::map<std::string, NetworkExperiment>& kinds, const NeurotaskFindings& findings,
                           const Bootstrap& bootstrap) {
    Section section{.id = "ruleset-" + anchor(ruleset.name), .title = "Comparisons: " + ruleset.name};
    const std::string resampled = "settings, then replicates";
    const auto add = [&](Figure figure) {
        if (!figure.variants.empty()) section.figures.emplace_back(std::move(figure));
    };
    for (const Experiment& experiment : experiments) {
        const auto& [compared_ruleset, compared, parts] = kinds.at(experiment.name);
        if (compared_ruleset != &ruleset) continue;
        std::vector<ScoredPair> pairs;
        for (const ScoredPair& pair : findings.pairs)
            if (pair.experiment == &experiment) pairs.push_back(pair);
        if (pairs.empty()) continue;
        std::vector<SummaryRow> summary;
        for (const SummaryRow& row : findings.summary)
            if (row.experiment == experiment.name) summary.push_back(row);

        if (compared == Compared::groups) add(group_map(ruleset, experiment, summary));
        for (const GroupAxis& axis : experiment.axes) {
            Figure figure = group_figure(anchor(experiment.name) + "-axis", axis, pairs, summary, bootstrap, resampled);
            add(compared == Compared::learning && !figure.variants.empty()
                    ? with_performance(std::move(figure), experiment, pairs)
                    : std::move(figure));
        }
        if (compared == Compared::within_learning) add(within_learning_map(ruleset, experiment, parts, summary));
        if (compared == Compared::groups)
            add(certificates(anchor(experiment.name) + "-certificates", comparisons_of(pairs)));
    }
    if (section.figures.empty()) {
        section.text = "Nothing has been compared yet.";
        return section;
    }
    add(map_figure(ruleset, of_ruleset(findings.maps, ruleset)));
    add(regression_figure(ruleset, of_ruleset(findings.regressions, ruleset), bootstrap));
    section.figures.emplace_back(TableFigure{
        .id = anchor(ruleset.name) + "-tests",
        .title = "Do groups differ?",
        .caption = "Two groups' dissimilarities to the reference, in pairs of the same unit (n), in units of π/2: "
                   "sign-flip permutation test, p adjusted by Benjamini and Hochberg over the tests of a metric.",
        .rows = of_ruleset(tests_table(findings.tests), ruleset)});
    section.figures.emplace_back(
        TableFigure{.id = anchor(ruleset.name) + "-checks",
                    .title = "Changes that metrics should know",
                    .caption = "One network against itself, changed (n = 1); dissimilarity in units of π/2.",
                    .rows = of_ruleset(findings.checks.rows, ruleset)});
    return section;
}

Section failure_section(const NeurotaskFindings& findings, std::span<const NetworkResult> networks) {
    Section section{.id = "failures", .title = "Failures and exclusions"};
    TableFigure failed{.id = "failures-networks",
                       .title = "Networks that failed",
                       .caption = "Their comparisons have no value.",
                       .rows = {{"network", "cause"}}};
    for (const NetworkResult& network : networks)
        if (!network.is_done && !network.cause.empty()) failed.rows.push_back({network.item->name, network.cause});
    TableFigure excluded{.id = "failures-map",
                         .title = "Networks that are not on a map",
                         .caption = "A map needs all dissimilarities between its networks.",
                         .rows = {{"metric", "network", "reason"}}};
    for (const NetworkMap& map : findings.maps)
        for (const MappedNetwork& network : map.networks)
            if (network.nearest == nullptr)
                excluded.rows.push_back({map.metric, network.network->name, network.excluded_because});
    for (TableFigure* table : {&failed, &excluded})
        if (table->rows.size() > 1) section.figures.emplace_back(std::move(*table));
    section.figures.emplace_back(failure_table("failures-comparisons", comparisons_of(findings.pairs)));
    return section;
}

}  // namespace repal
