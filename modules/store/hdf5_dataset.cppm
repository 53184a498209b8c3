module;
#include <hdf5.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>
module repal.store:hdf5_dataset;

import :array_file;
import :hdf5_handle;
import :hdf5_values;

namespace repal {

/// "" if a dataset is an array of real numbers, else why not.
std::string refused_dataset(hid_t dataset);

/// All values of a small dataset of numbers; none if it is another one.
std::vector<double> numbers_in(hid_t file, const std::string& path);

/// All texts of a dataset of texts of one length; none if it is another one.
std::vector<std::string> texts_in(hid_t file, const std::string& path);

/// Octave keeps what is called "/x" in "/x/value".
bool is_octave(hid_t object);
bool is_value_of_octave(hid_t file, const std::string& path);

/// What the value is that Octave wrote, if it is no array of numbers; "" if it is, or of another program.
std::string refused_by_octave(hid_t file, const std::string& path);

/// A dataset of numbers, read as it is needed. `in`: the file that it is in, which may name others. It is
/// not read after its reader is gone. Throws InputError if it holds something else, or what HDF5 would make up.
std::unique_ptr<StoredArray> open_dataset(Hdf5Reader& reader, Handle dataset, const std::string& path,
                                          const std::filesystem::path& in);

}  // namespace repal
