module;
#include <fmt/format.h>
#include <hdf5.h>
#include <libdeflate.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>
module repal.store;

import :archive;
import :hdf5_handle;
import repal.error;
import repal.file;

namespace repal {
namespace {

struct Types {
    hid_t on_disk;
    hid_t in_memory;
};

Types types_of(const Array::Values& values) {
    struct Reader {
        Types operator()(const std::vector<float>&) const { return {H5T_IEEE_F32LE, H5T_NATIVE_FLOAT}; }
        Types operator()(const std::vector<double>&) const { return {H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE}; }
        Types operator()(const std::vector<std::int32_t>&) const { return {H5T_STD_I32LE, H5T_NATIVE_INT32}; }
    };
    return std::visit(Reader{}, values);
}

/// Of the values as they are on disk: HDF5 sees no bit that was changed.
constexpr const char* checksum_name = "crc32";

std::string checksum_of(const Array::Values& values) {
    return std::visit(
        [](const auto& held) {
            static_assert(std::endian::native == std::endian::little);
            return fmt::format("{:08x}", ::libdeflate_crc32(0, held.data(), held.size() * sizeof(held[0])));
        },
        values);
}

// --- What is not values
// ------------------------------------------------------------------------------------------------------------------
//
// Values have checksums of their own. Whatever else the file holds is summed behind its end, where HDF5 does not look:
// a table of (offset, bytes) of all values, how many there are, the CRC-32 of all other bytes and of the table, and a
// mark. libhdf5 trusts what it reads: a bit that was changed there may crash it, or be another attribute.

constexpr std::string_view mark_of_sum = "repalsum";

struct Region {
    std::uint64_t offset;
    std::uint64_t bytes;
};

/// Where the values of a dataset are.
Region region_of(hid_t dataset) {
    const haddr_t offset = H5Dget_offset(dataset);
    return offset == HADDR_UNDEF ? Region{0, 0} : Region{offset, H5Dget_storage_size(dataset)};
}

/// Of the bytes outside regions, which are sorted, then of the table. `read(offset, bytes)` gives those of the file.
std::uint32_t sum_of_others(const std::vector<Region>& regions, std::uint64_t size,
                            const std::function<std::string_view(std::uint64_t, std::uint64_t)>& read) {
    std::uint32_t sum = 0;
    std::uint64_t next = 0;
    const auto add = [&](std::string_view bytes) {
        if (!bytes.empty()) sum = ::libdeflate_crc32(sum, bytes.data(), bytes.size());  // which begins anew at none
    };
    for (const Region& region : regions) {
        add(read(next, region.offset - next));
        next = region.offset + region.bytes;
    }
    add(read(next, size - next));
    add({reinterpret_cast<const char*>(regions.data()), regions.size() * sizeof(Region)});
    return sum;
}

std::string_view bytes_in(const auto& value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
}

void append_sum(std::string& image, std::vector<Region> regions) {
    std::erase_if(regions, [](const Region& region) { return region.bytes == 0; });
    std::ranges::sort(regions, {}, &Region::offset);
    const std::uint32_t sum = sum_of_others(regions, image.size(), [&](std::uint64_t offset, std::uint64_t bytes) {
        return std::string_view(image).substr(offset, bytes);
    });
    const std::uint64_t n = regions.size();
    image.append(reinterpret_cast<const char*>(regions.data()), n * sizeof(Region));
    image.append(bytes_in(n)).append(bytes_in(sum)).append(mark_of_sum);
}

/// Throws InputError if what is summed was changed, or there is no sum.
void require_sum(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::string buffer;
    const auto read = [&](std::uint64_t offset, std::uint64_t bytes) -> std::string_view {
        buffer.resize(bytes);
        file.seekg(static_cast<std::int64_t>(offset));
        file.read(buffer.data(), static_cast<std::ptrdiff_t>(bytes));
        if (!file) throw InputError("", "cannot be read");
        return buffer;
    };
    std::error_code none;
    const std::uint64_t size = std::filesystem::file_size(path, none);
    std::uint64_t n = 0;
    std::uint32_t sum = 0;
    constexpr std::uint64_t tail = sizeof n + sizeof sum + mark_of_sum.size();
    const auto changed = [] {
        return InputError("", "it was changed, damaged or cut off since it was written, or is of an older version",
                          "remove it, and it is made again");
    };
    if (none) throw InputError("", "no such file");
    if (size < tail || read(size - mark_of_sum.size(), mark_of_sum.size()) != mark_of_sum) throw changed();
    const std::string numbers(read(size - tail, sizeof n + sizeof sum));
    std::memcpy(&n, numbers.data(), sizeof n);
    std::memcpy(&sum, numbers.data() + sizeof n, sizeof sum);
    if (n > (size - tail) / sizeof(Region)) throw changed();
    const std::uint64_t end = size - tail - n * sizeof(Region);
    std::vector<Region> regions(n);
    if (n > 0) std::memcpy(regions.data(), read(end, n * sizeof(Region)).data(), n * sizeof(Region));
    std::uint64_t next = 0;
    for (const Region& region : regions) {
        if (region.offset < next || region.offset > end || region.bytes > end - region.offset) throw changed();
        next = region.offset + region.bytes;
    }
    if (sum_of_others(regions, end, read) != sum) throw changed();
}

void write_attribute(hid_t object, const std::string& name, const std::string& text) {
    const Handle type(H5Tcopy(H5T_C_S1), H5Tclose, unwritable);
    H5Tset_size(type, H5T_VARIABLE);  // h5py reads text of fixed length as bytes
    H5Tset_cset(type, H5T_CSET_UTF8);
    const Handle space(H5Screate(H5S_SCALAR), H5Sclose, unwritable);
    const std::string act = fmt::format("the attribute '{}' cannot be written", name);
    const Handle attribute(H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose, act);
    const char* const value = text.c_str();
    checked(H5Awrite(attribute, type, static_cast<const void*>(&value)), act);
}

/// Where its values are.
Region write_array(hid_t file, const std::string& name, const Array& array) {
    const std::vector<hsize_t> lengths(array.shape.begin(), array.shape.end());
    const Handle space(H5Screate_simple(static_cast<int>(lengths.size()), lengths.data(), nullptr), H5Sclose,
                       unwritable);
    const Handle linking(H5Pcreate(H5P_LINK_CREATE), H5Pclose, unwritable);
    H5Pset_create_intermediate_group(linking, 1);
    const Handle plan(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, unwritable);
    H5Pset_obj_track_times(plan, false);

    const std::string act = fmt::format("the dataset '{}' cannot be written", name);
    const Types types = types_of(array.values);
    const Handle dataset(H5Dcreate2(file, name.c_str(), types.on_disk, space, linking, plan, H5P_DEFAULT), H5Dclose,
                         act);
    const void* values = std::visit([](const auto& held) -> const void* { return held.data(); }, array.values);
    checked(H5Dwrite(dataset, types.in_memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), act);
    for (const auto& [key, text] : array.attributes) write_attribute(dataset, key, text);
    write_attribute(dataset, checksum_name, checksum_of(array.values));
    return region_of(dataset);
}

std::map<std::string, std::string> attributes_of(hid_t object) {
    std::map<std::string, std::string> attributes;
    std::vector<std::string> names;
    const auto add = [](hid_t, const char* name, const H5A_info_t*, void* target) -> herr_t {
        static_cast<std::vector<std::string>*>(target)->emplace_back(name);
        return 0;
    };
    checked(H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &names), damaged);
    for (const std::string& name : names) {
        const Handle attribute(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose, damaged);
        const Handle type(H5Aget_type(attribute), H5Tclose, damaged);
        if (H5Tis_variable_str(type) <= 0) continue;
        char* text = nullptr;
        checked(H5Aread(attribute, type, static_cast<void*>(&text)), damaged);
        attributes[name] = text == nullptr ? "" : text;
        H5free_memory(text);
    }
    return attributes;
}

template <class T>
Array::Values read_values(hid_t dataset, std::size_t count) {
    std::vector<T> values(count);
    checked(H5Dread(dataset, types_of(Array::Values(values)).in_memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
            damaged);
    return values;
}

Array read_array(hid_t dataset, std::uint64_t file_bytes) {
    Array array;
    const Handle space(H5Dget_space(dataset), H5Sclose, damaged);
    std::vector<hsize_t> lengths(static_cast<std::size_t>(checked(H5Sget_simple_extent_ndims(space), damaged)));
    checked(H5Sget_simple_extent_dims(space, lengths.data(), nullptr), damaged);
    array.shape.assign(lengths.begin(), lengths.end());
    const auto count = static_cast<std::size_t>(checked(H5Sget_simple_extent_npoints(space), damaged));
    const Handle type(H5Dget_type(dataset), H5Tclose, damaged);
    // So that a damaged extent allocates nothing that the file cannot fill.
    if (count > file_bytes) throw InputError("", std::string(damaged));
    if (H5Tget_class(type) == H5T_INTEGER)
        array.values = read_values<std::int32_t>(dataset, count);
    else if (H5Tget_size(type) == sizeof(float))
        array.values = read_values<float>(dataset, count);
    else
        array.values = read_values<double>(dataset, count);
    array.attributes = attributes_of(dataset);
    if (const auto checksum = array.attributes.find(checksum_name); checksum != array.attributes.end()) {
        if (checksum->second != checksum_of(array.values))
            throw InputError("", "an array of it was changed, or damaged, since it was written",
                             "remove it, and it is made again");
        array.attributes.erase(checksum);
    }
    return array;
}

using Wanted = std::function<bool(const std::string&)>;

Wanted in_groups(const std::vector<std::string>& groups) {
    return [groups](const std::string& name) {
        return std::ranges::any_of(
            groups, [&](const std::string& group) { return name == group || name.starts_with(group + "/"); });
    };
}

/// The attributes of a file of so many bytes, and the arrays that are wanted.
Archive archive_of(hid_t file, std::uint64_t bytes, const Wanted& is_wanted) {
    std::vector<std::string> names;
    const auto add = [](hid_t, const char* name, const H5L_info_t*, void* target) -> herr_t {
        static_cast<std::vector<std::string>*>(target)->emplace_back(name);
        return 0;
    };
    checked(H5Lvisit(file, H5_INDEX_NAME, H5_ITER_INC, add, &names), damaged);
    Archive archive{.arrays = {}, .attributes = attributes_of(file)};
    for (const std::string& name : names) {
        if (!is_wanted(name)) continue;
        const Handle object(H5Oopen(file, name.c_str(), H5P_DEFAULT), H5Oclose, damaged);
        if (H5Iget_type(object) == H5I_DATASET) archive.arrays.emplace(name, read_array(object, bytes));
    }
    return archive;
}

Archive archive_of(std::string_view bytes, const Wanted& is_wanted) {
    const Hdf5Session session;
    const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, damaged);
    constexpr std::size_t growth = 1 << 16;
    checked(H5Pset_fapl_core(access, growth, false), damaged);
    // It is copied.
    checked(H5Pset_file_image(access, const_cast<char*>(bytes.data()), bytes.size()), damaged);
    const Handle file(H5Fopen("repal.h5", H5F_ACC_RDONLY, access), H5Fclose, damaged);
    return archive_of(file, bytes.size(), is_wanted);
}

}  // namespace

std::string bytes_of(const Archive& archive) {
    // As much as it will take: HDF5 clears what it does not.
    std::size_t growth = 1 << 16;
    for (const auto& [name, array] : archive.arrays)
        growth += std::visit([](const auto& held) { return held.size() * sizeof(held[0]); }, array.values);
    const Hdf5Session session;
    const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, unwritable);
    checked(H5Pset_fapl_core(access, growth, false), unwritable);
    const Handle plan(H5Pcreate(H5P_FILE_CREATE), H5Pclose, unwritable);
    H5Pset_obj_track_times(plan, false);
    const Handle file(H5Fcreate("repal.h5", H5F_ACC_TRUNC, plan, access), H5Fclose, unwritable);
    std::vector<Region> regions;
    for (const auto& [name, array] : archive.arrays) regions.push_back(write_array(file, name, array));
    for (const auto& [name, text] : archive.attributes) write_attribute(file, name, text);

    checked(H5Fflush(file, H5F_SCOPE_GLOBAL), unwritable);
    std::string image(static_cast<std::size_t>(checked(H5Fget_file_image(file, nullptr, 0), unwritable)), '\0');
    checked(H5Fget_file_image(file, image.data(), image.size()), unwritable);
    append_sum(image, std::move(regions));
    return image;
}

const Array& Archive::array(const std::string& name, std::size_t type) const {
    const auto found = arrays.find(name);
    if (found == arrays.end()) throw InputError("", fmt::format("there is no array '{}'", name));
    if (found->second.values.index() != type) throw InputError("", fmt::format("'{}' has another type", name));
    return found->second;
}

const std::string& Archive::attribute(const std::string& name) const {
    const auto found = attributes.find(name);
    if (found == attributes.end()) throw InputError("", fmt::format("there is no attribute '{}'", name));
    return found->second;
}

std::vector<std::string> Archive::names(const std::string& name) const {
    std::vector<std::string> listed;
    std::istringstream stream(attribute(name));
    for (std::string next; std::getline(stream, next, ',');) listed.push_back(next);
    return listed;
}

double Archive::number(const std::string& name) const {
    const std::string& text = attribute(name);
    double value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
        throw InputError("", fmt::format("the attribute '{}' is '{}', not a number", name, text));
    return value;
}

void write_archive(const std::filesystem::path& file, const Archive& archive) {
    std::string image;
    try {
        image = bytes_of(archive);
    } catch (const InputError& error) {
        throw error.at(file.string());
    }
    write_file(file, image);
}

Archive read_archive(const std::filesystem::path& path) try {
    require_sum(path);
    const Hdf5Session session;
    const Handle file = open_hdf5(path);
    return archive_of(file, std::filesystem::file_size(path), [](const std::string&) { return true; });
} catch (const InputError& error) {
    throw error.at(path.string());
}

Archive read_archive(const std::filesystem::path& path, const std::vector<std::string>& groups) try {
    require_sum(path);
    const Hdf5Session session;
    const Handle file = open_hdf5(path);
    return archive_of(file, std::filesystem::file_size(path), in_groups(groups));
} catch (const InputError& error) {
    throw error.at(path.string());
}

Archive archive_in(std::string_view bytes) {
    return archive_of(bytes, [](const std::string&) { return true; });
}

Archive archive_in(std::string_view bytes, const std::vector<std::string>& groups) {
    return archive_of(bytes, in_groups(groups));
}

std::map<std::string, std::string> read_attributes(const std::filesystem::path& path) try {
    require_sum(path);
    const Hdf5Session session;
    return attributes_of(open_hdf5(path));
} catch (const InputError& error) {
    throw error.at(path.string());
}

std::optional<std::string> key_in(const std::filesystem::path& file) {
    if (!is_there(file)) return {};
    try {
        const auto attributes = read_attributes(file);
        const auto key = attributes.find("key");
        return key == attributes.end() ? std::optional<std::string>() : key->second;
    } catch (const InputError&) {
        return {};
    }
}

}  // namespace repal
