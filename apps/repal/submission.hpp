#pragma once

#include <string>

#include "commands.hpp"

namespace command {

/// The words of a command that submits jobs, or goes on here. They name configuration, results and plugins where these
/// are not the ones that jobs would use by themselves.
struct Submission {
    std::string plugins;    ///< before any command: "REPAL_PLUGIN_PATH=build ", with a blank, or nothing
    std::string program;    ///< as it was called, after those: "REPAL_PLUGIN_PATH=build bin/repal"
    std::string scripts;    ///< the folder of job scripts as seen from here: "sbatch"
    std::string arguments;  ///< of repal and submit.sh: "neurotasks --results elsewhere"
    std::string overrides;  ///< of repal, which jobs do not get: " --set a.b=2"; empty: none, or the results have them
    std::string settings;   ///< of a job script: "REPAL_STUDY=neurotasks REPAL_RESULTS=elsewhere"

    std::string settled_arguments() const { return arguments + overrides; }
};

/// The submission of a study that is run with the configuration file `config`.
Submission submission_of(const std::string& study, const std::string& config, const CommonOptions& common);

}  // namespace command
