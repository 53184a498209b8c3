module;
#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
module repal.store;

import :child;
import repal.error;
import repal.file;

namespace repal {
namespace {

/// What this process has mapped.
[[maybe_unused]] std::uint64_t bytes_of_address_space() {
    std::uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

void limit([[maybe_unused]] std::uint64_t bytes) {
    constexpr rlim_t seconds = 300;
    const rlimit time{.rlim_cur = seconds, .rlim_max = seconds};
    setrlimit(RLIMIT_CPU, &time);
    // A sanitizer maps more than that before anything is read.
#if !defined(__SANITIZE_ADDRESS__) && !(defined(__has_feature) && __has_feature(address_sanitizer))
    const rlim_t most = bytes_of_address_space() + bytes;
    const rlimit memory{.rlim_cur = most, .rlim_max = most};
    setrlimit(RLIMIT_AS, &memory);
#endif
    const rlimit none{.rlim_cur = 0, .rlim_max = 0};
    setrlimit(RLIMIT_CORE, &none);
}

}  // namespace

void Writer::put(std::string_view text) const {
    put(text.size());
    bytes(text.data(), text.size());
}

void Writer::bytes(const void* data, std::size_t n) const {
    const char* next = static_cast<const char*>(data);
    while (n > 0) {
        const ssize_t written = ::write(pipe_, next, n);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) _exit(1);
        next += written;
        n -= static_cast<std::size_t>(written);
    }
}

Child::Child(std::uint64_t bytes, std::string kind, const std::function<void(const Writer&)>& work)
    : kind_(std::move(kind)) {
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) throw InputError("", "no pipe: " + system_error_text(errno));
    process_ = fork();
    if (process_ < 0) {
        const std::string cause = system_error_text(errno);
        close(ends[0]);
        close(ends[1]);
        throw InputError("", "no process: " + cause);
    }
    if (process_ == 0) {
        close(ends[0]);
        limit(bytes);
        work(Writer(ends[1]));
        _exit(0);
    }
    close(ends[1]);
    pipe_ = ends[0];
}

Child::~Child() {
    close(pipe_);
    kill(process_, SIGKILL);
    int status = 0;
    while (waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
}

std::uint64_t Child::number() {
    std::uint64_t value = 0;
    bytes(&value, sizeof value);
    return value;
}

std::string Child::text() {
    constexpr std::uint64_t longest = 1 << 16;
    const std::uint64_t length = number();
    if (length > longest) fail();
    std::string value(length, '\0');
    bytes(value.data(), value.size());
    return value;
}

void Child::bytes(void* target, std::size_t n) {
    auto* next = static_cast<char*>(target);
    while (n > 0) {
        constexpr int longest_wait = 120'000;  // ms
        pollfd waiting{.fd = pipe_, .events = POLLIN, .revents = 0};
        const int ready = poll(&waiting, 1, longest_wait);
        if (ready < 0 && errno == EINTR) continue;
        if (ready == 0) throw InputError("", fmt::format("reading it as a {} does not end", kind_));
        const ssize_t got = ::read(pipe_, next, n);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) fail();
        next += got;
        n -= static_cast<std::size_t>(got);
    }
}

void Child::fail() const {
    throw InputError("", fmt::format("the {} is damaged", kind_), "save it again");
}

}  // namespace repal
