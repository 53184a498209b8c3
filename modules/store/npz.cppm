module;
#include <filesystem>
#include <string>
module repal.store:npz;

import repal.trajectories;

namespace repal {

/// The array `member` (with or without ".npy") of an archive by numpy.savez or savez_compressed; the only one if
/// `member` is empty. `axes` as for read_trajectories. Throws InputError.
Trajectories read_npz(const std::filesystem::path& file, const std::string& member, const std::string& axes);

}  // namespace repal
