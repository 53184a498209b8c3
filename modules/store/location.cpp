module;
#include <fmt/format.h>
#include <fnmatch.h>
#include <glob.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>
module repal.store;

import :location;
import :words;
import repal.error;

namespace repal {
namespace {

bool is_there(const std::string& path) {
    std::error_code none;
    const auto status = std::filesystem::status(path, none);
    return std::filesystem::exists(status) && !std::filesystem::is_directory(status);
}

std::vector<std::string> matching_files(const std::string& pattern) {
    glob_t found{};
    std::vector<std::string> files;
    if (glob(pattern.c_str(), 0, nullptr, &found) == 0)
        for (std::size_t i = 0; i < found.gl_pathc; ++i)
            if (is_there(found.gl_pathv[i])) files.emplace_back(found.gl_pathv[i]);
    globfree(&found);
    std::ranges::sort(files, naturally_precedes);
    return files;
}

bool is_file_or_pattern(const std::string& text) {
    return is_there(text) || (has_wildcards(text) && !matching_files(text).empty());
}

std::int64_t number_in(std::string_view text, std::string_view slice) {
    std::int64_t value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc() || end != text.data() + text.size())
        throw InputError("", fmt::format("'{}' in [{}] is no whole number", text, slice), "e.g. [3], [:,100:200], [*]");
    return value;
}

std::vector<Slice> parse_slices(std::string_view text) {
    std::vector<Slice> slices;
    for (const std::string& part : split(text, ',')) {
        Slice slice;
        if (part == "*") {
            slice.kind = Slice::Kind::each;
        } else if (part.find(':') == std::string::npos) {
            slice.kind = Slice::Kind::one;
            slice.first = number_in(part, text);
        } else {
            const std::vector<std::string> bounds = split(part, ':');
            if (!bounds[0].empty()) slice.first = number_in(bounds[0], text);
            if (!bounds[1].empty()) slice.end = number_in(bounds[1], text);
            if (bounds.size() > 2 && !bounds[2].empty()) slice.step = number_in(bounds[2], text);
            if (bounds.size() > 3 || slice.step < 1)
                throw InputError("", fmt::format("'{}' in [{}] is no range", part, text),
                                 "first:end or first:end:step");
        }
        slices.push_back(slice);
    }
    if (std::ranges::count(slices, Slice::Kind::each, &Slice::kind) > 1)
        throw InputError("", fmt::format("[{}] has '*' more than once", text));
    return slices;
}

/// Takes "[...]" off the end of a text, if it is a slice.
std::vector<Slice> take_slices(std::string& text) {
    if (!text.ends_with(']')) return {};
    const std::size_t begin = text.rfind('[');
    if (begin == std::string::npos || begin == 0) return {};
    const std::string inner = text.substr(begin + 1, text.size() - begin - 2);
    if (inner.empty() || inner.find_first_not_of("0123456789:,*- ") != std::string::npos) return {};
    text.resize(begin);
    return parse_slices(inner);
}

/// Takes "@time,channel" off the end.
std::string take_axes(std::string& text) {
    const std::size_t at = text.rfind('@');
    if (at == std::string::npos || at == 0) return {};
    std::string axes = text.substr(at + 1);
    const auto is_of_name = [](unsigned char c) { return std::isalpha(c) != 0 || c == ',' || c == ' '; };
    if (axes.empty() || !std::ranges::all_of(axes, is_of_name)) return {};
    text.resize(at);
    return axes;
}

bool take_plus(std::string& text) {
    if (!text.ends_with('+')) return false;
    text.pop_back();
    return true;
}

void split_object(Location& location) {
    const std::string text = location.file;
    if (is_file_or_pattern(text)) return;
    std::optional<std::size_t> place;
    const std::string lower = lower_case(text);
    constexpr std::array<std::string_view, 12> extensions = {".npy", ".npz", ".h5",  ".hdf5", ".hdf", ".mat",
                                                             ".nwb", ".nc",  ".csv", ".tsv",  ".pt",  ".h5py"};
    for (std::size_t colon = text.find(':'); colon != std::string::npos; colon = text.find(':', colon + 1)) {
        const std::string before = text.substr(0, colon);
        if (is_file_or_pattern(before)) {
            place = colon;
            break;
        }
        const std::string_view name = std::string_view(lower).substr(0, colon);
        if (!place && std::ranges::any_of(extensions, [&](std::string_view end) { return name.ends_with(end); }))
            place = colon;
    }
    if (!place) return;
    location.file = text.substr(0, *place);
    location.object = text.substr(*place + 1);
}

}  // namespace

bool has_wildcards(const std::string& text) {
    return text.find_first_of("*?[") != std::string::npos;
}

bool matches(const std::string& pattern, const std::string& name) {
    return fnmatch(pattern.c_str(), name.c_str(), FNM_PATHNAME) == 0;
}

std::string matched_part(const std::string& pattern, const std::string& name) {
    const std::size_t first = pattern.find_first_of("*?[");
    if (first == std::string::npos) return name;
    const std::size_t behind = pattern.size() - pattern.find_last_of("*?]") - 1;
    if (name.size() < first + behind) return name;
    std::string part = name.substr(first, name.size() - first - behind);
    const bool is_number = std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
    if (is_number && part.size() > 1) part.erase(0, std::min(part.find_first_not_of('0'), part.size() - 1));
    return part;
}

bool naturally_precedes(const std::string& a, const std::string& b) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < a.size() && j < b.size()) {
        if (!is_digit(a[i]) || !is_digit(b[j])) {
            if (a[i] != b[j]) return a[i] < b[j];
            ++i;
            ++j;
            continue;
        }
        const auto number_at = [&](const std::string& text, std::size_t& place) {
            while (place < text.size() && text[place] == '0') ++place;
            const std::size_t first = place;
            while (place < text.size() && is_digit(text[place])) ++place;
            return std::string_view(text).substr(first, place - first);
        };
        const std::string_view one = number_at(a, i);
        const std::string_view other = number_at(b, j);
        if (one.size() != other.size()) return one.size() < other.size();
        if (one != other) return one < other;
    }
    if (a.size() - i != b.size() - j) return a.size() - i < b.size() - j;
    return a < b;  // "a01" and "a1"
}

Location parse_location(const std::string& text) {
    Location location{.file = text};
    if (is_there(text)) return location;
    location.axes = take_axes(location.file);
    if (is_there(location.file)) return location;
    location.is_joined = take_plus(location.file);
    const std::string with_slices = location.file;
    location.slices = take_slices(location.file);
    location.slices_text = with_slices.substr(location.file.size());
    location.is_joined = take_plus(location.file) || location.is_joined;
    split_object(location);
    return location;
}

std::vector<std::string> files_of(const std::string& pattern) {
    if (is_there(pattern) || !has_wildcards(pattern)) return {pattern};
    std::vector<std::string> files = matching_files(pattern);
    if (files.empty()) throw InputError("", "no file has a name like this");
    return files;
}

}  // namespace repal
