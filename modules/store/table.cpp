module;
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
module repal.table;

import repal.error;

namespace repal {
namespace {

std::string csv_field(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char character : text) {
        if (character == '"') quoted += '"';
        quoted += character;
    }
    return quoted + '"';
}

/// Takes the field that begins at `place`, and leaves that at its end: a separator or the end of a line.
std::string take_field(std::string_view text, std::size_t& place, char separator, std::size_t& line) {
    const std::size_t first_line = line;
    std::string field;
    if (const std::size_t quote = text.find_first_not_of(' ', place); quote < text.size() && text[quote] == '"')
        place = quote;  // blanks before it are none of the field
    if (place == text.size() || text[place] != '"') {
        const std::size_t end = std::min(text.find_first_of(std::string{separator, '\n'}, place), text.size());
        field = text.substr(place, end - place);
        place = end;
        if (field.ends_with('\r') && (end == text.size() || text[end] == '\n')) field.pop_back();
        return field;
    }
    for (++place; place < text.size(); ++place) {
        if (text[place] == '"' && (place + 1 == text.size() || text[place + 1] != '"')) {
            // What follows the closing quote up to the separator is part of the field, as spreadsheets have it.
            ++place;
            return field + take_field(text, place, separator, line);
        }
        if (text[place] == '"') ++place;
        line += text[place] == '\n' ? 1 : 0;
        field += text[place];
    }
    throw InputError(fmt::format("{}", first_line), "a quote is not closed");
}

}  // namespace

std::vector<CsvRecord> csv_records(std::string_view text, char separator) {
    std::vector<CsvRecord> records;
    std::size_t line = 1;
    for (std::size_t place = 0; place < text.size(); ++place, ++line) {
        CsvRecord record{.line = line, .fields = {}};
        record.fields.push_back(take_field(text, place, separator, line));
        while (place < text.size() && text[place] == separator)
            record.fields.push_back(take_field(text, ++place, separator, line));
        const bool is_empty = std::ranges::all_of(record.fields, &std::string::empty);
        if (!is_empty) records.push_back(std::move(record));
    }
    return records;
}

std::string csv_number(std::optional<double> value) {
    return value && std::isfinite(*value) ? fmt::format("{}", *value) : "";
}

std::string csv_text(const Table& rows) {
    std::string text;
    for (const auto& row : rows) {
        std::string line;
        for (const std::string& field : row) line += (&field == &row.front() ? "" : ",") + csv_field(field);
        text += line + "\n";
    }
    return text;
}

}  // namespace repal
