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
import :axes;
import :columns;
import :hdf5_attributes;
import :hdf5_dataset;
import :hdf5_frame;
import :hdf5_handle;
import :hdf5_values;
import repal.error;

namespace repal {
namespace {

// The blocks of a table of pandas, in the order of its columns.
class FrameArray final : public StoredArray {
 public:
    FrameArray(Hdf5Reader& reader, const std::string& path, const std::filesystem::path& in) {
        const hid_t file = reader.file();
        columns_ = names_in(file, path + "/axis0");
        const std::vector<std::string>& columns = columns_;
        std::size_t used = 0;
        for (int block = 0;; ++block) {
            const std::string values = fmt::format("{}/block{}_values", path, block);
            if (H5Lexists(file, values.c_str(), H5P_DEFAULT) <= 0) break;
            Handle dataset(H5Oopen(file, values.c_str(), H5P_DEFAULT), H5Oclose, damaged);
            if (const std::string refused = refused_dataset(dataset); !refused.empty())
                throw InputError("", fmt::format("'{}' is {}", values, refused), "leave out columns of text");
            auto part = open_dataset(reader, std::move(dataset), values, in);
            const std::vector<std::string> items = names_in(file, fmt::format("{}/block{}_items", path, block));
            if (part->dimensions.size() != 2 || part->dimensions[1] != items.size())
                throw InputError("", fmt::format("'{}' is not as pandas writes tables", path));
            std::vector<std::size_t> places;
            for (const std::string& item : items) {
                const auto place = std::ranges::find(columns, item);
                if (place == columns.end())
                    throw InputError("", fmt::format("'{}' is not as pandas writes tables", path));
                places.push_back(static_cast<std::size_t>(place - columns.begin()));
            }
            used += items.size();
            if (!blocks_.empty() && part->dimensions[0] != rows_)
                throw InputError("", fmt::format("'{}' is not as pandas writes tables", path));
            rows_ = part->dimensions[0];
            blocks_.push_back({std::move(part), std::move(places)});
        }
        if (blocks_.empty() || used != columns.size())
            throw InputError("", fmt::format("'{}' is not as pandas writes tables", path),
                             "in Python: numpy.save('x.npy', frame.to_numpy())");
        dimensions = {rows_, columns.size()};
        bytes_of(dimensions, sizeof(double));
    }

    const std::vector<std::string>& columns() const { return columns_; }

    RowMatrix values() const {
        RowMatrix all(static_cast<Eigen::Index>(dimensions[0]), static_cast<Eigen::Index>(dimensions[1]));
        for (const Block& block : blocks_) {
            const Dimensions& of_it = block.values->dimensions;
            Assembly whole(of_it, block.values->order, parts_of(of_it, {}), usual_axes(2));
            block.values->read(whole);
            const RowMatrix values = std::move(whole).finish().values;
            for (std::size_t i = 0; i < block.places.size(); ++i)
                all.col(static_cast<Eigen::Index>(block.places[i])) = values.col(static_cast<Eigen::Index>(i));
        }
        return all;
    }

    void read(Assembly& assembly) override {
        const RowMatrix all = values();
        assembly.append({all.data(), static_cast<std::size_t>(all.size())});
    }

 private:
    struct Block {
        std::unique_ptr<StoredArray> values;
        std::vector<std::size_t> places;  // of its columns in the table
    };

    // Names of columns, which may be numbers.
    static std::vector<std::string> names_in(hid_t file, const std::string& path) {
        if (H5Lexists(file, path.c_str(), H5P_DEFAULT) <= 0) return {};
        const Handle object(H5Oopen(file, path.c_str(), H5P_DEFAULT), H5Oclose, damaged);
        if (H5Iget_type(object) != H5I_DATASET) return {};
        std::vector<std::string> names = texts_in(file, path);
        if (names.empty())
            for (const double number : numbers_in(file, path)) names.push_back(fmt::format("{}", number));
        return names;
    }

    std::vector<std::string> columns_;
    std::uint64_t rows_ = 0;
    std::vector<Block> blocks_;
};

/// The levels of the index that are columns by their names: trials and times.
ColumnTable index_of(hid_t file, const std::string& path) {
    ColumnTable index;
    const auto add = [&](const std::string& of, std::vector<double> values) {
        const Handle dataset(H5Oopen(file, of.c_str(), H5P_DEFAULT), H5Oclose);
        const std::string name = dataset.is_open() ? text_of(dataset, "name") : "";
        if (!have_trials_or_times({name})) return;
        if (values.empty())
            throw InputError("", fmt::format("the index '{}' is not of numbers", name),
                             "in Python: frame.reset_index(), with numbers for trials and seconds for times");
        index.names.push_back(name);
        index.values.insert(index.values.end(), values.begin(), values.end());
        ++index.width;
    };
    const std::string axis = path + "/axis1";
    if (H5Lexists(file, axis.c_str(), H5P_DEFAULT) > 0) add(axis, numbers_in(file, axis));
    for (int level = 0;; ++level) {
        const std::string of = fmt::format("{}_level{}", axis, level);
        if (H5Lexists(file, of.c_str(), H5P_DEFAULT) <= 0) break;
        const std::vector<double> known = numbers_in(file, of);
        std::vector<double> values;
        for (const double code : numbers_in(file, fmt::format("{}_label{}", axis, level))) {
            if (known.empty() || !(code >= 0 && code < static_cast<double>(known.size()))) {
                values.clear();
                break;
            }
            values.push_back(known[static_cast<std::size_t>(code)]);
        }
        add(of, std::move(values));
    }
    return index;  // a level after the other
}

}  // namespace

bool is_frame(hid_t group) {
    return text_of(group, "pandas_type") == "frame";
}

std::vector<std::unique_ptr<StoredArray>> open_frame(Hdf5Reader& reader, const std::string& path,
                                                     const std::filesystem::path& in) {
    auto frame = std::make_unique<FrameArray>(reader, path, in);
    std::vector<std::unique_ptr<StoredArray>> arrays;
    const ColumnTable index = index_of(reader.file(), path);
    if (index.width == 0 && !have_trials_or_times(frame->columns())) {
        arrays.push_back(std::move(frame));
        return arrays;
    }
    const RowMatrix values = frame->values();
    const auto rows = static_cast<std::size_t>(values.rows());
    if (index.values.size() != rows * index.width)
        throw InputError("", fmt::format("'{}' is not as pandas writes tables", path));
    ColumnTable table{.names = index.names, .width = index.width + frame->columns().size()};
    table.names.insert(table.names.end(), frame->columns().begin(), frame->columns().end());
    for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t level = 0; level < index.width; ++level)
            table.values.push_back(index.values[level * rows + row]);
        const double* of_row = values.data() + row * frame->columns().size();
        table.values.insert(table.values.end(), of_row, of_row + frame->columns().size());
    }
    return trials_of(table);
}

}  // namespace repal
