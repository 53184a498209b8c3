#include "submission.hpp"

#include <filesystem>
#include <string>

import repal.config;

namespace command {
namespace {

/// Whether jobs would find the same configuration without being told.
bool is_assumed(const std::string& config, const CommonOptions& common) {
    if (common.is_config_given) return false;
    return config == common.config ||
           (std::filesystem::is_regular_file(common.config) &&
            repal::Config::load(common.config, {}).yaml() == repal::Config::load(config, {}).yaml());
}

}  // namespace

Submission submission_of(const std::string& study, const std::string& config, const CommonOptions& common) {
    Submission submission{.arguments = study, .settings = "REPAL_STUDY=" + study};
    const auto add = [&](const char* option, const char* setting, const std::string& value) {
        submission.arguments += option + quoted(value);
        submission.settings += setting + quoted(value);
    };
    if (common.results != "results") add(" --results ", " REPAL_RESULTS=", common.results);
    if (!is_assumed(config, common)) add(" --config ", " REPAL_CONFIG=", config);
    return submission;
}

}  // namespace command
