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
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>
module repal.store;

import :assembly;
import :hdf5_handle;
import :hdf5_storage;
import repal.error;

namespace repal {

std::vector<hsize_t> extent(hid_t dataset) {
    const Handle space(H5Dget_space(dataset), H5Sclose, damaged);
    if (H5Sget_simple_extent_type(space) == H5S_NULL || H5Aexists(dataset, "MATLAB_empty") > 0)
        throw InputError("", "the array is empty");
    std::vector<hsize_t> lengths(static_cast<std::size_t>(checked(H5Sget_simple_extent_ndims(space), damaged)));
    checked(H5Sget_simple_extent_dims(space, lengths.data(), nullptr), damaged);
    return lengths;
}

void fail_for_short_chunk(std::uint64_t bytes, std::uint64_t whole) {
    throw InputError("", fmt::format("a chunk of it has {} bytes, where a whole one has {}", bytes, whole),
                     "write every chunk whole, also at the end of the array");
}

namespace {

// HDF5 reads what is not there as zeros; a number never rests on those.
[[noreturn]] void fail_for_missing(const std::string& what) {
    throw InputError("", what + ", so that a part of the array would be read as zeros", "write all of it");
}

// Where a file is that another one names: beside it, or beside what it is a link to. HDF5 looks in the current folder
// between these, where a file of this name is another one.
std::filesystem::path named_by(const std::filesystem::path& file, const std::string& name) {
    std::error_code none;
    std::filesystem::path beside = file.parent_path() / name;
    if (std::filesystem::exists(beside, none) || std::filesystem::exists(name, none)) return beside;
    const std::filesystem::path real = std::filesystem::canonical(file, none);
    return none ? beside : real.parent_path() / name;
}

/// A name in a plan, which `get` copies as HDF5's functions do.
std::string name_in(hid_t plan, std::size_t i, ssize_t (*get)(hid_t, std::size_t, char*, std::size_t)) {
    std::string name(static_cast<std::size_t>(checked(get(plan, i, nullptr, 0), damaged)), '\0');
    get(plan, i, name.data(), name.size() + 1);
    return name;
}

std::uint64_t require_stored(hid_t dataset, const std::filesystem::path& in, int depth);

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

/// Returns the bytes of their smallest chunk.
std::uint64_t require_sources(hid_t dataset, hid_t plan, std::uint64_t values, const std::filesystem::path& in,
                              int depth) {
    constexpr int deepest = 8;
    if (depth > deepest) throw InputError("", "it is made of what is made of itself", "write the values");
    std::size_t n = 0;
    checked(H5Pget_virtual_count(plan, &n), damaged);
    // Of what is mapped, each value once.
    Handle mapped(H5Dget_space(dataset), H5Sclose, damaged);
    checked(H5Sselect_none(mapped), damaged);
    std::set<std::pair<std::string, std::string>> seen;
    std::uint64_t chunk = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const std::string file_name = name_in(plan, i, H5Pget_virtual_filename);
        const std::string path = name_in(plan, i, H5Pget_virtual_dsetname);
        std::error_code none;
        if (file_name.find("%b") != std::string::npos || path.find("%b") != std::string::npos)
            throw InputError(
                "", fmt::format("it is made of all that is called '{}:{}', which is not read", file_name, path),
                "join them by wildcards, e.g. 'part*.h5:x+'");
        if (file_name != "." && !std::filesystem::is_regular_file(named_by(in, file_name), none))
            fail_for_missing(fmt::format("the file '{}', which it is made of, is not there", file_name));
        const Handle file =
            file_name == "." ? Handle(H5Iget_file_id(dataset), H5Fclose, damaged) : open_hdf5(named_by(in, file_name));
        const Handle source(H5Dopen2(file, path.c_str(), H5P_DEFAULT), H5Dclose);
        const std::string name = fmt::format("{}:{}", file_name, path);
        if (!source.is_open()) fail_for_missing(fmt::format("'{}', which it is made of, is not there", name));
        if (seen.emplace(file_name, path).second) {
            const std::uint64_t of_source =
                require_stored(source, file_name == "." ? in : named_by(in, file_name), depth + 1);
            if (chunk == 0 || (of_source > 0 && of_source < chunk)) chunk = of_source;
            require_whole_chunks(source);
        }
        require_selection(plan, i, source, name);
        const Handle selected(H5Pget_virtual_vspace(plan, i), H5Sclose, damaged);
        if (H5Sget_select_npoints(selected) <= 0 || H5Sget_select_type(selected) == H5S_SEL_NONE) continue;
        if (H5Sget_select_type(selected) == H5S_SEL_ALL) return chunk;
        if (H5Sget_select_npoints(mapped) == 0)
            mapped = Handle(H5Scopy(selected), H5Sclose, damaged);
        else
            mapped = Handle(H5Scombine_select(mapped, H5S_SELECT_OR, selected), H5Sclose, damaged);
    }
    const auto there = static_cast<std::uint64_t>(std::max<hssize_t>(0, H5Sget_select_npoints(mapped)));
    if (there < values) fail_for_missing(fmt::format("{} of its {} values are of no file", values - there, values));
    return chunk;
}

void require_external(hid_t plan, std::uint64_t bytes, const std::filesystem::path& in) {
    const int n = checked(H5Pget_external_count(plan), damaged);
    for (int i = 0; i < n; ++i) {
        std::array<char, 4096> name{};
        off_t offset = 0;
        hsize_t size = 0;
        checked(H5Pget_external(plan, static_cast<unsigned>(i), name.size(), name.data(), &offset, &size), damaged);
        const std::uint64_t needed = std::min<std::uint64_t>(bytes, size);  // the last one may have no end
        std::error_code none;
        const std::filesystem::path file = in.parent_path() / name.data();  // as open_beside() has HDF5 look for it
        const std::uint64_t there = std::filesystem::file_size(file, none);
        if (none || there < static_cast<std::uint64_t>(offset) + needed)
            fail_for_missing(fmt::format("the file '{}', which it is made of, is missing or was cut off", name.data()));
        bytes -= needed;
    }
}

std::vector<hsize_t> chunk_of(hid_t plan, std::size_t dimensions) {
    std::vector<hsize_t> chunk(dimensions);
    checked(H5Pget_chunk(plan, static_cast<int>(chunk.size()), chunk.data()), damaged);
    return chunk;
}

void require_all_chunks(hid_t dataset, hid_t plan) {
    const std::vector<hsize_t> lengths = extent(dataset);
    const std::vector<hsize_t> chunk = chunk_of(plan, lengths.size());
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
    constexpr H5Z_filter_t lzf = 32000;  // which h5py alone has
    const int n = checked(H5Pget_nfilters(plan), damaged);
    for (int i = 0; i < n; ++i) {
        unsigned flags = 0;
        std::size_t values = 0;
        const H5Z_filter_t filter =
            H5Pget_filter2(plan, static_cast<unsigned>(i), &flags, &values, nullptr, 0, nullptr, nullptr);
        if (H5Zfilter_avail(filter) <= 0)
            throw InputError("",
                             fmt::format("it is packed with the filter {}, which is not here", name_of_filter(filter)),
                             filter == lzf ? "in Python: file.create_dataset('y', data=file['x'][:])"
                                           : "repack it where the filter is, h5repack -f GZIP=4 IN OUT");
    }
}

namespace {

// So that a damaged extent allocates nothing that the file cannot fill.
std::uint64_t require_stored(hid_t dataset, const std::filesystem::path& in, int depth) {
    const std::vector<hsize_t> lengths = extent(dataset);
    const Dimensions dimensions(lengths.begin(), lengths.end());
    // Of the file that the dataset is in, to which a link of the named one may lead.
    const Handle file(H5Iget_file_id(dataset), H5Fclose, damaged);
    hsize_t file_bytes = 0;
    checked(H5Fget_filesize(file, &file_bytes), damaged);
    const Handle type(H5Dget_type(dataset), H5Tclose, damaged);
    const Handle plan(H5Dget_create_plist(dataset), H5Pclose, damaged);
    const std::uint64_t bytes = bytes_of(dimensions, H5Tget_size(type));
    const H5D_layout_t layout = checked(H5Pget_layout(plan), damaged);
    if (layout == H5D_VIRTUAL) return require_sources(dataset, plan, bytes / H5Tget_size(type), in, depth);
    if (H5Pget_external_count(plan) > 0 && depth > 0)
        throw InputError("", "what it is made of has its values in another file", "write all of it");
    if (H5Pget_external_count(plan) > 0) {
        require_external(plan, bytes, in);
        return 0;
    }
    if (layout == H5D_CHUNKED) require_all_chunks(dataset, plan);

    // What scaleoffset packs of equal numbers takes no room at all.
    if (has_filter(plan, H5Z_FILTER_SCALEOFFSET)) return bytes_of_chunk(dataset);
    // Deflate packs 258 bytes into two bits at best; chunks that were never written are counted with that.
    constexpr std::uint64_t largest_ratio = 1032;
    const std::uint64_t stored =
        layout == H5D_CHUNKED ? file_bytes : std::min<std::uint64_t>(file_bytes, H5Dget_storage_size(dataset));
    const std::uint64_t ratio = layout == H5D_CHUNKED ? largest_ratio : 1;
    if (std::max(bytes, bytes_of_chunk(dataset)) / ratio > stored)
        throw InputError("",
                         fmt::format("an array of {} takes {} bytes, which cannot be in the {} that are there",
                                     to_string(dimensions), bytes, stored),
                         "the file was cut off, or the array never written");
    return bytes_of_chunk(dataset);
}

}  // namespace

std::uint64_t require_stored(hid_t dataset, const std::filesystem::path& in) {
    return require_stored(dataset, in, 0);
}

std::uint64_t bytes_of_chunk(hid_t dataset) {
    const Handle plan(H5Dget_create_plist(dataset), H5Pclose, damaged);
    if (H5Pget_layout(plan) != H5D_CHUNKED) return 0;
    const Handle type(H5Dget_type(dataset), H5Tclose, damaged);
    std::uint64_t bytes = H5Tget_size(type);
    for (const hsize_t length : chunk_of(plan, extent(dataset).size())) bytes *= length;
    return bytes;
}

void require_whole_chunks(hid_t dataset) {
    const Handle plan(H5Dget_create_plist(dataset), H5Pclose, damaged);
    if (H5Pget_layout(plan) != H5D_CHUNKED || H5Pget_nfilters(plan) != 0) return;
    const std::vector<hsize_t> lengths = extent(dataset);
    const std::vector<hsize_t> chunk = chunk_of(plan, lengths.size());
    const std::uint64_t whole = bytes_of_chunk(dataset);
    std::vector<hsize_t> first(lengths.size(), 0);
    for (std::size_t dimension = 0; dimension < lengths.size();) {
        unsigned mask = 0;
        haddr_t address = 0;
        hsize_t bytes = 0;
        checked(H5Dget_chunk_info_by_coord(dataset, first.data(), &mask, &address, &bytes), damaged);
        if (address != HADDR_UNDEF && bytes < whole) fail_for_short_chunk(bytes, whole);
        // The next one, the first dimension the fastest.
        for (dimension = 0; dimension < lengths.size(); ++dimension) {
            first[dimension] += chunk[dimension];
            if (first[dimension] < lengths[dimension]) break;
            first[dimension] = 0;
        }
    }
}

}  // namespace repal
