module;
#include <cstddef>
#include <functional>
export module repal.parallel;

namespace repal {

/// Runs work(i) for every i < n on `jobs` threads, in any order. If some throw, no further ones are begun, and the
/// exception of the smallest i comes out, whatever the number of threads.
export void for_each_index(std::size_t n, int jobs, const std::function<void(std::size_t)>& work);

}  // namespace repal
