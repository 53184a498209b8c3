module;
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zip.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
module repal.store;

import :array_file;
import :bytes;
import :location;
import :npy;
import :npz;
import repal.error;

namespace repal {
namespace {

struct Discard {
    void operator()(zip_t* archive) const { zip_discard(archive); }
    void operator()(zip_file_t* member) const { zip_fclose(member); }
};
using ZipArchive = std::unique_ptr<zip_t, Discard>;

ZipArchive open_archive(const std::filesystem::path& file) {
    open_bytes(file);  // says better than libzip why a file cannot be read
    int code = 0;
    if (zip_t* archive = zip_open(file.c_str(), ZIP_RDONLY, &code)) return ZipArchive(archive);
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string cause = zip_error_strerror(&error);
    zip_error_fini(&error);
    throw InputError("", "not an archive of NumPy: " + cause, "write it with numpy.savez");
}

struct Member {
    std::string name;  // without .npy
    std::uint64_t index;
};

std::vector<Member> members(zip_t* archive) {
    constexpr std::string_view extension = ".npy";
    std::vector<Member> found;
    const zip_int64_t count = zip_get_num_entries(archive, 0);
    for (zip_int64_t i = 0; i < count; ++i) {
        const auto index = static_cast<zip_uint64_t>(i);
        const char* name = zip_get_name(archive, index, 0);
        if (name == nullptr || !std::string_view(name).ends_with(extension)) continue;
        found.push_back({std::string(name, std::string_view(name).size() - extension.size()), index});
    }
    std::ranges::sort(found, naturally_precedes, &Member::name);
    return found;
}

// A member of an archive, unpacked as it is read.
class MemberBytes final : public ByteSource {
 public:
    MemberBytes(zip_t* archive, std::uint64_t index, std::uint64_t archive_bytes) {
        zip_stat_t status;
        constexpr zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
        if (zip_stat_index(archive, index, 0, &status) != 0 || (status.valid & needed) != needed)
            throw InputError("", fmt::format("the archive is damaged: {}", zip_strerror(archive)));
        if (status.comp_method != ZIP_CM_STORE && status.comp_method != ZIP_CM_DEFLATE)
            throw InputError("", "the archive is packed in a way that NumPy does not know",
                             "write it with numpy.savez or numpy.savez_compressed");

        // Deflate packs 258 bytes into two bits at best.
        constexpr std::uint64_t largest_ratio = 1032;
        const std::uint64_t ratio = status.comp_method == ZIP_CM_STORE ? 1 : largest_ratio;
        if (status.comp_size > archive_bytes || status.size / ratio > status.comp_size)
            throw InputError(
                "", fmt::format("the archive is damaged: {} bytes cannot hold {}", archive_bytes, status.size));
        size_ = status.size;
        member_.reset(zip_fopen_index(archive, index, 0));
        if (!member_) throw InputError("", fmt::format("cannot be unpacked: {}", zip_strerror(archive)));
    }

    std::uint64_t size() const override { return size_; }

    void read(std::span<std::byte> target) override {
        while (!target.empty()) {
            const std::size_t count = read_some(target);
            if (count == 0) throw InputError("", fmt::format("the archive ends {} bytes early", target.size()));
            target = target.subspan(count);
        }
    }

    void skip(std::uint64_t bytes) override {
        std::vector<std::byte> passed(std::min<std::uint64_t>(bytes, 1 << 16));
        for (std::uint64_t left = bytes; left > 0; left -= std::min<std::uint64_t>(left, passed.size()))
            read(std::span(passed).first(std::min<std::uint64_t>(left, passed.size())));
    }

    // libzip compares the checksum when it comes to the end.
    void verify() override {
        std::byte beyond;
        if (read_some({&beyond, 1}) != 0) throw InputError("", "the archive is damaged: bytes follow the array");
    }

 private:
    std::size_t read_some(std::span<std::byte> target) {
        const zip_int64_t count = zip_fread(member_.get(), target.data(), target.size());
        if (count < 0) throw InputError("", fmt::format("cannot be unpacked: {}", zip_file_strerror(member_.get())));
        return static_cast<std::size_t>(count);
    }

    std::unique_ptr<zip_file_t, Discard> member_;
    std::uint64_t size_ = 0;
};

class NpzFile final : public ArrayFile {
 public:
    explicit NpzFile(const std::filesystem::path& file)
        : bytes_(std::filesystem::file_size(file)), archive_(open_archive(file)), members_(members(archive_.get())) {}

    std::vector<ArrayEntry> arrays() override {
        std::vector<ArrayEntry> entries;
        for (const Member& member : members_) {
            ArrayEntry entry{.name = member.name};
            try {
                entry.dimensions = opened(member)->dimensions;
            } catch (const InputError& error) {
                entry.refused = error.problem();
                try {
                    entry.dimensions = npy_dimensions(*bytes_of(member));
                } catch (const InputError&) {  // NOLINT(bugprone-empty-catch): it is refused already
                }
            }
            entries.push_back(std::move(entry));
        }
        return entries;
    }

    std::vector<std::unique_ptr<StoredArray>> open(const std::string& name) override {
        std::vector<std::unique_ptr<StoredArray>> found;
        for (const Member& member : members_) {
            if (member.name != name) continue;
            if (!found.empty()) throw InputError("", fmt::format("the archive has more than one array '{}'", name));
            found.push_back(opened(member));
        }
        return found;
    }

 private:
    std::unique_ptr<ByteSource> bytes_of(const Member& member) const {
        return std::make_unique<MemberBytes>(archive_.get(), member.index, bytes_);
    }

    std::unique_ptr<StoredArray> opened(const Member& member) const { return open_npy(bytes_of(member)); }

    std::uint64_t bytes_;
    ZipArchive archive_;
    std::vector<Member> members_;
};

}  // namespace

std::unique_ptr<ArrayFile> open_npz(const std::filesystem::path& file) {
    return std::make_unique<NpzFile>(file);
}

}  // namespace repal
