#pragma once

#include <string>

#include "commands.hpp"

namespace command {

/// How jobs are told what they would not assume: configuration, results and plugins, where these are not the usual
/// ones.
struct Submission {
    std::string plugins;    ///< before any command: "REPAL_PLUGIN_PATH=build ", with a blank, or nothing
    std::string arguments;  ///< of repal and sbatch/submit.sh: "neurotasks --results elsewhere"
    std::string settings;   ///< of a job script: "REPAL_STUDY=neurotasks REPAL_RESULTS=elsewhere"
};

/// Of a study that is run with this configuration file.
Submission submission_of(const std::string& study, const std::string& config, const CommonOptions& common);

}  // namespace command
