module;
#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>
export module command.recordings;

import repal.progress;
export import repal.sheet;

namespace command {

/// The files of a command, or a sheet of files, and how they are to be read.
export struct RecordingOptions {
    std::vector<std::string> locations;
    std::string axes;
    std::string gaps = "refuse";
    std::vector<std::string> dt;
    std::string window;
    std::vector<std::string> inputs;
    std::vector<std::string> conditions;
};

/// Adds the files, at least `least`, and --axes, --gaps, --dt, --window, --inputs and --conditions to a subcommand.
export void add_recordings(CLI::App& sub, RecordingOptions& options, int least);

export struct ReadRecordings {
    std::vector<repal::Recording> recordings;
    std::optional<repal::Sheet> sheet = {};  ///< that they are from
};

/// The systems that the locations mean, or that are in the sheet. Throws InputError that names every file that cannot
/// be read.
export ReadRecordings read_recordings(const RecordingOptions& options, repal::Progress& progress);

}  // namespace command
