module;
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
export module repal.file;

/// Files, whole or not at all.
namespace repal {

/// All of a text file. Throws InputError if it cannot be read.
export std::string read_file(const std::filesystem::path& file);

/// The same without the mark that spreadsheets begin UTF-8 with. Throws InputError, too, if it is in UTF-16.
export std::string read_utf8(const std::filesystem::path& file);

/// The file appears whole or not at all, also when the machine stops: written beside, flushed, renamed. A file of that
/// name is replaced, through a symbolic link too; folders above it are made.
/// Throws InputError if the place cannot be written or is full, and then leaves nothing behind.
export void write_file(const std::filesystem::path& file, std::string_view content);

/// The names in a folder are on the disk when this returns. Throws InputError if they cannot be.
export void flush_folder(const std::filesystem::path& folder);

/// Before hours of work: throws as write_file(), if that cannot write there now. Leaves nothing behind.
export void require_writable(const std::filesystem::path& file);

/// A file that was opened to be read; closed with the object.
export class ReadableFile {
 public:
    /// Throws InputError if there is no such file, it is a directory, or it cannot be read.
    explicit ReadableFile(const std::filesystem::path& file);
    ReadableFile(const ReadableFile&) = delete;
    ReadableFile& operator=(const ReadableFile&) = delete;
    ~ReadableFile();

    /// How many bytes a regular file has; of another one, e.g. a pipe, that is not known.
    std::uint64_t size() const { return size_; }
    bool is_regular() const { return is_regular_; }

    /// At least one byte, or zero bytes at the end. Throws InputError if the device fails.
    std::size_t read_some(std::span<std::byte> target);

    /// Of a regular file: reading goes on so many bytes later.
    void skip(std::uint64_t bytes);

 private:
    int descriptor_;
    std::uint64_t size_ = 0;
    bool is_regular_ = false;
};

/// Whether there is a regular file of this name. The server of a network file system is asked again: its client may
/// remember for a minute that there was none.
export bool is_there(const std::filesystem::path& file);

/// The folder that the running program, or the library that this is in, is installed in: that of bin/, lib/ and share/.
export std::filesystem::path installation();

/// "No space left on device" for ENOSPC, and so on.
export std::string system_error_text(int error_number);

}  // namespace repal
