module;
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <numbers>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>
module repal.attractor_search;

import repal.score_table;

namespace repal {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
constexpr char shared_prefix[] = "shared=";

/// Least squares over pairs.
double slope_of(const std::vector<std::pair<double, double>>& points) {
    double x = 0;
    double y = 0;
    for (const auto& point : points) {
        x += point.first;
        y += point.second;
    }
    const auto n = static_cast<double>(points.size());
    double xx = 0;
    double xy = 0;
    for (const auto& point : points) {
        xx += (point.first - x / n) * (point.first - x / n);
        xy += (point.first - x / n) * (point.second - y / n);
    }
    return xy / xx;
}

double shared_motifs(const std::string& group) {
    return group.starts_with(shared_prefix) ? std::stod(group.substr(sizeof shared_prefix - 1)) : unknown;
}

std::string number(double value, int digits) {
    return std::isfinite(value) ? fmt::format("{:.{}f}", value, digits) : "";
}

std::string mean_of(const SummaryRow& row) {
    if (std::isnan(row.interval.low)) return number(row.mean, 3);
    return fmt::format("{:.3f} [{:.3f}, {:.3f}]", row.mean, row.interval.low, row.interval.high);
}

double ratio_of(const SearchedSetting& setting) {
    return setting.tried && setting.tried->separation ? setting.tried->separation->ratio : unknown;
}

double gain_of(const SearchedSetting& setting) {
    return setting.tried && setting.tried->found ? setting.tried->found->gain : unknown;
}

/// The setting of the grid that these options are.
const TriedSetting* tried_in(const std::optional<Tuning>& tuning, const ChosenMetric& metric) {
    if (!tuning) return nullptr;
    const auto found = std::ranges::find_if(tuning->settings, [&](const TriedSetting& setting) {
        return std::ranges::all_of(setting.options, [&](const auto& option) {
            const auto value = metric.options.find(option.first);
            return value != metric.options.end() && value->second == option.second;
        });
    });
    return found == tuning->settings.end() ? nullptr : &*found;
}

/// A line for each setting, for readers.
Table overview_of(const std::vector<const SearchedSetting*>& settings) {
    Table rows = {{"search", "", "rank", "fewest shared", "most shared", "floor", "fall / floor", "gain", "R"}};
    for (const SearchedSetting* setting : settings)
        rows.push_back({setting->metric->name,
                        setting->is_chosen    ? "chosen"
                        : setting->is_in_grid ? ""
                                              : "beside",
                        number(setting->rank, 0), mean_of(setting->by_shared.front()),
                        mean_of(setting->by_shared.back()), number(setting->floor, 4), number(setting->fall, 1),
                        number(gain_of(*setting), 3), number(ratio_of(*setting), 1)});
    return rows;
}

std::string name_of(const SearchedSetting& setting) {
    return setting.metric->settings();
}

}  // namespace

std::vector<SearchedSetting> searched_settings(const Experiment& experiment, const std::vector<ScoredPair>& pairs,
                                               const std::vector<SummaryRow>& summary,
                                               const std::vector<TunedSet>& tuned) {
    std::optional<Tuning> tuning;
    for (const auto& [item, found] : tuned)
        if (item->set == experiment.set.get()) tuning = found;
    std::vector<SearchedSetting> settings;
    for (const ChosenMetric& metric : experiment.metrics) {
        SearchedSetting setting{.metric = &metric, .by_shared = {}, .rank = unknown};
        for (const SummaryRow& row : summary)
            if (row.experiment == experiment.name && row.metric == metric.name && row.n > 0 &&
                row.group.starts_with(shared_prefix))
                setting.by_shared.push_back(row);
        std::vector<std::pair<double, double>> points;
        double squares = 0;
        double halves = 0;
        for (const ScoredPair& pair : pairs) {
            if (pair.chosen != &metric || pair.result.score.status != Status::ok) continue;
            const double value = pair.result.score.dissimilarity();
            if (pair.pair->groups.front() == noise_floor) {
                squares += value * value;
                ++halves;
            } else {
                points.emplace_back(shared_motifs(pair.pair->groups.front()), value);
            }
            for (std::size_t i = 0; i < std::min(metric.info.values.size(), pair.result.score.values.size()); ++i)
                if (metric.info.values[i].name == "rank") setting.rank = pair.result.score.values[i];
        }
        if (setting.by_shared.empty()) continue;
        // Noise variance goes with 1 / trials, a half has half of them, and both halves are noisy.
        setting.floor = std::sqrt(squares / halves / 2);
        setting.slope = slope_of(points);
        setting.fall = (setting.by_shared.front().mean - setting.by_shared.back().mean) / setting.floor;
        if (const TriedSetting* tried = tried_in(tuning, metric)) {
            setting.tried = *tried;
            setting.is_in_grid = true;
            setting.is_chosen = tuning->chosen && &tuning->settings[*tuning->chosen] == tried;
        }
        settings.push_back(std::move(setting));
    }
    return settings;
}

Table search_table(const std::vector<SearchedSetting>& settings) {
    Table rows = {{"metric", "settings", "rank", "floor", "slope", "fall", "gain", "residual", "separation", "chosen",
                   "shared", "n", "mean", "ci_low", "ci_high"}};
    for (const SearchedSetting& setting : settings)
        for (const SummaryRow& row : setting.by_shared)
            rows.push_back(
                {setting.metric->name, name_of(setting), csv_number(setting.rank), csv_number(setting.floor),
                 csv_number(setting.slope), csv_number(setting.fall), csv_number(gain_of(setting)),
                 csv_number(setting.tried && setting.tried->found ? setting.tried->found->residual : unknown),
                 csv_number(ratio_of(setting)), setting.is_chosen ? "yes" : "no",
                 fmt::format("{:.0f}", shared_motifs(row.group)), fmt::format("{}", row.n), csv_number(row.mean),
                 csv_number(row.interval.low), csv_number(row.interval.high)});
    return rows;
}

Table search_overview(const std::vector<SearchedSetting>& settings) {
    constexpr std::size_t most = 5;
    std::vector<const SearchedSetting*> by_fall;
    for (const SearchedSetting& setting : settings) by_fall.push_back(&setting);
    std::ranges::sort(by_fall, {}, [](const SearchedSetting* setting) {
        return std::pair(std::isfinite(setting->fall) ? -setting->fall : std::numeric_limits<double>::infinity(),
                         setting);  // in one array, so that equal ones stay in order
    });
    std::vector<const SearchedSetting*> shown;
    for (const SearchedSetting& setting : settings)
        if (setting.is_chosen || !setting.is_in_grid) shown.push_back(&setting);
    for (std::size_t i = 0; i < std::min(most, by_fall.size()); ++i)
        if (std::ranges::find(shown, by_fall[i]) == shown.end()) shown.push_back(by_fall[i]);
    return overview_of(shown);
}

Section search_section(const Experiment& experiment, const std::vector<SearchedSetting>& settings) {
    Section section{.id = "experiment-" + anchor(experiment.name), .title = "Search for settings"};
    if (settings.empty()) {
        section.text = "Nothing has been compared yet.";
        return section;
    }
    section.text =
        "Systems made of motifs, with every setting of a grid. The first half of the trials chose the setting, by "
        "held-out prediction and residual; every value here is of the second half. In units of the noise floor "
        "settings "
        "can be set beside each other; the largest angle often belongs to the noisiest.";
    Panel falls{.title = "fall from fewest to most shared motifs",
                .x = {.title = "setting"},
                .y = {.title = "fall / noise floor"}};
    Series grid{.name = "grid", .mark = Mark::points, .colour = 0, .x = {}, .y = {}};
    Series beside{.name = "beside the grid", .mark = Mark::points, .colour = 1, .x = {}, .y = {}};
    Series chosen{.name = "chosen", .mark = Mark::points, .colour = black, .x = {}, .y = {}};
    Panel curves{.title = "dissimilarity by shared motifs",
                 .x = {.title = "motifs shared"},
                 .y = {.title = dissimilarity_unit, .starts_at_zero = true}};
    for (const SearchedSetting& setting : settings) {
        const auto place = static_cast<double>(falls.x.categories.size());
        falls.x.categories.push_back(setting.metric->name);
        Series& series = setting.is_chosen ? chosen : setting.is_in_grid ? grid : beside;
        series.x.push_back(place);
        series.y.push_back(setting.fall);
        series.labels.push_back(name_of(setting));
        if (!setting.is_chosen && setting.is_in_grid) continue;
        Series curve{.name = setting.is_chosen ? "chosen: " + setting.metric->name : setting.metric->name,
                     .mark = Mark::line,
                     .colour = setting.is_chosen ? black : curves.series.size(),
                     .x = {},
                     .y = {}};
        for (const SummaryRow& row : setting.by_shared) {
            curve.x.push_back(shared_motifs(row.group));
            curve.y.push_back(row.mean);
            curve.low.push_back(row.interval.low);
            curve.high.push_back(row.interval.high);
        }
        curves.series.push_back(std::move(curve));
    }
    for (Series* series : {&grid, &beside, &chosen})
        if (!series->x.empty()) falls.series.push_back(std::move(*series));
    std::vector<const SearchedSetting*> all;
    for (const SearchedSetting& setting : settings) all.push_back(&setting);
    PanelChart chart{.panels = {std::move(falls)}, .columns = 1};
    if (!curves.series.empty()) chart.panels.push_back(std::move(curves));
    section.figures.emplace_back(
        Figure{.id = section.id + "-figure",
               .title = "Which settings see shared motifs?",
               .caption = fmt::format("{} settings, named by their values (what these are is in search.csv); {} "
                                      "Whiskers: intervals that leave motifs out, "
                                      "where every motif can be left out.",
                                      settings.size(), n_of_means(settings.front().by_shared) + "."),
               .choice = {},
               .variants = {{"", std::move(chart)}}});
    section.figures.emplace_back(TableFigure{
        .id = section.id + "-table",
        .title = "All settings",
        .caption = "The floor is what two recordings of one system would show; gain, residual and separation are of "
                   "the trials that chose.",
        .rows = overview_of(all)});
    return section;
}

}  // namespace repal
