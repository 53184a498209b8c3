module;
#include <span>
#include <string>
module repal.store:times;

namespace repal {

/// The step of times that are as far apart as they should be, to a hundredth, in units of those. Throws InputError with
/// where they stand.
double regular_step(std::span<const double> times, const std::string& where);

/// Likewise of times that leave out some steps.
double regular_step_with_gaps(std::span<const double> times, const std::string& where);

/// The larger of the two in the middle; there must be one.
double middle_of(std::span<const double> values);

}  // namespace repal
