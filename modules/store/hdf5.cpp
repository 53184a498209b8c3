module;
#include <fmt/format.h>
#include <hdf5.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
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
import :child;
import :hdf5;
import :hdf5_attributes;
import :hdf5_dataset;
import :hdf5_frame;
import :hdf5_handle;
import :hdf5_values;
import :location;
import :words;
import repal.error;

namespace repal {
namespace {

std::vector<std::string> linked_names(hid_t file) {
    std::vector<std::string> names;
    const auto add = [](hid_t, const char* name, const H5L_info_t*, void* target) -> herr_t {
        static_cast<std::vector<std::string>*>(target)->push_back(std::string("/") + name);
        return 0;
    };
    checked(H5Lvisit(file, H5_INDEX_NAME, H5_ITER_INC, add, &names), damaged);
    std::ranges::sort(names, naturally_precedes);
    return names;
}

class Hdf5File final : public ArrayFile {
 public:
    explicit Hdf5File(const std::filesystem::path& path)
        : path_(path), file_(open_hdf5(path)), reader_(file_, [this](const std::string& name) { try_first(name); }) {}

    std::vector<ArrayEntry> arrays() override {
        reader_.try_first(std::string());
        return list();
    }

    std::vector<std::unique_ptr<StoredArray>> open(const std::string& name) override {
        reader_.try_first(name);
        return opened(name);
    }

 private:
    // In the child of its reader.
    void try_first(const std::string& name) {
        if (name.empty())
            list();
        else
            tried_.push_back(opened(name));
    }

    std::vector<ArrayEntry> list() {
        std::vector<ArrayEntry> entries;
        std::string whole;  // whose parts follow: a table of pandas, a cell of Octave
        for (const std::string& name : linked_names(file_)) {
            if (name.starts_with("/#") || (!whole.empty() && name.starts_with(whole + "/"))) continue;
            const Handle object(H5Oopen(file_, name.c_str(), H5P_DEFAULT), H5Oclose);
            if (!object.is_open()) {
                entries.push_back({.name = shown_path(name), .refused = "a link to what is not there"});
                continue;
            }
            const H5I_type_t type = H5Iget_type(object);
            if (type == H5I_GROUP && is_one_array(object, name)) {
                whole = name;
                entries.push_back(entry_of(shown_path(name)));
            }
            if (type != H5I_DATASET) continue;
            std::string refused = refused_by_octave(file_, name);
            if (refused.empty() && !is_cell(object)) refused = refused_dataset(object);
            if (!refused.empty())
                entries.push_back(
                    {.name = shown_path(name), .dimensions = known_dimensions(object), .refused = refused});
            else
                entries.push_back(entry_of(shown_path(name)));
        }
        return entries;
    }

    std::vector<std::unique_ptr<StoredArray>> opened(const std::string& wanted) {
        std::vector<std::unique_ptr<StoredArray>> found;
        std::string path = wanted.starts_with('/') ? wanted : "/" + wanted;
        while (path.size() > 1 && path.ends_with('/')) path.pop_back();
        Handle object(H5Oopen(file_, path.c_str(), H5P_DEFAULT), H5Oclose);
        if (!object.is_open()) {
            const std::string why = hdf5_cause();
            if (H5Lexists(file_, path.c_str(), H5P_DEFAULT) > 0)
                throw InputError("", fmt::format("'{}' cannot be opened: {}", path, why));
            const std::string stored = stored_path(path);
            return stored == path ? std::move(found) : opened(stored);
        }
        require_beside(object, path);
        if (H5Iget_type(object) == H5I_GROUP) {
            if (is_frame(object)) return open_frame(reader_, path, path_);
            if (is_sparse(object, path))
                throw InputError("",
                                 fmt::format("'{}' is a sparse matrix, which full() makes an array", shown_path(path)));
            if (is_octave(object) && !is_value_of_octave(file_, path)) return opened(path + "/value");
            if (is_cell_of_octave(object, path)) return cells_of_octave(path);
        }
        if (H5Iget_type(object) != H5I_DATASET) return found;
        if (is_cell(object)) return cells_of(object, path);
        found.push_back(open_dataset(reader_, std::move(object), path, path_));
        return found;
    }

    // HDF5 follows a link to another file from the current folder, too, where a file of that name is another one.
    void require_beside(hid_t object, const std::string& path) const {
        const auto name_of = [](hid_t of) {
            std::string name(static_cast<std::size_t>(checked(H5Fget_name(of, nullptr, 0), damaged)), '\0');
            H5Fget_name(of, name.data(), name.size() + 1);
            return std::filesystem::path(name);
        };
        const std::filesystem::path file = name_of(object);
        if (file != name_of(file_) && file.is_relative())
            throw InputError("", fmt::format("'{}' is in '{}', which is not beside this file", path, file.string()));
    }

    // A cell array of MATLAB, or a field of a struct array: its entries are elsewhere.
    static bool is_cell(hid_t dataset) {
        const std::string of_it = matlab_class(dataset);
        if (!of_it.empty()) return of_it == "cell";
        const Handle type(H5Dget_type(dataset), H5Tclose, damaged);
        return H5Tequal(type, H5T_STD_REF_OBJ) > 0;
    }

    // A group that holds the entries of a cell, or of a field of a struct array, as "_0", "_1" and so on.
    bool is_cell_of_octave(hid_t group, const std::string& path) const {
        return is_value_of_octave(file_, path) && H5Lexists(group, "dims", H5P_DEFAULT) > 0;
    }

    bool is_sparse(hid_t group, const std::string& path) const {
        return H5Aexists(group, "MATLAB_sparse") > 0 || refused_by_octave(file_, path).find("sparse") == 2;
    }

    // Those of what may be the data, if they can be known: lists of unequal length are of any size.
    static Dimensions known_dimensions(hid_t dataset) {
        const Handle type(H5Dget_type(dataset), H5Tclose, damaged);
        const Handle space(H5Dget_space(dataset), H5Sclose, damaged);
        const int n = H5Sget_simple_extent_ndims(space);
        if (H5Tget_class(type) == H5T_VLEN || n < 1) return n < 1 ? Dimensions{1} : Dimensions{};
        std::vector<hsize_t> lengths(static_cast<std::size_t>(n));
        checked(H5Sget_simple_extent_dims(space, lengths.data(), nullptr), damaged);
        Dimensions dimensions(lengths.begin(), lengths.end());
        // Lists of one length, and tables, whose columns are members; a complex number has two.
        constexpr int most_parts = 2;
        if (H5Tget_class(type) == H5T_ARRAY) dimensions.push_back(static_cast<std::uint64_t>(most_parts));
        if (H5Tget_class(type) == H5T_COMPOUND && H5Tget_nmembers(type) > most_parts)
            dimensions.push_back(static_cast<std::uint64_t>(H5Tget_nmembers(type)));
        return dimensions;
    }

    // Whether what is in a group are parts of one array.
    bool is_one_array(hid_t group, const std::string& path) const {
        return is_frame(group) || is_cell_of_octave(group, path) || is_sparse(group, path);
    }

    // "/s/value/x/value" of "/s/x", where Octave wrote them; else the path itself.
    std::string stored_path(const std::string& path) const {
        std::string stored;
        for (const std::string& part : split(std::string_view(path).substr(1), '/')) {
            stored += "/" + part;
            const Handle object(H5Oopen(file_, stored.c_str(), H5P_DEFAULT), H5Oclose);
            if (!object.is_open()) return path;
            if (is_octave(object)) stored += "/value";
        }
        return stored;
    }

    std::string shown_path(const std::string& path) const {
        std::string stored;
        std::string shown;
        for (const std::string& part : split(std::string_view(path).substr(1), '/')) {
            stored += "/" + part;
            if (!is_value_of_octave(file_, stored)) shown += "/" + part;
        }
        return shown;
    }

    ArrayEntry entry_of(const std::string& name) {
        ArrayEntry entry{.name = name};
        try {
            const auto arrays = opened(name);
            if (arrays.empty()) entry.refused = "nothing";
            for (const auto& array : arrays) entry.dimensions = array->dimensions;
            if (arrays.size() > 1) entry.dimensions.insert(entry.dimensions.begin(), arrays.size());
        } catch (const InputError& error) {
            entry.refused = error.problem();
            const std::string path = stored_path(with_slash(name));
            const Handle object(H5Oopen(file_, path.c_str(), H5P_DEFAULT), H5Oclose);
            if (object.is_open() && H5Iget_type(object) == H5I_DATASET && !is_cell(object))
                entry.dimensions = known_dimensions(object);
        }
        return entry;
    }

    // The arrays that it refers to.
    std::vector<std::unique_ptr<StoredArray>> cells_of(hid_t dataset, const std::string& path) {
        const Handle type(H5Dget_type(dataset), H5Tclose, damaged);
        const Handle space(H5Dget_space(dataset), H5Sclose, damaged);
        const hssize_t n = H5Sget_simple_extent_npoints(space);
        if (H5Tequal(type, H5T_STD_REF_OBJ) <= 0 || n < 1 || n > most_cells)
            throw InputError("", fmt::format("'{}' refers to no arrays", path));
        std::vector<hobj_ref_t> references(static_cast<std::size_t>(n));
        read_values(dataset, H5T_STD_REF_OBJ, references.data());
        std::vector<std::unique_ptr<StoredArray>> trials;
        for (const hobj_ref_t& reference : references)
            trials.push_back(entry(Handle(H5Rdereference2(dataset, H5P_DEFAULT, H5R_OBJECT, &reference), H5Oclose),
                                   trials.size(), path, path));
        return trials;
    }

    std::vector<std::unique_ptr<StoredArray>> cells_of_octave(const std::string& path) {
        std::vector<std::string> names;  // "_0" or, of more than ten, "_00"
        const auto add = [](hid_t, const char* name, const H5L_info_t*, void* target) -> herr_t {
            if (name[0] == '_') static_cast<std::vector<std::string>*>(target)->emplace_back(name);
            return 0;
        };
        hsize_t place = 0;
        const Handle group(H5Oopen(file_, path.c_str(), H5P_DEFAULT), H5Oclose, damaged);
        checked(H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &place, add, &names), damaged);
        std::ranges::sort(names, naturally_precedes);
        std::vector<std::unique_ptr<StoredArray>> trials;
        for (const std::string& name : names) {
            const std::string value = fmt::format("{}/{}/value", path, name);
            trials.push_back(entry(Handle(H5Oopen(file_, value.c_str(), H5P_DEFAULT), H5Oclose), trials.size(),
                                   shown_path(path), value));
        }
        if (trials.empty()) throw InputError("", fmt::format("'{}' is a cell without arrays", shown_path(path)));
        return trials;
    }

    std::unique_ptr<StoredArray> entry(Handle object, std::size_t place, const std::string& of,
                                       const std::string& path) {
        std::string refused = refused_by_octave(file_, path);
        if (refused.empty() && (!object.is_open() || H5Iget_type(object) != H5I_DATASET)) refused = "no array";
        if (refused.empty()) refused = refused_dataset(object);
        if (!refused.empty())
            throw InputError("", fmt::format("entry {} of '{}' is {}", place + 1, of, refused),
                             "in MATLAB, join trials of one length by cat(3, c{:})");
        return open_dataset(reader_, std::move(object), path, path_);
    }

    static constexpr hssize_t most_cells = 1 << 20;

    Hdf5Session session_;
    std::filesystem::path path_;
    Handle file_;
    Hdf5Reader reader_;
    std::vector<std::vector<std::unique_ptr<StoredArray>>> tried_;
};

}  // namespace

std::unique_ptr<ArrayFile> open_hdf5_arrays(const std::filesystem::path& file) {
    Hdf5Reader::try_first([&] { const Hdf5File tried(file); });
    return std::make_unique<Hdf5File>(file);
}

}  // namespace repal
