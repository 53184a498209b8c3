module;
#include <string>
#include <string_view>
#include <vector>
module repal.store:npy_header;

import :assembly;

namespace repal {

/// What the header of an .npy file says about its array.
struct NpyHeader {
    std::string type;  ///< of a value, e.g. "<f8"
    MemoryOrder order = MemoryOrder::last_fastest;
    Dimensions dimensions;
};

/// Reads a header, which is a Python dictionary with its keys in any order:
/// {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }. Throws InputError if it is something else.
NpyHeader parse_npy_header(std::string_view text);

}  // namespace repal
