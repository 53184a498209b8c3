module;
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.recordings;

import repal.file;
import repal.time_step;

namespace repal {
namespace {

using Lengths = std::array<Eigen::Index, 3>;

Lengths lengths_of(const ReadSystem& system) {
    const Shape& shape = system.x.shape();
    return {shape.trials, shape.steps, shape.channels};
}

int equal_lengths(const Lengths& a, const Lengths& b) {
    int equal = 0;
    for (std::size_t i = 0; i < a.size(); ++i) equal += a[i] > 1 && a[i] == b[i] ? 1 : 0;
    return equal;
}

/// The order in which more lengths of one array are those of another than as it was read; empty if there is none.
std::string better_order(const Lengths& of, const Lengths& other) {
    constexpr std::array<const char*, 3> names = {"trial", "time", "channel"};
    const int as_read = equal_lengths(of, other);
    std::array<std::size_t, 3> order = {0, 1, 2};
    std::string best;
    int most = std::max(as_read, of[0] == 1 ? 0 : 1);  // one equal length of three is chance
    do {
        if (of[0] == 1 && order[0] != 0) continue;
        const Lengths turned = {of[order[0]], of[order[1]], of[order[2]]};
        if (equal_lengths(turned, other) <= most) continue;
        most = equal_lengths(turned, other);
        // order[i]: the place in the file of axis i.
        std::array<std::string, 3> axes;
        for (std::size_t i = 0; i < order.size(); ++i) axes[order[i]] = names[i];
        best = of[0] == 1 ? fmt::format("{},{}", axes[1], axes[2]) : fmt::format("{}", fmt::join(axes, ","));
    } while (std::ranges::next_permutation(order).found);
    return best;
}

/// Two systems of which one seems to be in another order, though nobody said which is meant.
void warn_of_orders(const std::vector<ReadSystem>& systems, Progress& progress) {
    for (std::size_t i = 0; i < systems.size(); ++i)
        for (std::size_t j = 0; j < i; ++j) {
            if (systems[i].has_named_axes || systems[j].has_named_axes) continue;
            if (!systems[i].x.has_equal_steps() || !systems[j].x.has_equal_steps()) continue;
            const Lengths a = lengths_of(systems[i]);
            const Lengths b = lengths_of(systems[j]);
            if ((a[0] == 1) != (b[0] == 1)) continue;
            // The one with more channels than steps is the stranger of two.
            const bool is_other_stranger = b[2] > b[1] && a[2] <= a[1];
            const bool is_stranger = a[2] > a[1] && b[2] <= b[1];
            std::vector<std::string> ways;
            const auto add = [&](const ReadSystem& system, const std::string& axes) {
                if (!axes.empty()) ways.push_back(fmt::format("{}@{}", system.name, axes));
            };
            if (!is_stranger) add(systems[j], better_order(b, a));
            if (!is_other_stranger) add(systems[i], better_order(a, b));
            if (ways.empty()) continue;
            progress.warn("axes", fmt::format("{} is {} and {} is {}: if their axes are in different orders, say {}{}",
                                              systems[j].name, to_string(systems[j].x.shape()), systems[i].name,
                                              to_string(systems[i].x.shape()), fmt::join(ways, " or "),
                                              ways.size() > 1 ? ", of the one whose axes are others" : ""));
            return;
        }
}

void tell(const std::vector<ReadSystem>& systems, Progress& progress) {
    std::vector<std::pair<std::string, std::vector<std::string>>> readings;
    for (const ReadSystem& system : systems) {
        auto place =
            std::ranges::find(readings, system.reading, &std::pair<std::string, std::vector<std::string>>::first);
        if (place == readings.end()) place = readings.insert(readings.end(), {system.reading, {}});
        place->second.push_back(system.name);
    }
    constexpr std::size_t shown = 12;
    for (std::size_t i = 0; i < std::min(shown, readings.size()); ++i) {
        const auto& [reading, names] = readings[i];
        progress.say(names.size() == 1 ? fmt::format("{}: {}", names.front(), reading)
                                       : fmt::format("{} and {} more: {}", names.front(), names.size() - 1, reading));
    }
    if (readings.size() > shown) progress.say(fmt::format("{} files more were read", readings.size() - shown));
    for (const ReadSystem& system : systems)
        for (const std::string& warning : system.warnings) progress.warn(system.name, warning);
}

/// Files of which some say the time of a step and others do not.
void require_steps_of_all(const std::vector<ReadSystem>& systems, std::size_t locations) {
    const auto says = [](const ReadSystem& system) { return system.x.dt().has_value(); };
    const auto one = std::ranges::find_if(systems, says);
    const auto other = std::ranges::find_if_not(systems, says);
    if (one == systems.end() || other == systems.end()) return;
    throw InputError(
        other->name, fmt::format("it does not say the time of a step, but {} does ({:.6g} s)", one->name, *one->x.dt()),
        fmt::format(
            "in a sheet, fill the column dt; --dt {0:.6g} of compare and tune says one for all, whatever they say, "
            "--dt {0:.6g},{0:.6g},... one for each of the {1} locations; --dt steps compares steps",
            *one->x.dt(), locations));
}

/// Whether names come in their usual order: "2" before "10".
bool rise(const std::vector<std::string>& names) {
    return std::ranges::is_sorted(names, {}, usual_order);
}

/// Trials of some that have names in an order of their own, and of others that have none.
void warn_of_names_of_one_side(const std::vector<ReadSystem>& systems, Progress& progress) {
    const auto is_named = [](const ReadSystem& system) { return !system.trial_names.empty(); };
    const auto named = std::ranges::find_if(
        systems, [&](const ReadSystem& system) { return is_named(system) && !rise(system.trial_names); });
    const auto other = std::ranges::find_if_not(systems, is_named);
    if (named == systems.end() || other == systems.end()) return;
    progress.warn("trials",
                  fmt::format("{} names its trials, which do not rise, and {} does not, so that nothing tells "
                              "which are the same: metrics that compare samples have no value there",
                              named->name, other->name));
}

/// Steps that correspond by their numbers though the times that files tell say otherwise.
void warn_of_beginnings(const std::vector<ReadSystem>& systems, Progress& progress) {
    const ReadSystem* first = nullptr;
    for (const ReadSystem& system : systems) {
        if (!system.begins) continue;
        if (first == nullptr) first = &system;
        const double apart = std::abs(*system.begins - *first->begins);
        if (2 * apart <= std::max(system.x.dt().value_or(0), first->x.dt().value_or(0))) continue;
        progress.warn("time",
                      fmt::format("{} begins at {:.6g} s and {} at {:.6g} s, as they say, and steps are counted "
                                  "from the beginning of each: slices let them correspond",
                                  first->name, *first->begins, system.name, *system.begins));
        return;
    }
}

/// A window in seconds begins at another time in each system, unless that is a step of all of them.
void require_common_window(const std::vector<ReadSystem>& systems, const TrialWindow& window) {
    if (!window.is_in_seconds) return;
    const auto by_step = [](const ReadSystem& system) { return system.x.dt().value_or(0); };
    const auto [shortest, longest] = std::ranges::minmax_element(systems, {}, by_step);
    constexpr double equal = 1e-3;
    const double step = by_step(*longest);
    if (step - by_step(*shortest) <= equal * step) return;
    for (const ReadSystem& system : systems) {
        const double steps = window.first / by_step(system);
        if (std::abs(steps - std::round(steps)) <= equal) continue;
        throw InputError(
            fmt::format("--window {:.6g}s:", window.first),
            fmt::format("it begins between two steps of {}, which take {:.6g} s, and steps differ between systems",
                        system.name, by_step(system)),
            fmt::format("begin at a step of all of them, e.g. at {:.6g}s", std::round(window.first / step) * step));
    }
}

/// Numbers beside arrays that may tell times of a step: where they differ, steps do not correspond.
void warn_of_steps_beside(const std::vector<ReadSystem>& systems, Progress& progress) {
    const ReadSystem* first = nullptr;
    for (const ReadSystem& system : systems) {
        if (system.step_beside.empty() || system.x.dt()) continue;
        if (first == nullptr) first = &system;
        if (system.step_beside == first->step_beside) continue;
        progress.warn("time", fmt::format("steps are taken as they are, but {} holds {} and {} holds {}: --dt with a "
                                          "number for each location tells how many seconds a step takes",
                                          first->name, first->step_beside, system.name, system.step_beside));
        return;
    }
}

/// Texts that other values will hardly have: 64 bits of all of them and their shape.
struct Content {
    std::string values;       ///< what most metrics do not look at draws nothing
    std::string with_beside;  ///< with inputs and conditions
};

Content content_of(const Trajectories& x) {
    std::uint64_t mixed = 0;
    const auto mix = [&](std::uint64_t bits) {
        constexpr std::uint64_t factor = 0x9e3779b97f4a7c15;
        mixed = (mixed ^ bits) * factor;
        mixed ^= mixed >> 32;
    };
    for (Eigen::Index k = 0; k < x.shape().trials; ++k) mix(static_cast<std::uint64_t>(x.steps(k)));
    mix(static_cast<std::uint64_t>(x.shape().channels));
    for (Eigen::Index i = 0; i < x.rows().size(); ++i) mix(std::bit_cast<std::uint64_t>(x.rows().data()[i]));
    const std::string values = fmt::format("{:016x}", mixed);
    for (Eigen::Index i = 0; i < x.inputs().size(); ++i) mix(std::bit_cast<std::uint64_t>(x.inputs().data()[i]));
    for (const std::int64_t condition : x.conditions()) mix(static_cast<std::uint64_t>(condition));
    return {.values = values, .with_beside = fmt::format("{} {:016x}", values, mixed)};
}

/// Values that floats hold as well, in half of the memory: of many systems a few are looked at at a time.
class HeldAsFloats final : public System {
 public:
    HeldAsFloats(std::string identity, const Observed& observed)
        : identity_(std::move(identity)),
          without_values_(observed.with(
              observed.trajectories().with_rows(RowMatrix::Zero(observed.trajectories().rows().rows(), 1)))),
          values_(observed.trajectories().rows().cast<float>()) {}

    static bool can_hold(const Trajectories& x) {
        const RowMatrix& rows = x.rows();
        return std::all_of(rows.data(), rows.data() + rows.size(), [](double value) {
            return std::abs(value) <= std::numeric_limits<float>::max() && double{static_cast<float>(value)} == value;
        });
    }

    std::string identity() const override { return identity_; }
    Observed observe(const std::filesystem::path& /*results*/) const override {
        return without_values_.with(without_values_.trajectories().with_rows(values_.cast<double>()));
    }

 private:
    std::string identity_;
    Observed without_values_;
    Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> values_;
};

/// What is said of trials in a file beside them.
ReadSystem read_beside(const std::string& location, const Reading& reading) {
    std::vector<ReadSystem> read = read_systems(location, reading);
    if (read.size() != 1) throw InputError(location, fmt::format("{} arrays, and one is expected", read.size()));
    return std::move(read.front());
}

/// Places of the trials of a system among those that another file names; none if one of both has no names. Throws
/// InputError if the names of the other are in an order of their own.
std::optional<std::vector<Eigen::Index>> order_of(const ReadSystem& system, const std::vector<std::string>& names,
                                                  const std::string& location) {
    if (!system.trial_names.empty() && names.empty() && !rise(system.trial_names))
        throw InputError(
            location,
            fmt::format("it does not name its trials, and {} does, in another order than rising", system.name),
            "a csv with a column 'trial' says of which trial each row is");
    if (system.trial_names.empty() && !names.empty() && !rise(names))
        throw InputError(location,
                         fmt::format("it names its trials, in another order than rising, and {} does not", system.name),
                         "sort it by trial, in the order of the trials there");
    if (system.trial_names.empty() || names.empty()) return {};
    std::vector<Eigen::Index> order;
    for (const std::string& name : system.trial_names) {
        const auto place = std::ranges::find(names, name);
        if (place == names.end())
            throw InputError(location, fmt::format("it has no trial '{}', which {} has", name, system.name),
                             "without names of trials they are taken in their order");
        order.push_back(place - names.begin());
    }
    return order;
}

/// The same by the places of trials in the files, where some were left out since they are missing; none if all are
/// there. Throws InputError if the other has left out one that the system has.
std::optional<std::vector<Eigen::Index>> order_by_places(const ReadSystem& system, const ReadSystem& beside,
                                                         const std::string& location) {
    if ((system.places.empty() && beside.places.empty()) || system.file_trials != beside.file_trials) return {};
    const auto places_of = [](const ReadSystem& read) {
        std::vector<std::size_t> places = read.places;
        for (std::size_t k = 0; read.places.empty() && k < read.file_trials; ++k) places.push_back(k);
        return places;
    };
    const std::vector<std::size_t> others = places_of(beside);
    std::vector<Eigen::Index> order;
    for (const std::size_t place : places_of(system)) {
        const auto found = std::ranges::find(others, place);
        if (found == others.end())
            throw InputError(location,
                             fmt::format("its trial {} (counted from 0) is missing, and {} has it", place, system.name),
                             "leave it out there, too");
        order.push_back(found - others.begin());
    }
    return order;
}

RowMatrix inputs_of(const ReadSystem& system, const std::string& location, const Reading& reading) {
    const ReadSystem beside = read_beside(location, reading);
    auto order = order_of(system, beside.trial_names, location);
    if (!order) order = order_by_places(system, beside, location);
    const Trajectories inputs = order ? beside.x.of_trials(*order) : beside.x;
    bool is_alike = inputs.shape().trials == system.x.shape().trials;
    for (Eigen::Index k = 0; is_alike && k < inputs.shape().trials; ++k)
        is_alike = inputs.steps(k) == system.x.steps(k);
    if (!is_alike)
        throw InputError(location,
                         fmt::format("inputs of {}, and {} has {}", to_string(inputs.shape()), system.name,
                                     to_string(system.x.shape())),
                         "inputs have the trials and steps of their system, (trial, time, input)");
    return inputs.rows();
}

std::vector<std::string> words_of(const std::string& line) {
    std::vector<std::string> words;
    for (std::size_t begin = 0; begin != std::string::npos;) {
        const std::size_t end = line.find_first_of(",;\t ", begin);
        words.push_back(line.substr(begin, end == std::string::npos ? end : end - begin));
        begin = end == std::string::npos ? end : end + 1;
    }
    return words;
}

/// A whole number for each trial: of an array, or of the last column of a text, whose first line may name it; a column
/// `trial` says of which.
std::vector<std::int64_t> conditions_of(const ReadSystem& system, const std::string& location, Reading reading) {
    reading.window = {};
    reading.axes = {};
    std::vector<double> numbers;
    std::vector<std::string> names;
    if (const std::filesystem::path file = location; file.extension() == ".csv" || file.extension() == ".txt") {
        bool is_first = true;
        std::optional<std::size_t> of_trial;  // the column of names
        std::istringstream lines(read_utf8(file));
        for (std::string line; std::getline(lines, line); is_first = false) {
            while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back())) != 0) line.pop_back();
            const std::vector<std::string> words = words_of(line);
            const std::string& last = words.back();
            if (const auto trial = std::ranges::find(words, "trial"); is_first && trial < words.end() - 1)
                of_trial = static_cast<std::size_t>(trial - words.begin());
            double value = 0;
            const auto [end, failure] = std::from_chars(last.data(), last.data() + last.size(), value);
            const bool is_number = failure == std::errc() && end == last.data() + last.size();
            if (line.empty() || (is_first && !is_number)) continue;
            if (!is_number)
                throw InputError(location, fmt::format("'{}' is no whole number", last),
                                 "the condition of a trial is a whole number: give each class one");
            numbers.push_back(value);
            if (of_trial && *of_trial >= words.size())
                throw InputError(location, fmt::format("'{}' does not say its trial", line));
            if (of_trial) names.push_back(words[*of_trial]);
        }
    } else {
        // Which trial one that is missing here is of, nothing would tell.
        reading.splits_at_gaps = false;
        const RowMatrix rows = [&] {
            try {
                return read_beside(location, reading).x.rows();
            } catch (const InputError& error) {
                if (error.problem().find("nan") == std::string::npos) throw;
                throw InputError(location, "labels of it are nan",
                                 "every trial of the file has one, also a trial that is missing");
            }
        }();
        numbers.assign(rows.data(), rows.data() + rows.size());
    }
    const auto order = order_of(system, names, location);
    if (order) {
        std::vector<double> ordered;
        for (const Eigen::Index place : *order) ordered.push_back(numbers[static_cast<std::size_t>(place)]);
        numbers = std::move(ordered);
    }
    const bool is_ordered = order.has_value();
    std::vector<std::int64_t> conditions;
    for (const double value : numbers) {
        constexpr double largest = 1e15;
        if (value != std::round(value) || std::abs(value) > largest)
            throw InputError(
                location, fmt::format("{} is {}", value, value == std::round(value) ? "too large" : "no whole number"),
                "the condition of a trial is a whole number");
        conditions.push_back(static_cast<std::int64_t>(value));
    }
    if (!is_ordered && !system.places.empty() && conditions.size() == system.file_trials) {
        // Those of trials that were left out go with them, and pieces have that of their trial.
        std::vector<std::int64_t> left;
        for (const std::size_t place : system.places) left.push_back(conditions[place]);
        return left;
    }
    if (std::ssize(conditions) != system.x.shape().trials || (!is_ordered && !system.places.empty()))
        throw InputError(location, fmt::format("{} conditions, and {} has {} trials", conditions.size(), system.name,
                                               system.places.empty() ? static_cast<std::size_t>(system.x.shape().trials)
                                                                     : system.file_trials));
    return conditions;
}

/// The inputs and conditions that a location names; those of all systems that it means.
void add_beside(const RecordingLocation& location, const Reading& reading, std::vector<ReadSystem>& systems) {
    for (ReadSystem& system : systems) {
        if (!location.inputs.empty()) {
            system.x = system.x.with_inputs(inputs_of(system, location.inputs, reading));
            system.reading += fmt::format(", inputs of {} ({})", location.inputs, system.x.inputs().cols());
        }
        if (!location.conditions.empty()) {
            system.x = system.x.with_conditions(conditions_of(system, location.conditions, reading));
            const std::set<std::int64_t> distinct(system.x.conditions().begin(), system.x.conditions().end());
            system.reading += fmt::format(", conditions of {} ({})", location.conditions, distinct.size());
        }
    }
}

std::shared_ptr<const System> held(std::string identity, Observed observed, bool is_one_of_many) {
    if (is_one_of_many && HeldAsFloats::can_hold(observed.trajectories()))
        return std::make_shared<const HeldAsFloats>(std::move(identity), observed);
    return given(std::move(identity), std::move(observed));
}

}  // namespace

std::vector<Recording> read_recordings(std::span<const RecordingLocation> locations, const Reading& reading,
                                       Progress& progress) {
    std::vector<ReadSystem> systems;
    std::vector<std::size_t> places;  // the location of each system
    std::vector<InputError> errors;
    for (std::size_t i = 0; i < locations.size(); ++i) {
        const RecordingLocation& one = locations[i];
        Reading own = reading;
        if (one.dt) own.dt = one.dt;
        try {
            const bool is_absolute = one.location.starts_with('/');
            std::vector<ReadSystem> read = read_systems(is_absolute ? one.location : one.folder + one.location, own);
            for (ReadSystem& system : read) {
                if (!is_absolute && system.name.starts_with(one.folder)) system.name.erase(0, one.folder.size());
                if (!one.name.empty()) system.name = read.size() == 1 ? one.name : one.name + " " + system.name;
            }
            add_beside(one, own, read);
            std::ranges::move(read, std::back_inserter(systems));
            places.resize(systems.size(), i);
        } catch (const InputError& error) {
            const InputError placed = one.where.empty() ? error : error.at(one.where + ": " + error.where());
            const auto is_said = [&](const InputError& other) {
                return std::string_view(other.what()) == placed.what();
            };
            if (std::ranges::none_of(errors, is_said)) errors.push_back(placed);
        }
    }
    if (errors.size() == 1) throw InputError(errors.front());
    if (!errors.empty()) {
        constexpr std::size_t shown = 100;
        std::string all;
        for (std::size_t i = 0; i < std::min(shown, errors.size()); ++i) all += fmt::format("\n  {}", errors[i].what());
        if (errors.size() > shown) all += fmt::format("\n  and {} more", errors.size() - shown);
        throw InputError("", fmt::format("{} locations cannot be read:{}", errors.size(), all));
    }
    require_steps_of_all(systems, locations.size());
    if (reading.window) require_common_window(systems, *reading.window);
    tell(systems, progress);
    warn_of_orders(systems, progress);
    warn_of_steps_beside(systems, progress);
    warn_of_names_of_one_side(systems, progress);
    warn_of_beginnings(systems, progress);
    constexpr std::size_t many = 32;
    std::vector<Recording> recordings;
    std::vector<NamedSystem> named;
    for (std::size_t i = 0; i < systems.size(); ++i) {
        std::string how = systems[i].reading;
        named.push_back(recorded(std::move(systems[i]), systems.size() >= many));
        recordings.push_back({.system = named.back(), .reading = std::move(how), .location = places[i]});
    }
    tell_of_steps(named, progress);
    return recordings;
}

NamedSystem recorded(ReadSystem system, bool is_one_of_many) {
    Observed observed(std::move(system.x));
    observed.set_units(std::move(system.units));
    observed.set_trial_names(std::move(system.trial_names));
    observed.is_cut = system.is_cut;
    observed.are_steps_cut = system.are_steps_cut;
    Content content = content_of(observed.trajectories());
    std::string identity = fmt::format("{} {} {} {}", system.name, content.with_beside, observed.is_cut,
                                       observed.trajectories().dt().value_or(0));
    for (const std::size_t unit : observed.units()) identity += fmt::format(" {}", unit);
    for (const std::string& trial : observed.trial_names()) identity += "\n" + trial;
    return {std::move(system.name), held(std::move(identity), std::move(observed), is_one_of_many),
            std::move(content.values)};
}

void tell_of_steps(const std::vector<NamedSystem>& systems, Progress& progress) {
    const auto step = common_step(systems);
    if (!step) return;
    for (const NamedSystem& system : systems) {
        const Observed observed = system.system->observe({});
        const double own = *observed.trajectories().dt();
        constexpr double equal = 1e-3;
        if (observed.trajectories().inputs().size() > 0 && std::abs(own - *step) > equal * *step)
            throw InputError(
                system.name,
                fmt::format("its inputs cannot be brought from {:.6g} to {:.6g} s a step with it", own, *step),
                "--dt steps compares steps as they are");
        if (is_whole_ratio(*step, own)) continue;
        progress.warn("time", fmt::format("{} is resampled from {:.6g} to {:.6g} s a step, which is no whole number of "
                                          "its steps",
                                          system.name, own, *step));
    }
    progress.say(fmt::format("steps take different times: all are brought to {:.6g} s", *step));
}

}  // namespace repal
