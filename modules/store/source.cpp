module;
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.store;

import :axes;
import :source;
import :times;
import :words;
import repal.error;
import repal.memory;

namespace repal {
namespace {

std::size_t long_dimensions(const ArrayEntry& entry) {
    return static_cast<std::size_t>(std::ranges::count_if(entry.dimensions, [](auto length) { return length > 1; }));
}

/// Whether an array that cannot be read may be the one that is meant: nobody compares text.
bool may_be_data(const ArrayEntry& entry) {
    constexpr std::array<std::string_view, 5> others = {"text", "empty", "a function", "references", "nothing"};
    return !entry.refused.empty() && std::ranges::none_of(others, [&](std::string_view other) {
        return entry.refused.find(other) != std::string::npos;
    });
}

/// How arrays of one group are named as trials; empty if they are in several.
std::string as_trials(const std::vector<ArrayEntry>& entries) {
    const auto group_of = [](const ArrayEntry& entry) {
        return entry.name.substr(0, entry.name.find_last_of("/.") + 1);  // npos + 1 is 0
    };
    const std::string group = group_of(entries.front());
    for (const ArrayEntry& entry : entries)
        if (group_of(entry) != group) return {};
    return fmt::format(", or ':{}*+' if they are the trials of one system, of any length", group);
}

/// Says why an array cannot be read, and `way_on`.
[[noreturn]] void refuse(ArrayFile& file, const ArrayEntry& entry, const std::string& way_on) {
    std::string hint;
    try {
        file.open(entry.name);
    } catch (const InputError& error) {
        if (!error.hint().empty()) hint = error.hint() + "; ";
    }
    throw InputError("", fmt::format("its array '{}' cannot be read: {}", entry.name, entry.refused), hint + way_on);
}

/// That no other array may be meant which cannot be read.
void require_nothing_else(ArrayFile& file, const std::vector<ArrayEntry>& entries, const ArrayEntry& chosen) {
    for (const ArrayEntry& entry : entries)
        if (may_be_data(entry) && (entry.dimensions.empty() || long_dimensions(entry) >= long_dimensions(chosen)))
            refuse(file, entry, fmt::format("if another one is meant, name it after the file: ':{}'", chosen.name));
}

/// Of several arrays, the only one of at least two dimensions, or the only vector. Throws InputError that lists them.
std::string only_array(ArrayFile& file, const std::vector<ArrayEntry>& entries, const std::string& of) {
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
        if (large.size() == 1) {
            require_nothing_else(file, entries, large.front());
            return large.front().name;
        }
        if (large.size() > 1)
            throw InputError("", fmt::format("{} has {} arrays of numbers", of, large.size()),
                             fmt::format("name one after the file, e.g. ':{}'{}; one of: {}", large.front().name,
                                         as_trials(large), listed(large)));
    }
    return numbers.front().name;
}

/// "/s/x" of "s.x", a field of MATLAB
std::string path_of(const std::string& name) {
    std::string path = with_slash(name);
    std::ranges::replace(path, '.', '/');
    return path;
}

/// The names in the file that an object means: one, or several by wildcards.
std::vector<std::string> names_of(ArrayFile& file, const std::string& object) {
    if (object.empty()) {
        const std::vector<ArrayEntry> entries = file.arrays();
        if (entries.size() == 1 && entries.front().name.empty()) return {""};
        return {only_array(file, entries, "the file")};
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
        for (const ArrayEntry& entry : entries) {
            if (!matches(with_slash(object), with_slash(entry.name))) continue;
            if (may_be_data(entry) || entry.refused.find("empty") != std::string::npos)
                refuse(file, entry, "or use wildcards that leave it out");
            if (entry.refused.empty() && long_dimensions(entry) > 0) found.push_back(entry.name);
        }
        if (!found.empty()) return found;
    }
    // A group with one array, e.g. a struct, or a series of NWB with its times.
    for (const std::string& name : tried) {
        std::vector<ArrayEntry> inside;
        for (const ArrayEntry& entry : entries)
            if (path_of(entry.name).starts_with(path_of(name) + "/")) inside.push_back(entry);
        if (inside.empty()) continue;
        for (const ArrayEntry& entry : inside)
            if (with_slash(entry.name) == with_slash(name) + "/data") return {entry.name};
        return {only_array(file, inside, fmt::format("'{}'", name))};
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

/// The steps of a block at their places; nan between them.
Block spread(const Block& block, const std::vector<std::size_t>& places) {
    Block filled{.shape = block.shape};
    filled.shape.steps = static_cast<Eigen::Index>(places.back()) + 1;
    require_memory(sizeof(double) * static_cast<double>(filled.shape.trials * filled.shape.steps) *
                       static_cast<double>(filled.shape.channels),
                   "an array with the steps that its times leave out", "--dt steps takes steps as they are");
    filled.values = RowMatrix::Constant(filled.shape.trials * filled.shape.steps, filled.shape.channels,
                                        std::numeric_limits<double>::quiet_NaN());
    for (Eigen::Index k = 0; k < block.shape.trials; ++k)
        for (Eigen::Index t = 0; t < block.shape.steps; ++t)
            filled.values.row(k * filled.shape.steps + static_cast<Eigen::Index>(places[static_cast<std::size_t>(t)])) =
                block.values.row(k * block.shape.steps + t);
    return filled;
}

/// Which part of its dimension the time of an array is; null: it has none.
const Part* part_of_time(const std::vector<Part>& parts, const std::vector<Axis>& axes, std::size_t& dimension) {
    std::size_t next = 0;
    for (dimension = 0; dimension < parts.size(); ++dimension)
        if (parts[dimension].is_kept && axes[next++] == Axis::time) return &parts[dimension];
    return nullptr;
}

/// What is left of the names of trials; empty: they have none.
std::vector<std::string> names_along(const std::vector<std::string>& trials, const std::vector<Part>& parts,
                                     const std::vector<Axis>& axes) {
    std::vector<std::string> names;
    std::size_t next = 0;
    for (const Part& part : parts) {
        if (!part.is_kept || axes[next++] != Axis::trial || trials.empty()) continue;
        for (Eigen::Index i = 0; i < part.count; ++i)
            names.push_back(trials[static_cast<std::size_t>(part.first + i * part.step)]);
    }
    return names;
}

/// Steps that are missing between those of a block, in their places.
void add_missing_steps(Read& all, Block& block, StoredArray::Times times, const Part& part) {
    std::vector<double> kept;
    for (Eigen::Index t = 0; t < part.count; ++t)
        kept.push_back(times.values[static_cast<std::size_t>(part.first + t * part.step)]);
    const std::vector<std::size_t> places = steps_at(kept, times.name);
    const std::size_t missing = places.back() + 1 - places.size();
    if (missing == 0) return;
    block = spread(block, places);
    all.left_out = fmt::format("{} steps that the times of '{}' leave out", missing, times.name);
}

}  // namespace

Source::Source(const std::string& path, const Location& location, const Reading& reading)
    : file_(open_array_file(path)),
      object_(location.object),
      axes_(location.axes.empty() ? reading.axes : location.axes),
      are_axes_of_all_(location.axes.empty()),
      reading_(reading),
      names_(names_of(*file_, location.object)) {}

Arrays Source::opened(const std::string& name) const {
    Arrays arrays = file_->open(name);
    if (arrays.empty()) throw InputError("", fmt::format("'{}' cannot be read", name), "the file may be damaged");
    return arrays;
}

std::vector<Axis> Source::axes_of(const StoredArray& array, const std::vector<Part>& parts) const {
    const Dimensions lengths = kept(parts);
    if (!axes_.empty() && (!are_axes_of_all_ || array.axes.empty())) {
        std::vector<Axis> axes = parse_axes(axes_);
        // Of all: an array of one trial may lack that axis.
        if (are_axes_of_all_ && axes.size() == lengths.size() + 1) std::erase(axes, Axis::trial);
        if (axes.size() != lengths.size())
            throw InputError("", fmt::format("axes: '{}' are {} axes, but the array has {} dimensions, {}", axes_,
                                             axes.size(), lengths.size(), to_string(lengths)));
        return axes;
    }
    constexpr std::size_t most = 3;
    if (!array.needs_axes.empty()) throw InputError("", array.needs_axes, "name them, e.g. @trial,time,channel");
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

/// "fs = 100", if one number in the file has such a name.
const std::string& Source::step_beside() const {
    if (step_beside_) return *step_beside_;
    std::string& found = step_beside_.emplace();
    for (const ArrayEntry& entry : file_->arrays()) {
        if (!entry.refused.empty() || !names_step(entry.name) || long_dimensions(entry) > 0) continue;
        const Arrays arrays = file_->open(entry.name);
        if (arrays.size() != 1) continue;
        const Dimensions& dimensions = arrays.front()->dimensions;
        Assembly number(dimensions, arrays.front()->order, parts_of(dimensions, {}),
                        std::vector<Axis>(dimensions.size(), Axis::time));
        arrays.front()->read(number);
        if (!found.empty()) {
            found.clear();
            break;
        }
        found = fmt::format("{} = {:.6g}", entry.name, std::move(number).finish().values(0, 0));
    }
    return found;
}

/// What an array says; where --dt says another, it may say nothing that can be used.
std::optional<double> Source::told_step(StoredArray& array) const {
    try {
        return array.dt();
    } catch (const InputError&) {
        if (reading_.dt) return {};
        throw;
    }
}

void Source::read_into(Read& all, StoredArray& array, const std::vector<Slice>& slices) const {
    const std::vector<Part> parts = parts_of(array.dimensions, slices);
    all.axes = axes_of(array, parts);
    all.has_named_axes = !axes_.empty() || !array.axes.empty();
    Assembly assembly(array.dimensions, array.order, parts, all.axes);
    array.read(assembly);
    Block block = std::move(assembly).finish();
    std::size_t dimension = 0;
    const Part* time = part_of_time(parts, all.axes, dimension);
    StoredArray::Times times = reading_.takes_steps || time == nullptr ? StoredArray::Times{} : array.times();
    if (!times.values.empty() && times.values.size() != array.dimensions[dimension]) times = {};
    if (!times.values.empty()) try {
            add_missing_steps(all, block, times, *time);
        } catch (const InputError&) {
            // --dt says what irregular times do not; those that fall are in another order.
            if (!reading_.dt || !std::ranges::is_sorted(times.values)) throw;
            all.notes.push_back(fmt::format("the times of '{}' are not regular and not used", times.name));
        }
    all.blocks.push_back(std::move(block));
    all.notes.insert(all.notes.end(), array.notes.begin(), array.notes.end());
    if (axes_.empty()) all.warnings.insert(all.warnings.end(), array.warnings.begin(), array.warnings.end());
    std::optional<double> step = reading_.takes_steps ? std::nullopt : told_step(array);
    if (step && time != nullptr) *step *= static_cast<double>(time->step);
    if (reading_.dt) {
        constexpr double equal = 1e-3;
        if (step && std::abs(*step - *reading_.dt) > equal * *reading_.dt && all.steps.empty())
            all.warnings.push_back(
                fmt::format("it says {:.6g} s a step, and --dt {:.6g} is taken", *step, *reading_.dt));
        step = reading_.dt;
    }
    if (!step && !reading_.takes_steps && all.steps.empty()) all.step_beside = step_beside();
    std::optional<double> beginning;
    if (times.unit && !times.values.empty() && !reading_.dt)
        beginning = times.values[static_cast<std::size_t>(time->first)] * *times.unit;
    all.beginnings.push_back(beginning);
    all.steps.push_back(step);
    all.trial_names.push_back(names_along(array.trials, parts, all.axes));
}

void Source::read(Read& all, const std::string& name, const std::vector<Slice>& slices,
                  const std::string& trial) const {
    Arrays arrays = opened(name);
    std::vector<Slice> of_each = slices;
    if (arrays.size() > 1 && !slices.empty()) {
        // Trials, which the first slice counts.
        const Part trials = parts_of({arrays.size()}, {slices.front()}).front();
        Arrays chosen;
        for (Eigen::Index i = 0; i < trials.count; ++i)
            chosen.push_back(std::move(arrays[static_cast<std::size_t>(trials.first + i * trials.step)]));
        arrays = std::move(chosen);
        of_each.erase(of_each.begin());
    }
    std::string said = object_;
    std::ranges::replace(said, '.', '/');
    if (!name.empty() && !has_wildcards(object_) && with_slash(name) != with_slash(said) && name + ".npy" != object_)
        all.notes.push_back("array " + name);
    for (const auto& array : arrays) {
        read_into(all, *array, of_each);
        all.trials.push_back(trial.empty() || array->trial.empty() ? trial + array->trial : trial + " " + array->trial);
    }
}

}  // namespace repal
