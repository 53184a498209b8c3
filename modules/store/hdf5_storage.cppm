module;
#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <vector>
module repal.store:hdf5_storage;

/// What of a dataset is in the file: libhdf5 makes up the rest, or reads beyond it.
namespace repal {

/// The lengths of its dimensions, the last the fastest. Throws InputError if it is empty.
std::vector<hsize_t> extent(hid_t dataset);

/// Throws InputError with the way on if it is packed with a filter that is not here.
void require_filters(hid_t dataset);

/// Throws InputError if a part of its values is in no file. `in`: the file that it is in, which may name others.
/// Returns how many bytes each of its chunks has at least, also of those that it is made of; 0: it has none.
std::uint64_t require_stored(hid_t dataset, const std::filesystem::path& in);

/// Likewise of what is in this file alone.
std::uint64_t bytes_of_chunk(hid_t dataset);

/// Throws InputError: that many bytes are in a chunk.
[[noreturn]] void fail_for_short_chunk(std::uint64_t bytes, std::uint64_t whole);

/// Throws InputError if a chunk that is not packed is shorter than the others, which libhdf5 does not compare.
void require_whole_chunks(hid_t dataset);

}  // namespace repal
