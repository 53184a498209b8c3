module;
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
module repal.store;

import :times;
import :words;
import repal.error;

namespace repal {
namespace {

/// The larger of the two in the middle.
double middle_of(std::vector<double> values) {
    const auto middle = values.begin() + std::ssize(values) / 2;
    std::ranges::nth_element(values, middle);
    return *middle;
}

std::vector<double> differences(std::span<const double> times) {
    std::vector<double> steps;
    for (std::size_t i = 1; i < times.size(); ++i) steps.push_back(times[i] - times[i - 1]);
    return steps;
}

/// How far times may be from where a regular step has them, in steps: they may be rounded, or jitter a little.
constexpr double tolerance = 0.1;

}  // namespace

std::optional<double> seconds_in(std::string_view unit) {
    std::string name = lower_case(trimmed(unit));
    name = name.substr(0, name.find(" since"));
    constexpr std::array<std::pair<std::string_view, double>, 16> units = {{{"s", 1},
                                                                            {"sec", 1},
                                                                            {"secs", 1},
                                                                            {"second", 1},
                                                                            {"seconds", 1},
                                                                            {"ms", 1e-3},
                                                                            {"msec", 1e-3},
                                                                            {"millisecond", 1e-3},
                                                                            {"milliseconds", 1e-3},
                                                                            {"us", 1e-6},
                                                                            {"microsecond", 1e-6},
                                                                            {"microseconds", 1e-6},
                                                                            {"min", 60},
                                                                            {"minutes", 60},
                                                                            {"hours", 3600},
                                                                            {"days", 86400}}};
    for (const auto& [known, seconds] : units)
        if (name == known) return seconds;
    return {};
}

bool names_step(const std::string& name) {
    constexpr std::array<std::string_view, 14> known = {
        "dt",          "fs",         "srate",         "sfreq",        "fsample",  "frame_rate", "framerate",
        "sample_rate", "samplerate", "sampling_rate", "samplingrate", "binwidth", "bin_width",  "bin_size"};
    return std::ranges::find(known, lower_case(name.substr(name.find_last_of("/.") + 1))) != known.end();
}

void ToldStep::add(const std::string& place, double seconds) {
    if (!(std::isfinite(seconds) && seconds > 0))
        throw InputError("", fmt::format("its '{}' is no time of a step", place), "--dt says another one");
    constexpr double equal = 1e-3;
    if (seconds_ && std::abs(*seconds_ - seconds) > equal * seconds)
        throw InputError("", fmt::format("it says two times of a step, {:.6g} and {:.6g} s", *seconds_, seconds),
                         "--dt says which");
    if (!seconds_) seconds_ = seconds;
}

std::vector<std::size_t> steps_at(std::span<const double> times, const std::string& where) {
    std::vector<std::size_t> places(times.empty() ? 0 : 1, 0);
    if (times.size() < 2) return places;
    const std::vector<double> steps = differences(times);
    for (std::size_t i = 0; i < steps.size(); ++i)
        if (!(steps[i] > 0))
            throw InputError(
                "", fmt::format("the times of '{}' do not rise at step {}", where, i + 1),
                "sort the steps by time; a column that tells the trials is named 'trial'; --dt steps takes "
                "steps as they are");
    const double middle = middle_of(steps);
    constexpr double largest = 1e6;
    for (const double step : steps)
        places.push_back(places.back() + static_cast<std::size_t>(std::clamp(std::round(step / middle), 1.0, largest)));
    const double regular = (times.back() - times.front()) / static_cast<double>(places.back());
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const auto apart = static_cast<double>(places[i + 1] - places[i]);
        const double drift = times[i] - times[0] - regular * static_cast<double>(places[i]);
        if (std::abs(steps[i] - regular * apart) > tolerance * regular || std::abs(drift) > regular)
            throw InputError(
                "",
                fmt::format("the times of '{}' are not regular: {:.6g} lies between the steps {} and {}, "
                            "{:.6g} between most",
                            where, steps[i], i, i + 1, middle),
                "bring them to one time of a step; --dt with a time, or --dt steps, takes the steps as they are");
    }
    constexpr std::size_t most = 20;  // times the steps that are there
    if (places.back() > most * times.size() + 1000)
        throw InputError("", fmt::format("the times of '{}' leave out more steps than there are", where),
                         "--dt steps takes steps as they are");
    return places;
}

double regular_step(std::span<const double> times, const std::string& where) {
    const std::vector<std::size_t> places = steps_at(times, where);
    // The slope of least squares, which single times that are rounded or jitter change little.
    const double middle = static_cast<double>(std::accumulate(places.begin(), places.end(), std::size_t{0})) /
                          static_cast<double>(places.size());
    double products = 0;
    double squares = 0;
    for (std::size_t i = 0; i < times.size(); ++i) {
        const double place = static_cast<double>(places[i]) - middle;
        products += place * (times[i] - times.front());
        squares += place * place;
    }
    return products / squares;
}

}  // namespace repal
