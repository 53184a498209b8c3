module;
#include <cstddef>
#include <string>
export module repal.reporter;

namespace repal {

/// Where long work says how far it is. Called by several threads at once; the default says nothing.
export class Reporter {
 public:
    virtual ~Reporter();

    /// `total` items of work follow, each ended by one advance().
    virtual void begin(const std::string& stage, std::size_t total);
    virtual void advance();
    virtual void end();

    /// Something the user should know although the work goes on. Of one source (a metric, say) the first is enough for
    /// most users.
    virtual void warn(const std::string& source, const std::string& text);
};

}  // namespace repal
