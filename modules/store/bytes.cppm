module;
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
export module repal.bytes;

/// Bytes of a file in order. The errors of this and the other modules behind repal.store have an empty `where`;
/// read_trajectories puts the location there.
namespace repal {

/// A sequence of bytes of known length: a file, or a member of an archive.
export class ByteSource {
 public:
    ByteSource() = default;
    ByteSource(const ByteSource&) = delete;
    ByteSource& operator=(const ByteSource&) = delete;
    virtual ~ByteSource();

    /// Bytes in all. What an archive says about a member has been compared with what the archive can hold.
    virtual std::uint64_t size() const = 0;

    /// The next bytes. Throws InputError if they end before `target` is full.
    virtual void read(std::span<std::byte> target) = 0;

    /// To be called after the last byte. Throws InputError if a checksum says that they were wrong.
    virtual void verify() = 0;
};

/// Throws InputError if there is no such file, it is not a regular one, or it cannot be read.
export std::unique_ptr<ByteSource> open_bytes(const std::filesystem::path& file);

/// A file that was opened to be read; closed with the object.
export class ReadableFile {
 public:
    /// Throws InputError if there is no such file, it is a directory, or it cannot be read.
    explicit ReadableFile(const std::filesystem::path& file);
    ReadableFile(const ReadableFile&) = delete;
    ReadableFile& operator=(const ReadableFile&) = delete;
    ~ReadableFile();

    /// Of a regular file; nothing can be said about the others.
    std::uint64_t size() const { return size_; }
    bool is_regular() const { return is_regular_; }

    /// At least one byte, or zero bytes at the end. Throws InputError if the device fails.
    std::size_t read_some(std::span<std::byte> target);

 private:
    int descriptor_;
    std::uint64_t size_ = 0;
    bool is_regular_ = false;
};

/// "No space left on device" for ENOSPC, and so on.
export std::string system_error_text(int error_number);

}  // namespace repal
