module;
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.recording_figures;

namespace repal {
namespace {

/// The number of each value of a label among its values, which colours it.
std::map<std::string, std::size_t> numbers_of(const std::vector<std::string>& values) {
    const std::set<std::string> distinct(values.begin(), values.end());
    std::map<std::string, std::size_t> numbers;
    for (const std::string& value : distinct) numbers.emplace(value, numbers.size());
    return numbers;
}

std::string name_of(const std::string& value) {
    return value.empty() ? "(not known)" : value;
}

/// Points of one series for each value of a label. `at`: x and y of a system.
template <class At>
void add_points(Panel& panel, const LabelledSystems& systems, const std::string& label, At at) {
    const std::vector<std::string>& values =
        label.empty() ? std::vector<std::string>(systems.names.size(), "systems") : systems.labels.at(label);
    const auto numbers = numbers_of(values);
    constexpr std::size_t most_in_legend = 30;
    for (const auto& [value, number] : numbers) {
        Series series{.name = numbers.size() <= most_in_legend ? name_of(value) : "",
                      .mark = Mark::points,
                      .colour = number,
                      .x = {},
                      .y = {}};
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (values[i] != value) continue;
            const auto [x, y] = at(i);
            series.x.push_back(x);
            series.y.push_back(y);
            series.labels.push_back(label.empty() ? systems.names[i]
                                                  : fmt::format("{}\n{}: {}", systems.names[i], label, name_of(value)));
        }
        panel.series.push_back(std::move(series));
    }
}

/// The lines of a tree: NaN between branches.
Series branches(const Tree& tree, const std::vector<double>& leaf_place) {
    Series lines{.name = "", .mark = Mark::line, .colour = grey, .x = {}, .y = {}};
    std::vector<double> place = leaf_place;  // then that of each merge
    std::vector<double> height(leaf_place.size(), 0);
    for (const Merge& merge : tree.merges) {
        const auto add = [&](double x, double y) {
            lines.x.push_back(x);
            lines.y.push_back(y);
        };
        add(place[merge.first], height[merge.first]);
        add(place[merge.first], merge.height);
        add(place[merge.second], merge.height);
        add(place[merge.second], height[merge.second]);
        add(place[merge.second], nothing);
        place.push_back((place[merge.first] + place[merge.second]) / 2);
        height.push_back(merge.height);
    }
    return lines;
}

constexpr double level = 0.05;

/// "p = 0.012", and that no order of so few would give less than the level.
std::string p_of(const GroupFinding& finding) {
    return fmt::format("p = {:.2g}{}", *finding.p,
                       *finding.least_p <= level ? ""
                       : *finding.p <= *finding.least_p
                           ? ", the least that so few can give: no order of the labels is more extreme"
                           : fmt::format(", and no order of so few gives less than {:.2g}", *finding.least_p));
}

/// What the tests of one question and metric say, in a sentence or two; empty if they say nothing.
std::string sentence_of(std::span<const GroupFinding> findings) {
    const auto of_test = [&](const char* test) -> const GroupFinding* {
        const auto found = std::ranges::find(findings, test, &GroupFinding::test);
        return found == findings.end() || !found->statistic ? nullptr : &*found;
    };
    const auto has_p = [](const GroupFinding* finding) {
        return finding != nullptr && finding->p && std::isfinite(*finding->p);
    };
    const GroupFinding* drift = of_test("drift");
    const GroupFinding* trend = of_test("trend");
    if (has_p(drift) && has_p(trend))
        return fmt::format("{}: by {} {} (R2 = {:.2f}, {}; trend r = {:.2f}, p = {:.2g}; n = {}).", drift->question,
                           drift->metric, *drift->p <= level ? "there is a drift" : "no drift is shown", *drift->r2,
                           p_of(*drift), *trend->statistic, *trend->p, drift->n);
    const GroupFinding* within = of_test("mean_within");
    const GroupFinding* across = of_test("mean_across");
    if (within == nullptr || across == nullptr) {  // a list of labels
        std::vector<std::string> effects;
        for (const GroupFinding& one : findings)
            if (has_p(&one))
                effects.push_back(fmt::format(
                    "{} {} (R2 = {:.2f}, {})", one.of,
                    *one.p <= level ? "makes a difference" : "makes no difference that is shown", *one.r2, p_of(one)));
        if (effects.empty()) return {};
        return fmt::format("{}: by {} {}; n = {}.", findings.front().question, findings.front().metric,
                           fmt::join(effects, ", "), findings.front().n);
    }
    const GroupFinding* location = of_test("permanova");
    if (!has_p(location)) return {};
    std::string text = fmt::format(
        "{}: by {} {} (R2 = {:.2f}, {}; n = {}; {:.3g} within, {:.3g} across, in units of π/2).", location->question,
        location->metric, *location->p <= level ? "groups differ" : "no difference of groups is shown", *location->r2,
        p_of(*location), location->n, *within->statistic, *across->statistic);
    if (const GroupFinding* nearest = of_test("nearest_neighbours"); has_p(nearest) && nearest->chance)
        text += fmt::format(" The nearest system is of the same group in {:.0f} %, by chance in {:.0f} % (p = {:.2g}).",
                            100 * *nearest->statistic, 100 * *nearest->chance, *nearest->p);
    return text;
}

/// One sentence for each question and metric, of the first few.
std::string verdict(std::span<const GroupFinding> findings) {
    constexpr std::size_t most = 6;
    std::vector<std::string> sentences;
    std::size_t more = 0;
    for (std::size_t first = 0, end = 0; first < findings.size(); first = end) {
        while (end < findings.size() && findings[end].question == findings[first].question &&
               findings[end].metric == findings[first].metric)
            ++end;
        std::string text = sentence_of(findings.subspan(first, end - first));
        if (text.empty()) continue;
        if (sentences.size() < most)
            sentences.push_back(std::move(text));
        else
            ++more;
    }
    if (more > 0) sentences.push_back(fmt::format("{} more questions and metrics are in the tables.", more));
    return fmt::format("{}", fmt::join(sentences, "\n"));
}

/// A panel of means and their intervals for each question, in the order of their first.
class MeansByQuestion {
 public:
    explicit MeansByQuestion(std::string x_title) : x_title_(std::move(x_title)) {}

    Panel& panel(const std::string& question) {
        const auto found = std::ranges::find(panels_, question, &Panel::title);
        if (found != panels_.end()) return *found;
        return panels_.emplace_back(Panel{
            .title = question, .x = {.title = x_title_}, .y = {.title = dissimilarity_unit, .starts_at_zero = true}});
    }

    /// `series`: where the mean belongs, if the panel has none of that name yet.
    void add(const GroupFinding& mean, const Series& series, double x) {
        std::vector<Series>& all = panel(mean.question).series;
        auto place = std::ranges::find(all, series.name, &Series::name);
        if (place == all.end()) place = all.insert(place, series);
        place->x.push_back(x);
        place->y.push_back(*mean.statistic);
        place->low.push_back(mean.interval ? mean.interval->low : nothing);
        place->high.push_back(mean.interval ? mean.interval->high : nothing);
    }

    std::vector<Figure::Variant> variants() const {
        std::vector<Figure::Variant> found;
        for (const Panel& one : panels_) found.push_back({one.title, PanelChart{.panels = {one}}});
        return found;
    }

 private:
    std::string x_title_;
    std::vector<Panel> panels_;
};

std::vector<std::string> or_none(const std::vector<std::string>& labels) {
    return labels.empty() ? std::vector<std::string>{""} : labels;
}

}  // namespace

Figure map_figure(std::span<const MetricAnswers> metrics, const std::vector<std::string>& labels) {
    Figure figure{.id = "systems-map",
                  .title = "Map of all systems",
                  .caption =
                      "Classical multidimensional scaling of the dissimilarities, in units of π/2: near points are "
                      "alike, and the stress says how much the plane cannot show.",
                  .choice = "label",
                  .variants = {}};
    for (const std::string& label : or_none(labels)) {
        PanelChart chart{.panels = {}, .columns = 3};
        for (const MetricAnswers& metric : metrics) {
            if (metric.map.points.rows() == 0) continue;
            Panel panel{.title = fmt::format("{}\nstress {:.2f}", metric.systems.metric, metric.map.stress),
                        .x = {.title = "first axis (units of π/2)"},
                        .y = {.title = "second axis (units of π/2)"}};
            add_points(panel, metric.systems, label, [&](std::size_t i) {
                return std::pair(metric.map.points(static_cast<Eigen::Index>(i), 0),
                                 metric.map.points(static_cast<Eigen::Index>(i), 1));
            });
            chart.panels.push_back(std::move(panel));
        }
        if (!chart.panels.empty()) figure.variants.push_back({label, std::move(chart)});
    }
    return figure;
}

Figure tree_figure(std::span<const MetricAnswers> metrics, const std::vector<std::string>& labels) {
    Figure figure{.id = "systems-tree",
                  .title = "Trees of all systems",
                  .caption =
                      "Average linkage (UPGMA): two branches meet at the mean dissimilarity of their systems, in "
                      "units of π/2. r: correlation of the heights at which systems meet and their dissimilarity.",
                  .choice = "label",
                  .variants = {}};
    for (const std::string& label : or_none(labels)) {
        PanelChart chart{.panels = {}, .columns = 1};
        for (const MetricAnswers& metric : metrics) {
            if (metric.tree.merges.empty()) continue;
            Panel panel{.title = fmt::format("{}\nr = {:.2f}", metric.systems.metric, metric.tree.cophenetic),
                        .x = {.title = "system"},
                        .y = {.title = "dissimilarity (units of π/2)", .starts_at_zero = true}};
            std::vector<double> place(metric.systems.names.size());
            for (std::size_t i = 0; i < metric.tree.leaves.size(); ++i) {
                place[metric.tree.leaves[i]] = static_cast<double>(i);
                panel.x.categories.push_back(metric.systems.names[metric.tree.leaves[i]]);
            }
            panel.series.push_back(branches(metric.tree, place));
            add_points(panel, metric.systems, label, [&](std::size_t i) { return std::pair(place[i], 0.0); });
            chart.panels.push_back(std::move(panel));
        }
        if (!chart.panels.empty()) figure.variants.push_back({label, std::move(chart)});
    }
    return figure;
}

Figure means_figure(std::span<const GroupFinding> findings, double confidence) {
    MeansByQuestion means("metric");
    for (const GroupFinding& one : findings) {
        const bool is_within = one.test == "mean_within";
        if ((!is_within && one.test != "mean_across") || !one.statistic) continue;
        std::vector<std::string>& metrics = means.panel(one.question).x.categories;
        auto place = std::ranges::find(metrics, one.metric);
        if (place == metrics.end()) place = metrics.insert(place, one.metric);
        constexpr double beside = 0.1;
        means.add(one,
                  {.name = is_within ? "within groups" : "across groups",
                   .mark = Mark::points,
                   .colour = is_within ? 0U : 1U,
                   .x = {},
                   .y = {}},
                  static_cast<double>(place - metrics.begin()) + (is_within ? -beside : beside));
    }
    return {.id = "groups-means",
            .title = "Within and across groups",
            .caption = fmt::format(
                "Mean dissimilarity of systems of one group and of two, in units of π/2, with {:g} % intervals that "
                "leave out systems, or subjects.",
                100 * confidence),
            .choice = "question",
            .variants = means.variants()};
}

Figure curve_figure(std::span<const GroupFinding> findings, double confidence) {
    MeansByQuestion means("order");
    for (const GroupFinding& one : findings) {
        if (one.test != "curve" || !one.statistic) continue;
        const std::size_t colour = means.panel(one.question).series.size();
        means.add(one, {.name = one.metric, .mark = Mark::line, .colour = colour, .x = {}, .y = {}},
                  *number_in(one.of));
    }
    return {.id = "order-curves",
            .title = "Along the order",
            .caption = fmt::format(
                "Mean dissimilarity to the reference of the same subject, in units of π/2, with {:g} % intervals that "
                "leave out systems, or subjects.",
                100 * confidence),
            .choice = "question",
            .variants = means.variants()};
}

Figure mantel_figure(std::span<const MantelFinding> findings) {
    std::vector<std::string> names;
    const auto is_shown = [](const MantelFinding& one) {
        return one.correlation == "pearson" && one.given.empty() && std::isfinite(one.test.statistic);
    };
    for (const MantelFinding& one : findings)
        for (const std::string& name : {one.a, one.b})
            if (is_shown(one) && std::ranges::find(names, name) == names.end()) names.push_back(name);
    const auto n = std::ssize(names);
    RowMatrix values = RowMatrix::Constant(n, n, nothing);
    for (const MantelFinding& one : findings) {
        if (!is_shown(one)) continue;
        const auto a = std::ranges::find(names, one.a) - names.begin();
        const auto b = std::ranges::find(names, one.b) - names.begin();
        values(a, b) = values(b, a) = one.test.statistic;
    }
    Figure figure{.id = "mantel-map",
                  .title = "Do metrics see the same?",
                  .caption =
                      "Pearson's correlation of the dissimilarities of two metrics, or of a metric and a label, over "
                      "the same pairs of systems. p, of systems in other orders, is in mantel.csv.",
                  .choice = {},
                  .variants = {}};
    if (n > 1)
        figure.variants.push_back(
            {"", HeatMap{.unit = "r", .rows = names, .columns = names, .matrices = {{"r", std::move(values)}}}});
    return figure;
}

std::vector<Section> sections_of(const Answers& answers, const std::vector<std::string>& labels, double confidence) {
    Section groups{.id = "groups", .title = "Groups"};
    for (const Table& overview : groups_overview(answers.groups))
        groups.figures.emplace_back(TableFigure{
            .id = fmt::format("groups-{}", groups.figures.size() + 1),
            .title = overview.front()[3] == "trend r" ? "Is there a drift?" : "Do they differ?",
            .caption =
                "p: share of orders of the labels that give as much. F and R2: PERMANOVA; spread: whether groups "
                "differ in how far their systems are apart; nearest: how often the nearest system is of the same "
                "group. All tests, with the number of orders and the least p that they leave, are in groups.csv.",
            .rows = overview});
    const auto add = [](Section& section, Figure figure) {
        if (!figure.variants.empty()) section.figures.emplace_back(std::move(figure));
    };
    add(groups, means_figure(answers.groups, confidence));
    add(groups, curve_figure(answers.groups, confidence));
    groups.text =
        groups.figures.empty() ? "The sheet has no labels that groups could be made of." : verdict(answers.groups);
    for (const MetricAnswers& metric : answers.metrics)
        if (metric.systems.names.empty())
            groups.text +=
                fmt::format("\nBy {} no two systems could be compared, see the failures.", metric.systems.metric);
    Section systems{.id = "systems", .title = "Systems"};
    add(systems, map_figure(answers.metrics, labels));
    add(systems, tree_figure(answers.metrics, labels));
    Section metrics{.id = "metrics", .title = "Metrics"};
    add(metrics, mantel_figure(answers.mantel));
    if (!answers.mantel.empty())
        metrics.figures.emplace_back(TableFigure{.id = "mantel-table",
                                                 .title = "Mantel tests",
                                                 .caption =
                                                     "Systems of one side in other orders. Reliability: how well "
                                                     "dissimilarities of two halves of the trials agree; "
                                                     "largest r: that two so reliable metrics can show.",
                                                 .rows = mantel_table(answers.mantel)});
    std::vector<Section> sections = {std::move(groups), std::move(systems)};
    if (!metrics.figures.empty()) sections.push_back(std::move(metrics));
    return sections;
}

}  // namespace repal
