module;
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
module repal.store;

import :axes;
import :words;
import repal.error;

namespace repal {
namespace {

constexpr std::array<std::pair<std::string_view, Axis>, 51> known_names = {{
    {"trial", Axis::trial},         {"trials", Axis::trial},      {"epoch", Axis::trial},
    {"stimulus", Axis::trial},      {"stimuli", Axis::trial},     {"image", Axis::trial},
    {"images", Axis::trial},        {"item", Axis::trial},        {"items", Axis::trial},
    {"epochs", Axis::trial},        {"sweep", Axis::trial},       {"sweeps", Axis::trial},
    {"repetition", Axis::trial},    {"repetitions", Axis::trial}, {"batch", Axis::trial},
    {"timestep", Axis::time},       {"timesteps", Axis::time},    {"timepoint", Axis::time},
    {"timepoints", Axis::time},     {"time", Axis::time},         {"times", Axis::time},
    {"step", Axis::time},           {"steps", Axis::time},        {"sample", Axis::time},
    {"samples", Axis::time},        {"bin", Axis::time},          {"bins", Axis::time},
    {"frame", Axis::time},          {"frames", Axis::time},       {"channel", Axis::channel},
    {"channels", Axis::channel},    {"neuron", Axis::channel},    {"neurons", Axis::channel},
    {"unit", Axis::channel},        {"units", Axis::channel},     {"cell", Axis::channel},
    {"cells", Axis::channel},       {"electrode", Axis::channel}, {"electrodes", Axis::channel},
    {"roi", Axis::channel},         {"rois", Axis::channel},      {"feature", Axis::channel},
    {"component", Axis::channel},   {"condition", Axis::trial},   {"conditions", Axis::trial},
    {"neuroid", Axis::channel},     {"neuroids", Axis::channel},  {"presentation", Axis::trial},
    {"presentations", Axis::trial}, {"time_bin", Axis::time},     {"time_bins", Axis::time},
}};

}  // namespace

std::optional<Axis> axis_of(std::string_view name) {
    const std::string lower = lower_case(name);
    for (const auto& [known, axis] : known_names)
        if (lower == known) return axis;
    return {};
}

std::string to_string(Axis axis) {
    return axis == Axis::trial ? "trial" : axis == Axis::time ? "time" : "channel";
}

std::string to_string(const std::vector<Axis>& axes) {
    std::string text;
    for (const Axis axis : axes) text += (text.empty() ? "" : ", ") + to_string(axis);
    return text;
}

std::vector<Axis> parse_axes(const std::string& text) {
    const std::vector<std::string> usual = {"trial", "time", "channel"};
    std::vector<Axis> axes;
    for (const std::string& name : split(text, ',')) {
        const auto axis = axis_of(name);
        if (!axis) throw InputError("", fmt::format("axes: unknown axis '{}'", name), suggest(name, usual));
        if (std::ranges::find(axes, *axis) != axes.end())
            throw InputError("", fmt::format("axes: '{}' is there twice", to_string(*axis)));
        axes.push_back(*axis);
    }
    const auto has = [&](Axis axis) { return std::ranges::find(axes, axis) != axes.end(); };
    if (!has(Axis::time) && !has(Axis::trial))
        throw InputError("", fmt::format("axes: '{}' has no time and no trial", text));
    return axes;
}

std::vector<Axis> usual_axes(std::size_t dimensions) {
    if (dimensions == 1) return {Axis::time};
    if (dimensions == 2) return {Axis::time, Axis::channel};
    return {Axis::trial, Axis::time, Axis::channel};
}

}  // namespace repal
