module;
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
module repal.store:times;

namespace repal {

/// In s, of a unit as files write it ("ms", "hours since 2000-01-01"); none if it is another one.
std::optional<double> seconds_in(std::string_view unit);

/// Whether a number of this name may be meant as the time of a step or a rate of them: "dt", "fs", "info/srate".
bool names_step(const std::string& name);

/// The time of a step as the places of a file tell it.
class ToldStep {
 public:
    /// Throws InputError if that is none, or another place has told another one.
    void add(const std::string& place, double seconds);

    std::optional<double> seconds() const { return seconds_; }

 private:
    std::optional<double> seconds_;
};

/// Which step each of rising times is, where some leave out a few: 0, 1, 4. Throws InputError with `where` they stand
/// if two are not a whole number of steps apart, to a tenth of one: times may be rounded, or jitter a little.
std::vector<std::size_t> steps_at(std::span<const double> times, const std::string& where);

/// The step of such times, at least two, in units of those.
double regular_step(std::span<const double> times, const std::string& where);

}  // namespace repal
