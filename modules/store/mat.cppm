module;
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
module repal.store:mat;

import :array_file;

namespace repal {

/// Whether a file that begins so is one of MATLAB 4, 5 or 7; that of 7.3 is HDF5.
bool is_mat(const std::string& start, std::uint64_t file_bytes);

/// Such a file: numbers, logicals, fields "s.x" of structs, and cell arrays, which are trials. libmatio reads it in a
/// child process, which a hostile file may crash or fill. Throws InputError.
std::unique_ptr<ArrayFile> open_mat(const std::filesystem::path& file);

}  // namespace repal
