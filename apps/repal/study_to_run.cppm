module;

#include <filesystem>
#include <memory>
#include <string>

#include "commands.hpp"

export module command.study_to_run;

import repal.registry;
import repal.studies;

namespace command {

/// A study that is to go on or begin, and the file of its configuration.
export struct StudyToRun {
    std::string config_file;
    std::unique_ptr<repal::Study> study;
};

/// By the configuration that is given, else config.yaml, else that of the results. Throws InputError if networks that
/// are there would be made anew by one that nobody has named.
export StudyToRun study_to_run(const std::string& name, const repal::Registry& registry, const CommonOptions& common);

}  // namespace command
