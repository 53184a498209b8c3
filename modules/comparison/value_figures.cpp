module;
#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.figures;

namespace repal {
namespace {

/// Angles of all windows of a pair with each other.
Figure::Variant windows_across(const Comparison& pair) {
    const std::size_t named = pair.curves.size();
    const auto n = static_cast<Eigen::Index>(pair.score.curves.size() - named);
    RowMatrix angles = RowMatrix::Constant(n, n, nothing);
    std::vector<std::string> windows;
    for (Eigen::Index i = 0; i < n; ++i) {
        const std::vector<double>& curve = pair.score.curves[named + static_cast<std::size_t>(i)];
        for (Eigen::Index j = 0; j < std::min(n, std::ssize(curve)); ++j)
            angles(i, j) = curve[static_cast<std::size_t>(j)];
        windows.push_back(fmt::format("{:.0f}", pair.score.curves[1][static_cast<std::size_t>(i)]));
    }
    HeatMap map{
        .unit = "angle (rad)",
        .rows = windows,
        .columns = windows,
        .matrices = {{fmt::format("first steps of windows of {} (rows) and {}", pair.a, pair.b), std::move(angles)}}};
    return {fmt::format("{}: {} | {}", pair.metric, pair.a, pair.b), std::move(map)};
}

}  // namespace

Figure value_maps(const std::string& id, std::span<const Comparison> comparisons,
                  const std::vector<std::string>& systems) {
    Figure figure{.id = id, .title = "Values that the field reports", .caption = "", .choice = "value", .variants = {}};
    constexpr std::size_t most_numbers = 400'000;
    const auto n = static_cast<Eigen::Index>(systems.size());
    std::map<std::string, Eigen::Index> places;
    for (Eigen::Index i = 0; i < n; ++i) places.emplace(systems[static_cast<std::size_t>(i)], i);
    bool is_directed = false;
    for (const std::string& metric : metrics_of(comparisons)) {
        const auto first = std::ranges::find(comparisons, metric, &Comparison::metric);
        for (std::size_t i = 0; i < first->values.size(); ++i) {
            const ValueInfo& value = first->values[i];
            if (value.direction == Direction::b_to_a) continue;  // in the map of the other way
            if ((figure.variants.size() + 1) * systems.size() * systems.size() > most_numbers) break;
            RowMatrix values = RowMatrix::Constant(n, n, nothing);
            for (const Comparison& one : comparisons) {
                const auto a = places.find(one.a);
                const auto b = places.find(one.b);
                if (one.metric != metric || a == places.end() || b == places.end() || i >= one.score.values.size())
                    continue;
                const bool is_one_way = value.direction == Direction::a_to_b && i + 1 < one.score.values.size();
                values(a->second, b->second) = one.score.values[i];
                values(b->second, a->second) = one.score.values[is_one_way ? i + 1 : i];
                is_directed = is_directed || is_one_way;
            }
            if (!values.array().isFinite().any()) continue;
            const std::string name = value.direction == Direction::a_to_b
                                         ? value.name.substr(0, value.name.find("_a_to_b")) + ", row to column"
                                         : value.name;
            HeatMap map{.unit = value.unit.empty() ? name : fmt::format("{} ({})", name, value.unit),
                        .rows = systems,
                        .columns = systems,
                        .matrices = {{metric, std::move(values)}}};
            figure.variants.push_back({fmt::format("{}: {}", metric, name), std::move(map)});
        }
    }
    figure.caption = fmt::format(
        "Values of {} beside their angles; docs/metrics.md says what each is.{}", counted(systems.size(), "system"),
        is_directed ? " Row to column: how well the system of the row tells that of the column." : "");
    return figure;
}

Figure curves_of_pairs(const std::string& id, std::span<const Comparison> comparisons) {
    Figure figure{.id = id, .title = "Curves", .caption = "", .choice = "curve", .variants = {}};
    constexpr std::size_t most_pairs = 12;
    std::size_t shown = 0;
    std::size_t all = 0;
    for (const std::string& metric : metrics_of(comparisons)) {
        std::vector<const Comparison*> with_curves;
        for (const Comparison& one : comparisons)
            if (one.metric == metric && !one.score.curves.empty()) with_curves.push_back(&one);
        if (with_curves.empty()) continue;
        all = std::max(all, with_curves.size());
        with_curves.resize(std::min(with_curves.size(), most_pairs));
        shown = std::max(shown, with_curves.size());
        const std::vector<CurveInfo>& infos = with_curves.front()->curves;
        if (with_curves.front()->score.curves.size() > infos.size()) {
            for (const Comparison* one : with_curves) figure.variants.push_back(windows_across(*one));
        }
        for (std::size_t i = 0; i < infos.size(); ++i) {
            if (infos[i].name == "first_step") continue;  // where the others are
            const bool is_over_time = infos.size() > 1 && infos[1].name == "first_step";
            Panel panel{.title = metric,
                        .x = {.title = is_over_time ? "first step of the window" : "place"},
                        .y = {.title = infos[i].name}};
            for (std::size_t k = 0; k < with_curves.size(); ++k) {
                const Comparison& one = *with_curves[k];
                if (i >= one.score.curves.size()) continue;
                Series series{.name = one.a + " | " + one.b, .mark = Mark::line, .colour = k, .x = {}, .y = {}};
                for (const double value : one.score.curves[i]) {
                    const std::size_t place = series.x.size();
                    series.x.push_back(is_over_time ? one.score.curves[1][place] : static_cast<double>(place));
                    series.y.push_back(value);
                }
                panel.series.push_back(std::move(series));
            }
            figure.variants.push_back({metric + ": " + infos[i].name, PanelChart{.panels = {std::move(panel)}}});
        }
    }
    figure.caption = fmt::format("{} of {} pairs; places are counted from 0.", shown, all);
    return figure;
}

}  // namespace repal
