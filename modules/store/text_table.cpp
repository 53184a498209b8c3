module;
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
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

#include "core/eigen.hpp"
module repal.store;

import :array_file;
import :axes;
import :text_table;
import :times;
import :words;
import repal.error;
import repal.file;

namespace repal {
namespace {

using Eigen::Index;

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
    if (cell.empty() || cell == "NA" || cell == "N/A") return std::numeric_limits<double>::quiet_NaN();
    if (cell.front() == '+') cell.remove_prefix(1);
    double value = 0;
    const auto [end, failure] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
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

/// "time (ms)", "time_ms", "ms": 0.001; none if the name has no unit.
std::optional<double> seconds_of(std::string_view name) {
    constexpr std::array<std::pair<std::string_view, double>, 6> units = {
        {{"ms", 1e-3}, {"us", 1e-6}, {"seconds", 1}, {"secs", 1}, {"sec", 1}, {"s", 1}}};
    for (const auto& [unit, seconds] : units) {
        for (const std::string& end : {fmt::format("({})", unit), fmt::format("[{}]", unit), fmt::format("_{}", unit)})
            if (name.ends_with(end)) return seconds;
        if (name == unit && unit != "s") return seconds;
    }
    return {};
}

/// The word that a name of a column begins with: "time" of "time (s)" and of "time_s".
std::string first_word(std::string_view name) {
    const std::size_t end = name.find_first_of(" _([");
    return std::string(name.substr(0, end));
}

/// Whether a name is that of times: alone, or with a unit, but not "time_constant".
bool is_time(const std::string& name) {
    constexpr std::array<std::string_view, 7> clocks = {"t", "timestamp", "timestamps", "seconds", "secs", "sec", "ms"};
    const std::string word = first_word(name);
    const bool is_known = axis_of(word) == Axis::time || std::ranges::find(clocks, word) != clocks.end();
    const std::string rest = name.substr(word.size());
    return is_known && (rest.empty() || rest.starts_with(" (") || rest.starts_with("(") || rest.starts_with("[") ||
                        rest.starts_with(" [") || seconds_of(name).has_value());
}

/// What the columns are.
struct Columns {
    std::optional<std::size_t> trial = {};
    std::optional<std::size_t> time = {};
    std::optional<double> unit = {};  ///< of time, in s
};

Columns columns_of(const std::vector<std::string>& names) {
    Columns columns;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const std::string name = lower_case(names[i]);
        if (axis_of(first_word(name)) == Axis::trial && !columns.trial) columns.trial = i;
        if (is_time(name) && !columns.time) {
            columns.time = i;
            columns.unit = seconds_of(name);
        }
    }
    return columns;
}

/// Rows of one trial after another, of channels.
class TextArray final : public StoredArray {
 public:
    TextArray(RowMatrix values, std::vector<double> times, std::string column, std::vector<std::string> what)
        : values_(std::move(values)), times_(std::move(times)), column_(std::move(column)) {
        dimensions = {static_cast<std::uint64_t>(values_.rows()), static_cast<std::uint64_t>(values_.cols())};
        notes = std::move(what);
    }

    std::optional<double> dt() override {
        if (times_.size() < 2) return {};
        return regular_step_with_gaps(times_, column_);
    }

    void read(Assembly& assembly) override {
        assembly.append({values_.data(), static_cast<std::size_t>(values_.size())});
    }

 private:
    RowMatrix values_;
    std::vector<double> times_;  ///< in s; empty: they are not known
    std::string column_;
};

struct Table {
    std::vector<std::string> names = {};  ///< of columns; empty: there are none
    std::size_t width = 0;
    std::vector<double> values = {};  ///< row by row
    bool has_numbers = false;         ///< the names are numbers
    std::size_t rows() const { return width == 0 ? 0 : values.size() / width; }
};

/// Whether a first row is "0,1,2" or ",0,1,2", as programs name columns that have no names.
bool numbers_columns(const std::vector<std::string_view>& cells) {
    const std::size_t first = !cells.empty() && cells.front().empty() ? 1 : 0;
    if (cells.size() < first + 2) return false;
    for (std::size_t i = first; i < cells.size(); ++i)
        if (cells[i] != fmt::format("{}", i - first)) return false;
    return true;
}

Table table_in(const std::filesystem::path& file) {
    const std::string text = read_file(file);
    Table table;
    std::size_t number = 0;
    char separator = ',';
    for (std::size_t start = 0; start < text.size();) {
        const std::size_t end = std::min(text.find('\n', start), text.size());
        const std::string_view line = std::string_view(text).substr(start, end - start);
        start = end + 1;
        ++number;
        if (number == 1) separator = separator_of(line);
        if (trimmed(line).empty() || line.front() == '#') continue;
        const std::vector<std::string_view> cells = cells_of(line, separator);
        const bool is_first = table.width == 0;
        if (is_first) {
            table.width = cells.size();
            if (numbers_columns(cells)) {
                table.names.assign(cells.begin(), cells.end());
                table.has_numbers = true;
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
            if (!is_first)
                throw InputError("", fmt::format("'{}' in line {}, column {} is no number", cells[i], number, i + 1));
            table.names.assign(cells.begin(), cells.end());
            if (std::ranges::find(table.names, "file") != table.names.end())
                throw InputError("", "a table with a column 'file' is a list of files, not data",
                                 "name the files themselves");
            break;
        }
        if (is_first && !table.names.empty()) continue;
        table.values.insert(table.values.end(), row.begin(), row.end());
    }
    if (table.rows() == 0) throw InputError("", "there are no rows of numbers");
    return table;
}

class TextTableFile final : public ArrayFile {
 public:
    explicit TextTableFile(std::filesystem::path file) : file_(std::move(file)) {}

    std::vector<ArrayEntry> arrays() override { return {{.name = {}}}; }

    std::vector<std::unique_ptr<StoredArray>> open(const std::string& name) override {
        if (!name.empty())
            throw InputError("", "a text file holds one table, without a name", "leave out ':" + name + "'");
        const Table table = table_in(file_);
        const Columns columns = columns_of(table.names);
        std::vector<std::size_t> channels;
        std::vector<std::string> notes;
        for (std::size_t i = 0; i < table.width; ++i) {
            if (i == columns.trial || i == columns.time) continue;
            if (i == 0 && table.width > 1 && may_number_rows(table) && counts_rows(table, i)) {
                notes.emplace_back("the first column numbers the rows and is no channel");
                continue;
            }
            channels.push_back(i);
        }
        if (channels.empty()) throw InputError("", "no column is a channel");
        if (table.has_numbers) notes.emplace_back("the first row numbers the columns and is no step");
        if (columns.time) notes.push_back(fmt::format("column '{}' is no channel", table.names[*columns.time]));
        if (columns.trial) notes.push_back(fmt::format("column '{}' tells the trials", table.names[*columns.trial]));
        return trials_of(table, columns, channels, notes);
    }

 private:
    /// The first column of a table without names, or one that is called so.
    static bool may_number_rows(const Table& table) {
        if (table.names.empty()) return true;
        const std::string name = lower_case(table.names.front());
        return name.empty() || name == "index" || name == "i" || name == "row" || name.starts_with("unnamed");
    }

    static bool counts_rows(const Table& table, std::size_t column) {
        const double first = table.values[column];
        for (std::size_t row = 0; row < table.rows(); ++row)
            if (table.values[row * table.width + column] != first + static_cast<double>(row)) return false;
        return first == 0 || first == 1;
    }

    static std::vector<std::unique_ptr<StoredArray>> trials_of(const Table& table, const Columns& columns,
                                                               const std::vector<std::size_t>& channels,
                                                               const std::vector<std::string>& notes) {
        const auto value = [&](std::size_t row, std::size_t column) {
            return table.values[row * table.width + column];
        };
        std::vector<std::unique_ptr<StoredArray>> trials;
        std::vector<double> seen;
        for (std::size_t first = 0, end = 0; first < table.rows(); first = end) {
            const double trial = columns.trial ? value(first, *columns.trial) : 0;
            if (std::ranges::find(seen, trial) != seen.end())
                throw InputError("", fmt::format("the rows of trial {} are not together", trial),
                                 "sort them by trial and time");
            seen.push_back(trial);
            while (end < table.rows() && (!columns.trial || value(end, *columns.trial) == trial)) ++end;
            if (end == first) throw InputError("", fmt::format("row {} has no trial", first + 1));
            // Steps that the times leave out are missing.
            const std::vector<std::size_t> places = places_of(table, columns, first, end);
            RowMatrix rows =
                RowMatrix::Constant(static_cast<Index>(places.back() + 1), static_cast<Index>(channels.size()),
                                    std::numeric_limits<double>::quiet_NaN());
            for (std::size_t row = first; row < end; ++row)
                for (std::size_t c = 0; c < channels.size(); ++c)
                    rows(static_cast<Index>(places[row - first]), static_cast<Index>(c)) = value(row, channels[c]);
            std::vector<double> times;
            if (columns.time) times = times_of(table, columns, first, end);
            trials.push_back(std::make_unique<TextArray>(std::move(rows), std::move(times),
                                                         columns.time ? table.names[*columns.time] : "",
                                                         trials.empty() ? notes : std::vector<std::string>{}));
        }
        return trials;
    }

    /// Which step each row is, by its time, which must rise: a gap of a few steps leaves them out.
    static std::vector<std::size_t> places_of(const Table& table, const Columns& columns, std::size_t first,
                                              std::size_t end) {
        std::vector<std::size_t> places;
        const auto time = [&](std::size_t row) { return table.values[row * table.width + *columns.time]; };
        std::vector<double> steps;
        for (std::size_t row = first + 1; row < end && columns.time; ++row) {
            if (!(time(row) > time(row - 1)))
                throw InputError("",
                                 fmt::format("column '{}' does not rise in row {} of the numbers",
                                             table.names[*columns.time], row + 1),
                                 "sort the rows by time; a column that tells the trials is named 'trial'");
            steps.push_back(time(row) - time(row - 1));
        }
        const double step = steps.empty() ? 1 : middle_of(steps);
        for (std::size_t row = first; row < end; ++row) {
            if (row == first || !columns.time) {
                places.push_back(row - first);
                continue;
            }
            constexpr double tolerance = 0.01;
            constexpr double largest = 1e6;
            const double ratio = (time(row) - time(row - 1)) / step;
            const bool is_gap =
                ratio > 1.5 && std::abs(ratio - std::round(ratio)) <= tolerance * ratio && ratio < largest;
            places.push_back(places.back() + (is_gap ? static_cast<std::size_t>(std::lround(ratio)) : 1));
        }
        constexpr std::size_t most = 20;  // times the rows that are there
        if (places.back() > most * (end - first) + 1000)
            throw InputError("", fmt::format("the times of column '{}' leave out more steps than there are rows",
                                             table.names[*columns.time]));
        return places;
    }

    /// Times of rows in s; empty if their unit is not known.
    static std::vector<double> times_of(const Table& table, const Columns& columns, std::size_t first,
                                        std::size_t end) {
        std::vector<double> times;
        for (std::size_t row = first; row < end && columns.unit; ++row)
            times.push_back(*columns.unit * table.values[row * table.width + *columns.time]);
        return times;
    }

    std::filesystem::path file_;
};

}  // namespace

std::unique_ptr<ArrayFile> open_text_table(const std::filesystem::path& file) {
    return std::make_unique<TextTableFile>(file);
}

}  // namespace repal
