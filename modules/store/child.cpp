module;
#include <fcntl.h>
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
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
module repal.store;

import :child;
import repal.error;
import repal.file;

namespace repal {
namespace {

// A sanitizer maps more than that before anything is read.
#if defined(__SANITIZE_ADDRESS__) || (defined(__has_feature) && __has_feature(address_sanitizer))
constexpr bool is_bounded = false;
#else
constexpr bool is_bounded = true;
#endif

/// What this process has mapped.
std::uint64_t bytes_of_address_space() {
    std::uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

/// What a library says when it aborts is not for users; what a sanitizer says is for its users.
void say_nothing() {
    if (!is_bounded) return;
    const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere >= 0) dup2(nowhere, STDERR_FILENO);
}

/// Of a processor, that a process has used; 0 if it has ended.
double seconds_of(pid_t process) {
    clockid_t clock{};
    timespec used{};
    if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &used) != 0) return 0;
    constexpr double nanosecond = 1e-9;
    return static_cast<double>(used.tv_sec) + nanosecond * static_cast<double>(used.tv_nsec);
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
        say_nothing();
        work(Writer(ends[1]));
        _exit(0);
    }
    close(ends[1]);
    socket_ = ends[0];
}

Child::~Child() {
    close(socket_);
    // A child has the memory of its parent, not its children.
    if (getpid() != parent_ || process_ < 0) return;
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
    // Time of a processor, so that neither a slow disk nor a stopped process is taken for one that does not end.
    constexpr double longest = 120;  // s
    constexpr int pause = 1000;      // ms
    const double begin = seconds_of(process_);
    auto* next = static_cast<char*>(target);
    while (n > 0) {
        pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
        const int ready = poll(&waiting, 1, pause);
        if (ready < 0 && errno == EINTR) continue;
        if (ready == 0 && seconds_of(process_) - begin > longest)
            throw InputError("", fmt::format("reading it as a {} does not end", kind_));
        if (ready == 0) continue;
        const ssize_t some = ::read(socket_, next, n);
        if (some < 0 && errno == EINTR) continue;
        if (some <= 0) fail();
        next += some;
        n -= static_cast<std::size_t>(some);
    }
}

void Child::fail() {
    // It has closed its end, and will be gone at once, or it does not keep to what was agreed.
    int status = 0;
    pid_t ended = 0;
    constexpr int most_pauses = 400;
    constexpr std::chrono::milliseconds pause(5);
    for (int i = 0; ended == 0 && i < most_pauses; ++i) {
        ended = waitpid(process_, &status, WNOHANG);
        if (ended == 0) std::this_thread::sleep_for(pause);
    }
    if (ended == process_) process_ = -1;
    if (ended > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        throw InputError("", fmt::format("the process that read the {} was killed", kind_),
                         "if memory was short, take a part of it, e.g. [0:10]");
    throw InputError("", fmt::format("the {} is damaged", kind_), "save it again");
}

}  // namespace repal
