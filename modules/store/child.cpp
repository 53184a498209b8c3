module;
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
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
std::uint64_t bytes_of_address_space() {
    std::uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

/// Of a socket: all that was asked for, or nothing if there is no more.
bool got(int socket, void* target, std::size_t n) {
    for (auto* next = static_cast<char*>(target); n > 0;) {
        const ssize_t some = ::read(socket, next, n);
        if (some < 0 && errno == EINTR) continue;
        if (some <= 0) return false;
        next += some;
        n -= static_cast<std::size_t>(some);
    }
    return true;
}

bool sent(int socket, const void* data, std::size_t n) {
    for (const auto* next = static_cast<const char*>(data); n > 0;) {
        const ssize_t some = ::send(socket, next, n, MSG_NOSIGNAL);
        if (some < 0 && errno == EINTR) continue;
        if (some <= 0) return false;
        next += some;
        n -= static_cast<std::size_t>(some);
    }
    return true;
}

// A sanitizer maps more than that before anything is read.
#if defined(__SANITIZE_ADDRESS__) || (defined(__has_feature) && __has_feature(address_sanitizer))
constexpr bool is_bounded = false;
#else
constexpr bool is_bounded = true;
#endif

}  // namespace

MemoryBound::MemoryBound(std::uint64_t bytes) {
    getrlimit(RLIMIT_AS, &before_);
    rlimit bound = before_;
    bound.rlim_cur = std::min<rlim_t>(before_.rlim_cur, bytes_of_address_space() + bytes);
    if (is_bounded) setrlimit(RLIMIT_AS, &bound);
}

MemoryBound::~MemoryBound() {
    if (is_bounded) setrlimit(RLIMIT_AS, &before_);
}

void Writer::put(std::string_view text) const {
    put(text.size());
    bytes(text.data(), text.size());
}

void Writer::bytes(const void* data, std::size_t n) const {
    if (!sent(socket_, data, n)) _exit(1);
}

std::uint64_t Writer::number() const {
    std::uint64_t value = 0;
    if (!got(socket_, &value, sizeof value)) _exit(0);
    return value;
}

std::string Writer::text() const {
    std::string value(number(), '\0');
    if (!got(socket_, value.data(), value.size())) _exit(0);
    return value;
}

Child::Child(std::string kind, const std::function<void(const Writer&)>& work)
    : kind_(std::move(kind)), parent_(getpid()) {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw InputError("", "no socket: " + system_error_text(errno));
    process_ = fork();
    if (process_ < 0) {
        const std::string cause = system_error_text(errno);
        close(ends[0]);
        close(ends[1]);
        throw InputError("", "no process: " + cause);
    }
    if (process_ == 0) {
        close(ends[0]);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        const rlimit none{.rlim_cur = 0, .rlim_max = 0};
        setrlimit(RLIMIT_CORE, &none);
        work(Writer(ends[1]));
        _exit(0);
    }
    close(ends[1]);
    socket_ = ends[0];
}

Child::~Child() {
    close(socket_);
    if (getpid() != parent_) return;  // a child has the memory of its parent, not its children
    kill(process_, SIGKILL);
    int status = 0;
    while (waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
}

void Child::put(std::uint64_t number) {
    if (!sent(socket_, &number, sizeof number)) fail();
}

void Child::put(std::string_view text) {
    put(text.size());
    if (!sent(socket_, text.data(), text.size())) fail();
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
        pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
        const int ready = poll(&waiting, 1, longest_wait);
        if (ready < 0 && errno == EINTR) continue;
        if (ready == 0) throw InputError("", fmt::format("reading it as a {} does not end", kind_));
        const ssize_t some = ::read(socket_, next, n);
        if (some < 0 && errno == EINTR) continue;
        if (some <= 0) fail();
        next += some;
        n -= static_cast<std::size_t>(some);
    }
}

void Child::fail() const {
    throw InputError("", fmt::format("the {} is damaged", kind_), "save it again");
}

}  // namespace repal
