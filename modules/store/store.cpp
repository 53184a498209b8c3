module;
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.store;

import :array_file;
import :gaps;
import :location;
import :source;
import :words;
import repal.error;

namespace repal {
namespace {

/// Slices with "*" as one of its entries.
std::vector<Slice> with_entry(std::vector<Slice> slices, std::int64_t entry) {
    for (Slice& slice : slices)
        if (slice.kind == Slice::Kind::each) slice = {.kind = Slice::Kind::one, .first = entry};
    return slices;
}

/// The names of all trials; empty unless all have one of their own.
std::vector<std::string> trial_names(const Read& read) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < read.blocks.size(); ++i) {
        const std::string& all = read.trials[i];
        const std::vector<std::string>& each = read.trial_names[i];
        if (all.empty() && each.empty()) return {};
        const Eigen::Index trials = read.blocks[i].shape.trials;
        for (Eigen::Index k = 0; k < trials; ++k) {
            const std::string own = !each.empty() ? each[static_cast<std::size_t>(k)]
                                    : trials == 1 ? std::string()
                                                  : fmt::format("{}", k);
            names.push_back(fmt::format("{}{}{}", all, all.empty() || own.empty() ? "" : " ", own));
        }
    }
    std::vector<std::string> sorted = names;
    std::ranges::sort(sorted);
    return std::ranges::adjacent_find(sorted) == sorted.end() ? names : std::vector<std::string>();
}

/// The one time of a step that all say, as times do that may be rounded.
std::optional<double> common_step(const Read& read) {
    double seconds = 0;
    double weights = 0;
    for (std::size_t i = 0; i < read.steps.size(); ++i) {
        constexpr double tolerance = 0.01;
        const std::optional<double>& step = read.steps[i];
        const std::optional<double>& first = read.steps.front();
        if (step.has_value() != first.has_value() || (step && std::abs(*step - *first) > tolerance * *first))
            throw InputError("", "its trials have different times of a step", "--dt says one");
        const auto weight = static_cast<double>(read.blocks[i].shape.steps);
        seconds += weight * step.value_or(0);
        weights += weight;
    }
    const bool are_equal =
        std::ranges::all_of(read.steps, [&](const auto& step) { return step == read.steps.front(); });
    return are_equal ? read.steps.front() : std::optional(seconds / weights);
}

/// When all trials begin, if they do so at one time.
std::optional<double> common_beginning(const Read& read) {
    for (std::size_t i = 0; i < read.beginnings.size(); ++i) {
        const std::optional<double>& one = read.beginnings[i];
        if (!one || !read.steps[i] || std::abs(*one - *read.beginnings.front()) > *read.steps[i] / 2) return {};
    }
    return read.beginnings.empty() ? std::nullopt : read.beginnings.front();
}

/// The steps of each trial that a window leaves.
void cut_to(const TrialWindow& window, std::optional<double> dt, Read& read) {
    if (window.is_in_seconds && !dt)
        throw InputError("", "the window is in seconds, and the file does not tell the time of a step",
                         "--dt tells it, or name the window in steps, e.g. --window 20:120");
    const double unit = window.is_in_seconds ? *dt : 1;
    std::vector<Eigen::Index> lengths;
    for (const Block& block : read.blocks) lengths.push_back(block.shape.steps);
    for (Block& block : read.blocks) {
        const auto step_at = [&](double place) {
            return static_cast<Eigen::Index>(std::min(std::round(place / unit), double(block.shape.steps)));
        };
        const Eigen::Index first = step_at(window.first);
        const Eigen::Index kept = step_at(window.end) - first;
        constexpr Eigen::Index least = 2;
        if (kept < least)
            throw InputError("", fmt::format("the window leaves {} of the {} steps of a trial",
                                             std::max<Eigen::Index>(0, kept), block.shape.steps));
        Block cut{.shape = block.shape, .values = {}};
        cut.shape.steps = kept;
        cut.values.resize(cut.shape.trials * kept, cut.shape.channels);
        for (Eigen::Index k = 0; k < cut.shape.trials; ++k)
            cut.values.middleRows(k * kept, kept) = block.values.middleRows(k * block.shape.steps + first, kept);
        block = std::move(cut);
    }
    const double first = std::round(window.first / unit);
    const double end = std::round(window.end / unit);
    const auto longest = static_cast<double>(std::ranges::max(lengths));
    read.notes.push_back(end <= longest ? fmt::format("steps {} to {}", first, end - 1)
                                        : fmt::format("from step {} on", first));
}

std::string shape_of(const Trajectories& x) {
    if (x.has_equal_steps()) return to_string(x.shape());
    Eigen::Index longest = 0;
    for (Eigen::Index k = 0; k < x.shape().trials; ++k) longest = std::max(longest, x.steps(k));
    return fmt::format("{} trials x {} to {} steps x {} channels", x.shape().trials, x.shape().steps, longest,
                       x.shape().channels);
}

/// without_gaps(), which knows what times leave out.
Filled filled_of(const Read& read, bool splits) {
    try {
        return without_gaps(read.blocks, splits);
    } catch (const InvalidTrajectories& error) {
        if (read.left_out.empty()) throw;
        throw InvalidTrajectories(fmt::format("{} ({})", error.problem(), read.left_out), error.hint());
    }
}

ReadSystem system_of(const std::string& name, Read read, const Reading& reading) {
    for (const Block& block : read.blocks)
        if (block.shape.channels != read.blocks.front().shape.channels)
            throw InputError("",
                             fmt::format("its arrays have different numbers of channels, {} and {}",
                                         read.blocks.front().shape.channels, block.shape.channels),
                             block.shape.steps == read.blocks.front().shape.steps && !read.has_named_axes
                                 ? "if the axes of each are the other way round, say @channel,time"
                                 : "");
    const std::optional<double> dt = common_step(read);
    if (reading.window) cut_to(*reading.window, dt, read);
    Filled filled = filled_of(read, reading.splits_at_gaps);
    const auto made = [&]() -> Trajectories {
        if (!filled.trials.empty()) return Trajectories::from_trials(filled.trials);
        if (read.blocks.size() == 1)
            return Trajectories::from_rows(read.blocks.front().shape, std::move(read.blocks.front().values));
        std::vector<RowMatrix> trials;
        for (const Block& block : read.blocks)
            for (Eigen::Index k = 0; k < block.shape.trials; ++k)
                trials.emplace_back(block.values.middleRows(k * block.shape.steps, block.shape.steps));
        return Trajectories::from_trials(trials);
    };
    const Shape first = read.blocks.front().shape;
    try {
        ReadSystem system{.name = name, .x = made(), .units = filled.units, .reading = {}};
        require_samples(system.x.shape());
        system.trial_names = trial_names(read);
        if (filled.units.empty() && !filled.places.empty() && !system.trial_names.empty()) {
            std::vector<std::string> left;
            for (const std::size_t place : filled.places) left.push_back(system.trial_names[place]);
            system.trial_names = std::move(left);
        }
        // Pieces of trials have none.
        if (std::ssize(system.trial_names) != system.x.shape().trials) system.trial_names.clear();
        if (dt) system.x = system.x.with_dt(dt);
        std::vector<std::string> details;
        if (read.has_named_axes) details.push_back(to_string(read.axes));
        if (system.x.dt()) details.push_back(fmt::format("{:.6g} s a step", *system.x.dt()));
        for (const std::string& note : read.notes)  // of several arrays often the same
            if (std::ranges::find(details, note) == details.end()) details.push_back(note);
        details.insert(details.end(), filled.notes.begin(), filled.notes.end());
        system.reading = shape_of(system.x);
        if (!details.empty()) system.reading += fmt::format(" ({})", fmt::join(details, "; "));
        system.has_named_axes = read.has_named_axes;
        system.step_beside = read.step_beside;
        system.warnings = read.warnings;
        for (const Block& block : read.blocks) system.file_trials += static_cast<std::size_t>(block.shape.trials);
        system.places = filled.places;
        system.begins = common_beginning(read);
        system.is_cut = filled.is_cut;
        system.are_steps_cut = filled.are_steps_cut;
        if (!read.has_named_axes && read.blocks.size() == 1 && read.axes.size() == 2 && first.channels > first.steps)
            system.warnings.push_back(
                fmt::format("{} steps and more channels, {}: if it is the other way round, say "
                            "{}@channel,time",
                            first.steps, first.channels, name));
        return system;
    } catch (const InvalidTrajectories& error) {
        if (!error.hint().empty() || read.has_named_axes) throw;
        throw InvalidTrajectories(
            error.problem(),
            fmt::format("it was read as ({}); axes can name another order, e.g. @channel,time", to_string(read.axes)));
    }
}

/// "a.h5:/x[3]"
std::string name_of(const std::string& file, const std::string& object, const std::string& slice) {
    return file + (object.empty() ? "" : ":" + object) + slice;
}

/// An array that is called "x[0]" wins over a slice of "x".
Location with_literal_object(const std::string& path, const Location& location) {
    if (location.slices.empty() || location.object.empty()) return location;
    Location literal = location;
    literal.object += location.slices_text;
    literal.slices.clear();
    return open_array_file(path)->open(literal.object).empty() ? location : literal;
}

void read_file(std::vector<ReadSystem>& systems, const std::string& path, const Location& asked, const Reading& reading,
               const std::string& given) {
    const Location location = with_literal_object(path, asked);
    const Source source(path, location, reading);
    const bool is_several = source.names().size() > 1 || has_wildcards(location.file);
    if (location.is_joined) {
        Read all;
        for (const std::string& name : source.names()) try {
                source.read(all, name, location.slices, matched_part(with_slash(location.object), with_slash(name)));
            } catch (const InputError& error) {
                if (!is_several || !error.where().empty()) throw;
                throw error.at(name_of(path, name, ""));
            }
        systems.push_back(system_of(has_wildcards(location.file) ? name_of(path, location.object, "+") : given,
                                    std::move(all), reading));
        return;
    }
    const auto each = std::ranges::find(location.slices, Slice::Kind::each, &Slice::kind);
    for (const std::string& name : source.names()) {
        const std::string shown = is_several ? name_of(path, name, "") : given;
        try {
            if (each == location.slices.end()) {
                Read all;
                source.read(all, name, location.slices);
                systems.push_back(system_of(shown, std::move(all), reading));
                continue;
            }
            const auto place = static_cast<std::size_t>(each - location.slices.begin());
            const Arrays arrays = source.opened(name);
            if (arrays.size() != 1 || arrays.front()->dimensions.size() <= place)
                throw InputError(
                    "", fmt::format("there is no dimension {} of which every entry could be a system", place + 1));
            const std::uint64_t entries = arrays.front()->dimensions[place];
            for (std::uint64_t entry = 0; entry < entries; ++entry) {
                Read all;
                source.read(all, name, with_entry(location.slices, static_cast<std::int64_t>(entry)));
                systems.push_back(
                    system_of(name_of(path, location.object.empty() ? "" : name, fmt::format("[{}]", entry)),
                              std::move(all), reading));
            }
        } catch (const InputError& error) {
            if (!is_several || !error.where().empty()) throw;
            throw error.at(shown);
        }
    }
}

}  // namespace

std::vector<ReadSystem> read_systems(const std::string& text, const Reading& reading) {
    try {
        const Location location = parse_location(text);
        std::vector<ReadSystem> systems;
        const std::vector<std::string> files = files_of(location.file);
        if (location.is_joined && !has_wildcards(location.object) && files.size() > 1) {
            // Files that are the trials of one system.
            Read all;
            for (const std::string& path : files) try {
                    const Source source(path, location, reading);
                    for (const std::string& name : source.names())
                        source.read(all, name, location.slices, matched_part(location.file, path));
                } catch (const InputError& error) {
                    throw error.where().empty() ? error.at(path) : error;
                }
            systems.push_back(system_of(text, std::move(all), reading));
            return systems;
        }
        for (const std::string& path : files) read_file(systems, path, location, reading, text);
        return systems;
    } catch (const InputError& error) {
        throw error.where().empty() ? error.at(text) : error;
    }
}

std::vector<std::string> files_in(const std::string& location) {
    try {
        return files_of(parse_location(location).file);
    } catch (const InputError& error) {
        throw error.at(location);
    }
}

Trajectories read_trajectories(const std::string& location, const std::string& axes) {
    std::vector<ReadSystem> systems = read_systems(location, {.axes = axes});
    if (systems.size() != 1) throw InputError(location, fmt::format("it means {} systems, not one", systems.size()));
    return std::move(systems.front().x);
}

}  // namespace repal
