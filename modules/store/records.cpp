module;
#include <fcntl.h>
#include <fmt/format.h>
#include <libdeflate.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
module repal.records;

import repal.error;
import repal.file;

namespace repal {
namespace {

constexpr std::string_view mark = "repalrec";
constexpr std::size_t head_bytes = 24;

std::uint32_t checksum(std::string_view bytes) {
    return ::libdeflate_crc32(0, bytes.data(), bytes.size());
}

template <class Number>
void add(std::string& head, Number number) {
    for (std::size_t i = 0; i < sizeof(Number); ++i) head += static_cast<char>((number >> (8 * i)) & 0xff);
}

template <class Number>
Number number_at(std::string_view head, std::size_t place) {
    Number number = 0;
    for (std::size_t i = 0; i < sizeof(Number); ++i)
        number |= static_cast<Number>(static_cast<unsigned char>(head[place + i])) << (8 * i);
    return number;
}

std::string head_of(std::string_view body) {
    std::string head(mark);
    add(head, static_cast<std::uint64_t>(body.size()));
    add(head, checksum(body));
    add(head, checksum(head));
    return head;
}

/// All of `target`, or what is left of the file.
std::size_t read_all(ReadableFile& file, std::string& target) {
    std::size_t filled = 0;
    while (filled < target.size()) {
        const std::size_t count =
            file.read_some(std::as_writable_bytes(std::span(target.data() + filled, target.size() - filled)));
        if (count == 0) break;
        filled += count;
    }
    return filled;
}

[[noreturn]] void fail(const std::filesystem::path& file) {
    throw InputError(file.string(), "cannot be written: " + system_error_text(errno));
}

/// Open to be written.
class Appended {
 public:
    explicit Appended(const std::filesystem::path& file)
        : file_(file), descriptor_(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) {
        if (descriptor_ < 0) {
            const int cause = errno;
            require_writable(file_);  // which may say more of why
            errno = cause;
            fail(file_);
        }
        struct stat found{};
        if (::fstat(descriptor_, &found) != 0) {
            const int cause = errno;
            ::close(descriptor_);
            errno = cause;
            fail(file_);
        }
        size_ = found.st_size;
    }
    Appended(const Appended&) = delete;
    Appended& operator=(const Appended&) = delete;
    ~Appended() { ::close(descriptor_); }

    void write(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) undo();
            bytes.remove_prefix(static_cast<std::size_t>(count));
        }
    }

    // Some file systems say only here that the disk is full.
    void flush() {
        if (::fsync(descriptor_) != 0) undo();
    }

    void cut(std::uint64_t bytes) {
        if (::ftruncate(descriptor_, static_cast<off_t>(bytes)) != 0) fail(file_);
    }

    bool is_new() const { return size_ == 0; }

 private:
    [[noreturn]] void undo() {
        const int cause = errno;
        // What cannot be taken back is damaged, and left out.
        if (::ftruncate(descriptor_, size_) != 0) errno = cause;
        errno = cause;
        fail(file_);
    }

    const std::filesystem::path& file_;
    int descriptor_;
    off_t size_ = 0;
};

}  // namespace

Records read_records(const std::filesystem::path& file, const std::function<void(std::string_view)>& use) {
    Records records;
    if (!is_there(file)) return records;
    try {
        ReadableFile readable(file);
        const std::uint64_t size = readable.size();
        std::string head(head_bytes, '\0');
        std::string body;
        while (records.whole_bytes < size) {
            const std::size_t in_head = read_all(readable, head);
            constexpr std::size_t before_own = head_bytes - sizeof(std::uint32_t);
            if (in_head < head_bytes || !head.starts_with(mark) ||
                number_at<std::uint32_t>(head, before_own) != checksum(std::string_view(head).substr(0, before_own)))
                break;
            const auto length = number_at<std::uint64_t>(head, mark.size());
            if (length > size - records.whole_bytes - head_bytes) break;
            body.resize(static_cast<std::size_t>(length));
            if (read_all(readable, body) < body.size() ||
                number_at<std::uint32_t>(head, mark.size() + sizeof(std::uint64_t)) != checksum(body))
                break;
            ++records.whole;
            records.whole_bytes += head_bytes + length;
            use(body);
        }
        records.damaged_bytes = size - records.whole_bytes;
    } catch (const InputError& error) {
        throw error.where().empty() ? error.at(file.string()) : error;
    }
    return records;
}

void cut_records(const std::filesystem::path& file, const Records& records) {
    if (records.damaged_bytes == 0) return;
    Appended appended(file);
    appended.cut(records.whole_bytes);
    appended.flush();
}

void append_record(const std::filesystem::path& file, std::string_view body) {
    std::error_code error;
    std::filesystem::create_directories(file.parent_path(), error);
    if (error)
        throw InputError(file.string(), fmt::format("the folder '{}' cannot be made: {}", file.parent_path().string(),
                                                    error.message()));
    Appended appended(file);
    // One write, so that what another process adds meanwhile comes before or after it.
    appended.write(head_of(body).append(body));
    appended.flush();
    if (appended.is_new()) flush_folder(file.parent_path());
}

}  // namespace repal
