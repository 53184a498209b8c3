module;
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
module repal.store;

import :bytes;
import repal.error;
import repal.file;

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

}  // namespace repal
