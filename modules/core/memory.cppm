module;
#include <cstdint>
#include <string>
export module repal.memory;

namespace repal {

/// The bytes that this process may still take: what the machine has free without swapping, or what its cgroup (jobs of
/// clusters, containers) or its limit of address space (ulimit -v) leaves, whichever is least.
export std::uint64_t available_memory();

/// Before that is taken: throws InvalidTrajectories unless so many bytes are available. `what` needs them, e.g. "a
/// delay embedding"; `advice` says what to change.
export void require_memory(double bytes, const std::string& what, const std::string& advice);

/// "3.8 GB", "12 MB"
export std::string bytes_text(double bytes);

}  // namespace repal
