module;
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <system_error>
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

/// To a file that no other process writes. What cannot be written is left out.
void append(const std::filesystem::path& results, const nlohmann::ordered_json& json) {
    utsname machine{};
    uname(&machine);
    const std::filesystem::path folder = results / "costs";
    std::error_code none;
    std::filesystem::create_directories(folder, none);
    const std::filesystem::path file = folder / fmt::format("{}-{}.jsonl", machine.nodename, ::getpid());
    const std::string line = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    // One write at the end: a whole line, whichever thread it is of.
    const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (descriptor < 0) return;
    [[maybe_unused]] const ssize_t written = ::write(descriptor, line.data(), line.size());
    ::close(descriptor);
}

struct Holding {
    int processors = 0;
    std::chrono::steady_clock::time_point begin = {};

    double core_seconds() const {
        return processors * std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    }
};

/// Of this process.
Holding& holding() {
    static Holding of_process;
    return of_process;
}

using UseRecord = std::function<void(const std::filesystem::path& file, const nlohmann::json& json)>;

void for_each_record(const std::filesystem::path& results, const UseRecord& use) {
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(results / "costs", none)) {
        if (entry.path().extension() != ".jsonl") continue;
        std::istringstream lines(read_file(entry.path()));
        // Of a full disk the last line may be half of one, which is no record.
        for (std::string line; std::getline(lines, line);)
            use(entry.path(), nlohmann::json::parse(line, nullptr, false));
    }
}

}  // namespace

void record_cost(const std::filesystem::path& results, const Item& item, double core_seconds) {
    append(results, {{"stage", item.stage},
                     {"cell", item.name},
                     {"key", item.key},
                     {"core_seconds", core_seconds},
                     {"peak_bytes", peak_bytes()},
                     {"held_core_seconds", holding().core_seconds()}});
}

void begin_holding(int processors) {
    holding() = {.processors = processors, .begin = std::chrono::steady_clock::now()};
}

void record_held(const std::filesystem::path& results) {
    append(results, {{"held_core_seconds", holding().core_seconds()}});
}

HeldCost read_held(const std::filesystem::path& results) {
    HeldCost cost;
    std::map<std::filesystem::path, double> last;  // of the process that a file is of
    for_each_record(results, [&](const std::filesystem::path& file, const nlohmann::json& json) {
        if (json.is_object() && json.contains("held_core_seconds") && json.at("held_core_seconds").is_number()) {
            const auto held = json.at("held_core_seconds").get<double>();
            double& before = last[file];
            // Another process may have had the same number.
            cost.held += held >= before ? held - before : held;
            before = held;
        }
        if (is_record(json)) cost.of_items += json.at("core_seconds").get<double>();
    });
    return cost;
}

std::map<std::string, StageCost> read_costs(const std::filesystem::path& results) {
    std::map<std::string, StageCost> stages;
    for_each_record(results, [&](const std::filesystem::path&, const nlohmann::json& json) {
        if (!is_record(json)) return;
        StageCost& stage = stages[json.at("stage")];
        stage.core_seconds[json.at("key")] += json.at("core_seconds").get<double>();
        stage.peak_bytes = std::max(stage.peak_bytes, json.at("peak_bytes").get<std::size_t>());
    });
    return stages;
}

}  // namespace repal
