module;
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>
module repal.comparison_files;

import repal.score_table;
import repal.table;

namespace repal {
namespace {

/// What is said of a pair, in one line.
std::string note_of(const Comparison& comparison) {
    std::string note = note_of(comparison.score);
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

}  // namespace

std::string json_of(const std::vector<Comparison>& comparisons) {
    auto list = nlohmann::ordered_json::array();
    for (const Comparison& one : comparisons) {
        nlohmann::ordered_json entry = {{"metric", one.metric}, {"a", one.a}, {"b", one.b}};
        for (const ScoreColumn& column : score_columns()) {
            if (column.title.empty()) continue;
            const ScoreValue value = column.get(one.score);
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
            for (const CalibrationColumn& column : calibration_columns()) {
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

std::string csv_of(const std::vector<Comparison>& comparisons) {
    Table rows = {
        joined(joined({"metric", "a", "b"}, score_names()), {"settings", "trials_a", "trials_b", "read_a", "read_b"})};
    const bool is_calibrated =
        std::ranges::any_of(comparisons, [](const Comparison& one) { return one.calibration.has_value(); });
    for (const CalibrationColumn& column : calibration_columns())
        if (is_calibrated) rows[0].emplace_back(column.name);
    ValueColumns values;
    for (const Comparison& one : comparisons) values.add(one.metric, one.values);
    rows[0] = joined(joined(rows[0], values.names()), {"note"});
    for (const Comparison& one : comparisons) {
        std::vector<std::string> row = joined(
            joined({one.metric, one.a, one.b}, score_fields(one.score)),
            {one.settings, fmt::format("{}", one.trials_a), fmt::format("{}", one.trials_b), one.read_a, one.read_b});
        for (const CalibrationColumn& column : calibration_columns())
            if (is_calibrated) row.push_back(one.calibration ? csv_number((*one.calibration).*column.value) : "");
        rows.push_back(joined(joined(row, values.fields(one.metric, one.score, one.values)), {note_of(one)}));
    }
    return csv_text(rows);
}

}  // namespace repal
