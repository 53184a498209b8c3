module;
#include <sys/resource.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
module repal.store:child;

/// A library that a hostile file may crash or fill is called in a child process, and only what it writes comes back.
namespace repal {

/// What a child writes: numbers and texts, one after the other. It ends where nobody reads.
class Writer {
 public:
    explicit Writer(int socket) : socket_(socket) {}

    void put(std::uint64_t number) const { bytes(&number, sizeof number); }
    void put(std::string_view text) const;
    void bytes(const void* data, std::size_t n) const;

    /// What it is told. It ends where nobody is left to tell it anything.
    std::uint64_t number() const;
    std::string text() const;

 private:
    int socket_;
};

/// As long as this lives, its process can take that many bytes of memory more than it has.
class MemoryBound {
 public:
    explicit MemoryBound(std::uint64_t bytes);
    MemoryBound(const MemoryBound&) = delete;
    MemoryBound& operator=(const MemoryBound&) = delete;
    ~MemoryBound();

 private:
    rlimit before_{};
};

/// A process that runs a function, and what it writes. It is ended with this.
class Child {
 public:
    /// `kind`: of the file that it reads, for messages. Throws InputError if there can be no process.
    Child(std::string kind, const std::function<void(const Writer&)>& work);
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child();

    /// Tells it something. Throws InputError if it has ended.
    void put(std::uint64_t number);
    void put(std::string_view text);

    /// What was put. Throws InputError if the child has ended, or has worked for minutes since it wrote something.
    std::uint64_t number();
    std::string text();
    void bytes(void* target, std::size_t n);

    /// Throws InputError: it does not write what it should.
    [[noreturn]] void fail();

 private:
    std::string kind_;
    pid_t parent_;
    pid_t process_ = -1;
    int socket_ = -1;
};

}  // namespace repal
