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

/// Long work tells a Progress how far it has come, and asks it whether to stop; several threads do so at once. The
/// default shows nothing and never stops the work.
export class Progress {
 public:
    virtual ~Progress();

    /// `total` items of work follow, each ended by one advance() or drop().
    virtual void begin(const std::string& stage, std::size_t total);
    virtual void advance();
    /// One item fewer: another process has done it.
    virtual void drop();
    virtual void end();

    /// Tells the user of something although the work goes on. Most users need only the first warning of a source, e.g.
    /// of a metric.
    virtual void warn(const std::string& source, const std::string& text);

    /// Tells the user why nothing seems to happen, e.g. "waiting for 3 items that other processes are doing".
    virtual void say(const std::string& text);

    /// Whether the user, or the cluster, wants the work to end soon.
    virtual bool is_stop_requested() const;

    /// Throws Stopped.
    void stop_if_requested() const;
};

}  // namespace repal
