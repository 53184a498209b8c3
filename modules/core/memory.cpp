module;
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
module repal.memory;

import repal.trajectories;

namespace repal {
namespace {

/// The number behind a word of a file, e.g. of "MemAvailable:" in /proc/meminfo; of a file with one number without it.
std::optional<std::uint64_t> number_in(const std::filesystem::path& file, std::string_view word = {}) {
    std::ifstream in(file);
    std::string text;
    while (in >> text) {
        if (!word.empty() && text != word) continue;
        if (word.empty()) in.seekg(0);
        std::uint64_t number = 0;
        return in >> number ? std::optional(number) : std::nullopt;  // "max" is none
    }
    return {};
}

/// What a group of version 1 or 2 leaves; pages of files that it could drop are no use of memory.
std::optional<std::uint64_t> left_in(const std::filesystem::path& group) {
    struct Names {
        const char* limit;
        const char* used;
        const char* droppable;
    };
    constexpr std::array<Names, 2> versions = {
        {{"memory.max", "memory.current", "inactive_file"},
         {"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"}}};
    for (const Names& names : versions) {
        const auto limit = number_in(group / names.limit);
        const auto used = number_in(group / names.used);
        if (!limit || !used) continue;
        const std::uint64_t held =
            *used - std::min(*used, number_in(group / "memory.stat", names.droppable).value_or(0));
        return *limit - std::min(*limit, held);
    }
    return {};
}

/// Of all groups that this process is in, and those above them.
std::uint64_t left_in_groups() {
    std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
    std::ifstream groups("/proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {
        const std::size_t second = line.find(':', line.find(':') + 1);
        if (second == std::string::npos) continue;
        const bool is_of_memory = line.find(":memory:") != std::string::npos;
        if (!is_of_memory && !line.starts_with("0::")) continue;
        const std::filesystem::path root = is_of_memory ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup";
        const std::filesystem::path own = std::filesystem::path(line.substr(second + 1)).relative_path();
        for (std::filesystem::path group = own;; group = group.parent_path()) {
            if (const auto left = left_in(root / group)) least = std::min(least, *left);
            if (group.empty()) break;
        }
    }
    return least;
}

std::uint64_t left_of_address_space() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return std::numeric_limits<std::uint64_t>::max();
    const std::uint64_t used =
        number_in("/proc/self/statm").value_or(0) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return limit.rlim_cur - std::min<std::uint64_t>(limit.rlim_cur, used);
}

}  // namespace

std::uint64_t available_memory() {
    constexpr std::uint64_t kilobyte = 1024;
    const std::uint64_t of_machine =
        number_in("/proc/meminfo", "MemAvailable:").value_or(std::numeric_limits<std::uint64_t>::max() / kilobyte) *
        kilobyte;
    return std::min({of_machine, left_in_groups(), left_of_address_space()});
}

void require_memory(double bytes, const std::string& what, const std::string& advice) {
    constexpr double always = 1 << 26;  // not worth asking for
    if (bytes <= always) return;
    const auto available = static_cast<double>(available_memory());
    if (bytes > available)
        throw InvalidTrajectories(
            fmt::format("{} needs {} of memory, {} are free", what, bytes_text(bytes), bytes_text(available)), advice);
}

std::string bytes_text(double bytes) {
    constexpr double unit = 1000;
    constexpr std::array<const char*, 5> names = {"B", "kB", "MB", "GB", "TB"};
    std::size_t i = 0;
    while (bytes >= unit && i + 1 < names.size()) {
        bytes /= unit;
        ++i;
    }
    return fmt::format("{:.{}f} {}", bytes, bytes < 10 && i > 0 ? 1 : 0, names[i]);
}

}  // namespace repal
