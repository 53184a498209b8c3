module;
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <system_error>
module repal.store;

import :bytes;
import repal.error;
import repal.file;

namespace repal {
namespace {

class FileBytes final : public ByteSource {
 public:
    explicit FileBytes(const std::filesystem::path& file) : file_(seekable(file)) {}

    std::uint64_t size() const override { return file_.size(); }

    void read(std::span<std::byte> target) override {
        while (!target.empty()) {
            const std::size_t count = file_.read_some(target);
            if (count == 0) throw InputError("", fmt::format("the file ends {} bytes early", target.size()));
            target = target.subspan(count);
        }
    }

    void skip(std::uint64_t bytes) override { file_.skip(bytes); }

    void verify() override {}

 private:
    /// Asked before it is opened: a pipe would wait for somebody who writes.
    static std::filesystem::path seekable(const std::filesystem::path& file) {
        std::error_code none;
        const auto status = std::filesystem::status(file, none);
        if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status) &&
            !std::filesystem::is_directory(status))
            throw InputError("", "this is not a regular file");
        return file;
    }

    ReadableFile file_;
};

}  // namespace

ByteSource::~ByteSource() = default;

std::unique_ptr<ByteSource> open_bytes(const std::filesystem::path& file) {
    return std::make_unique<FileBytes>(file);
}

}  // namespace repal
