#include "submission.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <initializer_list>
#include <string>

#include "commands.hpp"

import command.load_plugins;
import repal.config;
import repal.file;
import repal.registry;

namespace command {
namespace {

/// Whether jobs would find the same configuration without being told.
bool is_assumed(const std::string& config, const CommonOptions& common) {
    if (common.is_config_given) return false;
    return config == common.config ||
           (std::filesystem::is_regular_file(common.config) &&
            repal::Config::load(common.config, {}).yaml() == repal::Config::load(config, {}).yaml());
}

/// For jobs, which inherit the environment.
std::string environment_of_plugins(const CommonOptions& common) {
    std::string text;
    if (!common.plugin_path.empty()) {
        std::string folders;
        for (const std::filesystem::path& folder : repal::plugin_path(common.plugin_path))
            if (folder != repal::own_plugins()) folders += (folders.empty() ? "" : ":") + folder.string();
        text += fmt::format("REPAL_PLUGIN_PATH={} ", command::quoted(folders));  // not std::quoted
    }
    if (common.is_isolated) text += "REPAL_ISOLATE=1 ";
    if (common.plugin_timeout_s != CommonOptions{}.plugin_timeout_s)
        text += fmt::format("REPAL_PLUGIN_TIMEOUT={} ", common.plugin_timeout_s);
    return text;
}

/// That of a folder where one works with repal, else the one that came with the program: in a package, installed,
/// beside the build folder of a source tree.
std::string folder_of_scripts() {
    const std::filesystem::path own = repal::installation();
    for (const std::filesystem::path& folder :
         {std::filesystem::path("sbatch"), own / "sbatch", own / "share/repal/sbatch", own / "../../sbatch"})
        if (std::filesystem::is_regular_file(folder / "submit.sh")) return quoted(folder.lexically_normal().string());
    return "sbatch";
}

}  // namespace

Submission submission_of(const std::string& study, const std::string& config, const CommonOptions& common) {
    const std::string plugins = environment_of_plugins(common);
    Submission submission{.plugins = plugins,
                          .program = plugins + common.program,
                          .scripts = folder_of_scripts(),
                          .arguments = study,
                          .settings = "REPAL_STUDY=" + study};
    const auto add = [&](const char* option, const char* setting, const std::string& value) {
        submission.arguments += option + quoted(value);
        submission.settings += setting + quoted(value);
    };
    if (common.results != "results") add(" --results ", " REPAL_RESULTS=", common.results);
    if (common.overrides.empty()) {
        if (!is_assumed(config, common)) add(" --config ", " REPAL_CONFIG=", config);
        return submission;
    }
    // What was said beside the file is in that of the results, if they were begun so.
    const std::string own = (std::filesystem::path(common.results) / study / "config.yaml").string();
    if (std::filesystem::is_regular_file(own) &&
        repal::Config::load(own).yaml() == repal::Config::load(config, common.overrides).yaml()) {
        add(" --config ", " REPAL_CONFIG=", own);
        return submission;
    }
    add(" --config ", " REPAL_CONFIG=", config);
    for (const std::string& text : common.overrides) submission.overrides += " --set " + quoted(text);
    return submission;
}

}  // namespace command
