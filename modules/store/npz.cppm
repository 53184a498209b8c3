module;
#include <filesystem>
#include <string>
export module repal.npz;

export import repal.archive;
import repal.trajectories;

namespace repal {

/// The array `member` (with or without ".npy") of an archive by numpy.savez or savez_compressed; the only one if
/// `member` is empty. `axes` as for read_trajectories. Throws InputError.
export Trajectories read_npz(const std::filesystem::path& file, const std::string& member, const std::string& axes);

/// The arrays under their names, and the attributes as texts, for numpy.load; whole or not at all, as write_file.
export void write_npz(const std::filesystem::path& file, const Archive& archive);

}  // namespace repal
