module;
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
module repal.store:child;

/// A library that a hostile file may crash or fill is called in a child process, and only what it writes comes back.
namespace repal {

/// What a child writes: numbers and texts, one after the other. It stops where nobody reads.
class Writer {
 public:
    explicit Writer(int pipe) : pipe_(pipe) {}

    void put(std::uint64_t number) const { bytes(&number, sizeof number); }
    void put(std::string_view text) const;
    void bytes(const void* data, std::size_t n) const;

 private:
    int pipe_;
};

/// A process that runs a function, and what it writes. It is ended with this.
class Child {
 public:
    /// `bytes`: of memory that it may take beyond what is taken; it ends by itself after some minutes of work. `kind`:
    /// of the file that it reads, for messages. Throws InputError if there can be no process.
    Child(std::uint64_t bytes, std::string kind, const std::function<void(const Writer&)>& work);
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child();

    /// What was put. Throws InputError if the child has ended, or writes nothing for minutes.
    std::uint64_t number();
    std::string text();
    void bytes(void* target, std::size_t n);

 private:
    [[noreturn]] void fail() const;

    std::string kind_;
    pid_t process_ = -1;
    int pipe_ = -1;
};

}  // namespace repal
