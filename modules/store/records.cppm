module;
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
export module repal.records;

/// A file that grows by records while something runs. Each is there whole, or as if it had never been begun.
///
/// A record is a head of 24 bytes (8 that are always the same, the length of the body, the CRC-32 of the body and that
/// of the head before it; little-endian) and a body.
namespace repal {

/// What a file of records holds.
export struct Records {
    std::size_t whole = 0;            ///< records
    std::uint64_t whole_bytes = 0;    ///< of these
    std::uint64_t damaged_bytes = 0;  ///< after them: a record that was being written when the process ended
};

/// Calls `use` with the body of each whole record, in order. A file that is not there has none; all of another file is
/// damaged. Throws InputError if it cannot be read.
export Records read_records(const std::filesystem::path& file, const std::function<void(std::string_view)>& use);

/// Leaves the whole records alone, so that others can follow. Throws InputError if it cannot be written.
export void cut_records(const std::filesystem::path& file, const Records& records);

/// Adds one to the end, on the disk when this returns; folders above the file are made. Throws InputError if the place
/// cannot be written or is full, and then leaves the file as it was.
export void append_record(const std::filesystem::path& file, std::string_view body);

}  // namespace repal
