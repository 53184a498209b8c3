module;
#include <sys/types.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>
export module repal.process;

export import repal.message;

/// Processes of this program that answer messages of another one, over a socket.
namespace repal {

/// Where a process that was started by Process finds its socket.
export inline constexpr int worker_socket = 3;

/// A process did not answer; says why, e.g. "it crashed: Segmentation fault (signal 11)".
export class NoAnswer : public std::runtime_error {
 public:
    NoAnswer(const std::string& cause, bool is_late) : std::runtime_error(cause), is_late_(is_late) {}
    bool is_late() const { return is_late_; }

 private:
    bool is_late_;
};

export class Process {
 public:
    /// Starts this program with other arguments. Throws std::runtime_error if that is not possible.
    explicit Process(const std::vector<std::string>& arguments);
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    /// Ends it, whatever it does.
    ~Process();

    /// Throws NoAnswer if it is gone, or does not take the message within `timeout_s`.
    void send(const Message& message, double timeout_s);

    /// Throws NoAnswer if it is gone, or silent for `timeout_s`; it is ended then.
    Message receive(double timeout_s);

 private:
    [[noreturn]] void fail(bool is_late, double timeout_s);

    pid_t pid_ = -1;
    int socket_ = -1;
};

/// In the process that answers: waits for the next message; none when the process that asks is gone.
export std::optional<Message> receive(int socket);
export void send(int socket, const Message& message);

/// Lets the calling process end with the one that started it, survive the signals that are meant for that one, leave no
/// core files, and print what it prints to the standard error stream.
export void serve_as_worker(int socket);

}  // namespace repal
