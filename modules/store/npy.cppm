module;
#include <string>
module repal.store:npy;

import :bytes;
import repal.trajectories;

namespace repal {

/// The array in NumPy's own format, versions 1.0 to 3.0: float16, float32, float64, integers and bool of either byte
/// order, in C or Fortran order. `axes` as for read_trajectories. Throws InputError.
/// Source: numpy/lib/format.py.
Trajectories read_npy(ByteSource& source, const std::string& axes);

}  // namespace repal
