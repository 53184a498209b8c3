module;
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

module repal.store;

import :array_file;
import :columns;
import :text_table;
import :words;
import repal.error;
import repal.file;

namespace repal {
namespace {

/// Without blanks and quotes around it.
std::string_view unquoted(std::string_view text) {
    text = trimmed(text);
    if (text.size() > 1 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
    return text;
}

/// What is between separators; those inside of quotes are text.
std::vector<std::string_view> cells_of(std::string_view line, char separator) {
    std::vector<std::string_view> cells;
    std::size_t start = 0;
    bool is_quoted = false;
    for (std::size_t i = 0; i <= line.size(); ++i) {
        if (i < line.size() && line[i] == '"') is_quoted = !is_quoted;
        if (i < line.size() && (is_quoted || line[i] != separator)) continue;
        cells.push_back(unquoted(line.substr(start, i - start)));
        start = i + 1;
    }
    return cells;
}

std::optional<double> number_in(std::string_view cell) {
    if (cell.empty() || cell == "NA" || cell == "N/A" || cell == "#N/A")
        return std::numeric_limits<double>::quiet_NaN();
    if (cell.front() == '+') cell.remove_prefix(1);
    double value = 0;
    const auto [end, failure] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
    // Nearer to zero than any double.
    if (failure == std::errc::result_out_of_range && end == cell.data() + cell.size() &&
        cell.find_first_of("eE") != std::string_view::npos && cell[cell.find_first_of("eE") + 1] == '-')
        return 0;
    if (failure != std::errc() || end != cell.data() + cell.size()) {
        if (cell == "True" || cell == "true") return 1;
        if (cell == "False" || cell == "false") return 0;
        return {};
    }
    return value;
}

char separator_of(std::string_view line) {
    constexpr std::array<char, 3> known = {'\t', ';', ','};
    for (const char separator : known)
        if (line.find(separator) != std::string_view::npos) return separator;
    return ',';
}

/// Whether a first row is "0,1,2" or ",0,1,2", as programs name columns that have no names.
bool numbers_columns(const std::vector<std::string_view>& cells) {
    const std::size_t first = !cells.empty() && cells.front().empty() ? 1 : 0;
    if (cells.size() < first + 2) return false;
    for (std::size_t i = first; i < cells.size(); ++i)
        if (cells[i] != fmt::format("{}", i - first)) return false;
    return true;
}

/// What is wrong with a row of which a cell is no number.
struct BadRow {
    const std::vector<std::string_view>& cells;
    std::size_t line;
    std::size_t column;  ///< from 0 on, of the first such cell
    char separator;
    bool is_first;  ///< of the rows of numbers

    InputError error() const {
        constexpr std::size_t longest = 40;
        const std::string_view cell = cells[column];
        std::string shown(cell.substr(0, longest));
        std::ranges::replace_if(shown, [](unsigned char c) { return c < ' ' || c == 127; }, '?');
        if (cell.size() > longest) shown += "...";
        return {"", fmt::format("'{}' in line {}, column {} is no number", shown, line, column + 1), way_on()};
    }

    std::string way_on() const {
        std::string with_point(cells[column]);
        std::ranges::replace(with_point, ',', '.');
        if (number_in(with_point)) return "write decimal points, not commas";
        if (is_first && std::ranges::none_of(cells, [](auto cell) { return number_in(cell).has_value(); }))
            return fmt::format("leave out the lines of text, e.g. line {}", line);
        if (!is_first) return "a value that is missing is an empty cell, or nan";
        const std::string how = separator == ','    ? ""
                                : separator == '\t' ? ", sep='\\t'"
                                                    : fmt::format(", sep='{}'", separator);
        return fmt::format(
            "leave out columns of text, in Python: pandas.read_csv(FILE{}).select_dtypes('number')"
            ".to_csv('x.csv', index=False)",
            how);
    }
};

/// Whether a line is a comment. What a spreadsheet writes for an error is none, nor is a line that has the columns of
/// the table once that has begun.
bool is_comment(std::string_view line, char separator, const ColumnTable& table) {
    if (line.front() != '#') return false;
    constexpr std::array<std::string_view, 7> errors = {"#DIV/0!", "#N/A",   "#VALUE!", "#REF!",
                                                        "#NUM!",   "#NAME?", "#NULL!"};
    if (std::ranges::any_of(errors, [&](std::string_view error) { return line.starts_with(error); })) return false;
    return table.values.empty() || table.width < 2 || cells_of(line, separator).size() != table.width;
}

/// A first row of whole numbers that rise above rows of other numbers names channels: "3,7,12". Where all are whole,
/// nobody knows.
void take_numbers_of_columns(ColumnTable& table) {
    if (!table.names.empty() || table.rows() < 3 || table.width < 2) return;
    const auto is_whole = [](double value) { return value >= 0 && value == std::round(value); };
    const auto first = std::span(table.values).first(table.width);
    if (!std::ranges::all_of(first, is_whole)) return;
    for (std::size_t i = 1; i < first.size(); ++i)
        if (!(first[i] > first[i - 1])) return;
    const bool are_others_whole = std::ranges::all_of(std::span(table.values).subspan(table.width), is_whole);
    constexpr std::size_t many = 4;  // that rise by chance in one of 24 rows
    if (are_others_whole && table.width >= many)
        table.warnings.emplace_back(
            "its first row is whole numbers that rise: if they number the columns, leave it out, e.g. [1:]");
    if (are_others_whole) return;
    table.notes.emplace_back("the first row numbers the columns and is no step");
    for (const double value : first) table.names.push_back(fmt::format("{}", value));
    table.values.erase(table.values.begin(), table.values.begin() + static_cast<std::ptrdiff_t>(table.width));
}

/// pandas names a column of row numbers by nothing, and columns by whatever numbers it likes: ",10,20".
void take_unnamed_index(ColumnTable& table) {
    if (!table.names.empty() || table.rows() < 3 || table.width < 2 || !std::isnan(table.values.front())) return;
    for (std::size_t row = 1; row < table.rows(); ++row)
        if (table.values[row * table.width] != static_cast<double>(row - 1)) return;
    for (std::size_t i = 0; i < table.width; ++i)
        table.names.push_back(i == 0 ? "" : fmt::format("{}", table.values[i]));
    table.values.erase(table.values.begin(), table.values.begin() + static_cast<std::ptrdiff_t>(table.width));
}

ColumnTable table_in(const std::filesystem::path& file) {
    std::string text = read_utf8(file);
    if (text.find('\n') == std::string::npos) std::ranges::replace(text, '\r', '\n');  // of old Macs
    ColumnTable table;
    std::size_t number = 0;
    char separator = ',';
    for (std::size_t start = 0; start < text.size();) {
        const std::size_t end = std::min(text.find('\n', start), text.size());
        const std::string_view line = std::string_view(text).substr(start, end - start);
        start = end + 1;
        ++number;
        if (trimmed(line).empty()) continue;
        if (table.width == 0 && line.front() != '#') separator = separator_of(line);
        if (is_comment(line, separator, table)) continue;
        const std::vector<std::string_view> cells = cells_of(line, separator);
        const bool is_first = table.width == 0;
        if (is_first) {
            table.width = cells.size();
            if (numbers_columns(cells)) {
                table.names.assign(cells.begin(), cells.end());
                table.notes.emplace_back("the first row numbers the columns and is no step");
                continue;
            }
        }
        if (cells.size() != table.width)
            throw InputError(
                "", fmt::format("line {} has {} columns, the first one {}", number, cells.size(), table.width));
        std::vector<double> row;
        for (std::size_t i = 0; i < cells.size(); ++i) {
            const auto value = number_in(cells[i]);
            if (value) {
                row.push_back(*value);
                continue;
            }
            if (!is_first) throw BadRow{cells, number, i, separator, table.values.empty()}.error();
            table.names.assign(cells.begin(), cells.end());
            if (std::ranges::find(table.names, "file") != table.names.end())
                throw InputError("", "a table with a column 'file' is a sheet of files, not data",
                                 "repal compare takes a sheet alone");
            break;
        }
        if (is_first && !table.names.empty()) continue;
        table.values.insert(table.values.end(), row.begin(), row.end());
    }
    take_unnamed_index(table);
    take_numbers_of_columns(table);
    return table;
}

class TextTableFile final : public ArrayFile {
 public:
    explicit TextTableFile(std::filesystem::path file) : file_(std::move(file)) {}

    std::vector<ArrayEntry> arrays() override { return {{.name = {}}}; }

    std::vector<std::unique_ptr<StoredArray>> open(const std::string& name) override {
        if (!name.empty())
            throw InputError("", "a text file holds one table, without a name", "leave out ':" + name + "'");
        return trials_of(table_in(file_));
    }

 private:
    std::filesystem::path file_;
};

}  // namespace

std::unique_ptr<ArrayFile> open_text_table(const std::filesystem::path& file) {
    return std::make_unique<TextTableFile>(file);
}

}  // namespace repal
