module;
#include <cstddef>
#include <optional>
#include <string>
#include <vector>
export module repal.store;

export import :archive;
export import :reading;
export import repal.trajectories;

/// Reading the arrays of users, and results in HDF5.
namespace repal {

/// A system that was read.
export struct ReadSystem {
    std::string name;  ///< the location, or that of one of several that it means
    Trajectories x;
    std::vector<std::size_t> units = {};        ///< which trial each of x is a piece of; empty: each is a whole one
    std::vector<std::string> trial_names = {};  ///< that files give them; empty: they have only an order
    std::size_t file_trials = 0;                ///< that the file holds
    std::vector<std::size_t> places = {};       ///< of each trial of x among them; empty: it has them all
    std::optional<double> begins = {};          ///< the time in s that the file tells of each trial's first step
    bool is_cut = false;                        ///< steps or trials that are missing were taken out
    bool are_steps_cut = false;                 ///< and not only whole trials
    std::string reading;                        ///< how: "80 trials x 60 steps x 40 channels (time, channel of x)"
    std::vector<std::string> warnings = {};     ///< what of that may be meant otherwise
    std::string step_beside = {};               ///< "fs = 100", a number in the file that may tell the time of a step
    bool has_named_axes = false;                ///< by the user or the file
};

/// The systems that a location means: FILE[:OBJECT][SLICE][@AXES].
///
/// FILE: NumPy (.npy, .npz), HDF5 of any name (MATLAB 7.3, Octave, NetCDF 4, NWB, pandas), .csv and .tsv, known by
/// their first bytes. OBJECT: a member or dataset, a MATLAB field "s.x" or cell of trials; it may be left out if one
/// array among scalars and vectors is there. Wildcards in both make systems, "trial*+" the trials of one. SLICE: [3],
/// [:,100:200], in the order that is stored; [*] makes a system of every entry. AXES name the dimensions that are left:
/// "channel,time"; else what the file says, else (time), (time, channel), (trial, time, channel). What is not named has
/// length one; time must be.
/// A name that exists literally is a file. Any real type of number; integers beyond 2^53 are rounded. The dimensions of
/// a MATLAB array are those that the user of MATLAB sees.
/// Throws InputError with the location as it was given.
export std::vector<ReadSystem> read_systems(const std::string& location, const Reading& reading = {});

/// The files of a location. Throws InputError if wildcards match none.
export std::vector<std::string> files_in(const std::string& location);

/// One system.
export Trajectories read_trajectories(const std::string& location, const std::string& axes = {});

}  // namespace repal
