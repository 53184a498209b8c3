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

/// Whether a name goes on as one that counts does: "_number", " #".
bool counts(std::string_view rest) {
    constexpr std::array<std::string_view, 14> known = {"number", "num",   "no",  "nr",   "id",    "idx",   "index",
                                                        "#",      "count", "bin", "bins", "stamp", "point", "points"};
    while (!rest.empty() && std::string_view(" _.").find(rest.front()) != std::string_view::npos) rest.remove_prefix(1);
    return std::ranges::find(known, rest) != known.end();
}

/// Whether a name is that of times: alone, with a unit, or as a number of them, but not "time_constant".
bool is_time(const std::string& name) {
    constexpr std::array<std::string_view, 9> clocks = {"t",   "timestamp", "timestamps", "seconds", "secs",
                                                        "sec", "ms",        "ts",         "elapsed"};
    const std::string word = first_word(name);
    const bool is_known = axis_of(word) == Axis::time || std::ranges::find(clocks, word) != clocks.end();
    const std::string_view rest = std::string_view(name).substr(word.size());
    return is_known && (rest.empty() || rest.starts_with(" (") || rest.starts_with("(") || rest.starts_with("[") ||
                        rest.starts_with(" [") || rest.starts_with("/") || counts(rest) || unit_of(name).has_value());
}

/// What a column is beside a channel and a time.
enum class Meaning { channel, trial, shown, kind };  // shown: what was shown in a trial, which may be its name

Meaning meaning_of(const std::string& name) {
    constexpr std::array<std::string_view, 7> kinds = {"block", "session", "subject",  "animal",
                                                       "run",   "fold",    "trialtype"};
    constexpr std::array<std::string_view, 8> shown = {"condition", "conditions", "stimulus", "stimuli",
                                                       "image",     "images",     "item",     "items"};
    const std::string word = first_word(name);
    const std::string_view rest = std::string_view(name).substr(word.size());
    const bool is_number = rest.empty() || counts(rest);
    if (std::ranges::find(kinds, word) != kinds.end()) return is_number ? Meaning::kind : Meaning::channel;
    if (axis_of(word) != Axis::trial) return Meaning::channel;
    if (!is_number) return Meaning::kind;  // "trial_type"
    return std::ranges::find(shown, word) != shown.end() ? Meaning::shown : Meaning::trial;
}

/// What the columns are.
struct Columns {
    std::optional<std::size_t> trial = {};
    std::optional<std::size_t> time = {};  ///< the first one with a unit, else the first one
    std::vector<std::size_t> others = {};  ///< clocks and kinds of trials, which are no channels either
    std::optional<std::size_t> kind = {};  ///< of trials
    std::optional<double> unit = {};       ///< of time, in s
};

Columns columns_of(const std::vector<std::string>& names) {
    Columns columns;
    std::optional<std::size_t> shown;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const std::string name = lower_case(names[i]);
        const Meaning meaning = meaning_of(name);
        std::optional<std::size_t>& of_trial = meaning == Meaning::shown ? shown : columns.trial;
        if (meaning == Meaning::trial || meaning == Meaning::shown) {
            if (of_trial)
                throw InputError("",
                                 fmt::format("two columns tell the trials, '{}' and '{}'", names[*of_trial], names[i]),
                                 "rename the one that does not");
            of_trial = i;
        }
        if (meaning == Meaning::kind) {
            columns.others.push_back(i);
            if (axis_of(first_word(name)) == Axis::trial || name == "trialtype") columns.kind = i;
        }
        if (!is_time(name)) continue;
        const bool is_better = !columns.time || (!columns.unit && unit_of(name));
        if (columns.time) columns.others.push_back(is_better ? *columns.time : i);
        if (!is_better) continue;
        columns.time = i;
        columns.unit = unit_of(name);
    }
    if (shown && columns.trial) columns.others.push_back(*shown);
    if (!columns.trial) columns.trial = shown;
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

    Times times() override {
        Times times = times_;
        times.unit = unit_;
        return times;
    }

    void read(Assembly& assembly) override {
        assembly.append({values_.data(), static_cast<std::size_t>(values_.size())});
    }

 private:
    RowMatrix values_;
    Times times_;
    std::optional<double> unit_;  ///< of the times, in s
};

/// Whether the first column is an index: it has no name, as pandas and R write it, or counts rows.
bool is_index(const ColumnTable& table) {
    if (table.width < 2) return false;
    const std::string name = table.names.empty() ? "" : lower_case(table.names.front());
    if (!table.names.empty() && (name.empty() || name.starts_with("unnamed"))) return true;
    constexpr std::array<std::string_view, 4> indices = {"index", "idx", "row", "rows"};
    const bool is_called_so = std::ranges::find(indices, name) != indices.end();
    if (!name.empty() && name != "i" && !is_called_so) return false;
    const double first = table.values.front();
    bool rises = true;
    bool counts = first == 0 || first == 1;
    for (std::size_t row = 1; row < table.rows(); ++row) {
        const double value = table.values[row * table.width];
        counts = counts && value == first + static_cast<double>(row);
        rises = rises && value > table.values[(row - 1) * table.width] && value == std::round(value);
    }
    return counts || (is_called_so && rises);
}

/// Whether the first column rises from row to row.
bool rises(const ColumnTable& table, std::size_t first, std::size_t end) {
    for (std::size_t row = first + 1; row < end; ++row)
        if (!(table.values[row * table.width] > table.values[(row - 1) * table.width])) return false;
    return true;
}

/// Whether what tells the trials may hold several of one kind that follow each other.
bool may_join_trials(const ColumnTable& table, const Columns& columns) {
    if (!columns.trial) return columns.kind.has_value();
    if (meaning_of(lower_case(table.names[*columns.trial])) != Meaning::shown) return false;
    for (std::size_t row = 1; row < table.rows(); ++row)
        if (table.values[row * table.width + *columns.trial] == table.values[(row - 1) * table.width + *columns.trial])
            return true;
    return false;
}

}  // namespace

bool have_trials_or_times(const std::vector<std::string>& names) {
    const Columns columns = columns_of(names);
    return columns.trial || columns.time;
}

std::vector<std::unique_ptr<StoredArray>> trials_of(const ColumnTable& table) {
    if (table.rows() == 0) throw InputError("", "there are no rows of numbers");
    const Columns columns = columns_of(table.names);
    std::vector<std::string> notes = table.notes;
    std::vector<std::string> warnings = table.warnings;
    if (may_join_trials(table, columns))
        warnings.push_back(
            columns.trial
                ? fmt::format("each value of '{}' is one trial: if it is of several, they are joined; a column 'trial' "
                              "tells them apart",
                              table.names[*columns.trial])
                : fmt::format("'{}' tells kinds of trials, and no column tells the trials: all rows are one; a column "
                              "'trial' tells them apart",
                              table.names[*columns.kind]));
    const bool has_index = is_index(table);
    std::vector<std::size_t> channels;
    for (std::size_t i = 0; i < table.width; ++i) {
        if (i == columns.trial || i == columns.time) continue;
        if (std::ranges::find(columns.others, i) != columns.others.end())
            notes.push_back(fmt::format("column '{}' is no channel", table.names[i]));
        else if (i == 0 && has_index)
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
        // What an index leaves out is missing, if it rises as times do.
        std::optional<std::size_t> clock = columns.time;
        if (!clock && has_index && rises(table, first, end)) clock = 0;
        if (clock) times.name = columns.time ? table.names[*clock] : "index";
        for (std::size_t row = first; row < end; ++row) {
            for (std::size_t c = 0; c < channels.size(); ++c)
                rows(static_cast<Index>(row - first), static_cast<Index>(c)) = value(row, channels[c]);
            if (clock) times.values.push_back(value(row, *clock));
        }
        trials.push_back(std::make_unique<TrialRows>(std::move(rows), std::move(times), columns.unit));
        if (columns.trial) trials.back()->trial = fmt::format("{}", trial);
    }
    trials.front()->notes = std::move(notes);
    trials.front()->warnings = std::move(warnings);
    return trials;
}

}  // namespace repal
