module;
#include <filesystem>
#include <memory>
module repal.store:npy;

import :array_file;
import :bytes;

namespace repal {

/// An array in NumPy's own format, versions 1.0 to 3.0: float16, float32, float64, integers and bool of either byte
/// order, in C or Fortran order. Throws InputError.
/// Source: numpy/lib/format.py.
std::unique_ptr<StoredArray> open_npy(std::unique_ptr<ByteSource> source);

/// What the header of such an array says; none of objects, which are of any size.
Dimensions npy_dimensions(ByteSource& source);

/// The one array of such a file.
std::unique_ptr<ArrayFile> open_npy_file(const std::filesystem::path& file);

}  // namespace repal
