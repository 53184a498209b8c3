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

/// The step of times that are as far apart as they should be, to a hundredth, in units of those; they may leave out
/// some steps. Throws InputError with `where` they stand.
double regular_step(std::span<const double> times, const std::string& where);

/// The middle one of their differences: better than the mean where times are rounded, as in texts.
double middle_step(std::span<const double> times);

/// Which step each of rising times is, where some leave out a few: 0, 1, 4. Throws InputError with `where` they stand.
std::vector<std::size_t> steps_at(std::span<const double> times, const std::string& where);

}  // namespace repal
