module;
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>
module repal.tuning_report;

import repal.figures;
import repal.operators;
import repal.score_table;

namespace repal {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

std::string number(double value, int digits) {
    return std::isfinite(value) ? fmt::format("{:.{}f}", value, digits) : "";
}

/// The options but the rank, which make one curve.
std::string curve_of(const TriedSetting& setting) {
    OptionValues others = setting.options;
    others.erase("rank");
    const std::string text = to_text(others);
    return text.empty() ? "all" : text;
}

double rank_of(const TriedSetting& setting, std::size_t place) {
    const auto rank = setting.options.find("rank");
    const auto* number = rank == setting.options.end() ? nullptr : std::get_if<std::int64_t>(&rank->second);
    return number == nullptr ? static_cast<double>(place) : static_cast<double>(*number);
}

template <class Value>
Panel panel_of(const Tuning& tuning, const std::string& title, const std::string& unit, Value value_of) {
    Panel panel{.title = title, .x = {.title = "rank"}, .y = {.title = unit}};
    std::map<std::string, std::size_t> places;
    for (std::size_t i = 0; i < tuning.settings.size(); ++i) {
        const TriedSetting& setting = tuning.settings[i];
        const double value = value_of(setting);
        if (!std::isfinite(value)) continue;
        const std::string name = curve_of(setting);
        if (const auto [place, is_new] = places.emplace(name, panel.series.size()); is_new)
            panel.series.push_back({.name = name, .mark = Mark::line, .colour = place->second});
        Series& series = panel.series[places.at(name)];
        series.x.push_back(rank_of(setting, i));
        series.y.push_back(value);
    }
    if (tuning.chosen)
        if (const double value = value_of(tuning.settings[*tuning.chosen]); std::isfinite(value))
            panel.series.push_back({.name = "chosen",
                                    .mark = Mark::points,
                                    .colour = black,
                                    .x = {rank_of(tuning.settings[*tuning.chosen], *tuning.chosen)},
                                    .y = {value}});
    return panel;
}

double ratio_of(const TriedSetting& setting) {
    return setting.separation ? setting.separation->ratio : unknown;
}

/// Names of what criteria_of() gives.
std::vector<std::string> criteria() {
    std::vector<std::string> names = {"gain", "residual", "mase"};
    for (const auto h : horizons) names.push_back(fmt::format("mse_{}", h));
    return joined(names, {"within", "between", "separation", "reliability", "stability", "kept", "chosen", "note"});
}

/// Values of these options; empty where the setting has none.
std::vector<std::string> options_of(const TriedSetting& setting, const std::vector<std::string>& options) {
    std::vector<std::string> values;
    for (const std::string& option : options) {
        const auto value = setting.options.find(option);
        values.push_back(value == setting.options.end() ? "" : to_string(value->second));
    }
    return values;
}

std::string note_of(const Tuning& tuning, std::size_t i) {
    if (tuning.chosen == i && tuning.confirmed)
        return fmt::format("{:.4g} in the trials that did not choose", *tuning.confirmed);
    return tuning.settings[i].cause;
}

/// What was found of a setting, as criteria() names it.
std::vector<std::string> criteria_of(const Tuning& tuning, std::size_t i) {
    const TriedSetting& setting = tuning.settings[i];
    const HeldOut none{.gain = unknown, .residual = unknown, .mase = unknown, .free_error = {}};
    const HeldOut& found = setting.found ? *setting.found : none;
    std::vector<std::string> row;
    for (const double value : {found.gain, found.residual, found.mase}) row.push_back(csv_number(value));
    for (std::size_t h = 0; h < horizons.size(); ++h)
        row.push_back(csv_number(h < found.free_error.size() ? found.free_error[h] : unknown));
    const Separation separation = setting.separation.value_or(Separation{unknown, unknown, unknown});
    for (const double value : {separation.within, separation.between, separation.ratio})
        row.push_back(csv_number(value));
    for (const auto& value : {setting.reliability, setting.stability}) row.push_back(csv_number(value));
    return joined(row, {setting.is_kept ? "yes" : "no", tuning.chosen == i ? "yes" : "no", note_of(tuning, i)});
}

/// "n_delays=12 rank=12 delay_interval=4": also what is not chosen, but not the default.
std::string all_options(const ChosenMetric& metric, const TriedSetting& setting) {
    ChosenMetric with_setting = metric;
    for (const auto& [name, value] : setting.options) with_setting.options[name] = value;
    std::string text = with_setting.settings();
    std::ranges::replace(text, ',', ' ');
    return text;
}

/// "a, b, c, d, e, ..."
std::string listed(std::span<const std::string> names) {
    constexpr std::size_t shown = 5;
    return fmt::format("{}{}", fmt::join(names.first(std::min(shown, names.size())), ", "),
                       names.size() > shown ? ", ..." : "");
}

Table without_empty_columns(const Table& rows) {
    if (rows.size() < 2) return rows;
    Table kept(rows.size());
    for (std::size_t column = 0; column < rows.front().size(); ++column) {
        const auto is_empty = [&](const auto& row) { return row[column].empty(); };
        if (std::ranges::all_of(std::span(rows).subspan(1), is_empty)) continue;
        for (std::size_t row = 0; row < rows.size(); ++row) kept[row].push_back(rows[row][column]);
    }
    return kept;
}

/// The one setting that there is, given and not chosen.
std::string what_is_said_of_given(const TriedSetting& setting) {
    const std::string given = "Given: " + to_text(setting.options);
    if (!setting.found && setting.reliability)
        return fmt::format("{}: distances of two halves of the trials correlate by {:.2f}.", given,
                           *setting.reliability);
    if (!setting.found)
        return fmt::format("{}: {}.", given, setting.cause.empty() ? "the data say nothing of it" : setting.cause);
    return fmt::format(
        "{}: held-out samples are predicted {:.2f} nats for each scalar {} than by the sample before or the mean, "
        "and modes come back in the other half to {:.2g} (0: exactly, 1: noise).",
        given, std::abs(setting.found->gain), setting.found->gain < 0 ? "worse" : "better", setting.found->residual);
}

/// What chose, of each setting, where it was one half of the trials.
PanelChart chart_of_halves(const Tuning& tuning) {
    const bool is_reliability = tuning.settings.front().reliability.has_value();
    Panel panel{.title = "one half of the trials",
                .x = {.title = "setting"},
                .y = {.title = is_reliability ? "reliability" : "separation R"}};
    for (const bool is_chosen : {false, true}) {
        Series series{.name = is_chosen ? "chosen" : "tried",
                      .mark = Mark::points,
                      .colour = is_chosen ? black : std::size_t{0},
                      .x = {},
                      .y = {}};
        for (std::size_t i = 0; i < tuning.settings.size(); ++i) {
            const TriedSetting& setting = tuning.settings[i];
            const double value = is_reliability ? setting.reliability.value_or(unknown) : ratio_of(setting);
            if ((tuning.chosen == i) != is_chosen || !std::isfinite(value)) continue;
            series.x.push_back(static_cast<double>(i));
            series.y.push_back(value);
        }
        panel.series.push_back(std::move(series));
    }
    for (const TriedSetting& setting : tuning.settings) panel.x.categories.push_back(to_text(setting.options));
    return {.panels = {std::move(panel)}};
}

PanelChart chart_of(const Tuning& tuning) {
    if (tuning.is_by_halves) return chart_of_halves(tuning);
    PanelChart chart{.panels = {}, .columns = 3};
    chart.panels.push_back(panel_of(tuning, "held-out gain", "nats a scalar", [](const TriedSetting& setting) {
        return setting.found ? setting.found->gain : unknown;
    }));
    chart.panels.push_back(
        panel_of(tuning, "residual of modes", "0: modes of the other half, 1: noise",
                 [](const TriedSetting& setting) { return setting.found ? setting.found->residual : unknown; }));
    Panel separation = panel_of(tuning, "separation R", "between / within", ratio_of);
    separation.series.push_back({.name = "as different as halves of one",
                                 .mark = Mark::line,
                                 .colour = grey,
                                 .x = {1, 20},
                                 .y = {1, 1},
                                 .is_dashed = true});
    chart.panels.push_back(std::move(separation));
    return chart;
}

}  // namespace

Table settings_table(const Tuning& tuning, const std::string& metric) {
    std::vector<std::string> options;
    for (const OptionAxis& axis : tuning.axes) options.push_back(axis.option);
    Table rows = {joined(joined({"metric"}, options), criteria())};
    for (std::size_t i = 0; i < tuning.settings.size(); ++i)
        rows.push_back(joined(joined({metric}, options_of(tuning.settings[i], options)), criteria_of(tuning, i)));
    return rows;
}

Table settings_table(std::span<const TunedSet> sets) {
    std::vector<std::string> options;
    for (const TunedSet& set : sets)
        for (const OptionAxis& axis : set.found ? set.found->axes : std::vector<OptionAxis>{})
            if (std::ranges::find(options, axis.option) == options.end()) options.push_back(axis.option);
    Table rows = {joined(joined({"set", "metric"}, options), criteria())};
    for (const auto& [item, found] : sets)
        for (std::size_t i = 0; found && i < found->settings.size(); ++i)
            rows.push_back(
                joined(joined({item->set->name, item->metric->name}, options_of(found->settings[i], options)),
                       criteria_of(*found, i)));
    return rows;
}

Table chosen_table(std::span<const TunedSet> sets) {
    Table rows = {{"settings of", "metric", "", "options", "gain", "residual", "R"}};
    for (const auto& [item, found] : sets) {
        if (!found) continue;
        const std::vector<std::string> row = {item->set->name, item->metric->name};
        if (!found->chosen) {
            rows.push_back(joined(row, {"none", found->cause}));
            continue;
        }
        const TriedSetting& setting = found->settings[*found->chosen];
        rows.push_back(joined(row, {found->is_given() ? "given" : "chosen", all_options(*item->metric, setting),
                                    setting.found ? number(setting.found->gain, 3) : "",
                                    setting.found ? number(setting.found->residual, 3) : "",
                                    setting.separation ? number(setting.separation->ratio, 1) : ""}));
    }
    return rows;
}

Table diagnostics_table(std::span<const SystemDiagnostics> systems) {
    Table rows = {{"system", "trials", "steps", "channels", "gain", "rank above noise", "non-normality"}};
    for (const SystemDiagnostics& system : systems)
        rows.push_back({system.system, fmt::format("{}", system.shape.trials), fmt::format("{}", system.shape.steps),
                        fmt::format("{}", system.shape.channels), number(system.gain.value_or(unknown), 3),
                        system.rank_above_noise ? fmt::format("{}", *system.rank_above_noise) : "",
                        number(system.non_normality.value_or(unknown), 2)});
    return rows;
}

std::vector<std::string> sentences_of(std::span<const SystemDiagnostics> systems) {
    std::vector<std::string> sentences;
    std::vector<Eigen::Index> ranks;
    std::vector<std::string> non_normal;
    for (const SystemDiagnostics& system : systems) {
        if (system.rank_above_noise) ranks.push_back(*system.rank_above_noise);
        if (system.non_normality.value_or(0) > large_non_normality) non_normal.push_back(system.system);
    }
    if (!ranks.empty()) {
        const auto [least, most] = std::ranges::minmax(ranks);
        sentences.push_back(
            fmt::format("Directions of the delay embedding that noise does not explain: {}.",
                        least == most ? fmt::format("{}", least) : fmt::format("{} to {}", least, most)));
    }
    if (!non_normal.empty())
        sentences.push_back(
            fmt::format("The operators of {} of {} systems ({}) are far from normal: eigenvalues do not tell their "
                        "dynamics.",
                        non_normal.size(), systems.size(), listed(non_normal)));
    return sentences;
}

Table shown_settings(const Tuning& tuning, bool with_all) {
    constexpr std::size_t most = 12;
    std::vector<std::size_t> shown;
    for (std::size_t i = 0; i < tuning.settings.size(); ++i)
        if (with_all || tuning.settings[i].is_kept || tuning.settings[i].separation || tuning.settings[i].reliability)
            shown.push_back(i);
    if (!with_all) {
        std::ranges::sort(shown, {}, [&](std::size_t i) {
            const TriedSetting& setting = tuning.settings[i];
            constexpr double last = std::numeric_limits<double>::max();
            return std::tuple(tuning.chosen != i, setting.found ? setting.found->residual : last, i);
        });
        shown.resize(std::min(shown.size(), most));
    }
    Table rows = {{""}};
    for (const OptionAxis& axis : tuning.axes) rows[0].push_back(axis.option);
    for (const char* name : {"gain", "residual", "error", "within", "between", "R", "reliability"})
        rows[0].emplace_back(name);
    for (const std::size_t i : shown) {
        const TriedSetting& setting = tuning.settings[i];
        std::vector<std::string> row = {tuning.chosen == i ? "chosen" : ""};
        for (const OptionAxis& axis : tuning.axes) row.push_back(to_string(setting.options.at(axis.option)));
        row.push_back(setting.found ? number(setting.found->gain, 3) : "");
        row.push_back(setting.found ? number(setting.found->residual, 3) : "");
        row.push_back(setting.found ? number(setting.found->mase, 3) : "");
        row.push_back(setting.separation ? number(setting.separation->within, 4) : "");
        row.push_back(setting.separation ? number(setting.separation->between, 4) : "");
        row.push_back(setting.separation ? number(setting.separation->ratio, 1) : "");
        row.push_back(setting.reliability ? number(*setting.reliability, 3) : "");
        rows.push_back(std::move(row));
    }
    return without_empty_columns(rows);
}

std::vector<std::string> sentences_of(const Tuning& tuning) {
    if (!tuning.chosen) return {"Nothing can be recommended: " + tuning.cause + "."};
    std::vector<std::string> sentences;
    if (tuning.is_given())
        sentences.push_back(what_is_said_of_given(tuning.settings.front()));
    else
        sentences.push_back("Chosen: " + tuning.reason + ".");
    if (tuning.is_by_halves) {
        if (tuning.confirmed)
            sentences.push_back(fmt::format("In the trials that did not choose it is {:.2f}.", *tuning.confirmed));
        return sentences;
    }
    const auto& [reliability, stability] =
        std::pair(tuning.settings[*tuning.chosen].reliability, tuning.settings[*tuning.chosen].stability);
    if (reliability)
        sentences.push_back(
            fmt::format("Distances of one half of the trials correlate with those of the other by {:.2f}"
                        "{}.",
                        *reliability,
                        stability ? fmt::format(", and with those of the settings beside by {:.2f}", *stability) : ""));
    const auto& separation = tuning.settings[*tuning.chosen].separation;
    if (!separation || !std::isfinite(separation->within)) return sentences;
    if (separation->n_between > 0 && !std::isfinite(separation->ratio))
        sentences.push_back(fmt::format(
            "Halves of one system do not differ at all; halves of two are {:.2g} rad apart.", separation->between));
    else if (!std::isfinite(separation->ratio))
        sentences.push_back(
            fmt::format("Halves of the system are {:.2g} rad apart; with a second system, tune also tells whether they "
                        "differ more.",
                        separation->within));
    else if (separation->ratio < least_separation)
        sentences.push_back(fmt::format(
            "No setting was found that tells these systems apart: halves of one are as far apart as halves of two "
            "({:.2g} and {:.2g} rad, R = {:.1f}).",
            separation->within, separation->between, separation->ratio));
    else
        sentences.push_back(fmt::format(
            "Halves of two systems are R = {:.1f} times as far apart as halves of one ({:.2g} and {:.2g} rad).",
            separation->ratio, separation->between, separation->within));
    return sentences;
}

Report tuning_report(const Tuning& tuning, const ChosenMetric& metric, std::span<const NamedSystem> systems,
                     std::span<const SystemDiagnostics> diagnostics) {
    std::string text;
    for (const std::string& sentence : joined(sentences_of(tuning), sentences_of(diagnostics)))
        text += (text.empty() ? "" : " ") + sentence;
    Report report{.title = fmt::format("Settings of {} for {} systems", metric.name, tuning.systems.size()),
                  .summary = text,
                  .provenance = {},
                  .reproduce = {},
                  .sections = {}};
    Figure figure{.id = "tuning-criteria",
                  .title = "What the data bear",
                  .caption = tuning.is_by_halves
                                 ? fmt::format("Of {} systems, from one half of the trials. The largest is chosen, of "
                                               "those within 5 % of it the first.",
                                               tuning.systems.size())
                                 : fmt::format("Means over {} systems and two folds of their trials. Of the settings "
                                               "with at least half of the largest gain, that of the least residual is "
                                               "chosen; R is the check, of the choice and the settings beside it.",
                                               tuning.systems.size()),
                  .choice = {},
                  .variants = {{"", chart_of(tuning)}}};
    Section section{.id = "tuning", .title = "Settings"};
    section.figures.emplace_back(std::move(figure));
    if (tuning.chosen) {
        const std::vector<ChosenMetric> chosen = {metric.with(tuning.settings[*tuning.chosen].options)};
        if (Figure modes = eigenvalue_figure("tuning-modes", chosen, systems); !modes.variants.empty())
            section.figures.emplace_back(std::move(modes));
    }
    if (!diagnostics.empty())
        section.figures.emplace_back(
            TableFigure{.id = "tuning-systems",
                        .title = "Systems",
                        .caption = "With the chosen setting: held-out gain (nats a scalar; 0 or less: nothing is "
                                   "predicted), directions of the delay embedding that noise does not explain (Gavish "
                                   "and Donoho 2014; of at most 400 columns), and how far the operator is from normal "
                                   "(Henrici 1962; above 0.5 eigenvalues do not tell the dynamics). Nothing of these "
                                   "chooses.",
                        .rows = diagnostics_table(diagnostics)});
    section.figures.emplace_back(
        TableFigure{.id = "tuning-table",
                    .title = "All settings",
                    .caption = "mse_h: squared error h steps ahead in units of that of the mean.",
                    .rows = settings_table(tuning, metric.name)});
    report.sections.push_back(std::move(section));
    return report;
}

Section settings_section(std::span<const TunedSet> sets) {
    Section section{.id = "settings", .title = "Settings"};
    Figure figure{.id = "settings-criteria",
                  .title = "What the data bear",
                  .caption =
                      "Means over at most twelve systems of a set and two folds of their trials. Of the settings with "
                      "at least half of the largest gain, that of the least residual is chosen; R is the check, of the "
                      "choice alone.",
                  .choice = "systems and metric",
                  .variants = {}};
    Table sentences = {{"systems", "metric", "what the data say"}};
    for (const auto& [item, found] : sets) {
        if (!found) continue;
        std::string text;
        for (const std::string& sentence : sentences_of(*found)) text += (text.empty() ? "" : " ") + sentence;
        for (const std::string& warning : found->warnings) text += " Warning: " + warning + ".";
        sentences.push_back({item->set->name, item->metric->name, text});
        if (!found->is_given() && found->settings.size() > 1)
            figure.variants.push_back({item->set->name + ": " + item->metric->name, chart_of(*found)});
    }
    if (sentences.size() == 1) {
        section.text = "No metric of this study has settings, or none has been looked at yet.";
        return section;
    }
    section.figures.emplace_back(
        TableFigure{.id = "settings-chosen",
                    .title = "Delays and rank",
                    .caption = "Chosen where they are not given, for all systems of a set together. R: "
                               "halves of two systems are so many times as far apart as halves of one.",
                    .rows = chosen_table(sets)});
    section.figures.emplace_back(TableFigure{.id = "settings-reasons",
                                             .title = "Why",
                                             .caption = "What the data say of each setting, in words.",
                                             .rows = std::move(sentences)});
    if (!figure.variants.empty()) section.figures.emplace_back(std::move(figure));
    return section;
}

}  // namespace repal
