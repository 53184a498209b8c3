module;
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>
export module repal.recordings;

import repal.progress;
export import repal.experiment;
export import repal.store;

/// Systems that are read from the files of users.
namespace repal {

/// A location that a user names, and what is said of it there.
export struct RecordingLocation {
    std::string location;           ///< FILE[:OBJECT][SLICE][@AXES]; may mean several systems
    std::string folder = {};        ///< that FILE is in, with '/' at its end; not part of the names of systems
    std::string name = {};          ///< of the system; empty: its location
    std::optional<double> dt = {};  ///< the time of a step in s; none: what Reading::dt or the file says
    std::string where = {};         ///< "sheet.csv:3", for messages; empty: the location itself
    std::string inputs = {};        ///< location of an array (trial, time, input) of the same trials and steps
    std::string conditions = {};    ///< location of a whole number for each trial
};

/// A recording, and how it was read.
export struct Recording {
    NamedSystem system;
    std::string reading;
    std::size_t location;  ///< index of the one that it is from
};

/// All systems that the locations mean, told to `progress` with how they were read, and what of that may be meant
/// otherwise. Throws InputError that names every file that cannot be read.
export std::vector<Recording> read_recordings(std::span<const RecordingLocation> locations, const Reading& reading,
                                              Progress& progress);

/// A system that was read, or is in memory; random draws are keyed by its values. One of many may be held as floats, if
/// these are the same numbers: in half of the memory, and made anew for whoever looks.
export NamedSystem recorded(ReadSystem system, bool is_one_of_many = false);

/// Tells `progress` of the time of a step that they are brought to. Throws InputError if one cannot be.
export void tell_of_steps(const std::vector<NamedSystem>& systems, Progress& progress);

}  // namespace repal
