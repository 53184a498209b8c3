module;
#include <Eigen/Core>
#include <optional>
#include <string>
#include <vector>
export module repal.time_step;

export import repal.experiment;

/// Systems whose steps take different times, at one step that all can have.
namespace repal {

/// The step that systems are compared at, in s: the longest of all; none if none says its own, or all have the same.
export std::optional<double> common_step(const std::vector<NamedSystem>& systems);

/// A system at a longer step. If it is a whole number q of its own: every q-th sample, of all q phases, which are
/// trials of one unit, so that nothing is lost; or only of the first, where samples of systems must correspond. Else
/// band-limited resampling: a windowed sinc that ends at 0.9 of the new Nyquist frequency.
export Observed at_step(const Observed& system, double step, bool with_all_phases);

/// Whether a step is a whole number of times the other.
export bool is_whole_ratio(double longer, double shorter);

}  // namespace repal
