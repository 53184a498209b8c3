module;
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>
module command.recordings;

namespace command {
namespace {

constexpr const char* steps_alone = "steps";

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

}  // namespace

void add_recordings(CLI::App& sub, RecordingOptions& options, int least) {
    constexpr int most = 1'000'000;
    sub.add_option("systems", options.locations,
                   "FILE[:OBJECT][SLICE][@AXES], e.g. a.npy, nets.h5:/net*/states, s.mat:s.x, a.npy[3]@channel,time; "
                   "or a sheet, a CSV with a column `file`")
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
    sub.add_option(
           "--inputs", options.inputs,
           "what was put in, (trial, time, input), one file for all or one for each location; metrics of driven "
           "dynamics need it")
        ->type_name("FILE[,FILE...]")
        ->allow_extra_args(false);
    sub.add_option(
           "--conditions", options.conditions,
           "the condition of each trial, a whole number, one file for all or one for each location; metrics that "
           "compare repeats take it")
        ->type_name("FILE[,FILE...]")
        ->allow_extra_args(false);
}

namespace {

/// "a.npy[:,0],b.npy@trial,time": parts between commas, but for those of slices and of names of axes.
std::vector<std::string> locations_in(const std::vector<std::string>& texts) {
    std::vector<std::string> locations;
    for (const std::string& text : texts) {
        bool is_new = true;
        int depth = 0;
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (is_new) locations.emplace_back();
            is_new = false;
            depth += text[i] == '[' ? 1 : text[i] == ']' ? -1 : 0;
            const std::size_t end = std::min(text.find(',', i + 1), text.size());
            const std::string_view next = std::string_view(text).substr(i + 1, end - i - 1);
            const bool is_axis = locations.back().find('@') != std::string::npos && !next.empty() &&
                                 std::ranges::all_of(next, [](unsigned char c) { return std::isalpha(c) != 0; });
            if (text[i] == ',' && depth == 0 && !is_axis)
                is_new = true;
            else
                locations.back() += text[i];
        }
        if (is_new) locations.emplace_back();
    }
    return locations;
}

}  // namespace

ReadRecordings read_recordings(const RecordingOptions& options, repal::Progress& progress) {
    const bool takes_steps = options.dt == std::vector<std::string>{steps_alone};
    std::vector<double> steps;
    if (!takes_steps)
        for (const std::string& text : options.dt) steps.push_back(seconds_in(text));
    const repal::Reading reading{.axes = options.axes,
                                 .splits_at_gaps = options.gaps == "split",
                                 .dt = steps.size() == 1 ? std::optional(steps.front()) : std::nullopt,
                                 .takes_steps = takes_steps,
                                 .window = window_in(options.window)};
    if (options.locations.size() == 1 && repal::is_sheet(options.locations.front())) {
        repal::Sheet sheet = repal::read_sheet(options.locations.front());
        if (steps.size() > 1)
            throw repal::InputError("--dt", "it says one time of a step for all",
                                    "a column `dt` of the sheet says others");
        if (!options.inputs.empty() || !options.conditions.empty())
            throw repal::InputError(options.inputs.empty() ? "--conditions" : "--inputs",
                                    "the locations are in a sheet",
                                    "columns `inputs` and `conditions` of the sheet say them");
        std::vector<repal::Recording> recordings = read_recordings(sheet, reading, progress);
        return {std::move(recordings), std::move(sheet)};
    }
    if (steps.size() > 1 && steps.size() != options.locations.size())
        throw repal::InputError(
            "--dt", fmt::format("{} times of a step for {} locations", steps.size(), options.locations.size()));
    const std::vector<std::string> inputs = locations_in(options.inputs);
    const std::vector<std::string> conditions = locations_in(options.conditions);
    const auto require_one_each = [&](const char* option, const std::vector<std::string>& files) {
        if (std::ranges::find(files, "") != files.end()) throw repal::InputError(option, "the name of a file is empty");
        if (files.size() > 1 && files.size() != options.locations.size())
            throw repal::InputError(option,
                                    fmt::format("{} files for {} locations", files.size(), options.locations.size()),
                                    "one for all, or one for each");
    };
    require_one_each("--inputs", inputs);
    require_one_each("--conditions", conditions);
    const auto of_location = [](const std::vector<std::string>& files, std::size_t i) {
        return files.empty() ? std::string() : files[files.size() == 1 ? 0 : i];
    };
    std::error_code none;
    for (const std::string& location : options.locations)
        if (const std::size_t equals = location.find('='); equals != std::string::npos &&
                                                           location.substr(0, equals).find('.') != std::string::npos &&
                                                           !std::filesystem::exists(location, none))
            throw repal::InputError(location, "no such file", "before an option of a metric stands --set, before each");
    std::vector<repal::RecordingLocation> locations;
    for (std::size_t i = 0; i < options.locations.size(); ++i) {
        locations.push_back({.location = options.locations[i]});
        if (steps.size() > 1) locations.back().dt = steps[i];
        locations.back().inputs = of_location(inputs, i);
        locations.back().conditions = of_location(conditions, i);
    }
    return {read_recordings(locations, reading, progress)};
}

}  // namespace command
