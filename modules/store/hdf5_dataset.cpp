module;
#include <fmt/format.h>
#include <hdf5.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.store;

import :array_file;
import :hdf5_attributes;
import :hdf5_dataset;
import :hdf5_handle;
import :hdf5_storage;
import :hdf5_values;
import :times;
import repal.error;

namespace repal {
namespace {

bool is_matlab_number(const std::string& name) {
    constexpr std::array numbers = {"double", "single", "logical", "int8",  "uint8", "int16",
                                    "uint16", "int32",  "uint32",  "int64", "uint64"};
    return std::ranges::find(numbers, name) != numbers.end();
}

// h5py and PyTables write bool so.
bool is_boolean(hid_t type) {
    if (H5Tget_class(type) != H5T_ENUM || H5Tget_nmembers(type) != 2 || H5Tget_size(type) != 1) return false;
    std::int8_t off = 1;
    std::int8_t on = 0;
    return H5Tenum_valueof(type, "FALSE", &off) >= 0 && H5Tenum_valueof(type, "TRUE", &on) >= 0 && off == 0 && on == 1;
}

// "" if the values are real numbers, else what they are.
std::string refused_values(hid_t type) {
    switch (H5Tget_class(type)) {
        case H5T_INTEGER:
        case H5T_FLOAT:
            return {};
        case H5T_ENUM:
            return is_boolean(type) ? "" : "an enumeration";
        case H5T_COMPOUND:
            return "compound or complex values";
        case H5T_STRING:
            return "text";
        case H5T_REFERENCE:
            return "references";
        default:
            return "something else than numbers";
    }
}

}  // namespace

std::string refused_dataset(hid_t dataset) {
    if (const std::string name = matlab_class(dataset); !name.empty() && !is_matlab_number(name))
        return fmt::format("a MATLAB {}, not an array of numbers", name);
    const Handle type(H5Dget_type(dataset), H5Tclose, damaged);
    const std::string values = refused_values(type);
    return values.empty() ? "" : fmt::format("a dataset of {}, not of real numbers", values);
}

namespace {

Dimensions dimensions_of(hid_t dataset, MemoryOrder order) {
    const std::vector<hsize_t> lengths = extent(dataset);
    Dimensions dimensions(lengths.begin(), lengths.end());
    if (order == MemoryOrder::first_fastest) std::ranges::reverse(dimensions);
    return dimensions;
}

}  // namespace

std::vector<double> numbers_in(hid_t file, const std::string& path) {
    if (H5Lexists(file, path.c_str(), H5P_DEFAULT) <= 0) return {};
    const Handle object(H5Oopen(file, path.c_str(), H5P_DEFAULT), H5Oclose);
    if (!object.is_open() || H5Iget_type(object) != H5I_DATASET || !refused_dataset(object).empty()) return {};
    const Handle space(H5Dget_space(object), H5Sclose, damaged);
    const hssize_t n = H5Sget_simple_extent_npoints(space);
    constexpr hssize_t most = hssize_t{1} << 24;
    if (n < 1 || n > most) return {};
    require_filters(object);
    std::vector<double> values(static_cast<std::size_t>(n));
    read_values(object, H5T_NATIVE_DOUBLE, values.data());
    if (const Packing packing = packing_of(object, false); packing.changes()) packing.unpack(values);
    return values;
}

std::vector<std::string> texts_in(hid_t file, const std::string& path) {
    if (H5Lexists(file, path.c_str(), H5P_DEFAULT) <= 0) return {};
    const Handle object(H5Oopen(file, path.c_str(), H5P_DEFAULT), H5Oclose, damaged);
    if (H5Iget_type(object) != H5I_DATASET) return {};
    const Handle type(H5Dget_type(object), H5Tclose, damaged);
    const Handle space(H5Dget_space(object), H5Sclose, damaged);
    const hssize_t n = H5Sget_simple_extent_npoints(space);
    constexpr hssize_t most = 1 << 20;
    constexpr std::size_t longest = 4096;
    const std::size_t length = H5Tget_size(type);
    if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) > 0 || n < 1 || n > most || length > longest)
        return {};
    require_filters(object);
    std::string text(length * static_cast<std::size_t>(n), '\0');
    read_values(object, type, text.data());
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i)
        texts.emplace_back(text.substr(i * length, length).c_str());
    return texts;
}

bool is_octave(hid_t object) {
    return H5Aexists(object, "OCTAVE_NEW_FORMAT") > 0;
}

bool is_value_of_octave(hid_t file, const std::string& path) {
    if (last_part(path) != "value") return false;
    const Handle group(H5Oopen(file, folder_of(path).c_str(), H5P_DEFAULT), H5Oclose);
    return group.is_open() && is_octave(group);
}

std::string refused_by_octave(hid_t file, const std::string& path) {
    if (!is_value_of_octave(file, path)) return {};
    const Handle group(H5Oopen(file, folder_of(path).c_str(), H5P_DEFAULT), H5Oclose, damaged);
    if (H5Aexists(group, "OCTAVE_EMPTY_MATRIX") > 0) return "empty";
    const std::vector<std::string> types = texts_in(file, folder_of(path) + "/type");
    const std::string type = types.empty() ? "" : types.front();
    if (type.find("string") != std::string::npos) return "text";
    if (type.find("sparse") != std::string::npos) return "a sparse matrix, which full() makes an array";
    if (type.find("range") != std::string::npos) return "a range, which [x(:)] makes an array";
    return {};
}

namespace {

// A dataset of numbers, read as it is needed.
class Hdf5Array final : public StoredArray {
 public:
    Hdf5Array(Hdf5Reader& reader, Handle dataset, const std::string& path, const std::filesystem::path& in)
        : reader_(reader), file_(reader.file()), path_(path), dataset_(std::move(dataset)), lengths_(extent(dataset_)) {
        const bool is_octave = is_value_of_octave(file_, path);
        if (!matlab_class(dataset_).empty() || is_octave) order = MemoryOrder::first_fastest;
        dimensions = dimensions_of(dataset_, order);
        require_filters(dataset_);
        const std::uint64_t bytes_of_chunk = require_stored(dataset_, in);
        open_beside();
        values_ = reader.opened(dataset_, bytes_of_chunk);
        NamedDimensions named = axes_in(dataset_, dimensions.size());
        axes = std::move(named.axes);
        if (!named.not_understood.empty())
            warnings.push_back(
                fmt::format("its dimensions are called ({}), which is understood in part and not used: "
                            "name them, e.g. @trial,time,channel",
                            named.not_understood));
        find_times();
        find_trials();
        const bool is_of_nwb = is_data_of_nwb(file_, path);
        packing_ = packing_of(dataset_, is_of_nwb);
        if (is_of_nwb && dimensions.size() > 2 && axes.empty())
            needs_axes = "the data of a series of NWB are (time, x, y)";
        if (is_of_nwb && H5Lexists(file_, (folder_of(path) + "/channel_conversion").c_str(), H5P_DEFAULT) > 0)
            throw InputError("", "its channels have conversions of their own (channel_conversion)",
                             "write the values in one unit");
    }

    ~Hdf5Array() override { reader_.closed(values_); }

    std::optional<double> dt() override {
        if (const auto told = told_step()) return told;
        if (!unit_of_times_ || times_.values.size() < 2) return {};
        return *unit_of_times_ * regular_step(times_.values, times_.name);
    }

    Times times() override {
        Times times = times_;
        times.unit = unit_of_times_;
        return times;
    }

    void read(Assembly& assembly) override {
        std::span<double> left = assembly.in_place();
        const bool is_in_place = !left.empty();
        const auto [first, end] = assembly.slowest();
        if (!is_in_place)
            assembly.skip_to(static_cast<Eigen::Index>(Hdf5Reader::first_read(dataset_, static_cast<hsize_t>(first))));
        reader_.read(values_, static_cast<hsize_t>(first), static_cast<hsize_t>(end), [&](std::span<double> some) {
            if (packing_.changes()) packing_.unpack(some);
            if (!is_in_place) return assembly.append(some);
            std::ranges::copy(some, left.begin());
            left = left.subspan(some.size());
        });
    }

 private:
    // Values that are in other files lie beside it, wherever the program runs.
    void open_beside() {
        const Handle plan(H5Dget_create_plist(dataset_), H5Pclose, damaged);
        if (H5Pget_external_count(plan) <= 0) return;
        const Handle access(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose, damaged);
        checked(H5Pset_efile_prefix(access, "${ORIGIN}"), damaged);
        dataset_ = Handle(-1, H5Dclose);
        dataset_ = Handle(H5Dopen2(file_, path_.c_str(), access), H5Dclose, damaged);
    }

    // Attributes of it, of its group, or of the file; the rate of a series of NWB.
    std::optional<double> told_step() const {
        const std::string folder = folder_of(path_);
        const Handle group(H5Oopen(file_, folder.c_str(), H5P_DEFAULT), H5Oclose);
        const Handle root(H5Oopen(file_, "/", H5P_DEFAULT), H5Oclose);
        for (const hid_t object : {static_cast<hid_t>(dataset_), static_cast<hid_t>(group), static_cast<hid_t>(root)}) {
            if (object < 0) continue;
            if (const auto step = step_of_attributes(object)) return step;
        }
        if (!group.is_open() || last_part(path_) != "data" || H5Lexists(group, "starting_time", H5P_DEFAULT) <= 0)
            return {};
        const Handle start(H5Oopen(group, "starting_time", H5P_DEFAULT), H5Oclose);
        const auto rate = start.is_open() ? number_of(start, "rate") : std::nullopt;
        if (!rate || !(*rate > 0)) return {};
        ToldStep told;
        told.add("starting_time", 1 / *rate);
        if (times_.values.size() > 1) told.add("timestamps", regular_step(times_.values, times_.name));
        return told.seconds();
    }

    // Timestamps beside it (NWB), in s; the scale of its time.
    void find_times() {
        if (const std::string beside = folder_of(path_) + "/timestamps"; last_part(path_) == "data") {
            times_ = {.values = numbers_in(file_, beside), .name = beside};
            unit_of_times_ = 1;
            if (!times_.values.empty() && times_.values.size() != lengths_.front())
                throw InputError(
                    "", fmt::format("'{}' has {} times for {} steps", beside, times_.values.size(), lengths_.front()));
        }
        const auto scale = time_scale_of(file_, dataset_);
        if (!scale || !times_.values.empty()) return;
        times_ = {.values = numbers_in(file_, scale->path), .name = scale->path};
        const std::size_t time = static_cast<std::size_t>(std::ranges::find(axes, Axis::time) - axes.begin());
        if (!times_.values.empty() && time < axes.size() && times_.values.size() != dimensions[time])
            throw InputError(
                "", fmt::format("'{}' has {} times for {} steps", scale->path, times_.values.size(), dimensions[time]));
        unit_of_times_ = scale->unit;
        if (!scale->unit && !times_.values.empty())
            notes.push_back(
                fmt::format("the times of '{}' have no unit that is known, so that steps are steps", scale->path));
    }

    // What the scale of its trials calls them.
    void find_trials() {
        const auto trial = static_cast<std::size_t>(std::ranges::find(axes, Axis::trial) - axes.begin());
        const std::string path = scale_of(file_, dataset_, Axis::trial);
        if (trial == axes.size() || path.empty()) return;
        trials = texts_in(file_, path);
        for (const double number : numbers_in(file_, path)) trials.push_back(fmt::format("{}", number));
        if (trials.size() != dimensions[trial]) trials.clear();
    }

    Hdf5Reader& reader_;  ///< outlives this
    hid_t file_;
    std::string path_;
    Handle dataset_;
    std::vector<hsize_t> lengths_;
    Hdf5Reader::Array values_ = {};
    Packing packing_;
    Times times_;
    std::optional<double> unit_of_times_;  ///< in s
};

}  // namespace

std::unique_ptr<StoredArray> open_dataset(Hdf5Reader& reader, Handle dataset, const std::string& path,
                                          const std::filesystem::path& in) {
    std::string refused = refused_by_octave(reader.file(), path);
    if (refused.empty()) refused = refused_dataset(dataset);
    if (refused.empty() && last_part(path).starts_with("spike_times"))
        throw InputError("", fmt::format("'{}' are times of events, not samples in regular steps", path),
                         "count them in bins of one length, numpy.histogram(times, bins)");
    if (!refused.empty())
        throw InputError("", fmt::format("'{}' is {}", path, refused),
                         refused.find("compound") != std::string::npos
                             ? "in Python, save its real columns as one array, e.g. frame.to_hdf(..., format='fixed')"
                             : "");
    return std::make_unique<Hdf5Array>(reader, std::move(dataset), path, in);
}

}  // namespace repal
