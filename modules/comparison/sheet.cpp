module;
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>
module repal.sheet;

import repal.error;
import repal.file;
import repal.table;

namespace repal {
namespace {

constexpr std::array<char, 3> separators = {',', ';', '\t'};

/// Columns that are no labels.
constexpr std::array<std::string_view, 6> reserved = {"file", "name", "axes", "dt", "inputs", "conditions"};

std::string trimmed(std::string_view text) {
    constexpr std::string_view blanks =
        " \t\r\n\xc2\xa0";  // the last one is what spreadsheets keep lines together with
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return std::string(text.substr(first, text.find_last_not_of(blanks) - first + 1));
}

/// "File" is `file`, but a label keeps the name that its owner gave it.
std::string column_name(std::string_view field) {
    std::string name = trimmed(field);
    std::string lower = name;
    std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
    if (std::ranges::find(reserved, lower) != reserved.end()) return lower;
    return name;
}

/// Some spreadsheets end lines by a carriage return alone.
std::string with_line_ends(std::string text) {
    if (text.find('\n') == std::string::npos) std::ranges::replace(text, '\r', '\n');
    return text;
}

/// What separates the columns of a text whose header names `file`; none if it does not.
std::optional<char> separator_of(std::string_view text) {
    // The header alone, unless a name goes over several lines.
    for (const char separator : separators) {
        const std::string_view line = text.substr(0, text.find('\n'));
        std::vector<CsvRecord> header;
        try {
            header = csv_records(line, separator);
        } catch (const InputError&) {
            continue;
        }
        if (!header.empty() &&
            std::ranges::find(header.front().fields, "file", column_name) != header.front().fields.end())
            return separator;
    }
    return {};
}

/// The header and the rows of a sheet.
class SheetText {
 public:
    SheetText(std::string file, const std::string& text, char separator)
        : file_(std::move(file)), records_(records_of(text, separator)) {
        const CsvRecord& header = records_.front();
        for (std::size_t i = 0; i < header.fields.size(); ++i) {
            const std::string name = column_name(header.fields[i]);
            if (name.empty()) {
                const auto used = std::ranges::find_if(records_.begin() + 1, records_.end(), [&](const CsvRecord& row) {
                    return i < row.fields.size() && !trimmed(row.fields[i]).empty();
                });
                if (used != records_.end())
                    throw InputError(at(*used), fmt::format("column {} has a value and no name in the header", i + 1));
                continue;
            }
            if (!places_.try_emplace(name, i).second)
                throw InputError(at(header), fmt::format("two columns are named '{}'", name));
            names_.push_back(name);
        }
        for (std::size_t i = 1; i < records_.size(); ++i) require_width(records_[i]);
        if (records_.size() < 2) throw InputError(file_, "the sheet has no row under its header");
    }

    const std::vector<std::string>& names() const { return names_; }
    std::size_t place(const std::string& name) const { return places_.at(name); }
    std::size_t rows() const { return records_.size() - 1; }

    /// "sheet.csv:3"
    std::string where(std::size_t row) const { return at(records_[row + 1]); }

    /// Empty if there is no such column.
    std::string value(std::size_t row, const std::string& name) const {
        const auto found = places_.find(name);
        return found == places_.end() ? "" : trimmed(records_[row + 1].fields[found->second]);
    }

 private:
    std::vector<CsvRecord> records_of(const std::string& text, char separator) const {
        try {
            return csv_records(text, separator);
        } catch (const InputError& error) {
            throw error.at(file_ + ":" + error.where());
        }
    }

    std::string at(const CsvRecord& record) const { return fmt::format("{}:{}", file_, record.line); }

    void require_width(CsvRecord& record) const {
        const std::size_t width = records_.front().fields.size();
        while (record.fields.size() > width && trimmed(record.fields.back()).empty()) record.fields.pop_back();
        if (record.fields.size() != width)
            throw InputError(at(record), fmt::format("it has {} columns, the header {}", record.fields.size(), width),
                             "what has separators in it is written in quotes");
    }

    std::string file_;
    std::vector<CsvRecord> records_;
    std::map<std::string, std::size_t> places_;
    std::vector<std::string> names_;
};

RecordingLocation location_of(const SheetText& text, std::size_t row, const std::filesystem::path& folder) {
    const std::string where = text.where(row);
    const std::string file = text.value(row, "file");
    if (file.empty()) throw InputError(where, "column 'file' is empty");
    RecordingLocation location{.location = file,
                               .folder = folder.empty() ? "" : (folder / "").string(),
                               .name = text.value(row, "name"),
                               .where = where};
    if (location.name.find_first_of("\r\n") != std::string::npos)
        throw InputError(where, "column 'name' has a line break", "names are one line");
    if (const std::string axes = text.value(row, "axes"); !axes.empty()) location.location += "@" + axes;
    if (const std::string dt = text.value(row, "dt"); !dt.empty()) {
        location.dt = number_in(dt);
        if (!location.dt || !(*location.dt > 0))
            throw InputError(where, fmt::format("column 'dt': '{}' is no time of a step in seconds", dt), "e.g. 0.01");
    }
    const auto beside = [&](const char* column) {
        const std::string value = text.value(row, column);
        return value.empty() || value.starts_with('/') ? value : location.folder + value;
    };
    location.inputs = beside("inputs");
    location.conditions = beside("conditions");
    return location;
}

}  // namespace

std::optional<double> number_in(const std::string& text) {
    double value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    constexpr double largest = 1e150;  // squares of others are no numbers
    if (failure != std::errc() || end != text.data() + text.size() || !(std::abs(value) < largest)) return {};
    return value;
}

std::optional<std::vector<std::optional<double>>> Label::numbers() const {
    std::vector<std::optional<double>> numbers;
    for (const std::string& value : values) {
        numbers.push_back(number_in(value));
        if (!numbers.back() && !value.empty()) return {};
    }
    return numbers;
}

const Label& Sheet::label(const std::string& name) const {
    const auto found = std::ranges::find(labels, name, &Label::name);
    if (found != labels.end()) return *found;
    std::vector<std::string> names;
    for (const Label& one : labels) names.push_back(one.name);
    throw InputError(file, fmt::format("the sheet has no column '{}'", name),
                     names.empty() ? "it has no labels" : suggest(name, names));
}

bool is_sheet(const std::filesystem::path& file) {
    try {
        ReadableFile readable(file);
        if (!readable.is_regular()) return false;
        constexpr std::size_t longest_header = 65536;
        std::string text(longest_header, '\0');
        text.resize(readable.read_some(std::as_writable_bytes(std::span(text))));
        constexpr std::string_view mark = "\xef\xbb\xbf";
        if (text.starts_with(mark)) text.erase(0, mark.size());
        return text.find('\0') == std::string::npos && separator_of(with_line_ends(std::move(text))).has_value();
    } catch (const InputError&) {
        return false;
    }
}

Sheet read_sheet(const std::filesystem::path& file) {
    Sheet sheet{.file = file.string(), .rows = {}, .labels = {}};
    const std::string content = with_line_ends(read_utf8(file));
    const auto separator = separator_of(content);
    if (!separator)
        throw InputError(sheet.file, "its first line does not name a column 'file'",
                         "a sheet has a header, e.g. file,name,area, and a row for each recording");
    const SheetText text(sheet.file, content, *separator);
    std::map<std::string, std::size_t> first;  // row of each location
    for (std::size_t row = 0; row < text.rows(); ++row) {
        sheet.rows.push_back(location_of(text, row, file.parent_path()));
        // However its path is spelled.
        const std::filesystem::path whole = std::filesystem::absolute(file.parent_path() / sheet.rows.back().location);
        const auto [place, is_new] = first.try_emplace(whole.lexically_normal().string(), row);
        if (!is_new)
            throw InputError(text.where(row),
                             fmt::format("'{}' is in {}, too", text.value(row, "file"), text.where(place->second)));
    }
    for (const std::string& name : text.names()) {
        if (std::ranges::find(reserved, name) != reserved.end()) continue;
        Label& label = sheet.labels.emplace_back(Label{.name = name, .column = text.place(name) + 1, .values = {}});
        for (std::size_t row = 0; row < text.rows(); ++row) label.values.push_back(text.value(row, name));
    }
    return sheet;
}

std::vector<Recording> read_recordings(const Sheet& sheet, const Reading& reading, Progress& progress) {
    std::vector<Recording> recordings = read_recordings(sheet.rows, reading, progress);
    std::map<std::string, std::size_t> rows;
    for (const Recording& recording : recordings) {
        const auto [place, is_new] = rows.try_emplace(recording.system.name, recording.location);
        if (!is_new)
            throw InputError(sheet.rows[recording.location].where,
                             fmt::format("'{}' is in {}, too", recording.system.name, sheet.rows[place->second].where));
    }
    return recordings;
}

}  // namespace repal
