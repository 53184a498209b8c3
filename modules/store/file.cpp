module;
#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <link.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
module repal.file;

import repal.error;

namespace repal {
namespace {

// A new file beside the one that is to be written; gone with the object, unless it was given its final name.
class TemporaryFile {
 public:
    explicit TemporaryFile(const std::filesystem::path& folder) : folder_(folder) {
        static std::atomic<unsigned> count = 0;
        do {
            path_ = folder / fmt::format(".repal-{}-{}.tmp", ::getpid(), count++);
            descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        } while (descriptor_ < 0 && errno == EEXIST);
        if (descriptor_ < 0) fail();
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() {
        if (descriptor_ >= 0) ::close(descriptor_);
        if (!path_.empty()) ::unlink(path_.c_str());
    }

    void write(std::string_view content) {
        while (!content.empty()) {
            const ssize_t count = ::write(descriptor_, content.data(), content.size());
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) fail();
            content.remove_prefix(static_cast<std::size_t>(count));
        }
    }

    // Some file systems say only here that the disk is full.
    void flush() {
        if (::fsync(descriptor_) != 0) fail();
        const int closed = ::close(descriptor_);
        descriptor_ = -1;
        if (closed != 0 && errno != EINTR) fail();
    }

    void rename(const std::filesystem::path& name) {
        if (::rename(path_.c_str(), name.c_str()) != 0) fail();
        path_.clear();
    }

 private:
    [[noreturn]] void fail() const {
        const int cause = errno;
        struct statvfs system{};
        const bool has_no_inodes =
            cause == ENOSPC && ::statvfs(folder_.c_str(), &system) == 0 && system.f_files > 0 && system.f_favail == 0;
        throw InputError("", "cannot be written: " + system_error_text(cause) +
                                 (has_no_inodes ? ": it holds as many files as it can" : ""));
    }

    std::filesystem::path folder_;
    std::filesystem::path path_;
    int descriptor_ = -1;
};

// Where a symbolic link leads. Renaming onto a device or a pipe would replace it by a file, so these are refused.
std::filesystem::path destination(const std::filesystem::path& file) {
    if (file.filename().empty()) throw InputError("", "cannot be written: this is not the name of a file");
    std::error_code error;
    const auto status = std::filesystem::status(file, error);
    if (error == std::errc::too_many_symbolic_link_levels)
        throw InputError("", "cannot be written: " + error.message());
    if (!std::filesystem::exists(status))
        return std::filesystem::is_symlink(std::filesystem::symlink_status(file, error))
                   ? destination(file.parent_path() / std::filesystem::read_symlink(file))
                   : file;
    if (std::filesystem::is_directory(status)) throw InputError("", "cannot be written: this is a directory");
    if (!std::filesystem::is_regular_file(status))
        throw InputError("", "cannot be written: this is not a regular file");
    const auto target = std::filesystem::canonical(file, error);
    return error ? file : target;
}

void make_folder(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error)
        throw InputError("", fmt::format("the folder '{}' cannot be made: {}", folder.string(), error.message()));
}

}  // namespace

void flush_folder(const std::filesystem::path& folder) {
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return;  // a folder that may be written but not read
    const bool is_flushed = ::fsync(descriptor) == 0 || errno == EINVAL;
    const int cause = errno;
    ::close(descriptor);
    if (!is_flushed) throw InputError("", "its folder cannot be flushed: " + system_error_text(cause));
}

void write_file(const std::filesystem::path& file, std::string_view content) {
    try {
        const auto target = destination(file);
        const auto folder = target.has_parent_path() ? target.parent_path() : std::filesystem::path(".");
        make_folder(folder);
        TemporaryFile temporary(folder);
        temporary.write(content);
        temporary.flush();
        temporary.rename(target);
        flush_folder(folder);
    } catch (const InputError& error) {
        throw error.at(file.string());
    }
}

void require_writable(const std::filesystem::path& file) {
    try {
        auto folder = std::filesystem::absolute(destination(file)).parent_path();
        std::error_code none;
        while (!std::filesystem::exists(folder, none) && folder.has_parent_path() && folder != folder.root_path())
            folder = folder.parent_path();
        const TemporaryFile temporary(folder);
    } catch (const InputError& error) {
        throw error.at(file.string());
    }
}

std::string read_utf8(const std::filesystem::path& file) {
    std::string text = read_file(file);
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
        throw InputError(file.string(), "a text in UTF-16", "save it in UTF-8 ('CSV UTF-8' of spreadsheets)");
    constexpr std::string_view mark = "\xef\xbb\xbf";
    if (text.starts_with(mark)) text.erase(0, mark.size());
    return text;
}

std::string read_file(const std::filesystem::path& file) {
    try {
        ReadableFile readable(file);
        std::string content;
        std::array<std::byte, 65536> part;
        while (const std::size_t count = readable.read_some(part))
            content.append(reinterpret_cast<const char*>(part.data()), count);
        return content;
    } catch (const InputError& error) {
        throw error.at(file.string());
    }
}

bool is_there(const std::filesystem::path& file) {
    std::error_code none;
    if (std::filesystem::is_regular_file(file, none)) return true;
    // Opening a folder makes the client ask.
    for (std::filesystem::path folder = file; folder.has_parent_path() && folder != folder.root_path();) {
        folder = folder.parent_path();
        const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (descriptor < 0) continue;
        ::close(descriptor);
        break;
    }
    return std::filesystem::is_regular_file(file, none);
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

void ReadableFile::skip(std::uint64_t bytes) {
    if (::lseek(descriptor_, static_cast<off_t>(bytes), SEEK_CUR) < 0)
        throw InputError("", "cannot be read: " + system_error_text(errno));
}

std::string system_error_text(int error_number) {
    return std::generic_category().message(error_number);
}

std::filesystem::path installation() {
    Dl_info info{};
    link_map* object = nullptr;
    const bool is_found = dladdr1(reinterpret_cast<const void*>(&installation), &info,
                                  reinterpret_cast<void**>(&object), RTLD_DL_LINKMAP) != 0;
    // The program itself has no name there.
    const bool is_library = is_found && object != nullptr && object->l_name != nullptr && *object->l_name != '\0';
    const std::filesystem::path file =
        is_library ? std::filesystem::canonical(object->l_name) : std::filesystem::read_symlink("/proc/self/exe");
    return file.parent_path().parent_path();
}

}  // namespace repal
