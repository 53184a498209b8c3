module;
#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>
module repal.store:assembly;

import repal.trajectories;

namespace repal {

/// Which dimension of an array is the fastest in its file.
enum class MemoryOrder { last_fastest, first_fastest };

/// The lengths of the dimensions of an array, as its user sees them.
using Dimensions = std::vector<std::uint64_t>;

/// "(200, 3)"
std::string to_string(const Dimensions& dimensions);

/// How many bytes the values take. Throws InputError if that is beyond any file, or the array is empty.
std::uint64_t bytes_of(const Dimensions& dimensions, std::uint64_t bytes_per_value);

/// Trajectories that are put together from the values of an array, in the order of their file.
class Assembly {
 public:
    /// Allocates; `dimensions` must have been compared with the size of the file. `axes` as for read_trajectories.
    /// Throws InputError if the dimensions cannot be trajectories, `axes` does not fit them, or memory is too small.
    Assembly(const Dimensions& dimensions, MemoryOrder order, const std::string& axes);

    /// All values, if they come in the order in which trajectories hold them; else empty.
    std::span<double> in_place();

    /// The next values of the file.
    void append(std::span<const double> values);

    /// After all values. Throws InvalidTrajectories.
    Trajectories finish() &&;

 private:
    // One dimension of the file: its length, and how far apart its neighbours lie in `values_`.
    struct Stride {
        Eigen::Index length = 1;
        Eigen::Index step = 0;
    };

    bool is_in_order() const;

    std::string reading_;  // "(200, 3) was read as (time, channel)"
    Shape shape_;
    std::array<Stride, 3> strides_;  // slowest first
    RowMatrix values_;
    Eigen::Index position_ = 0;
};

}  // namespace repal
