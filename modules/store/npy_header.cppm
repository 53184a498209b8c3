module;
#include <string>
#include <string_view>
module repal.store:npy_header;

import :assembly;

namespace repal {

/// What the header of an .npy file says about its array.
struct NpyHeader {
    std::string type;  ///< of a value, e.g. "<f8"
    MemoryOrder order = MemoryOrder::last_fastest;
    Dimensions dimensions;
};

/// Of a Python dictionary {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }, the keys in any order.
/// Throws InputError if it is something else.
NpyHeader parse_npy_header(std::string_view text);

}  // namespace repal
