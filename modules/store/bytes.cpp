module;
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <system_error>
module repal.bytes;

import repal.error;

namespace repal {
namespace {

class FileBytes final : public ByteSource {
 public:
    explicit FileBytes(const std::filesystem::path& file) : file_(file) {
        if (!file_.is_regular()) throw InputError("", "this is not a regular file");
    }

    std::uint64_t size() const override { return file_.size(); }

    void read(std::span<std::byte> target) override {
        while (!target.empty()) {
            const std::size_t count = file_.read_some(target);
            if (count == 0) throw InputError("", fmt::format("the file ends {} bytes early", target.size()));
            target = target.subspan(count);
        }
    }

    void verify() override {}

 private:
    ReadableFile file_;
};

}  // namespace

ByteSource::~ByteSource() = default;

std::unique_ptr<ByteSource> open_bytes(const std::filesystem::path& file) {
    return std::make_unique<FileBytes>(file);
}

ReadableFile::ReadableFile(const std::filesystem::path& file) {
    struct stat status{};
    if (::stat(file.c_str(), &status) != 0)
        throw InputError("", errno == ENOENT ? "no such file" : "cannot be read: " + system_error_text(errno));
    if (S_ISDIR(status.st_mode)) throw InputError("", "this is a directory, not a file");

    descriptor_ = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor_ < 0) throw InputError("", "cannot be read: " + system_error_text(errno));
    is_regular_ = S_ISREG(status.st_mode);
    size_ = static_cast<std::uint64_t>(status.st_size);
}

ReadableFile::~ReadableFile() {
    ::close(descriptor_);
}

std::size_t ReadableFile::read_some(std::span<std::byte> target) {
    for (;;) {
        const ssize_t count = ::read(descriptor_, target.data(), target.size());
        if (count >= 0) return static_cast<std::size_t>(count);
        if (errno != EINTR) throw InputError("", "cannot be read: " + system_error_text(errno));
    }
}

std::string system_error_text(int error_number) {
    return std::generic_category().message(error_number);
}

}  // namespace repal
