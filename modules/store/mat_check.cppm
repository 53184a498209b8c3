module;
#include <filesystem>
module repal.store:mat_check;

namespace repal {

/// Throws InputError if a file of MATLAB 5 or 7 was cut off or damaged: where an element ends behind the file, where
/// what is packed has another checksum or length, or where an array has more values than are there. libmatio reads
/// zeros then. Other files pass.
void require_whole_mat(const std::filesystem::path& file);

}  // namespace repal
