module;
#include <filesystem>
#include <memory>
module repal.store:npz;

import :array_file;

namespace repal {

/// An archive of numpy.savez or numpy.savez_compressed. Throws InputError.
std::unique_ptr<ArrayFile> open_npz(const std::filesystem::path& file);

}  // namespace repal
