module;
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
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
import repal.error;
import repal.file;

namespace repal {
namespace {

using Eigen::Index;

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blank = " \t\r";
    const std::size_t first = text.find_first_not_of(blank);
    if (first == std::string_view::npos) return {};
    text = text.substr(first, text.find_last_not_of(blank) - first + 1);
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
        cells.push_back(trimmed(line.substr(start, i - start)));
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

/// "time (ms)", "time_ms": 0.001; none if the name has no unit.
std::optional<double> seconds_of(std::string name) {
    for (const std::string_view unit : {"ms", "us", "sec", "seconds", "s"}) {
        const bool ends = name.ends_with(fmt::format("({})", unit)) || name.ends_with(fmt::format("[{}]", unit)) ||
                          name.ends_with(fmt::format("_{}", unit));
        if (ends) return unit == "ms" ? 1e-3 : unit == "us" ? 1e-6 : 1;
    }
    return {};
}

/// The word that a name begins with: "time" of "time (s)".
std::string first_word(std::string_view name) {
    const std::size_t end = name.find_first_of(" _([");
    return std::string(name.substr(0, end));
}

/// What the columns are.
struct Columns {
    std::optional<std::size_t> trial = {};
    std::optional<std::size_t> time = {};
    std::optional<double> unit = {};  ///< of time, in s
    std::optional<std::size_t> number_of_row = {};
};

Columns columns_of(const std::vector<std::string_view>& names) {
    Columns columns;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (i == 0 && (names[i].empty() || names[i] == "index")) columns.number_of_row = i;
        const auto axis = axis_of(first_word(names[i]));
        if (axis == Axis::trial && !columns.trial) columns.trial = i;
        // "step 3" or "time_constant" are no times: what follows must be a unit.
        const bool is_alone = first_word(names[i]).size() == names[i].size();
        if (axis == Axis::time && !columns.time && (is_alone || seconds_of(std::string(names[i])))) {
            columns.time = i;
            columns.unit = seconds_of(std::string(names[i]));
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
        const double step = (times_.back() - times_.front()) / static_cast<double>(times_.size() - 1);
        constexpr double tolerance = 0.01;
        for (std::size_t row = 1; row < times_.size(); ++row)
            if (!(std::abs(times_[row] - times_[row - 1] - step) <= tolerance * step))
                throw InputError("", fmt::format("the times of column '{}' are not regular", column_),
                                 "bring them to one time of a step, or --dt steps takes steps as they are");
        return step;
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
    std::size_t rows() const { return width == 0 ? 0 : values.size() / width; }
};

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
        if (is_first) table.width = cells.size();
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
        const Columns columns = columns_of({table.names.begin(), table.names.end()});
        std::vector<std::size_t> channels;
        std::vector<std::string> notes;
        for (std::size_t i = 0; i < table.width; ++i) {
            if (i == columns.trial || i == columns.time) continue;
            if (i == columns.number_of_row && counts_rows(table, i)) {
                notes.emplace_back("the first column numbers the rows and is no channel");
                continue;
            }
            channels.push_back(i);
        }
        if (channels.empty()) throw InputError("", "no column is a channel");
        if (columns.time) notes.push_back(fmt::format("column '{}' is no channel", table.names[*columns.time]));
        if (columns.trial) notes.push_back(fmt::format("column '{}' tells the trials", table.names[*columns.trial]));
        return trials_of(table, columns, channels, notes);
    }

 private:
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
            RowMatrix rows(static_cast<Index>(end - first), static_cast<Index>(channels.size()));
            for (std::size_t row = first; row < end; ++row)
                for (std::size_t c = 0; c < channels.size(); ++c)
                    rows(static_cast<Index>(row - first), static_cast<Index>(c)) = value(row, channels[c]);
            std::vector<double> times;
            if (columns.time) times = times_of(table, columns, first, end);
            trials.push_back(std::make_unique<TextArray>(std::move(rows), std::move(times),
                                                         columns.time ? table.names[*columns.time] : "",
                                                         trials.empty() ? notes : std::vector<std::string>{}));
        }
        return trials;
    }

    /// Times of rows, which must rise, in s; empty if their unit is not known.
    static std::vector<double> times_of(const Table& table, const Columns& columns, std::size_t first,
                                        std::size_t end) {
        const auto time = [&](std::size_t row) { return table.values[row * table.width + *columns.time]; };
        std::vector<double> times;
        for (std::size_t row = first; row < end; ++row) {
            if (row > first && !(time(row) > time(row - 1)))
                throw InputError("",
                                 fmt::format("column '{}' does not rise in row {} of the numbers",
                                             table.names[*columns.time], row + 1),
                                 "sort the rows by time; a column that tells the trials is named 'trial'");
            if (columns.unit) times.push_back(*columns.unit * time(row));
        }
        return times;
    }

    std::filesystem::path file_;
};

}  // namespace

std::unique_ptr<ArrayFile> open_text_table(const std::filesystem::path& file) {
    return std::make_unique<TextTableFile>(file);
}

}  // namespace repal
