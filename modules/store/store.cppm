module;
#include <string>
export module repal.store;

export import :archive;
export import repal.trajectories;

/// Reading the arrays of users, and results in HDF5.
namespace repal {

/// One array of a file, as trajectories.
///
/// `location`: "a.npy", "b.npz:member", "c.h5:/dataset" (also .hdf5, and .mat of MATLAB 7.3). Member and dataset may
/// be left out if the file holds one array only.
/// `axes` names the dimensions of the array, e.g. "time,trial,channel" or "channel,time"; without it two dimensions
/// are (time, channel) and three are (trial, time, channel). What is not named has length one; time must be.
/// Any real type of number; integers beyond 2^53 are rounded. The dimensions of a MATLAB array are those that the
/// user of MATLAB sees.
/// Throws InputError with the location as it was given.
export Trajectories read_trajectories(const std::string& location, const std::string& axes = {});

}  // namespace repal
