module;
#include <hdf5.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>
module repal.store:hdf5_attributes;

import :axes;

/// What objects of HDF5 say of themselves, by the customs of those who write such files.
namespace repal {

/// The texts of an attribute, at most 32; none if it has none, or is of another kind.
std::vector<std::string> texts_of(hid_t object, const char* name);

/// Its only text; empty if there is not one.
std::string text_of(hid_t object, const char* name);

/// The numbers of an attribute, at most 32, whatever their type, also texts of them; none if it is another one.
std::vector<double> numbers_of(hid_t object, const char* name);

/// Its only number.
std::optional<double> number_of(hid_t object, const char* name);

/// What MATLAB calls the type of an object; empty if another program wrote it.
std::string matlab_class(hid_t object);

/// "data" of "/a/data", and "/a".
std::string last_part(const std::string& path);
std::string folder_of(const std::string& path);

/// Whether a dataset is the data of a series of NWB.
bool is_data_of_nwb(hid_t file, const std::string& path);

/// The axes of a dataset in the order of the file, by attributes or by dimension scales.
struct NamedDimensions {
    std::vector<Axis> axes = {};      ///< empty: it does not name them
    std::string not_understood = {};  ///< names, of which some mean an axis and others do not
};
NamedDimensions axes_in(hid_t dataset, std::size_t dimensions);

/// The path of the scale of an axis of a dataset that has values; empty if it has none.
std::string scale_of(hid_t file, hid_t dataset, Axis axis);

/// The path of the scale of its time, and what a unit of that is in s; none if it has no such scale.
struct TimeScale {
    std::string path;
    std::optional<double> unit;
};
std::optional<TimeScale> time_scale_of(hid_t file, hid_t dataset);

/// The time of a step that attributes say, in s. Throws InputError if that cannot be, or two say different times.
std::optional<double> step_of_attributes(hid_t object);

/// What stored numbers mean: NetCDF packs values as (value - add_offset) / scale_factor and marks those that are
/// missing, as HDF5 does by a fill value that nobody measures; NWB has a conversion.
struct Packing {
    double scale = 1;
    double offset = 0;
    std::vector<double> missing = {};
    double least = -std::numeric_limits<double>::infinity();  ///< what is beyond is missing, before it is unpacked
    double most = std::numeric_limits<double>::infinity();

    bool changes() const {
        return scale != 1 || offset != 0 || !missing.empty() || std::isfinite(least) || std::isfinite(most);
    }
    void unpack(std::span<double> values) const;
};
Packing packing_of(hid_t dataset, bool is_of_nwb);

}  // namespace repal
