module;
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
module repal.store;

import :bytes;
import :hdf5;
import :npy;
import :npz;

namespace repal {
namespace {

struct Location {
    std::filesystem::path file;
    std::string member;
};

std::string lower_case(std::string_view text) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return lower;
}

bool is_file(const std::filesystem::path& path) {
    std::error_code error;
    return std::filesystem::is_regular_file(path, error);
}

// Splits at a ':' after an extension. A folder may look like that too ("old.h5:2019/a.npy"): what exists decides, and
// without it the first ':'.
Location parsed(const std::string& location) {
    if (is_file(location)) return {location, {}};

    const std::string lower = lower_case(location);
    Location first{location, {}};
    for (std::size_t colon = lower.find(':'); colon != std::string::npos; colon = lower.find(':', colon + 1)) {
        const std::string_view before = std::string_view(lower).substr(0, colon);
        constexpr std::array<std::string_view, 5> extensions = {".npy", ".npz", ".h5", ".hdf5", ".mat"};
        if (std::ranges::none_of(extensions, [&](std::string_view end) { return before.ends_with(end); })) continue;
        const Location split{location.substr(0, colon), location.substr(colon + 1)};
        if (is_file(split.file)) return split;
        if (first.member.empty()) first = split;
    }
    return first;
}

Trajectories read(const Location& location, const std::string& axes) {
    const std::string extension = lower_case(location.file.extension().string());
    if (extension == ".npy") {
        if (!location.member.empty())
            throw InputError("", "an .npy file holds one array, without a name", "end the location with .npy");
        return read_npy(*open_bytes(location.file), axes);
    }
    if (extension == ".npz") return read_npz(location.file, location.member, axes);
    if (extension == ".h5" || extension == ".hdf5" || extension == ".mat")
        return read_hdf5(location.file, location.member, axes);
    throw InputError("", fmt::format("unknown kind of file, '{}'", extension),
                     "known are .npy, .npz:member, .h5:/dataset, .hdf5:/dataset and .mat:variable (MATLAB 7.3)");
}

}  // namespace

Trajectories read_trajectories(const std::string& location, const std::string& axes) {
    try {
        return read(parsed(location), axes);
    } catch (const InputError& error) {
        throw error.at(location);
    }
}

}  // namespace repal
