module;
#include <filesystem>
#include <memory>
module repal.store:hdf5;

import :array_file;

namespace repal {

/// A file of HDF5, whoever wrote it: h5py, MATLAB 7.3 (with the dimensions that MATLAB shows), Octave, NetCDF 4, NWB,
/// pandas. Throws InputError.
std::unique_ptr<ArrayFile> open_hdf5_arrays(const std::filesystem::path& file);

}  // namespace repal
