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

// As HDF5 has them, the last the fastest.
std::vector<hsize_t> extent(hid_t dataset) {
    const Handle space(H5Dget_space(dataset), H5Sclose, damaged);
    if (H5Sget_simple_extent_type(space) == H5S_NULL || H5Aexists(dataset, "MATLAB_empty") > 0)
        throw InputError("", "the array is empty");
    std::vector<hsize_t> lengths(static_cast<std::size_t>(checked(H5Sget_simple_extent_ndims(space), damaged)));
    checked(H5Sget_simple_extent_dims(space, lengths.data(), nullptr), damaged);
    return lengths;
}

Dimensions dimensions_of(hid_t dataset, MemoryOrder order) {
    const std::vector<hsize_t> lengths = extent(dataset);
    Dimensions dimensions(lengths.begin(), lengths.end());
    if (order == MemoryOrder::first_fastest) std::ranges::reverse(dimensions);
    return dimensions;
}

// HDF5 reads what is not there as zeros; a number never rests on those.
[[noreturn]] void fail_for_missing(const std::string& what) {
    throw InputError("", what + ", so that a part of the array would be read as zeros", "write all of it");
}

// Where HDF5 looks for a file that another one names.
std::filesystem::path named_by(const std::filesystem::path& folder, const std::string& name) {
    std::error_code none;
    const std::filesystem::path beside = folder / name;
    return std::filesystem::exists(beside, none) ? beside : std::filesystem::path(name);
}

void require_sources(hid_t plan, std::uint64_t values, const std::filesystem::path& folder) {
    std::size_t n = 0;
    checked(H5Pget_virtual_count(plan, &n), damaged);
    std::uint64_t mapped = 0;
    for (std::size_t i = 0; i < n; ++i) {
        std::string name(static_cast<std::size_t>(checked(H5Pget_virtual_filename(plan, i, nullptr, 0), damaged)), 0);
        H5Pget_virtual_filename(plan, i, name.data(), name.size() + 1);
        std::error_code none;
        if (name != "." && !std::filesystem::is_regular_file(named_by(folder, name), none))
            fail_for_missing(fmt::format("the file '{}', which it is made of, is not there", name));
        const Handle selected(H5Pget_virtual_vspace(plan, i), H5Sclose, damaged);
        if (const hssize_t points = H5Sget_select_npoints(selected); points > 0)
            mapped += static_cast<std::uint64_t>(points);
    }
    if (mapped < values) fail_for_missing(fmt::format("{} of its {} values are of no file", values - mapped, values));
}

void require_external(hid_t plan, const std::filesystem::path& folder) {
    const int n = checked(H5Pget_external_count(plan), damaged);
    for (int i = 0; i < n; ++i) {
        std::array<char, 4096> name{};
        off_t offset = 0;
        hsize_t size = 0;
        checked(H5Pget_external(plan, static_cast<unsigned>(i), name.size(), name.data(), &offset, &size), damaged);
        std::error_code none;
        const std::filesystem::path file = named_by(folder, name.data());
        const std::uint64_t there = std::filesystem::file_size(file, none);
        if (none || (size != H5F_UNLIMITED && there < static_cast<std::uint64_t>(offset) + size))
            fail_for_missing(fmt::format("the file '{}', which it is made of, is missing or was cut off", name.data()));
    }
}

void require_all_chunks(hid_t dataset, hid_t plan) {
    const std::vector<hsize_t> lengths = extent(dataset);
    std::vector<hsize_t> chunk(lengths.size());
    checked(H5Pget_chunk(plan, static_cast<int>(chunk.size()), chunk.data()), damaged);
    double wanted = 1;
    for (std::size_t i = 0; i < lengths.size(); ++i)
        wanted *= std::ceil(static_cast<double>(lengths[i]) / static_cast<double>(chunk[i]));
    const Handle space(H5Dget_space(dataset), H5Sclose, damaged);
    hsize_t written = 0;
    checked(H5Dget_num_chunks(dataset, space, &written), damaged);
    if (static_cast<double>(written) < wanted)
        fail_for_missing(fmt::format("{} of its {:.0f} chunks were written", written, wanted));
}

bool has_filter(hid_t plan, H5Z_filter_t wanted) {
    const int n = checked(H5Pget_nfilters(plan), damaged);
    for (int i = 0; i < n; ++i) {
        unsigned flags = 0;
        std::size_t values = 0;
        if (H5Pget_filter2(plan, static_cast<unsigned>(i), &flags, &values, nullptr, 0, nullptr, nullptr) == wanted)
            return true;
    }
    return false;
}

// Numbers of the registry of The HDF Group.
std::string name_of_filter(H5Z_filter_t filter) {
    constexpr std::array<std::pair<H5Z_filter_t, std::string_view>, 13> names = {{{305, "lzo"},
                                                                                  {307, "bzip2"},
                                                                                  {32000, "lzf"},
                                                                                  {32001, "blosc"},
                                                                                  {32004, "lz4"},
                                                                                  {32008, "bitshuffle"},
                                                                                  {32013, "zfp"},
                                                                                  {32015, "zstd"},
                                                                                  {32017, "sz"},
                                                                                  {32018, "fcidecomp"},
                                                                                  {32019, "jpeg"},
                                                                                  {32023, "ffmpeg"},
                                                                                  {32026, "blosc2"}}};
    for (const auto& [number, name] : names)
        if (number == filter) return fmt::format("{} ({})", name, number);
    return filter == H5Z_FILTER_SZIP ? "szip" : fmt::format("{}", filter);
}

}  // namespace

void require_filters(hid_t dataset) {
    const Handle plan(H5Dget_create_plist(dataset), H5Pclose, damaged);
    const int n = checked(H5Pget_nfilters(plan), damaged);
    for (int i = 0; i < n; ++i) {
        unsigned flags = 0;
        std::size_t values = 0;
        const H5Z_filter_t filter =
            H5Pget_filter2(plan, static_cast<unsigned>(i), &flags, &values, nullptr, 0, nullptr, nullptr);
        if (H5Zfilter_avail(filter) <= 0)
            throw InputError("",
                             fmt::format("it is packed with the filter {}, which is not here", name_of_filter(filter)),
                             "repack it where the filter is, h5repack -f GZIP=4 IN OUT");
    }
}

namespace {

// So that a damaged extent allocates nothing that the file cannot fill.
void require_stored(hid_t dataset, const Dimensions& dimensions, const std::filesystem::path& folder) {
    // Of the file that the dataset is in, to which a link of the named one may lead.
    const Handle file(H5Iget_file_id(dataset), H5Fclose, damaged);
    hsize_t file_bytes = 0;
    checked(H5Fget_filesize(file, &file_bytes), damaged);
    const Handle type(H5Dget_type(dataset), H5Tclose, damaged);
    const Handle plan(H5Dget_create_plist(dataset), H5Pclose, damaged);
    const std::uint64_t bytes = bytes_of(dimensions, H5Tget_size(type));
    const H5D_layout_t layout = checked(H5Pget_layout(plan), damaged);
    if (layout == H5D_VIRTUAL) return require_sources(plan, bytes / H5Tget_size(type), folder);
    if (H5Pget_external_count(plan) > 0) return require_external(plan, folder);
    if (layout == H5D_CHUNKED) require_all_chunks(dataset, plan);

    // What scaleoffset packs of equal numbers takes no room at all.
    if (has_filter(plan, H5Z_FILTER_SCALEOFFSET)) return;
    // Deflate packs 258 bytes into two bits at best; chunks that were never written are counted with that.
    constexpr std::uint64_t largest_ratio = 1032;
    const std::uint64_t stored =
        layout == H5D_CHUNKED ? file_bytes : std::min<std::uint64_t>(file_bytes, H5Dget_storage_size(dataset));
    const std::uint64_t ratio = layout == H5D_CHUNKED ? largest_ratio : 1;
    if (bytes / ratio > stored)
        throw InputError("",
                         fmt::format("an array of {} takes {} bytes, which cannot be in the {} that are there",
                                     to_string(dimensions), bytes, stored),
                         "the file was cut off, or the array never written");
}

// How many rows of the first dimension to read at a time: whole chunks, so that none is unpacked twice.
hsize_t rows_at_a_time(hid_t dataset, std::span<const hsize_t> lengths) {
    constexpr hsize_t values = 1 << 20;
    hsize_t values_per_row = 1;
    for (const hsize_t length : lengths.subspan(1)) values_per_row *= length;
    hsize_t rows = std::max<hsize_t>(1, values / values_per_row);

    const Handle plan(H5Dget_create_plist(dataset), H5Pclose, damaged);
    std::vector<hsize_t> chunk(lengths.size());
    if (H5Pget_layout(plan) == H5D_CHUNKED && H5Pget_chunk(plan, int(chunk.size()), chunk.data()) > 0 && chunk[0] > 0)
        rows = std::max(chunk[0], rows / chunk[0] * chunk[0]);
    return std::min(rows, lengths[0]);
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
    checked(H5Dread(object, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), damaged);
    return values;
}

bool is_octave(hid_t object) {
    return H5Aexists(object, "OCTAVE_NEW_FORMAT") > 0;
}

bool is_value_of_octave(hid_t file, const std::string& path) {
    if (last_part(path) != "value") return false;
    const Handle group(H5Oopen(file, folder_of(path).c_str(), H5P_DEFAULT), H5Oclose);
    return group.is_open() && is_octave(group);
}

namespace {

// A dataset of numbers, read as it is needed.
class Hdf5Array final : public StoredArray {
 public:
    Hdf5Array(hid_t file, Handle dataset, const std::string& path, const std::filesystem::path& folder)
        : file_(file), path_(path), dataset_(std::move(dataset)), lengths_(extent(dataset_)) {
        const bool is_octave = is_value_of_octave(file, path);
        if (!matlab_class(dataset_).empty() || is_octave) order = MemoryOrder::first_fastest;
        dimensions = dimensions_of(dataset_, order);
        require_filters(dataset_);
        require_stored(dataset_, dimensions, folder);
        NamedDimensions named = axes_in(dataset_, dimensions.size());
        axes = std::move(named.axes);
        if (!named.not_understood.empty())
            warnings.push_back(
                fmt::format("its dimensions are called ({}), which is understood in part and not used: "
                            "name them, e.g. @trial,time,channel",
                            named.not_understood));
        find_times();
        packing_ = packing_of(dataset_, last_part(path) == "data");
        if (last_part(path) == "data" &&
            H5Lexists(file, (folder_of(path) + "/channel_conversion").c_str(), H5P_DEFAULT) > 0)
            throw InputError("", "its channels have conversions of their own (channel_conversion)",
                             "write the values in one unit");
    }

    std::optional<double> dt() override {
        if (const auto told = told_step()) return told;
        if (!unit_of_times_ || times_.values.size() < 2) return {};
        return *unit_of_times_ * regular_step(times_.values, times_.name);
    }

    Times times() override { return times_; }

    void read(Assembly& assembly) override {
        if (const std::span<double> values = assembly.in_place(); !values.empty()) {
            checked(H5Dread(dataset_, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), damaged);
            if (packing_.changes()) packing_.unpack(values);
            return;
        }
        const Handle space(H5Dget_space(dataset_), H5Sclose, damaged);
        const auto [first, end] = assembly.slowest();
        std::vector<hsize_t> start(lengths_.size(), 0);
        std::vector<hsize_t> count(lengths_.begin(), lengths_.end());
        const hsize_t rows = rows_at_a_time(dataset_, lengths_);
        start[0] = static_cast<hsize_t>(first) / rows * rows;
        assembly.skip_to(static_cast<Eigen::Index>(start[0]));
        std::vector<double> values;
        for (; start[0] < static_cast<hsize_t>(end); start[0] += count[0]) {
            count[0] = std::min(rows, lengths_[0] - start[0]);
            const Handle part(H5Screate_simple(int(count.size()), count.data(), nullptr), H5Sclose, damaged);
            checked(H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr), damaged);
            values.resize(static_cast<std::size_t>(H5Sget_simple_extent_npoints(part)));
            checked(H5Dread(dataset_, H5T_NATIVE_DOUBLE, part, space, H5P_DEFAULT, values.data()), damaged);
            if (packing_.changes()) packing_.unpack(values);
            assembly.append(values);
        }
    }

 private:
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
        if (const auto rate = start.is_open() ? number_of(start, "rate") : std::nullopt; rate && *rate > 0)
            return 1 / *rate;
        return {};
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
        unit_of_times_ = scale->unit;
        if (!scale->unit && !times_.values.empty())
            notes.push_back(
                fmt::format("the times of '{}' have no unit that is known, so that steps are steps", scale->path));
    }

    hid_t file_;  ///< outlives this
    std::string path_;
    Handle dataset_;
    std::vector<hsize_t> lengths_;
    Packing packing_;
    Times times_;
    std::optional<double> unit_of_times_;  ///< in s
};

}  // namespace

std::unique_ptr<StoredArray> open_dataset(hid_t file, Handle dataset, const std::string& path,
                                          const std::filesystem::path& folder) {
    if (const std::string refused = refused_dataset(dataset); !refused.empty())
        throw InputError("", fmt::format("'{}' is {}", path, refused));
    return std::make_unique<Hdf5Array>(file, std::move(dataset), path, folder);
}

}  // namespace repal
