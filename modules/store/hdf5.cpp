module;
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <hdf5.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>
module repal.store;

import :assembly;
import :hdf5;
import :hdf5_handle;

namespace repal {
namespace {

// What MATLAB calls the type of an object; empty if another program wrote it.
std::string matlab_class(hid_t object) {
    constexpr const char* name = "MATLAB_class";
    if (H5Aexists(object, name) <= 0) return {};
    const Handle attribute(H5Aopen(object, name, H5P_DEFAULT), H5Aclose, damaged);
    const Handle type(H5Aget_type(attribute), H5Tclose, damaged);
    const Handle space(H5Aget_space(attribute), H5Sclose, damaged);
    std::array<char, 64> text{};
    if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0 || H5Tget_size(type) >= text.size() ||
        H5Sget_simple_extent_npoints(space) != 1)
        throw InputError("", "its MATLAB class is not readable");
    checked(H5Aread(attribute, type, text.data()), damaged);
    return text.data();
}

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

// "" if the dataset is an array of real numbers, else why not.
std::string refused_dataset(hid_t dataset) {
    if (const std::string name = matlab_class(dataset); !name.empty() && !is_matlab_number(name))
        return fmt::format("a MATLAB {}, not an array of numbers", name);
    const Handle type(H5Dget_type(dataset), H5Tclose, damaged);
    const std::string values = refused_values(type);
    return values.empty() ? "" : fmt::format("a dataset of {}, not of real numbers", values);
}

std::vector<std::string> linked_names(hid_t file) {
    std::vector<std::string> names;
    const auto add = [](hid_t, const char* name, const H5L_info_t*, void* target) -> herr_t {
        static_cast<std::vector<std::string>*>(target)->push_back(std::string("/") + name);
        return 0;
    };
    checked(H5Lvisit(file, H5_INDEX_NAME, H5_ITER_INC, add, &names), damaged);
    return names;
}

// The paths of all arrays of numbers, without those that MATLAB keeps for itself.
std::vector<std::string> numeric_datasets(hid_t file) {
    std::vector<std::string> datasets;
    for (const std::string& name : linked_names(file)) {
        if (name.starts_with("/#")) continue;
        const Handle object(H5Oopen(file, name.c_str(), H5P_DEFAULT), H5Oclose);
        if (object.is_open() && H5Iget_type(object) == H5I_DATASET && refused_dataset(object).empty())
            datasets.push_back(name);
    }
    return datasets;
}

std::string chosen_dataset(hid_t file, const std::string& wanted) {
    if (!wanted.empty()) return wanted.starts_with('/') ? wanted : "/" + wanted;
    const std::vector<std::string> datasets = numeric_datasets(file);
    if (datasets.size() == 1) return datasets.front();
    if (datasets.empty()) throw InputError("", "the file has no dataset of numbers");
    throw InputError(
        "", fmt::format("the file has {} datasets of numbers", datasets.size()),
        fmt::format("name one after the file, e.g. ':{}'; one of: {}", datasets.front(), fmt::join(datasets, ", ")));
}

Handle open_dataset(hid_t file, const std::string& path) {
    Handle dataset(H5Oopen(file, path.c_str(), H5P_DEFAULT), H5Oclose);
    if (!dataset.is_open()) {
        const std::string why = hdf5_cause();
        const std::vector<std::string> names = linked_names(file);
        if (std::ranges::find(names, path) != names.end())
            throw InputError("", fmt::format("dataset '{}' cannot be opened: {}", path, why));
        throw InputError("", fmt::format("there is no dataset '{}'", path), suggest(path, numeric_datasets(file)));
    }
    if (H5Iget_type(dataset) != H5I_DATASET) {
        const std::string matlab = matlab_class(dataset);
        throw InputError(
            "", fmt::format("'{}' is a {}, not a dataset", path, matlab.empty() ? "group" : "MATLAB " + matlab),
            suggest(path, numeric_datasets(file)));
    }
    if (const std::string refused = refused_dataset(dataset); !refused.empty())
        throw InputError("", fmt::format("'{}' is {}", path, refused));
    return dataset;
}

// As HDF5 has them, the last the fastest.
std::vector<hsize_t> extent(hid_t dataset) {
    const Handle space(H5Dget_space(dataset), H5Sclose, damaged);
    if (H5Sget_simple_extent_type(space) == H5S_NULL || H5Aexists(dataset, "MATLAB_empty") > 0)
        throw InputError("", "the array is empty");
    std::vector<hsize_t> lengths(static_cast<std::size_t>(checked(H5Sget_simple_extent_ndims(space), damaged)));
    checked(H5Sget_simple_extent_dims(space, lengths.data(), nullptr), damaged);
    return lengths;
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

void read_by_rows(hid_t dataset, std::span<const hsize_t> lengths, Assembly& assembly) {
    const Handle space(H5Dget_space(dataset), H5Sclose, damaged);
    std::vector<hsize_t> start(lengths.size(), 0);
    std::vector<hsize_t> count(lengths.begin(), lengths.end());
    const hsize_t rows = rows_at_a_time(dataset, lengths);
    std::vector<double> values;
    for (; start[0] < lengths[0]; start[0] += count[0]) {
        count[0] = std::min(rows, lengths[0] - start[0]);
        const Handle part(H5Screate_simple(int(count.size()), count.data(), nullptr), H5Sclose, damaged);
        checked(H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr), damaged);
        values.resize(static_cast<std::size_t>(H5Sget_simple_extent_npoints(part)));
        checked(H5Dread(dataset, H5T_NATIVE_DOUBLE, part, space, H5P_DEFAULT, values.data()), damaged);
        assembly.append(values);
    }
}

}  // namespace

Trajectories read_hdf5(const std::filesystem::path& path, const std::string& dataset_path, const std::string& axes) {
    const Hdf5Session session;
    const Handle file = open_hdf5(path);
    const Handle dataset = open_dataset(file, chosen_dataset(file, dataset_path));
    const std::vector<hsize_t> lengths = extent(dataset);
    const bool is_matlab = !matlab_class(dataset).empty();
    Dimensions dimensions(lengths.begin(), lengths.end());
    if (is_matlab) std::ranges::reverse(dimensions);
    require_stored(dataset, dimensions, path.parent_path());

    Assembly assembly(dimensions, is_matlab ? MemoryOrder::first_fastest : MemoryOrder::last_fastest, axes);
    if (const std::span<double> values = assembly.in_place(); !values.empty())
        checked(H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), damaged);
    else
        read_by_rows(dataset, lengths, assembly);
    return std::move(assembly).finish();
}

}  // namespace repal
