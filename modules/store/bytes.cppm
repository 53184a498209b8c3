module;
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
module repal.store:bytes;

/// Bytes of a file in order. The errors of this and the other partitions of repal.store have an empty `where`;
/// read_trajectories puts the location there.
namespace repal {

/// A sequence of bytes of known length: a file, or a member of an archive.
class ByteSource {
 public:
    ByteSource() = default;
    ByteSource(const ByteSource&) = delete;
    ByteSource& operator=(const ByteSource&) = delete;
    virtual ~ByteSource();

    /// Bytes in all. What an archive says about a member has been compared with what the archive can hold.
    virtual std::uint64_t size() const = 0;

    /// The next bytes. Throws InputError if they end before `target` is full.
    virtual void read(std::span<std::byte> target) = 0;

    /// Reading goes on so many bytes later, which there must be.
    virtual void skip(std::uint64_t bytes) = 0;

    /// To be called after the last byte. Throws InputError if a checksum says that they were wrong.
    virtual void verify() = 0;
};

/// Throws InputError if there is no such file, it is not a regular one, or it cannot be read.
std::unique_ptr<ByteSource> open_bytes(const std::filesystem::path& file);

}  // namespace repal
