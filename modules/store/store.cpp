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
import :axes;
import :gaps;
import :location;
import repal.error;

namespace repal {
namespace {

using Arrays = std::vector<std::unique_ptr<StoredArray>>;

std::size_t long_dimensions(const ArrayEntry& entry) {
    return static_cast<std::size_t>(std::ranges::count_if(entry.dimensions, [](auto length) { return length > 1; }));
}

/// Of several arrays, the only one of at least two dimensions, or the only vector. Throws InputError that lists them.
std::string only_array(const std::vector<ArrayEntry>& entries, const std::string& of) {
    std::vector<ArrayEntry> numbers;
    std::ranges::copy_if(entries, std::back_inserter(numbers),
                         [](const ArrayEntry& entry) { return entry.refused.empty(); });
    if (numbers.empty()) {
        if (entries.size() == 1) return entries.front().name;  // opening it says why
        throw InputError("", of + " has no array of numbers");
    }
    for (const std::size_t least : {2, 1, 0}) {
        std::vector<ArrayEntry> large;
        std::ranges::copy_if(numbers, std::back_inserter(large),
                             [&](const ArrayEntry& entry) { return long_dimensions(entry) >= least; });
        if (large.size() == 1) return large.front().name;
        if (large.size() > 1)
            throw InputError("", fmt::format("{} has {} arrays of numbers", of, large.size()),
                             fmt::format("name one after the file, e.g. ':{}', or ':*+' if they are the trials of one "
                                         "system, of any length; one of: {}",
                                         large.front().name, listed(large)));
    }
    return numbers.front().name;
}

/// The arrays of a name, at least one.
Arrays opened(ArrayFile& file, const std::string& name) {
    Arrays arrays = file.open(name);
    if (arrays.empty()) throw InputError("", fmt::format("'{}' cannot be read", name), "the file may be damaged");
    return arrays;
}

std::string with_slash(const std::string& name) {
    return name.starts_with('/') ? name : "/" + name;
}

/// The names in the file that an object means: one, or several by wildcards.
std::vector<std::string> names_of(ArrayFile& file, const std::string& object) {
    if (object.empty()) {
        const std::vector<ArrayEntry> entries = file.arrays();
        if (entries.size() == 1 && entries.front().name.empty()) return {""};
        return {only_array(entries, "the file")};
    }
    std::string as_path = object;
    std::ranges::replace(as_path, '.', '/');
    std::vector<std::string> tried = {object};
    if (object.ends_with(".npy")) tried.push_back(object.substr(0, object.size() - 4));
    tried.push_back(as_path);  // s.x of MATLAB
    for (const std::string& name : tried)
        if (!file.open(name).empty()) return {name};

    const std::vector<ArrayEntry> entries = file.arrays();
    if (has_wildcards(object)) {
        std::vector<std::string> found;
        for (const ArrayEntry& entry : entries)
            if (entry.refused.empty() && matches(with_slash(object), with_slash(entry.name)))
                found.push_back(entry.name);
        if (!found.empty()) return found;
    }
    // A group with one array, e.g. a struct, or a series of NWB with its times.
    for (const std::string& name : tried) {
        std::vector<ArrayEntry> inside;
        for (const ArrayEntry& entry : entries)
            if (with_slash(entry.name).starts_with(with_slash(name) + "/")) inside.push_back(entry);
        if (inside.empty()) continue;
        for (const ArrayEntry& entry : inside)
            if (with_slash(entry.name) == with_slash(name) + "/data") return {entry.name};
        return {only_array(inside, fmt::format("'{}'", name))};
    }
    std::vector<std::string> known;
    std::vector<ArrayEntry> numbers;
    for (const ArrayEntry& entry : entries)
        if (entry.refused.empty()) {
            known.push_back(entry.name);
            numbers.push_back(entry);
        }
    const std::string nearest = nearest_name(with_slash(object), known);
    const std::string other = nearest.empty() ? nearest_name(object, known) : nearest;
    throw InputError("", fmt::format("there is no array '{}'", object),
                     !other.empty()    ? fmt::format("did you mean '{}'?", other)
                     : numbers.empty() ? std::string()
                                       : "one of: " + listed(numbers));
}

/// Slices with "*" as one of its entries.
std::vector<Slice> with_entry(std::vector<Slice> slices, std::int64_t entry) {
    for (Slice& slice : slices)
        if (slice.kind == Slice::Kind::each) slice = {.kind = Slice::Kind::one, .first = entry};
    return slices;
}

/// What was read of one or more arrays.
struct Read {
    std::vector<Block> blocks;
    std::vector<std::string> notes;
    std::vector<std::optional<double>> steps;  ///< dt of each
    std::vector<Axis> axes;                    ///< of the last one
    bool has_named_axes = false;
};

/// Axes that a location names, or that all arrays have which say nothing.
struct NamedAxes {
    std::string text;
    bool are_of_all = false;
};

std::vector<Axis> axes_of(const StoredArray& array, const std::vector<Part>& parts, const NamedAxes& named) {
    const Dimensions lengths = kept(parts);
    if (!named.text.empty() && (!named.are_of_all || array.axes.empty())) {
        std::vector<Axis> axes = parse_axes(named.text);
        // Of all: an array of one trial may lack that axis.
        if (named.are_of_all && axes.size() == lengths.size() + 1) std::erase(axes, Axis::trial);
        if (axes.size() != lengths.size())
            throw InputError("", fmt::format("axes: '{}' are {} axes, but the array has {} dimensions, {}", named.text,
                                             axes.size(), lengths.size(), to_string(lengths)));
        return axes;
    }
    constexpr std::size_t most = 3;
    std::vector<Axis> whole = array.axes;
    // In MATLAB every vector has two dimensions.
    if (whole.empty() && array.order == MemoryOrder::first_fastest && array.dimensions.size() == 2 &&
        array.dimensions[0] == 1 && array.dimensions[1] > 1)
        whole = {Axis::channel, Axis::time};
    if (whole.empty() && !array.dimensions.empty() && array.dimensions.size() <= most)
        whole = usual_axes(array.dimensions.size());
    if (!whole.empty()) {
        // An entry of a dimension takes the meaning of that dimension with it.
        std::vector<Axis> left;
        for (std::size_t i = 0; i < parts.size(); ++i)
            if (parts[i].is_kept) left.push_back(whole[i]);
        if (std::ranges::find(left, Axis::time) == left.end())
            throw InputError("", fmt::format("the slice leaves no time: the array is ({})", to_string(whole)),
                             "name the axes that are left, e.g. @time,channel");
        return left;
    }
    if (lengths.empty() || lengths.size() > most)
        throw InputError("",
                         fmt::format("an array of {} dimensions{}{}, not one to three", lengths.size(),
                                     lengths.empty() ? "" : ", ", lengths.empty() ? "" : to_string(lengths)),
                         lengths.empty() ? "save it as (time, channel) or (trial, time, channel)"
                                         : "[0] after the name takes the first entry of the first dimension, [*] makes "
                                           "a system of every one");
    return usual_axes(lengths.size());
}

void read_into(Read& all, StoredArray& array, const std::vector<Slice>& slices, const NamedAxes& named,
               bool takes_steps) {
    const std::vector<Part> parts = parts_of(array.dimensions, slices);
    all.axes = axes_of(array, parts, named);
    all.has_named_axes = !named.text.empty() || !array.axes.empty();
    Assembly assembly(array.dimensions, array.order, parts, all.axes);
    array.read(assembly);
    all.blocks.push_back(std::move(assembly).finish());
    all.notes.insert(all.notes.end(), array.notes.begin(), array.notes.end());
    std::optional<double> step = takes_steps ? std::nullopt : array.dt();
    std::size_t next = 0;
    for (const Part& part : parts)
        if (part.is_kept && all.axes[next++] == Axis::time && step) *step *= static_cast<double>(part.step);
    all.steps.push_back(step);
}

/// One array, or several that are trials.
void read_all(Read& all, const Arrays& arrays, const std::vector<Slice>& slices, const NamedAxes& named,
              bool takes_steps) {
    if (arrays.size() > 1 && !slices.empty())
        throw InputError("", "it is several arrays, of which a slice is not defined", "leave out [...]");
    for (const auto& array : arrays) read_into(all, *array, slices, named, takes_steps);
}

/// The one time of a step that all say.
std::optional<double> common_step(const std::vector<std::optional<double>>& steps) {
    for (const auto& step : steps) {
        constexpr double tolerance = 1e-6;
        if (step.has_value() != steps.front().has_value() ||
            (step && std::abs(*step - *steps.front()) > tolerance * *steps.front()))
            throw InputError("", "its trials have different times of a step");
    }
    return steps.front();
}

std::string shape_of(const Trajectories& x) {
    if (x.has_equal_steps()) return to_string(x.shape());
    Eigen::Index longest = 0;
    for (Eigen::Index k = 0; k < x.shape().trials; ++k) longest = std::max(longest, x.steps(k));
    return fmt::format("{} trials x {} to {} steps x {} channels", x.shape().trials, x.shape().steps, longest,
                       x.shape().channels);
}

ReadSystem system_of(const std::string& name, Read read, const Reading& reading) {
    for (const Block& block : read.blocks)
        if (block.shape.channels != read.blocks.front().shape.channels)
            throw InputError("", fmt::format("its arrays have different numbers of channels, {} and {}",
                                             read.blocks.front().shape.channels, block.shape.channels));
    Filled filled = without_gaps(read.blocks, reading.splits_at_gaps);
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
        if (const auto step = common_step(read.steps)) system.x = system.x.with_dt(step);
        std::vector<std::string> details;
        if (read.has_named_axes) details.push_back(to_string(read.axes));
        if (system.x.dt()) details.push_back(fmt::format("{:.6g} s a step", *system.x.dt()));
        details.insert(details.end(), read.notes.begin(), read.notes.end());
        details.insert(details.end(), filled.notes.begin(), filled.notes.end());
        system.reading = shape_of(system.x);
        if (!details.empty()) system.reading += fmt::format(" ({})", fmt::join(details, "; "));
        system.has_named_axes = read.has_named_axes;
        system.is_cut = filled.is_cut;
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

void read_file(std::vector<ReadSystem>& systems, const std::string& path, const Location& location,
               const Reading& reading, const std::string& given) {
    const std::unique_ptr<ArrayFile> file = open_array_file(path);
    const std::vector<std::string> names = names_of(*file, location.object);
    const bool is_several = names.size() > 1 || has_wildcards(location.file);
    const NamedAxes axes = location.axes.empty() ? NamedAxes{reading.axes, true} : NamedAxes{location.axes};
    if (location.is_joined) {
        Read all;
        for (const std::string& name : names)
            read_all(all, opened(*file, name), location.slices, axes, reading.takes_steps);
        systems.push_back(system_of(has_wildcards(location.file) ? name_of(path, location.object, "+") : given,
                                    std::move(all), reading));
        return;
    }
    const auto each = std::ranges::find(location.slices, Slice::Kind::each, &Slice::kind);
    for (const std::string& name : names) {
        const std::string shown = is_several ? name_of(path, name, "") : given;
        try {
            if (each == location.slices.end()) {
                Read all;
                if (location.object.empty() && !name.empty()) all.notes.push_back("array " + name);
                read_all(all, opened(*file, name), location.slices, axes, reading.takes_steps);
                systems.push_back(system_of(shown, std::move(all), reading));
                continue;
            }
            const auto place = static_cast<std::size_t>(each - location.slices.begin());
            const Arrays arrays = opened(*file, name);
            if (arrays.size() != 1 || arrays.front()->dimensions.size() <= place)
                throw InputError(
                    "", fmt::format("there is no dimension {} of which every entry could be a system", place + 1));
            const std::uint64_t entries = arrays.front()->dimensions[place];
            for (std::uint64_t entry = 0; entry < entries; ++entry) {
                Read all;
                read_all(all, opened(*file, name), with_entry(location.slices, static_cast<std::int64_t>(entry)), axes,
                         reading.takes_steps);
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
        if (location.is_joined && location.object.empty() && files.size() > 1) {
            // Files that are the trials of one system.
            Read all;
            const NamedAxes axes = location.axes.empty() ? NamedAxes{reading.axes, true} : NamedAxes{location.axes};
            for (const std::string& path : files) {
                const std::unique_ptr<ArrayFile> file = open_array_file(path);
                for (const std::string& name : names_of(*file, {}))
                    read_all(all, opened(*file, name), location.slices, axes, reading.takes_steps);
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
