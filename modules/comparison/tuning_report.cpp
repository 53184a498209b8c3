module;
#include <fmt/format.h>

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
    return joined(names, {"within", "between", "separation", "kept", "chosen", "note"});
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
    return joined(row, {setting.is_kept ? "yes" : "no", tuning.chosen == i ? "yes" : "no", setting.cause});
}

/// "n_delays=12 rank=12 delay_interval=4": also what is not chosen, but not the default.
std::string all_options(const ChosenMetric& metric, const TriedSetting& setting) {
    ChosenMetric with_setting = metric;
    for (const auto& [name, value] : setting.options) with_setting.options[name] = value;
    std::string text = with_setting.settings();
    std::ranges::replace(text, ',', ' ');
    return text;
}

/// The one setting that there is, given and not chosen.
std::string what_is_said_of_given(const TriedSetting& setting) {
    const std::string given = "Given: " + to_text(setting.options);
    if (!setting.found)
        return fmt::format("{}: {}.", given, setting.cause.empty() ? "the data say nothing of it" : setting.cause);
    return fmt::format(
        "{}: held-out samples are predicted {:.2f} nats for each scalar {} than by the sample before or the mean, "
        "and modes come back in the other half to {:.2g} (0: exactly, 1: noise).",
        given, std::abs(setting.found->gain), setting.found->gain < 0 ? "worse" : "better", setting.found->residual);
}

PanelChart chart_of(const Tuning& tuning) {
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
        std::vector<std::string> row = {item->set->name, item->metric->name};
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

Table shown_settings(const Tuning& tuning, bool with_all) {
    constexpr std::size_t most = 12;
    std::vector<std::size_t> shown;
    for (std::size_t i = 0; i < tuning.settings.size(); ++i)
        if (with_all || tuning.settings[i].is_kept || tuning.settings[i].separation) shown.push_back(i);
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
    for (const char* name : {"gain", "residual", "error", "within", "between", "R"}) rows[0].emplace_back(name);
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
        rows.push_back(std::move(row));
    }
    return rows;
}

std::vector<std::string> sentences_of(const Tuning& tuning) {
    if (!tuning.chosen) return {"Nothing can be recommended: " + tuning.cause + "."};
    std::vector<std::string> sentences;
    if (tuning.is_given())
        sentences.push_back(what_is_said_of_given(tuning.settings.front()));
    else
        sentences.push_back("Chosen: " + tuning.reason + ".");
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

Report tuning_report(const Tuning& tuning, const ChosenMetric& metric, std::span<const NamedSystem> systems) {
    std::string text;
    for (const std::string& sentence : sentences_of(tuning)) text += (text.empty() ? "" : " ") + sentence;
    Report report{.title = fmt::format("Settings of {} for {} systems", metric.name, tuning.systems.size()),
                  .summary = text,
                  .provenance = {},
                  .reproduce = {},
                  .sections = {}};
    Figure figure{.id = "tuning-criteria",
                  .title = "What the data bear",
                  .caption = fmt::format(
                      "Means over {} systems and two folds of their trials. Of the settings with at least half of the "
                      "largest gain, that of the least residual is chosen; R is the check, of the choice and the "
                      "settings beside it.",
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
