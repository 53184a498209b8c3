module;

#include <fmt/format.h>

#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

#include "commands.hpp"

module command.study_to_run;

import repal.config;
import repal.error;

namespace command {
namespace {

/// Whether the networks are those of this file.
bool goes_on(const std::filesystem::path& file, const std::string& name, const std::filesystem::path& results,
             const repal::Registry& registry) {
    if (!std::filesystem::is_regular_file(file)) return false;
    try {
        return repal::make_study(name, repal::Config::load(file), registry)->n_replaced(results) == 0;
    } catch (const repal::InputError&) {
        return false;  // somebody has damaged it
    }
}

}  // namespace

StudyToRun study_to_run(const std::string& name, const repal::Registry& registry, const CommonOptions& common) {
    const std::filesystem::path results = std::filesystem::path(common.results) / name;
    std::string file = config_to_run(results, common);
    auto study = repal::make_study(name, repal::Config::load(file, common.overrides), registry);
    const std::size_t n_replaced = common.is_config_given ? 0 : study->n_replaced(results);
    if (n_replaced == 0) return {.config_file = std::move(file), .study = std::move(study)};

    std::string ways = fmt::format("--config {}", command::quoted(file));
    for (const std::string& override : common.overrides) ways += " --set " + command::quoted(override);
    ways += " replaces them";
    for (const char* own : {"networks.yaml", "config.yaml"}) {
        if (!goes_on(results / own, name, results, registry)) continue;
        ways = fmt::format("--config {} goes on with theirs, {}", command::quoted((results / own).string()), ways);
        break;
    }
    throw repal::InputError(
        file,
        fmt::format("it would replace {} in {} that another configuration has trained",
                    n_replaced == 1 ? "a network" : fmt::format("{} networks", n_replaced), results.string()),
        ways);
}

}  // namespace command
