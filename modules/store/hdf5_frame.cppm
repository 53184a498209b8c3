module;
#include <hdf5.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>
module repal.store:hdf5_frame;

import :array_file;
import :hdf5_values;

/// Tables as pandas writes them: blocks of columns of one type.
namespace repal {

bool is_frame(hid_t group);

/// All columns in their order, as one array, or as the trials that a column tells. Throws InputError.
std::vector<std::unique_ptr<StoredArray>> open_frame(Hdf5Reader& reader, const std::string& path,
                                                     const std::filesystem::path& in);

}  // namespace repal
