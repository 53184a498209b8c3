module;
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <hdf5.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>
module repal.store;

import :axes;
import :hdf5_attributes;
import :hdf5_handle;
import :times;
import :words;
import repal.error;

namespace repal {
namespace {

// The names of the objects that an attribute refers to, the first one of each dimension; Dimension scales of HDF5 and
// NetCDF are such.
std::vector<std::string> scales_of(hid_t dataset) {
    constexpr const char* name = "DIMENSION_LIST";
    if (H5Aexists(dataset, name) <= 0) return {};
    const Handle attribute(H5Aopen(dataset, name, H5P_DEFAULT), H5Aclose, damaged);
    const Handle type(H5Aget_type(attribute), H5Tclose, damaged);
    const Handle space(H5Aget_space(attribute), H5Sclose, damaged);
    const hssize_t n = H5Sget_simple_extent_npoints(space);
    constexpr hssize_t most = 32;
    if (H5Tget_class(type) != H5T_VLEN || n < 1 || n > most) return {};
    const Handle of_entry(H5Tget_super(type), H5Tclose, damaged);
    if (H5Tequal(of_entry, H5T_STD_REF_OBJ) <= 0) return {};
    std::vector<hvl_t> lists(static_cast<std::size_t>(n));
    checked(H5Aread(attribute, type, lists.data()), damaged);
    std::vector<std::string> names;
    for (const hvl_t& list : lists) {
        std::string path;
        if (list.len > 0) {
            const Handle object(H5Rdereference2(dataset, H5P_DEFAULT, H5R_OBJECT, list.p), H5Oclose);
            if (object.is_open()) {
                std::array<char, 1024> text{};
                if (H5Iget_name(object, text.data(), text.size() - 1) > 0) path = text.data();
            }
        }
        names.push_back(path);
    }
    H5Dvlen_reclaim(type, space, H5P_DEFAULT, lists.data());
    return names;
}

// "Time (s)": "Time"
std::string first_word(const std::string& name) {
    const std::size_t begin = name.find_first_not_of(" ([{'\"");
    if (begin == std::string::npos) return {};
    return name.substr(begin, name.find_first_of(" ()[]{}'\"", begin) - begin);
}

// What names of dimensions mean, if each means something else.
std::vector<Axis> axes_named(const std::vector<std::string>& names) {
    std::vector<Axis> axes;
    for (const std::string& name : names) {
        const auto axis = axis_of(first_word(name));
        if (!axis || std::ranges::find(axes, *axis) != axes.end()) return {};
        axes.push_back(*axis);
    }
    return std::ranges::find(axes, Axis::time) == axes.end() ? std::vector<Axis>{} : axes;
}

// "a,b", or "a b", in parts.
std::vector<std::string> listed_in(const std::string& text) {
    if (text.empty()) return {};
    return split(text, text.find(',') == std::string::npos ? ' ' : ',');
}

// What a scale calls itself; else its dataset.
std::string name_of_scale(hid_t file, const std::string& path) {
    std::string own = last_part(path);
    if (axis_of(first_word(own)) || path.empty()) return own;
    const Handle object(H5Oopen(file, path.c_str(), H5P_DEFAULT), H5Oclose);
    const std::string name = object.is_open() ? text_of(object, "NAME") : "";
    return axis_of(first_word(name)) ? name : own;
}

// The number of an attribute, or of a text such as "0.01 s"; none if there is no such attribute.
std::optional<double> quantity_of(hid_t object, const char* name) {
    if (H5Aexists(object, name) <= 0) return {};
    if (const auto number = number_of(object, name)) return number;
    const std::string text(trimmed(text_of(object, name)));
    double number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string unit(trimmed(std::string_view(end, text.data() + text.size())));
    const auto seconds = unit.empty() || lower_case(unit) == "hz" ? 1 : seconds_in(unit);
    if (failure != std::errc() || !seconds)
        throw InputError("",
                         fmt::format("its attribute '{}' is no number of seconds or Hz{}", name,
                                     text.empty() ? "" : ": '" + text.substr(0, 40) + "'"),
                         "--dt tells the time of a step");
    return number * *seconds;
}

}  // namespace

std::vector<std::string> texts_of(hid_t object, const char* name) {
    if (H5Aexists(object, name) <= 0) return {};
    const Handle attribute(H5Aopen(object, name, H5P_DEFAULT), H5Aclose, damaged);
    const Handle type(H5Aget_type(attribute), H5Tclose, damaged);
    const Handle space(H5Aget_space(attribute), H5Sclose, damaged);
    const hssize_t n = H5Sget_simple_extent_npoints(space);
    constexpr hssize_t most = 32;
    if (H5Tget_class(type) != H5T_STRING || n < 1 || n > most) return {};
    std::vector<std::string> texts;
    if (H5Tis_variable_str(type) > 0) {
        std::vector<char*> read(static_cast<std::size_t>(n), nullptr);
        checked(H5Aread(attribute, type, static_cast<void*>(read.data())), damaged);
        for (const char* text : read) texts.emplace_back(text == nullptr ? "" : text);
        H5Dvlen_reclaim(type, space, H5P_DEFAULT, static_cast<void*>(read.data()));
        return texts;
    }
    constexpr std::size_t longest = 1 << 16;  // so that a damaged type allocates nothing much
    const std::size_t length = H5Tget_size(type);
    if (length > longest) return {};
    std::string read(length * static_cast<std::size_t>(n), '\0');
    checked(H5Aread(attribute, type, read.data()), damaged);
    for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i)
        texts.emplace_back(read.substr(i * length, length).c_str());
    return texts;
}

std::string text_of(hid_t object, const char* name) {
    const std::vector<std::string> texts = texts_of(object, name);
    return texts.size() == 1 ? texts.front() : "";
}

std::vector<double> numbers_of(hid_t object, const char* name) {
    if (H5Aexists(object, name) <= 0) return {};
    std::vector<double> numbers;
    for (const std::string& text : texts_of(object, name)) {
        double value = 0;
        const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (failure != std::errc() || end != text.data() + text.size()) return {};
        numbers.push_back(value);
    }
    if (!numbers.empty()) return numbers;
    const Handle attribute(H5Aopen(object, name, H5P_DEFAULT), H5Aclose, damaged);
    const Handle type(H5Aget_type(attribute), H5Tclose, damaged);
    const Handle space(H5Aget_space(attribute), H5Sclose, damaged);
    const H5T_class_t kind = H5Tget_class(type);
    const hssize_t n = H5Sget_simple_extent_npoints(space);
    constexpr hssize_t most = 32;
    if ((kind != H5T_FLOAT && kind != H5T_INTEGER) || n < 1 || n > most) return {};
    numbers.resize(static_cast<std::size_t>(n));
    checked(H5Aread(attribute, H5T_NATIVE_DOUBLE, numbers.data()), damaged);
    return numbers;
}

std::optional<double> number_of(hid_t object, const char* name) {
    const std::vector<double> numbers = numbers_of(object, name);
    return numbers.size() == 1 ? std::optional(numbers.front()) : std::nullopt;
}

std::string matlab_class(hid_t object) {
    return text_of(object, "MATLAB_class");
}

std::string last_part(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos || slash == 0 ? "/" : path.substr(0, slash);
}

NamedDimensions axes_in(hid_t dataset, std::size_t dimensions) {
    std::vector<std::string> of_scales;
    for (const std::string& path : scales_of(dataset)) of_scales.push_back(name_of_scale(dataset, path));
    NamedDimensions found;
    for (const auto& names :
         {listed_in(text_of(dataset, "axes")), texts_of(dataset, "axes"), listed_in(text_of(dataset, "dims")),
          texts_of(dataset, "dims"), texts_of(dataset, "DIMENSION_LABELS"), of_scales}) {
        found.axes = names.size() == dimensions ? axes_named(names) : std::vector<Axis>();
        if (!found.axes.empty()) return {.axes = found.axes, .not_understood = {}};
        const bool is_some =
            std::ranges::any_of(names, [](const std::string& name) { return axis_of(first_word(name)).has_value(); });
        if (is_some && found.not_understood.empty()) found.not_understood = fmt::format("{}", fmt::join(names, ", "));
    }
    return found;
}

std::string scale_of(hid_t file, hid_t dataset, Axis axis) {
    for (const std::string& path : scales_of(dataset)) {
        if (axis_of(first_word(name_of_scale(file, path))) != axis) continue;
        const Handle object(H5Oopen(file, path.c_str(), H5P_DEFAULT), H5Oclose);
        // A dimension of NetCDF of which nobody wrote the values.
        if (text_of(object, "NAME").starts_with("This is a netCDF dimension but not a netCDF variable")) continue;
        if (object.is_open()) return path;
    }
    return {};
}

std::optional<TimeScale> time_scale_of(hid_t file, hid_t dataset) {
    const std::string path = scale_of(file, dataset, Axis::time);
    if (path.empty()) return {};
    const Handle object(H5Oopen(file, path.c_str(), H5P_DEFAULT), H5Oclose);
    return TimeScale{path, seconds_in(text_of(object, "units"))};
}

std::optional<double> step_of_attributes(hid_t object) {
    ToldStep told;
    const auto unit_of = [&](const char* name) -> double {
        for (const char* suffix : {"_unit", "_units"})
            if (const std::string unit = text_of(object, (std::string(name) + suffix).c_str()); !unit.empty())
                return seconds_in(unit).value_or(std::numeric_limits<double>::quiet_NaN());
        return 1;
    };
    for (const char* name : {"dt", "time_step"})
        if (const auto step = quantity_of(object, name)) told.add(name, *step * unit_of(name));
    for (const char* name : {"sampling_rate", "sample_rate", "rate", "fs", "sfreq", "srate"})
        if (const auto rate = quantity_of(object, name)) told.add(name, 1 / *rate);
    return told.seconds();
}

void Packing::unpack(std::span<double> values) const {
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    // Plain loops, since every file of floats comes through here.
    for (const double mark : missing)
        for (double& value : values) value = value == mark ? none : value;
    if (std::isfinite(least) || std::isfinite(most))
        for (double& value : values) value = value < least || value > most ? none : value;
    if (scale != 1 || offset != 0)
        for (double& value : values) value = value * scale + offset;
}

bool is_data_of_nwb(hid_t file, const std::string& path) {
    if (last_part(path) != "data") return false;
    const std::string folder = folder_of(path);
    const Handle group(H5Oopen(file, folder.c_str(), H5P_DEFAULT), H5Oclose);
    if (!group.is_open()) return false;
    return H5Aexists(group, "neurodata_type") > 0 || H5Lexists(group, "timestamps", H5P_DEFAULT) > 0 ||
           H5Lexists(group, "starting_time", H5P_DEFAULT) > 0 ||
           H5Lexists(group, "channel_conversion", H5P_DEFAULT) > 0;
}

namespace {

// What programs fill arrays with before they write them, and take for missing.
void add_fill_values(hid_t dataset, Packing& packing) {
    const Handle plan(H5Dget_create_plist(dataset), H5Pclose, damaged);
    const Handle type(H5Dget_type(dataset), H5Tclose, damaged);
    const std::size_t bytes = H5Tget_size(type);
    const bool is_float = H5Tget_class(type) == H5T_FLOAT;
    H5D_fill_value_t filled = H5D_FILL_VALUE_UNDEFINED;
    double fill = 0;
    // A value that may be measured is none, nor one that scaleoffset packs with.
    constexpr double not_measured = 999;
    constexpr double not_measured_below = -90;
    if (H5Pfill_value_defined(plan, &filled) >= 0 && filled == H5D_FILL_VALUE_USER_DEFINED &&
        H5Pget_fill_value(plan, H5T_NATIVE_DOUBLE, &fill) >= 0 &&
        (fill <= not_measured_below || fill >= not_measured) && !has_filter(plan, H5Z_FILTER_SCALEOFFSET))
        packing.missing.push_back(fill);
    // The defaults of NetCDF; the one of floats is no value that anybody measures.
    if (is_float && bytes >= sizeof(float)) {
        constexpr double default_fill = 9.969209968386869e36;
        packing.missing.push_back(default_fill);
    }
    const Handle file(H5Iget_file_id(dataset), H5Fclose, damaged);
    const Handle root(H5Oopen(file, "/", H5P_DEFAULT), H5Oclose);
    if (is_float || !root.is_open() || H5Aexists(root, "_NCProperties") <= 0) return;
    const bool is_signed = H5Tget_sign(type) == H5T_SGN_2;
    constexpr std::array<std::pair<std::size_t, std::array<double, 2>>, 3> defaults = {
        {{2, {65535.0, -32767.0}},
         {4, {4294967295.0, -2147483647.0}},
         {8, {18446744073709551614.0, -9223372036854775806.0}}}};
    for (const auto& [size, values] : defaults)
        if (size == bytes) packing.missing.push_back(values[is_signed ? 1 : 0]);
}

}  // namespace

Packing packing_of(hid_t dataset, bool is_of_nwb) {
    Packing packing;
    const auto take = [&](const char* name, double& target) {
        if (H5Aexists(dataset, name) <= 0) return;
        const auto number = number_of(dataset, name);
        if (!number)
            throw InputError("",
                             fmt::format("its attribute '{}' changes what its numbers mean, and is no number", name),
                             "write the values as they are meant");
        target = *number;
    };
    take(is_of_nwb ? "conversion" : "scale_factor", packing.scale);
    take(is_of_nwb ? "offset" : "add_offset", packing.offset);
    if (packing.scale == 0 || !std::isfinite(packing.scale) || !std::isfinite(packing.offset))
        throw InputError("",
                         fmt::format("its values are to be multiplied by {}, and {} added, which leaves none of them",
                                     packing.scale, packing.offset));
    if (H5Aexists(dataset, "_Unsigned") > 0 && text_of(dataset, "_Unsigned") != "false")
        throw InputError("", "its numbers have signs that are none (_Unsigned)", "write the values as they are meant");
    const auto bounds = [&](const char* name) {
        const std::vector<double> numbers = numbers_of(dataset, name);
        if (numbers.empty() && H5Aexists(dataset, name) > 0)
            throw InputError("",
                             fmt::format("its attribute '{}' tells values that are missing, and is no number", name),
                             "write these as nan");
        return numbers;
    };
    if (const auto both = bounds("valid_range"); both.size() == 2) {
        packing.least = both[0];
        packing.most = both[1];
    }
    if (const auto least = bounds("valid_min"); !least.empty()) packing.least = least.front();
    if (const auto most = bounds("valid_max"); !most.empty()) packing.most = most.front();
    add_fill_values(dataset, packing);
    const Handle type(H5Dget_type(dataset), H5Tclose, damaged);
    const bool is_float = H5Tget_class(type) == H5T_FLOAT && H5Tget_size(type) == sizeof(float);
    for (const char* name : {"_FillValue", "missing_value"}) {
        if (H5Aexists(dataset, name) <= 0) continue;
        const std::vector<double> numbers = numbers_of(dataset, name);
        if (numbers.empty())
            throw InputError("",
                             fmt::format("its attribute '{}' marks values that are missing, and is no number", name),
                             "write these as nan");
        for (const double number : numbers)
            if (!std::isnan(number)) packing.missing.push_back(is_float ? double{static_cast<float>(number)} : number);
    }
    return packing;
}

}  // namespace repal
