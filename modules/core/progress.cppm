module;
#include <cstddef>
#include <exception>
#include <string>
export module repal.progress;

namespace repal {

/// Thrown by work that was asked to stop; what it had done is kept.
export class Stopped : public std::exception {
 public:
    const char* what() const noexcept override;
};

/// Where long work says how far it is, and is told to stop. Called by several threads at once; the default says
/// nothing.
export class Progress {
 public:
    virtual ~Progress();

    /// `total` items of work follow, each ended by one advance().
    virtual void begin(const std::string& stage, std::size_t total);
    virtual void advance();
    virtual void end();

    /// Something the user should know although the work goes on. Of one source (a metric, say) the first is enough for
    /// most users.
    virtual void warn(const std::string& source, const std::string& text);

    /// Why nothing seems to happen.
    virtual void say(const std::string& text);

    /// Whether the user, or the cluster, wants the work to end soon.
    virtual bool is_stop_requested() const;

    /// Throws Stopped.
    void stop_if_requested() const;
};

}  // namespace repal
