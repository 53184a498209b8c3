module;
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <numbers>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>
module command.comparison_text;

import command.terminal;
import repal.score_table;
import repal.table;

namespace command {
namespace {

using repal::Comparison;

/// What is said of a pair, in one line.
std::string note_of(const Comparison& comparison) {
    std::string note = repal::note_of(comparison.score);
    if (comparison.calibration && !comparison.calibration->note.empty())
        note += (note.empty() ? "" : "; ") + comparison.calibration->note;
    return note;
}

/// By their names; those across windows, a row for each window of a, have none of their own.
nlohmann::ordered_json curves_of(const Comparison& one) {
    auto curves = nlohmann::ordered_json::object();
    const std::size_t named = std::min(one.curves.size(), one.score.curves.size());
    for (std::size_t i = 0; i < named; ++i) curves[one.curves[i].name] = one.score.curves[i];
    for (std::size_t i = named; i < one.score.curves.size(); ++i) curves["across_rad"].push_back(one.score.curves[i]);
    return curves;
}

std::string as_json(const std::vector<Comparison>& comparisons) {
    auto list = nlohmann::ordered_json::array();
    for (const Comparison& one : comparisons) {
        nlohmann::ordered_json entry = {{"metric", one.metric}, {"a", one.a}, {"b", one.b}};
        for (const repal::ScoreColumn& column : repal::score_columns()) {
            if (column.title.empty()) continue;
            const repal::ScoreValue value = column.get(one.score);
            const double* number = std::get_if<double>(&value);
            const std::string* text = std::get_if<std::string>(&value);
            auto& field = entry[column.name] = nullptr;
            if (number != nullptr) field = *number;
            if (text != nullptr) field = *text;
        }
        entry["settings"] = one.settings;
        entry["trials_a"] = one.trials_a;
        entry["trials_b"] = one.trials_b;
        entry["read_a"] = one.read_a;
        entry["read_b"] = one.read_b;
        if (one.variance_kept_a) entry["variance_kept_a"] = *one.variance_kept_a;
        if (one.variance_kept_b) entry["variance_kept_b"] = *one.variance_kept_b;
        if (one.calibration)
            for (const repal::CalibrationColumn& column : repal::calibration_columns()) {
                auto& field = entry[column.name] = nullptr;
                if (const auto& value = (*one.calibration).*column.value) field = *value;
            }
        auto& values = entry["values"] = nlohmann::ordered_json::object();
        for (std::size_t i = 0; i < std::min(one.values.size(), one.score.values.size()); ++i)
            values[one.values[i].name] = one.score.values[i];
        if (!one.score.curves.empty()) entry["curves"] = curves_of(one);
        entry["note"] = note_of(one);
        list.push_back(std::move(entry));
    }
    return list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string as_csv(const std::vector<Comparison>& comparisons) {
    using repal::joined;
    repal::Table rows = {joined(joined({"metric", "a", "b"}, repal::score_names()),
                                {"settings", "trials_a", "trials_b", "read_a", "read_b"})};
    const bool is_calibrated =
        std::ranges::any_of(comparisons, [](const Comparison& one) { return one.calibration.has_value(); });
    for (const repal::CalibrationColumn& column : repal::calibration_columns())
        if (is_calibrated) rows[0].emplace_back(column.name);
    repal::ValueColumns values;
    for (const Comparison& one : comparisons) values.add(one.metric, one.values);
    rows[0] = joined(joined(rows[0], values.names()), {"note"});
    for (const Comparison& one : comparisons) {
        std::vector<std::string> row = joined(
            joined({one.metric, one.a, one.b}, repal::score_fields(one.score)),
            {one.settings, fmt::format("{}", one.trials_a), fmt::format("{}", one.trials_b), one.read_a, one.read_b});
        for (const repal::CalibrationColumn& column : repal::calibration_columns())
            if (is_calibrated)
                row.push_back(one.calibration ? repal::csv_number((*one.calibration).*column.value) : "");
        rows.push_back(joined(joined(row, values.fields(one.metric, one.score, one.values)), {note_of(one)}));
    }
    return repal::csv_text(rows);
}

/// "=": not told from the noise floor, "~": within what other channels give, "": neither, or not known.
std::string mark_of(const Comparison& one) {
    constexpr double level = 0.05;
    if (!one.calibration || one.score.status != repal::Status::ok) return "";
    const auto& [calibration, angle] = std::pair(*one.calibration, one.score.angle_rad);
    if (calibration.p_differ_adjusted && *calibration.p_differ_adjusted > level) return "=";
    if (calibration.floor_channels_rad && angle <= *calibration.floor_channels_rad) return "~";
    return "";
}

/// Value, interval, floor and p of each pair, with marks; angles in units of pi/2, as the dissimilarity.
std::string as_calibrated_table(const std::vector<Comparison>& comparisons) {
    repal::Table rows = {{"metric", "a", "b", "dissimilarity", "corrected", "interval", "floor", "p differ", "p relate",
                          "", "settings"}};
    constexpr double unit = std::numbers::pi / 2;
    const auto angle = [&](const std::optional<double>& value) {
        return value ? fmt::format("{:.4f}", *value / unit) : std::string("-");
    };
    const auto number = [](const std::optional<double>& value) {
        return value ? fmt::format("{:.3f}", *value) : std::string("-");
    };
    bool has_equal = false;
    bool has_near = false;
    for (const Comparison& one : comparisons) {
        const repal::PairCalibration found = one.calibration.value_or(repal::PairCalibration{});
        const std::string mark = mark_of(one);
        has_equal |= mark == "=";
        has_near |= mark == "~";
        rows.push_back({one.metric, one.a, one.b,
                        one.score.status == repal::Status::ok ? angle(one.score.angle_rad)
                                                              : std::string(to_string(one.score.status)),
                        angle(found.corrected_rad),
                        found.low_rad ? fmt::format("{} to {}", angle(found.low_rad), angle(found.high_rad)) : "-",
                        angle(found.floor_rad), number(found.p_differ_adjusted), number(found.p_relate_adjusted), mark,
                        one.settings});
    }
    std::string text = table(rows);
    const auto has_p = [](const Comparison& one) {
        return one.calibration && (one.calibration->p_differ || one.calibration->p_relate);
    };
    if (std::ranges::any_of(comparisons, has_p)) text += "p: adjusted over all pairs of the metric\n";
    if (has_equal) text += "=: not told from two recordings of one system\n";
    if (has_near) text += "~: within what recordings of other channels of one system may give\n";
    std::vector<std::pair<std::string, std::vector<const Comparison*>>> notes;  // and the pairs that they are of
    for (const Comparison& one : comparisons) {
        if (!one.calibration || one.calibration->note.empty()) continue;
        const std::string& note = one.calibration->note;
        auto place = std::ranges::find(notes, note, &std::pair<std::string, std::vector<const Comparison*>>::first);
        if (place == notes.end()) place = notes.insert(notes.end(), {note, {}});
        place->second.push_back(&one);
    }
    constexpr std::size_t shown = 5;
    for (std::size_t i = 0; i < std::min(shown, notes.size()); ++i) {
        const auto& [note, pairs] = notes[i];
        const Comparison& first = *pairs.front();
        text += fmt::format("{}, {} and {}{}: {}\n", first.metric, first.a, first.b,
                            pairs.size() == 1 ? "" : fmt::format(", and {} more", pairs.size() - 1), note);
    }
    if (notes.size() > shown) text += fmt::format("{} more notes are in the files of --out\n", notes.size() - shown);
    return text;
}

/// What the field reports, e.g. "cka 0.91": the first value that is neither a setting nor an angle.
std::string value_of(const Comparison& one) {
    for (std::size_t i = 0; i < std::min(one.values.size(), one.score.values.size()); ++i)
        if (one.values[i].name != "rank" && one.values[i].unit != "rad" && one.score.status == repal::Status::ok)
            return fmt::format("{} {:.4g}", one.values[i].name, one.score.values[i]);
    return "";
}

std::string as_table(const std::vector<Comparison>& comparisons) {
    if (std::ranges::any_of(comparisons, [](const Comparison& one) { return one.calibration.has_value(); }))
        return as_calibrated_table(comparisons);
    using repal::joined;
    repal::Table rows = {joined(joined({"metric", "a", "b"}, repal::score_titles()), {"value", "settings"})};
    constexpr int digits = 6;
    for (const Comparison& one : comparisons)
        rows.push_back(joined(joined({one.metric, one.a, one.b}, repal::score_fields(one.score, digits)),
                              {value_of(one), one.settings}));
    return table(rows);
}

}  // namespace

std::string text_of(const std::vector<Comparison>& comparisons, const std::string& format) {
    if (format == "json") return as_json(comparisons);
    return format == "csv" ? as_csv(comparisons) : as_table(comparisons);
}

}  // namespace command
