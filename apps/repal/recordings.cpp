module;
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module command.recordings;

import repal.store;
import repal.time_step;

namespace command {
namespace {

using Lengths = std::array<Eigen::Index, 3>;

constexpr const char* steps_alone = "steps";

Lengths lengths_of(const repal::ReadSystem& system) {
    const repal::Shape& shape = system.x.shape();
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
void warn_of_orders(const std::vector<repal::ReadSystem>& systems, repal::Progress& progress) {
    for (std::size_t i = 0; i < systems.size(); ++i)
        for (std::size_t j = 0; j < i; ++j) {
            if (systems[i].has_named_axes || systems[j].has_named_axes) continue;
            const Lengths a = lengths_of(systems[i]);
            const Lengths b = lengths_of(systems[j]);
            if ((a[0] == 1) != (b[0] == 1)) continue;
            // The one with more channels than steps is the stranger of two.
            const bool is_other_stranger = b[2] > b[1] && a[2] <= a[1];
            const repal::ReadSystem& stranger = is_other_stranger ? systems[j] : systems[i];
            const std::string axes = is_other_stranger ? better_order(b, a) : better_order(a, b);
            if (axes.empty()) continue;
            progress.warn("axes", fmt::format("{} is {} and {} is {}: if their axes are in different orders, say {}@{}",
                                              systems[j].name, to_string(systems[j].x.shape()), systems[i].name,
                                              to_string(systems[i].x.shape()), stranger.name, axes));
            return;
        }
}

void tell(const std::vector<repal::ReadSystem>& systems, repal::Progress& progress) {
    std::vector<std::pair<std::string, std::vector<std::string>>> readings;
    for (const repal::ReadSystem& system : systems) {
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
    for (const repal::ReadSystem& system : systems)
        for (const std::string& warning : system.warnings) progress.warn(system.name, warning);
}

double seconds_in(const std::string& text) {
    double value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    const std::string_view unit(end, text.data() + text.size());
    if (unit == "ms") value /= 1000;
    if (failure != std::errc() || !(unit.empty() || unit == "s" || unit == "ms") || !std::isfinite(value) || value <= 0)
        throw repal::InputError("--dt " + text, "no time of a step in seconds",
                                "e.g. 0.01, 10ms, one for each file as in 0.01,0.02, or steps");
    return value;
}

/// "20:120" steps, "200ms:1.5s"; an end may be left out.
std::optional<repal::TrialWindow> window_in(const std::string& text) {
    if (text.empty()) return {};
    const auto wrong = [&](const std::string& problem) {
        return repal::InputError("--window " + text, problem, "e.g. 20:120 of steps, 200ms:1.5s, or 20: to the end");
    };
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos) throw wrong("it has no ':'");
    repal::TrialWindow window;
    std::optional<bool> is_in_seconds;
    const auto take = [&](const std::string& part, double& target) {
        if (part.empty()) return;
        const auto [end, failure] = std::from_chars(part.data(), part.data() + part.size(), target);
        const std::string_view unit(end, part.data() + part.size());
        const bool has_unit = unit == "ms" || unit == "s";
        if (failure != std::errc() || !std::isfinite(target) || target < 0 || (!unit.empty() && !has_unit))
            throw wrong(fmt::format("'{}' is no number of steps, ms or s", part));
        if (!has_unit && target != std::round(target))
            throw wrong(fmt::format("'{}' is no whole number of steps", part));
        if (unit == "ms") target /= 1000;
        if (target == 0 && !has_unit) return;  // the beginning in either
        if (is_in_seconds.value_or(has_unit) != has_unit) throw wrong("it mixes steps and seconds");
        is_in_seconds = has_unit;
    };
    take(text.substr(0, colon), window.first);
    take(text.substr(colon + 1), window.end);
    if (!(window.first < window.end)) throw wrong("it is empty");
    window.is_in_seconds = is_in_seconds.value_or(false);
    return window;
}

/// Files of which some say the time of a step and others do not.
void require_steps_of_all(const std::vector<repal::ReadSystem>& systems, std::size_t locations) {
    const auto says = [](const repal::ReadSystem& system) { return system.x.dt().has_value(); };
    const auto one = std::ranges::find_if(systems, says);
    const auto other = std::ranges::find_if_not(systems, says);
    if (one == systems.end() || other == systems.end()) return;
    throw repal::InputError(
        other->name, fmt::format("it does not say the time of a step, but {} does ({:.6g} s)", one->name, *one->x.dt()),
        fmt::format("--dt {0:.6g} says one for all, whatever they say; --dt {0:.6g},{0:.6g},... one for each of the "
                    "{1} locations; --dt steps compares steps",
                    *one->x.dt(), locations));
}

/// Trials of some that have names in an order of their own, and of others that have none.
void warn_of_names_of_one_side(const std::vector<repal::ReadSystem>& systems, repal::Progress& progress) {
    const auto is_named = [](const repal::ReadSystem& system) { return !system.trial_names.empty(); };
    const auto by_length = [](const std::string& name) { return std::pair(name.size(), name); };  // "2" before "10"
    const auto named = std::ranges::find_if(systems, [&](const repal::ReadSystem& system) {
        return is_named(system) && !std::ranges::is_sorted(system.trial_names, {}, by_length);
    });
    const auto other = std::ranges::find_if_not(systems, is_named);
    if (named == systems.end() || other == systems.end()) return;
    progress.warn("trials", fmt::format("{} names its trials, which do not rise, and {} does not: metrics that compare "
                                        "samples take them in the order of each file",
                                        named->name, other->name));
}

/// A window in seconds begins at another time in each system, unless that is a step of all of them.
void require_common_window(const std::vector<repal::ReadSystem>& systems, const repal::TrialWindow& window,
                           const std::string& text) {
    if (!window.is_in_seconds) return;
    const auto by_step = [](const repal::ReadSystem& system) { return system.x.dt().value_or(0); };
    const auto [shortest, longest] = std::ranges::minmax_element(systems, {}, by_step);
    constexpr double equal = 1e-3;
    const double step = by_step(*longest);
    if (step - by_step(*shortest) <= equal * step) return;
    for (const repal::ReadSystem& system : systems) {
        const double steps = window.first / by_step(system);
        if (std::abs(steps - std::round(steps)) <= equal) continue;
        throw repal::InputError(
            "--window " + text,
            fmt::format("it begins between two steps of {}, which take {:.6g} s, and steps differ between systems",
                        system.name, by_step(system)),
            fmt::format("begin at a step of all of them, e.g. at {:.6g}s", std::round(window.first / step) * step));
    }
}

/// Numbers beside arrays that may tell times of a step: where they differ, steps do not correspond.
void warn_of_steps_beside(const std::vector<repal::ReadSystem>& systems, repal::Progress& progress) {
    const repal::ReadSystem* first = nullptr;
    for (const repal::ReadSystem& system : systems) {
        if (system.step_beside.empty() || system.x.dt()) continue;
        if (first == nullptr) first = &system;
        if (system.step_beside == first->step_beside) continue;
        progress.warn("time", fmt::format("steps are taken as they are, but {} holds {} and {} holds {}: --dt with a "
                                          "number for each location tells how many seconds a step takes",
                                          first->name, first->step_beside, system.name, system.step_beside));
        return;
    }
}

/// That systems are brought to one time of a step.
void tell_of_steps(const std::vector<Recording>& recordings, repal::Progress& progress) {
    std::vector<repal::NamedSystem> systems;
    for (const Recording& recording : recordings) systems.push_back(recording.system);
    const auto step = repal::common_step(systems);
    if (!step) return;
    for (const repal::NamedSystem& system : systems) {
        const double own = *system.system->observe({}).trajectories().dt();
        if (repal::is_whole_ratio(*step, own)) continue;
        progress.warn("time", fmt::format("{} is resampled from {:.6g} to {:.6g} s a step, which is no whole number of "
                                          "its steps",
                                          system.name, own, *step));
    }
    progress.say(fmt::format("steps take different times: all are brought to {:.6g} s", *step));
}

/// A text that other values will hardly have: 64 bits of all of them and their shape.
std::string content_of(const repal::Trajectories& x) {
    std::uint64_t mixed = 0;
    const auto mix = [&](std::uint64_t bits) {
        constexpr std::uint64_t factor = 0x9e3779b97f4a7c15;
        mixed = (mixed ^ bits) * factor;
        mixed ^= mixed >> 32;
    };
    for (Eigen::Index k = 0; k < x.shape().trials; ++k) mix(static_cast<std::uint64_t>(x.steps(k)));
    mix(static_cast<std::uint64_t>(x.shape().channels));
    for (Eigen::Index i = 0; i < x.rows().size(); ++i) mix(std::bit_cast<std::uint64_t>(x.rows().data()[i]));
    return fmt::format("{:016x}", mixed);
}

/// Values that floats hold as well, in half of the memory: of many systems a few are looked at at a time.
class HeldAsFloats final : public repal::System {
 public:
    HeldAsFloats(std::string identity, const repal::Observed& observed)
        : identity_(std::move(identity)),
          without_values_(observed.with(
              observed.trajectories().with_rows(repal::RowMatrix::Zero(observed.trajectories().rows().rows(), 1)))),
          values_(observed.trajectories().rows().cast<float>()) {}

    static bool can_hold(const repal::Trajectories& x) {
        const repal::RowMatrix& rows = x.rows();
        return std::all_of(rows.data(), rows.data() + rows.size(), [](double value) {
            return std::abs(value) <= std::numeric_limits<float>::max() && double{static_cast<float>(value)} == value;
        });
    }

    std::string identity() const override { return identity_; }
    repal::Observed observe(const std::filesystem::path& /*results*/) const override {
        return without_values_.with(without_values_.trajectories().with_rows(values_.cast<double>()));
    }

 private:
    std::string identity_;
    repal::Observed without_values_;
    Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> values_;
};

std::shared_ptr<const repal::System> held(std::string identity, repal::Observed observed, bool is_one_of_many) {
    if (is_one_of_many && HeldAsFloats::can_hold(observed.trajectories()))
        return std::make_shared<const HeldAsFloats>(std::move(identity), observed);
    return repal::given(std::move(identity), std::move(observed));
}

}  // namespace

void add_recordings(CLI::App& sub, RecordingOptions& options, int least) {
    constexpr int most = 1'000'000;
    sub.add_option("systems", options.locations,
                   "FILE[:OBJECT][SLICE][@AXES], e.g. a.npy, nets.h5:/net*/states, s.mat:s.x, a.npy[3]@channel,time")
        ->required()
        ->expected(least, most);
    sub.add_option("--axes", options.axes,
                   "the order of the axes of files that say nothing, e.g. time,trial,channel; by default time, "
                   "time,channel or trial,time,channel");
    sub.add_option("--gaps", options.gaps,
                   "what to do about nan: refuse, or split trials there and leave out channels "
                   "of which more than half is nan")
        ->check(CLI::IsMember({"refuse", "split"}))
        ->capture_default_str();
    sub.add_option("--dt", options.dt,
                   "the time of a step in s, one for all or one for each location; steps: as if no file said it")
        ->delimiter(',')
        ->allow_extra_args(false);
    sub.add_option("--window", options.window,
                   "the part of every trial that is kept, e.g. 20:120 of steps, 200ms:1.5s, or 20: to the end");
}

std::vector<Recording> read_recordings(const RecordingOptions& options, repal::Progress& progress) {
    const bool takes_steps = options.dt == std::vector<std::string>{steps_alone};
    std::vector<double> steps;
    if (!takes_steps)
        for (const std::string& text : options.dt) steps.push_back(seconds_in(text));
    if (steps.size() > 1 && steps.size() != options.locations.size())
        throw repal::InputError(
            "--dt", fmt::format("{} times of a step for {} locations", steps.size(), options.locations.size()));
    repal::Reading reading{.axes = options.axes,
                           .splits_at_gaps = options.gaps == "split",
                           .dt = {},
                           .takes_steps = takes_steps,
                           .window = window_in(options.window)};
    std::vector<repal::ReadSystem> systems;
    std::vector<repal::InputError> errors;
    for (std::size_t i = 0; i < options.locations.size(); ++i) {
        if (!steps.empty()) reading.dt = steps.size() == 1 ? steps.front() : steps[i];
        try {
            std::ranges::move(repal::read_systems(options.locations[i], reading), std::back_inserter(systems));
        } catch (const repal::InputError& error) {
            const auto is_said = [&](const repal::InputError& other) {
                return std::string_view(other.what()) == error.what();
            };
            if (std::ranges::none_of(errors, is_said)) errors.push_back(error);
        }
    }
    if (errors.size() == 1) throw repal::InputError(errors.front());
    if (!errors.empty()) {
        std::string all;
        for (const repal::InputError& error : errors) all += fmt::format("\n  {}", error.what());
        throw repal::InputError("", fmt::format("{} locations cannot be read:{}", errors.size(), all));
    }
    require_steps_of_all(systems, options.locations.size());
    if (reading.window) require_common_window(systems, *reading.window, options.window);
    tell(systems, progress);
    warn_of_orders(systems, progress);
    warn_of_steps_beside(systems, progress);
    warn_of_names_of_one_side(systems, progress);
    constexpr std::size_t many = 32;
    std::vector<Recording> recordings;
    for (repal::ReadSystem& system : systems) {
        repal::Observed observed(std::move(system.x));
        observed.set_units(std::move(system.units));
        observed.set_trial_names(std::move(system.trial_names));
        observed.is_cut = system.is_cut;
        std::string content = content_of(observed.trajectories());
        recordings.push_back({.system = {system.name,
                                         held(fmt::format("{} {}", recordings.size(), system.name), std::move(observed),
                                              systems.size() >= many),
                                         std::move(content)},
                              .reading = system.reading});
    }
    tell_of_steps(recordings, progress);
    return recordings;
}

}  // namespace command
