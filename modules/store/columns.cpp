module;
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.store;

import :array_file;
import :axes;
import :columns;
import :times;
import :words;
import repal.error;

namespace repal {
namespace {

using Eigen::Index;

/// "time (ms)", "time_ms", "ms": 0.001; none if the name has no unit.
std::optional<double> unit_of(const std::string& name) {
    const std::size_t begin = name.find_last_of("_([/");
    const std::string end = begin == std::string::npos ? "" : name.substr(begin + 1);
    const bool is_closed = end.ends_with(')') || end.ends_with(']');
    const auto unit = seconds_in(is_closed ? end.substr(0, end.size() - 1) : end);
    return unit || name == "s" ? unit : seconds_in(name);
}

/// The word that a name of a column begins with: "time" of "time (s)" and of "time_s".
std::string first_word(const std::string& name) {
    return name.substr(0, name.find_first_of(" _([/"));
}

/// Whether a name is that of times: alone, or with a unit, but not "time_constant".
bool is_time(const std::string& name) {
    constexpr std::array<std::string_view, 7> clocks = {"t", "timestamp", "timestamps", "seconds", "secs", "sec", "ms"};
    const std::string word = first_word(name);
    const bool is_known = axis_of(word) == Axis::time || std::ranges::find(clocks, word) != clocks.end();
    const std::string_view rest = std::string_view(name).substr(word.size());
    return is_known && (rest.empty() || rest.starts_with(" (") || rest.starts_with("(") || rest.starts_with("[") ||
                        rest.starts_with(" [") || rest.starts_with("/") || unit_of(name).has_value());
}

/// What the columns are.
struct Columns {
    std::optional<std::size_t> trial = {};
    std::optional<std::size_t> time = {};       ///< the first one with a unit, else the first one
    std::vector<std::size_t> other_times = {};  ///< which are no channels either
    std::optional<double> unit = {};            ///< of time, in s
};

Columns columns_of(const std::vector<std::string>& names) {
    Columns columns;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const std::string name = lower_case(names[i]);
        if (axis_of(first_word(name)) == Axis::trial) {
            if (columns.trial)
                throw InputError(
                    "", fmt::format("two columns tell the trials, '{}' and '{}'", names[*columns.trial], names[i]),
                    "rename the one that does not");
            columns.trial = i;
        }
        if (!is_time(name)) continue;
        const bool is_better = !columns.time || (!columns.unit && unit_of(name));
        if (columns.time) columns.other_times.push_back(is_better ? *columns.time : i);
        if (!is_better) continue;
        columns.time = i;
        columns.unit = unit_of(name);
    }
    return columns;
}

/// The rows of one trial.
class TrialRows final : public StoredArray {
 public:
    TrialRows(RowMatrix values, Times times, std::optional<double> unit)
        : values_(std::move(values)), times_(std::move(times)), unit_(unit) {
        dimensions = {static_cast<std::uint64_t>(values_.rows()), static_cast<std::uint64_t>(values_.cols())};
    }

    std::optional<double> dt() override {
        if (!unit_ || times_.values.size() < 2) return {};
        return *unit_ * regular_step(times_.values, times_.name);
    }

    Times times() override { return times_; }

    void read(Assembly& assembly) override {
        assembly.append({values_.data(), static_cast<std::size_t>(values_.size())});
    }

 private:
    RowMatrix values_;
    Times times_;
    std::optional<double> unit_;  ///< of the times, in s
};

/// Whether the first column of a table without names, or one that is called so, counts rows.
bool numbers_rows(const ColumnTable& table) {
    if (table.width < 2) return false;
    if (!table.names.empty()) {
        const std::string name = lower_case(table.names.front());
        if (!name.empty() && name != "index" && name != "i" && name != "row" && !name.starts_with("unnamed"))
            return false;
    }
    const double first = table.values.front();
    for (std::size_t row = 0; row < table.rows(); ++row)
        if (table.values[row * table.width] != first + static_cast<double>(row)) return false;
    return first == 0 || first == 1;
}

}  // namespace

bool have_trials_or_times(const std::vector<std::string>& names) {
    const Columns columns = columns_of(names);
    return columns.trial || columns.time;
}

std::vector<std::unique_ptr<StoredArray>> trials_of(const ColumnTable& table, std::vector<std::string> notes) {
    if (table.rows() == 0) throw InputError("", "there are no rows of numbers");
    const Columns columns = columns_of(table.names);
    std::vector<std::size_t> channels;
    for (std::size_t i = 0; i < table.width; ++i) {
        if (i == columns.trial || i == columns.time) continue;
        if (std::ranges::find(columns.other_times, i) != columns.other_times.end()) {
            notes.push_back(fmt::format("column '{}' is no channel", table.names[i]));
            continue;
        }
        if (i == 0 && numbers_rows(table))
            notes.emplace_back("the first column numbers the rows and is no channel");
        else
            channels.push_back(i);
    }
    if (channels.empty()) throw InputError("", "no column is a channel");
    if (columns.time) notes.push_back(fmt::format("column '{}' is no channel", table.names[*columns.time]));
    if (columns.trial) notes.push_back(fmt::format("column '{}' tells the trials", table.names[*columns.trial]));

    const auto value = [&](std::size_t row, std::size_t column) { return table.values[row * table.width + column]; };
    std::vector<std::unique_ptr<StoredArray>> trials;
    std::vector<double> seen;
    for (std::size_t first = 0, end = 0; first < table.rows(); first = end) {
        const double trial = columns.trial ? value(first, *columns.trial) : 0;
        constexpr double most = 9007199254740992;  // whole numbers beyond are not all doubles
        if (std::abs(trial) >= most)
            throw InputError("", fmt::format("the trial {:.0f} is too large a number to tell it from others", trial),
                             "number the trials from 0");
        if (std::ranges::find(seen, trial) != seen.end())
            throw InputError("", fmt::format("the rows of trial {} are not together", trial),
                             "sort them by trial and time");
        seen.push_back(trial);
        while (end < table.rows() && (!columns.trial || value(end, *columns.trial) == trial)) ++end;
        if (end == first) throw InputError("", fmt::format("row {} has no trial", first + 1));
        RowMatrix rows(static_cast<Index>(end - first), static_cast<Index>(channels.size()));
        StoredArray::Times times;
        if (columns.time) times.name = table.names[*columns.time];
        for (std::size_t row = first; row < end; ++row) {
            for (std::size_t c = 0; c < channels.size(); ++c)
                rows(static_cast<Index>(row - first), static_cast<Index>(c)) = value(row, channels[c]);
            if (columns.time) times.values.push_back(value(row, *columns.time));
        }
        trials.push_back(std::make_unique<TrialRows>(std::move(rows), std::move(times), columns.unit));
        if (columns.trial) trials.back()->trial = fmt::format("{}", trial);
    }
    trials.front()->notes = std::move(notes);
    return trials;
}

}  // namespace repal
