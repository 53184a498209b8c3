module;
#include <filesystem>
#include <string>
module repal.store:hdf5;

import repal.trajectories;

namespace repal {

/// The dataset of an HDF5 or MATLAB 7.3 file; the only one of numbers if `dataset` is empty.
/// `axes` as for read_trajectories. Throws InputError.
Trajectories read_hdf5(const std::filesystem::path& file, const std::string& dataset, const std::string& axes);

}  // namespace repal
