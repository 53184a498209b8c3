module;
#include <string>
#include <utility>
#include <vector>
export module repal.conformance:test_systems;

import repal.metric;
import repal.random;
import repal.trajectories;

namespace repal {

/// The shape of random_system() unless another one is asked for.
export inline constexpr Shape usual = {.trials = 12, .steps = 60, .channels = 5};

/// Two damped rotations seen through random channels, with noise: smooth, of low rank, as neural activity is. Two
/// inputs, the same for all systems of a shape, drive them a little.
export Trajectories random_system(Stream stream, const Shape& shape = usual);

/// One system changed in a way that an invariance speaks of.
Trajectories changed(const Trajectories& x, Invariance invariance, const Stream& stream);

/// Systems that no metric need like, with names.
std::vector<std::pair<std::string, Trajectories>> odd_systems();

}  // namespace repal
