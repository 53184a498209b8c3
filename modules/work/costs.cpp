module;
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
module repal.costs;

import repal.file;

namespace repal {
namespace {

std::size_t peak_bytes() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

bool is_record(const nlohmann::json& json) {
    const auto has_text = [&](const char* name) { return json.contains(name) && json.at(name).is_string(); };
    const auto has_number = [&](const char* name) { return json.contains(name) && json.at(name).is_number(); };
    return json.is_object() && has_text("stage") && has_text("key") && has_number("core_seconds") &&
           has_number("peak_bytes");
}

}  // namespace

void record_cost(const std::filesystem::path& results, const Item& item, double core_seconds) {
    utsname machine{};
    uname(&machine);
    const std::filesystem::path folder = results / "costs";
    std::error_code none;
    std::filesystem::create_directories(folder, none);
    const std::filesystem::path file = folder / fmt::format("{}-{}.jsonl", machine.nodename, ::getpid());
    const nlohmann::ordered_json json = {{"stage", item.stage},
                                         {"cell", item.name},
                                         {"key", item.key},
                                         {"core_seconds", core_seconds},
                                         {"peak_bytes", peak_bytes()}};
    const std::string line = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    // One write at the end of a file that no other process writes: a whole line, whichever thread it is of.
    const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (descriptor < 0) return;
    [[maybe_unused]] const ssize_t written = ::write(descriptor, line.data(), line.size());
    ::close(descriptor);
}

std::map<std::string, StageCost> read_costs(const std::filesystem::path& results) {
    std::map<std::string, StageCost> stages;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(results / "costs", none)) {
        if (entry.path().extension() != ".jsonl") continue;
        std::istringstream lines(read_file(entry.path()));
        for (std::string line; std::getline(lines, line);) {
            const auto json = nlohmann::json::parse(line, nullptr, false);
            if (!is_record(json)) continue;  // e.g. the last line of a full disk
            StageCost& stage = stages[json.at("stage")];
            stage.core_seconds[json.at("key")] += json.at("core_seconds").get<double>();
            stage.peak_bytes = std::max(stage.peak_bytes, json.at("peak_bytes").get<std::size_t>());
        }
    }
    return stages;
}

}  // namespace repal
