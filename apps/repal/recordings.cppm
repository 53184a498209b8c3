module;
#include <CLI/CLI.hpp>
#include <string>
#include <vector>
export module command.recordings;

import repal.progress;
export import repal.experiment;

namespace command {

/// The files of a command, and how they are to be read.
export struct RecordingOptions {
    std::vector<std::string> locations;
    std::string axes;
    std::string gaps = "refuse";
    std::vector<std::string> dt;
    std::string window;
};

/// Adds the files, at least `least`, and --axes, --gaps, --dt and --window to a subcommand.
export void add_recordings(CLI::App& sub, RecordingOptions& options, int least);

/// A recording, and how it was read.
export struct Recording {
    repal::NamedSystem system;
    std::string reading;
};

/// All systems that the locations mean, told to `progress` with how they were read, and what of that may be meant
/// otherwise. Throws InputError that names every file that cannot be read.
export std::vector<Recording> read_recordings(const RecordingOptions& options, repal::Progress& progress);

}  // namespace command
