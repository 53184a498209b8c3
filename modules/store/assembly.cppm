module;
#include <Eigen/Core>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>
module repal.store:assembly;

import :axes;
import :location;
import repal.trajectories;

namespace repal {

/// Which dimension of an array is the fastest in its file.
enum class MemoryOrder : std::uint8_t { last_fastest, first_fastest };

/// The lengths of the dimensions of an array, as its user sees them.
using Dimensions = std::vector<std::uint64_t>;

/// "(200, 3)"
std::string to_string(const Dimensions& dimensions);

/// How many bytes the values take. Throws InputError if that is beyond any file, or the array is empty.
std::uint64_t bytes_of(const Dimensions& dimensions, std::uint64_t bytes_per_value);

/// What of one dimension is taken.
struct Part {
    Eigen::Index first = 0;
    Eigen::Index count = 1;
    Eigen::Index step = 1;
    bool is_kept = true;  ///< a dimension of the result; else it has one entry, and is gone
};

/// The parts of all dimensions of an array. Throws InputError if a slice is beyond one.
std::vector<Part> parts_of(const Dimensions& dimensions, const std::vector<Slice>& slices);

/// The dimensions that are left.
Dimensions kept(const std::vector<Part>& parts);

/// Trials of one length as they were read: any value, also NaN.
struct Block {
    Shape shape;
    RowMatrix values;  ///< (trial * time, channel), time fastest
};

/// A block that is put together from the values of an array, in the order of their file.
class Assembly {
 public:
    /// Allocates; `dimensions` must have been compared with the size of the file. `axes` are those of the dimensions
    /// that are kept. Throws InputError if memory is too small.
    Assembly(const Dimensions& dimensions, MemoryOrder order, const std::vector<Part>& parts,
             const std::vector<Axis>& axes);

    /// All values, if all are taken and come in the order of the block; else empty.
    std::span<double> in_place();

    /// The entries of the slowest dimension of the file that are needed: [first, end). Values of others need not be
    /// appended if skip() is told.
    std::pair<Eigen::Index, Eigen::Index> slowest() const;
    void skip_to(Eigen::Index slowest_entry);

    /// The next values of the file.
    void append(std::span<const double> values);

    Block finish() && { return {shape_, std::move(values_)}; }

 private:
    // One dimension of the file, slowest first.
    struct Dimension {
        Eigen::Index length = 1;
        Part part = {};
        Eigen::Index step = 0;  ///< how far apart its neighbours lie in `values_`

        /// Where an entry goes; less than 0: it is not taken.
        Eigen::Index place_of(Eigen::Index entry) const;
    };

    Shape shape_;
    std::vector<Dimension> file_;
    RowMatrix values_;
    Eigen::Index position_ = 0;
};

}  // namespace repal
