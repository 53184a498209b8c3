module;
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <variant>
#include <vector>
module repal.score_table;

import repal.table;

namespace repal {
namespace {

std::vector<std::string> of_columns(const std::function<std::string(const ScoreColumn&)>& text_of) {
    std::vector<std::string> fields;
    for (const ScoreColumn& column : score_columns())
        if (!column.title.empty()) fields.push_back(text_of(column));
    return fields;
}

std::vector<std::string> fields_of(const Score& score, const std::function<std::string(double)>& text_of) {
    return of_columns([&](const ScoreColumn& column) -> std::string {
        const ScoreValue value = column.get(score);
        if (const double* number = std::get_if<double>(&value)) return text_of(*number);
        const auto* text = std::get_if<std::string>(&value);
        return text != nullptr ? *text : "";
    });
}

}  // namespace

std::vector<std::string> score_names() {
    return of_columns([](const ScoreColumn& column) { return std::string(column.name); });
}

std::vector<std::string> score_titles() {
    return of_columns([](const ScoreColumn& column) { return std::string(column.title); });
}

std::vector<std::string> score_fields(const Score& score) {
    return fields_of(score, [](double number) { return csv_number(number); });
}

std::vector<std::string> score_fields(const Score& score, int digits) {
    return fields_of(score, [&](double number) { return fmt::format("{:.{}f}", number, digits); });
}

std::string note_of(const Score& score) {
    std::vector<std::string> parts = score.warnings;
    if (!score.detail.empty()) parts.insert(parts.begin(), score.detail);
    return fmt::format("{}", fmt::join(parts, "; "));
}

void ValueColumns::add(const std::string& metric, const std::vector<ValueInfo>& values) {
    for (const ValueInfo& value : values) {
        std::string name = metric + "." + value.name;
        if (std::ranges::find(names_, name) == names_.end()) names_.push_back(std::move(name));
    }
}

std::vector<std::string> ValueColumns::fields(const std::string& metric, const Score& score,
                                              const std::vector<ValueInfo>& known) const {
    std::vector<std::string> fields(names_.size());
    for (std::size_t i = 0; i < std::min(known.size(), score.values.size()); ++i)
        fields[static_cast<std::size_t>(std::ranges::find(names_, metric + "." + known[i].name) - names_.begin())] =
            csv_number(score.values[i]);
    return fields;
}

std::vector<std::string> joined(std::vector<std::string> first, const std::vector<std::string>& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

}  // namespace repal
