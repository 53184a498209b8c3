module;
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
module repal.store:axes;

namespace repal {

/// What a dimension of an array counts.
enum class Axis : std::uint8_t { trial, time, channel };

/// The axis that a name means, as files and their users call it, e.g. "neurons" the channels; none if it means none.
std::optional<Axis> axis_of(std::string_view name);

/// "trial"
std::string to_string(Axis axis);

/// "time,channel", one for each dimension. Throws InputError if a name means no axis, two mean the same one, or none
/// means time.
std::vector<Axis> parse_axes(const std::string& text);

/// Of an array whose file and user say nothing: time, (time, channel), (trial, time, channel).
std::vector<Axis> usual_axes(std::size_t dimensions);

/// "time, channel"
std::string to_string(const std::vector<Axis>& axes);

}  // namespace repal
