module;
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.process;

namespace repal {
namespace {

using Clock = std::chrono::steady_clock;

/// Whether the socket is ready for `events` before the deadline, or closed.
bool wait_for(int socket, short events, Clock::time_point deadline) {
    while (true) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
        pollfd entry{socket, events, 0};
        const int n = poll(&entry, 1, static_cast<int>(std::clamp<std::int64_t>(left + 1, 0, 1'000'000)));
        if (n > 0) return true;
        if (n == 0 && Clock::now() >= deadline) return false;
        if (n < 0 && errno != EINTR) return true;
    }
}

enum class Outcome : std::uint8_t { done, closed, late };

/// `transfer(data, size)` until all of the bytes are through.
template <class Transfer>
Outcome transfer_all(int socket, short events, char* data, std::size_t size, Clock::time_point deadline,
                     Transfer transfer) {
    while (size > 0) {
        if (!wait_for(socket, events, deadline)) return Outcome::late;
        const ssize_t n = transfer(socket, data, size);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (n <= 0) return Outcome::closed;
        data += n;
        size -= static_cast<std::size_t>(n);
    }
    return Outcome::done;
}

Outcome send_bytes(int socket, const Message& message, Clock::time_point deadline) {
    const std::uint64_t size = message.bytes().size();
    std::string framed(reinterpret_cast<const char*>(&size), sizeof size);
    framed += message.bytes();
    return transfer_all(
        socket, POLLOUT, framed.data(), framed.size(), deadline,
        [](int to, const char* data, std::size_t n) { return ::send(to, data, n, MSG_NOSIGNAL | MSG_DONTWAIT); });
}

Outcome receive_bytes(int socket, std::string& bytes, Clock::time_point deadline) {
    const auto take = [](int from, char* data, std::size_t n) { return ::recv(from, data, n, MSG_DONTWAIT); };
    std::uint64_t size = 0;
    const Outcome outcome = transfer_all(socket, POLLIN, reinterpret_cast<char*>(&size), sizeof size, deadline, take);
    if (outcome != Outcome::done) return outcome;
    // A size is what somebody else says: memory grows with what has come.
    constexpr std::uint64_t part = std::uint64_t{1} << 20;
    bytes.clear();
    while (bytes.size() < size) {
        const std::size_t before = bytes.size();
        bytes.resize(before + std::min(part, size - before));
        const Outcome of_part =
            transfer_all(socket, POLLIN, bytes.data() + before, bytes.size() - before, deadline, take);
        if (of_part != Outcome::done) return of_part;
    }
    return Outcome::done;
}

Clock::time_point after(double seconds) {
    return Clock::now() + std::chrono::milliseconds(static_cast<std::int64_t>(1000 * seconds));
}

constexpr double for_ever_s = 1e9;

/// What stops the program that starts workers, which is not for them.
sigset_t signals_of_the_program() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int number : {SIGINT, SIGTERM, SIGUSR1, SIGHUP}) sigaddset(&signals, number);
    return signals;
}

}  // namespace

Process::Process(const std::vector<std::string>& arguments) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        throw std::runtime_error(fmt::format("no socket for another process: {}", std::strerror(errno)));
    std::vector<char*> words;
    std::string name = "repal";
    words.push_back(name.data());
    std::vector<std::string> copies = arguments;
    for (std::string& word : copies) words.push_back(word.data());
    words.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], worker_socket);
    // Signals of a terminal or a cluster reach all processes; until it ignores them they wait.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    const sigset_t blocked = signals_of_the_program();
    posix_spawnattr_setsigmask(&attributes, &blocked);
    signal(SIGCHLD, SIG_DFL);  // inherited as ignored, it would hide how a process has ended
    const int failure = posix_spawn(&pid_, "/proc/self/exe", &actions, &attributes, words.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    socket_ = ends[0];
    if (failure == 0) return;
    close(socket_);
    throw std::runtime_error(fmt::format("no other process can be started: {}", std::strerror(failure)));
}

Process::~Process() {
    close(socket_);
    if (pid_ < 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
}

void Process::fail(bool is_late, double timeout_s) {
    if (pid_ < 0) throw NoAnswer("its process has ended", false);
    int status = 0;
    // One that has closed its socket is ending by itself, or is ended after two seconds.
    bool has_ended = waitpid(pid_, &status, WNOHANG) == pid_;
    for (int tries = 0; !is_late && !has_ended && tries < 200; ++tries) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        has_ended = waitpid(pid_, &status, WNOHANG) == pid_;
    }
    is_late = is_late && !has_ended;
    if (!has_ended) {
        kill(pid_, SIGKILL);
        waitpid(pid_, &status, 0);
    }
    pid_ = -1;
    if (is_late) throw NoAnswer(fmt::format("it did not answer within {} s", timeout_s), true);
    if (WIFSIGNALED(status))
        throw NoAnswer(fmt::format("it crashed: {} (signal {})", strsignal(WTERMSIG(status)), WTERMSIG(status)), false);
    throw NoAnswer(fmt::format("it ended its process, with exit code {}", WEXITSTATUS(status)), false);
}

void Process::send(const Message& message, double timeout_s) {
    const Outcome outcome = send_bytes(socket_, message, after(timeout_s));
    if (outcome != Outcome::done) fail(outcome == Outcome::late, timeout_s);
}

Message Process::receive(double timeout_s) {
    std::string bytes;
    const Outcome outcome = receive_bytes(socket_, bytes, after(timeout_s));
    if (outcome != Outcome::done) fail(outcome == Outcome::late, timeout_s);
    return Message(std::move(bytes));
}

std::optional<Message> receive(int socket) {
    std::string bytes;
    if (receive_bytes(socket, bytes, after(for_ever_s)) != Outcome::done) return {};
    return Message(std::move(bytes));
}

void send(int socket, const Message& message) {
    send_bytes(socket, message, after(for_ever_s));
}

void serve_as_worker(int socket) {
    for (const int number : {SIGINT, SIGTERM, SIGUSR1, SIGHUP}) signal(number, SIG_IGN);
    const sigset_t held = signals_of_the_program();
    sigprocmask(SIG_UNBLOCK, &held, nullptr);
    fcntl(socket, F_SETFD, FD_CLOEXEC);  // what a plugin starts may outlive it
    const rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    // A plugin that hangs reads no socket.
    std::thread([socket] {
        pollfd entry{socket, POLLRDHUP, 0};
        while (poll(&entry, 1, -1) <= 0) {
        }
        _exit(0);
    }).detach();
}

}  // namespace repal
