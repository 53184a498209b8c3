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

/// A name in a plan, which `get` copies as HDF5's functions do.
std::string name_in(hid_t plan, std::size_t i, ssize_t (*get)(hid_t, std::size_t, char*, std::size_t)) {
    std::string name(static_cast<std::size_t>(checked(get(plan, i, nullptr, 0), damaged)), '\0');
    get(plan, i, name.data(), name.size() + 1);
    return name;
}

void require_stored(hid_t dataset, const std::filesystem::path& folder, int depth);

/// What is selected of a source is in it.
void require_selection(hid_t plan, std::size_t i, hid_t source, const std::string& name) {
    const Handle selected(H5Pget_virtual_srcspace(plan, i), H5Sclose, damaged);
    const std::vector<hsize_t> lengths = extent(source);
    if (H5Sget_select_type(selected) == H5S_SEL_ALL) {
        const Handle target(H5Pget_virtual_vspace(plan, i), H5Sclose, damaged);
        const Handle all(H5Dget_space(source), H5Sclose, damaged);
        if (H5Sget_simple_extent_npoints(all) < H5Sget_select_npoints(target))
            fail_for_missing(fmt::format("'{}', which it is made of, is smaller than what is taken of it", name));
        return;
    }
    const int rank = H5Sget_simple_extent_ndims(selected);
    std::vector<hsize_t> start(lengths.size());
    std::vector<hsize_t> end(lengths.size());
    if (rank != static_cast<int>(lengths.size()) || H5Sget_select_bounds(selected, start.data(), end.data()) < 0)
        fail_for_missing(fmt::format("'{}', which it is made of, has other dimensions", name));
    for (std::size_t dimension = 0; dimension < lengths.size(); ++dimension)
        if (end[dimension] >= lengths[dimension])
            fail_for_missing(fmt::format("'{}', which it is made of, is smaller than what is taken of it", name));
}

void require_sources(hid_t dataset, hid_t plan, std::uint64_t values, const std::filesystem::path& folder, int depth) {
    constexpr int deepest = 8;
    if (depth > deepest) throw InputError("", "it is made of what is made of itself", "write the values");
    std::size_t n = 0;
    checked(H5Pget_virtual_count(plan, &n), damaged);
    // Of what is mapped, each value once.
    Handle mapped(H5Dget_space(dataset), H5Sclose, damaged);
    checked(H5Sselect_none(mapped), damaged);
    std::set<std::pair<std::string, std::string>> seen;
    for (std::size_t i = 0; i < n; ++i) {
        const std::string file_name = name_in(plan, i, H5Pget_virtual_filename);
        const std::string path = name_in(plan, i, H5Pget_virtual_dsetname);
        std::error_code none;
        if (file_name != "." && !std::filesystem::is_regular_file(named_by(folder, file_name), none))
            fail_for_missing(fmt::format("the file '{}', which it is made of, is not there", file_name));
        const Handle file = file_name == "." ? Handle(H5Iget_file_id(dataset), H5Fclose, damaged)
                                             : open_hdf5(named_by(folder, file_name));
        const Handle source(H5Dopen2(file, path.c_str(), H5P_DEFAULT), H5Dclose);
        const std::string name = file_name + ":" + path;
        if (!source.is_open()) fail_for_missing(fmt::format("'{}', which it is made of, is not there", name));
        if (seen.emplace(file_name, path).second)
            require_stored(source, file_name == "." ? folder : named_by(folder, file_name).parent_path(), depth + 1);
        require_selection(plan, i, source, name);
        const Handle selected(H5Pget_virtual_vspace(plan, i), H5Sclose, damaged);
        if (H5Sget_select_npoints(selected) <= 0 || H5Sget_select_type(selected) == H5S_SEL_NONE) continue;
        if (H5Sget_select_type(selected) == H5S_SEL_ALL) return;
        if (H5Sget_select_npoints(mapped) == 0)
            mapped = Handle(H5Scopy(selected), H5Sclose, damaged);
        else
            mapped = Handle(H5Scombine_select(mapped, H5S_SELECT_OR, selected), H5Sclose, damaged);
    }
    const auto there = static_cast<std::uint64_t>(std::max<hssize_t>(0, H5Sget_select_npoints(mapped)));
    if (there < values) fail_for_missing(fmt::format("{} of its {} values are of no file", values - there, values));
}

void require_external(hid_t plan, std::uint64_t bytes, const std::filesystem::path& folder) {
    const int n = checked(H5Pget_external_count(plan), damaged);
    for (int i = 0; i < n; ++i) {
        std::array<char, 4096> name{};
        off_t offset = 0;
        hsize_t size = 0;
        checked(H5Pget_external(plan, static_cast<unsigned>(i), name.size(), name.data(), &offset, &size), damaged);
        const std::uint64_t needed = std::min<std::uint64_t>(bytes, size);  // the last one may have no end
        std::error_code none;
        const std::filesystem::path file = folder / name.data();  // as open_beside() has HDF5 look for it
        const std::uint64_t there = std::filesystem::file_size(file, none);
        if (none || there < static_cast<std::uint64_t>(offset) + needed)
            fail_for_missing(fmt::format("the file '{}', which it is made of, is missing or was cut off", name.data()));
        bytes -= needed;
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
void require_stored(hid_t dataset, const std::filesystem::path& folder, int depth) {
    const Dimensions dimensions = dimensions_of(dataset, MemoryOrder::last_fastest);
    // Of the file that the dataset is in, to which a link of the named one may lead.
    const Handle file(H5Iget_file_id(dataset), H5Fclose, damaged);
    hsize_t file_bytes = 0;
    checked(H5Fget_filesize(file, &file_bytes), damaged);
    const Handle type(H5Dget_type(dataset), H5Tclose, damaged);
    const Handle plan(H5Dget_create_plist(dataset), H5Pclose, damaged);
    const std::uint64_t bytes = bytes_of(dimensions, H5Tget_size(type));
    const H5D_layout_t layout = checked(H5Pget_layout(plan), damaged);
    if (layout == H5D_VIRTUAL) return require_sources(dataset, plan, bytes / H5Tget_size(type), folder, depth);
    if (H5Pget_external_count(plan) > 0 && depth > 0)
        throw InputError("", "what it is made of has its values in another file", "write all of it");
    if (H5Pget_external_count(plan) > 0) return require_external(plan, bytes, folder);
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
    checked(H5Dread(object, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text.data()), damaged);
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
    Hdf5Array(hid_t file, Handle dataset, const std::string& path, const std::filesystem::path& folder)
        : file_(file), path_(path), dataset_(std::move(dataset)), lengths_(extent(dataset_)) {
        const bool is_octave = is_value_of_octave(file, path);
        if (!matlab_class(dataset_).empty() || is_octave) order = MemoryOrder::first_fastest;
        dimensions = dimensions_of(dataset_, order);
        require_filters(dataset_);
        require_stored(dataset_, folder, 0);
        open_beside();
        NamedDimensions named = axes_in(dataset_, dimensions.size());
        axes = std::move(named.axes);
        if (!named.not_understood.empty())
            warnings.push_back(
                fmt::format("its dimensions are called ({}), which is understood in part and not used: "
                            "name them, e.g. @trial,time,channel",
                            named.not_understood));
        find_times();
        find_trials();
        const bool is_of_nwb = is_data_of_nwb(file, path);
        packing_ = packing_of(dataset_, is_of_nwb);
        if (is_of_nwb && dimensions.size() > 2 && axes.empty())
            needs_axes = "the data of a series of NWB are (time, x, y)";
        if (is_of_nwb && H5Lexists(file, (folder_of(path) + "/channel_conversion").c_str(), H5P_DEFAULT) > 0)
            throw InputError("", "its channels have conversions of their own (channel_conversion)",
                             "write the values in one unit");
    }

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
    std::string refused = refused_by_octave(file, path);
    if (refused.empty()) refused = refused_dataset(dataset);
    if (refused.empty() && last_part(path).starts_with("spike_times"))
        throw InputError("", fmt::format("'{}' are times of events, not samples in regular steps", path),
                         "count them in bins of one length, numpy.histogram(times, bins)");
    if (!refused.empty()) throw InputError("", fmt::format("'{}' is {}", path, refused));
    return std::make_unique<Hdf5Array>(file, std::move(dataset), path, folder);
}

}  // namespace repal
