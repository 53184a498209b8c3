module;
#include <fmt/format.h>
#include <matio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
module repal.store;

import :array_file;
import :child;
import :mat;
import :mat_check;
import repal.error;

namespace repal {
namespace {

// --- In the child
// -----------------------------------------------------------------------------------------------------

void say_nothing(int /*level*/, char* /*text*/) {}

std::string refused(const matvar_t& value) {
    switch (value.class_type) {
        case MAT_C_CHAR:
            return "text";
        case MAT_C_SPARSE:
            return "a sparse matrix, which full() makes an array";
        case MAT_C_STRUCT:
            return "an array of structs";
        case MAT_C_OBJECT:
        case MAT_C_OPAQUE:
            return "a MATLAB object, e.g. a table";
        case MAT_C_FUNCTION:
            return "a function";
        default:
            return value.isComplex != 0 ? "an array of complex numbers" : "";
    }
}

Dimensions dimensions_of(const matvar_t& value) {
    return {value.dims, value.dims + std::max(0, value.rank)};
}

std::size_t count_of(const matvar_t& value) {
    std::size_t n = 1;
    for (int i = 0; i < value.rank; ++i) n *= value.dims[i];
    return n;
}

std::span<matvar_t* const> cells_of(const matvar_t& value) {
    if (value.class_type != MAT_C_CELL || value.data == nullptr) return {};
    return {static_cast<matvar_t* const*>(value.data), count_of(value)};
}

/// What is called so: one array, or one in every struct of an array of them.
using Values = std::vector<matvar_t*>;

bool are_structs(const Values& values) {
    return !values.empty() && std::ranges::all_of(values, [](const matvar_t* value) {
        return value != nullptr && value->class_type == MAT_C_STRUCT;
    });
}

Values fields_of(const Values& structs, const char* name) {
    Values fields;
    for (matvar_t* value : structs)
        for (std::size_t i = 0; i < count_of(*value); ++i)
            fields.push_back(Mat_VarGetStructFieldByName(value, name, i));
    return std::ranges::all_of(fields, [](const matvar_t* field) { return field == nullptr; }) ? Values() : fields;
}

/// The arrays of a value: the cells of a cell.
Values arrays_of(const Values& values) {
    if (values.size() != 1 || values.front() == nullptr || values.front()->class_type != MAT_C_CELL) return values;
    const auto cells = cells_of(*values.front());
    return {cells.begin(), cells.end()};
}

void list(const Writer& out, const std::string& name, const Values& values) {
    if (are_structs(values)) {
        char* const* names = Mat_VarGetStructFieldnames(values.front());
        const unsigned n = Mat_VarGetNumberOfFields(values.front());
        for (unsigned i = 0; names != nullptr && i < n; ++i)
            if (const Values fields = fields_of(values, names[i]); !fields.empty())
                list(out, name + "." + names[i], fields);
        return;
    }
    const Values arrays = arrays_of(values);
    Dimensions dimensions;
    std::string cause = arrays.empty() ? "a cell without arrays" : "";
    for (const matvar_t* array : arrays) {
        const bool is_array = array != nullptr && array->class_type != MAT_C_CELL && refused(*array).empty();
        if (!is_array) cause = array != nullptr ? refused(*array) : "";
        if (!is_array && cause.empty()) cause = "something else than arrays of numbers";
        if (!is_array) break;
    }
    if (!arrays.empty() && arrays.front() != nullptr) dimensions = dimensions_of(*arrays.front());
    const bool is_several = arrays.size() > 1 || values.front() != arrays.front();
    // What is in cells and objects may be anything.
    const bool is_held = is_several || values.front() == nullptr || values.front()->class_type == MAT_C_CELL ||
                         values.front()->class_type == MAT_C_OBJECT || values.front()->class_type == MAT_C_OPAQUE;
    if (!cause.empty() && is_held) dimensions.clear();
    if (cause.empty() && is_several) dimensions.insert(dimensions.begin(), arrays.size());
    if (cause.empty() && std::ranges::find(dimensions, 0U) != dimensions.end()) cause = "empty";
    out.put(std::uint64_t{1});
    out.put(name);
    out.put(cause);
    out.put(dimensions.size());
    for (const std::uint64_t length : dimensions) out.put(length);
}

template <class Number>
void write_as_doubles(const Writer& out, const void* data, std::size_t n) {
    constexpr std::size_t at_a_time = 1 << 14;
    const auto* values = static_cast<const Number*>(data);
    std::vector<double> some;
    for (std::size_t first = 0; first < n; first += at_a_time) {
        some.assign(values + first, values + std::min(n, first + at_a_time));
        out.bytes(some.data(), some.size() * sizeof(double));
    }
}

/// Dimensions and values, the first dimension fastest.
void write(const Writer& out, const matvar_t& value) {
    std::string cause = refused(value);
    if (cause.empty() && (value.data == nullptr || count_of(value) == 0)) cause = "empty";
    out.put(cause);
    if (!cause.empty()) return;
    out.put(static_cast<std::uint64_t>(value.rank));
    for (int i = 0; i < value.rank; ++i) out.put(value.dims[i]);
    const std::size_t n = count_of(value);
    switch (value.class_type) {
        case MAT_C_DOUBLE:
            return write_as_doubles<double>(out, value.data, n);
        case MAT_C_SINGLE:
            return write_as_doubles<float>(out, value.data, n);
        case MAT_C_INT8:
            return write_as_doubles<std::int8_t>(out, value.data, n);
        case MAT_C_UINT8:
            return write_as_doubles<std::uint8_t>(out, value.data, n);
        case MAT_C_INT16:
            return write_as_doubles<std::int16_t>(out, value.data, n);
        case MAT_C_UINT16:
            return write_as_doubles<std::uint16_t>(out, value.data, n);
        case MAT_C_INT32:
            return write_as_doubles<std::int32_t>(out, value.data, n);
        case MAT_C_UINT32:
            return write_as_doubles<std::uint32_t>(out, value.data, n);
        case MAT_C_INT64:
            return write_as_doubles<std::int64_t>(out, value.data, n);
        case MAT_C_UINT64:
            return write_as_doubles<std::uint64_t>(out, value.data, n);
        default:
            _exit(1);
    }
}

mat_t* opened(const std::string& file) {
    Mat_LogInitFunc("repal", say_nothing);
    mat_t* mat = Mat_Open(file.c_str(), MAT_ACC_RDONLY);
    if (mat == nullptr) _exit(1);
    return mat;
}

void list_all(const Writer& out, const std::string& file) {
    mat_t* mat = opened(file);
    while (matvar_t* value = Mat_VarReadNextInfo(mat)) {
        if (value->name != nullptr) list(out, value->name, {value});
        Mat_VarFree(value);
    }
    out.put(std::uint64_t{0});
}

/// "x", or "s.x" of a struct or of every struct of an array: how many arrays it is, 0 if it is not there, and each.
void write_named(const Writer& out, const std::string& file, const std::string& name) {
    mat_t* mat = opened(file);
    std::size_t dot = name.find('.');
    matvar_t* const value = Mat_VarRead(mat, name.substr(0, dot).c_str());
    Values values;
    if (value != nullptr) values.push_back(value);
    while (dot != std::string::npos) {
        const std::size_t begin = dot + 1;
        dot = name.find('.', begin);
        const std::string field = name.substr(begin, dot == std::string::npos ? dot : dot - begin);
        values = are_structs(values) ? fields_of(values, field.c_str()) : Values();
    }
    if (are_structs(values)) values.clear();
    const Values arrays = arrays_of(values);
    out.put(arrays.size());
    for (const matvar_t* array : arrays) {
        if (array == nullptr || array->class_type == MAT_C_CELL) {
            out.put("something else than an array of numbers");
            return;
        }
        write(out, *array);
    }
}

// --- In the program
// ---------------------------------------------------------------------------------------------------

/// An array whose values a child writes next. Several share a child: they are read in their order.
class MatArray final : public StoredArray {
 public:
    MatArray(std::shared_ptr<Child> child, Dimensions lengths) : child_(std::move(child)) {
        dimensions = std::move(lengths);
        order = MemoryOrder::first_fastest;
        count_ = bytes_of(dimensions, 1);
    }

    void read(Assembly& assembly) override {
        constexpr std::uint64_t at_a_time = 1 << 14;
        std::vector<double> values(std::min(count_, at_a_time));
        for (std::uint64_t done = 0; done < count_;) {
            const std::uint64_t n = std::min<std::uint64_t>(values.size(), count_ - done);
            child_->bytes(values.data(), n * sizeof(double));
            assembly.append(std::span(values).first(n));
            done += n;
        }
    }

 private:
    std::shared_ptr<Child> child_;
    std::uint64_t count_ = 0;
};

/// A whole array in memory, since what follows it in the pipe is asked for first.
class HeldMatArray final : public StoredArray {
 public:
    HeldMatArray(Child& child, Dimensions lengths) {
        dimensions = std::move(lengths);
        order = MemoryOrder::first_fastest;
        values_.resize(bytes_of(dimensions, 1));
        child.bytes(values_.data(), values_.size() * sizeof(double));
    }
    void read(Assembly& assembly) override { assembly.append(values_); }

 private:
    std::vector<double> values_;
};

class MatFile final : public ArrayFile {
 public:
    explicit MatFile(const std::filesystem::path& file)
        : file_(file.string()), file_bytes_(std::filesystem::file_size(file)) {
        require_whole_mat(file);
    }

    std::vector<ArrayEntry> arrays() override {
        Child child(kind, [this](const Writer& out) {
            const MemoryBound bound(memory());
            list_all(out, file_);
        });
        std::vector<ArrayEntry> entries;
        while (child.number() == 1) {
            ArrayEntry entry{.name = child.text(), .dimensions = {}, .refused = child.text()};
            entry.dimensions = lengths(child);
            entries.push_back(std::move(entry));
            if (entries.size() > file_bytes_) child.fail();
        }
        return entries;
    }

    std::vector<std::unique_ptr<StoredArray>> open(const std::string& name) override {
        auto child = std::make_shared<Child>(kind, [&](const Writer& out) {
            const MemoryBound bound(memory());
            write_named(out, file_, name);
        });
        const std::uint64_t n = child->number();
        std::vector<std::unique_ptr<StoredArray>> arrays;
        for (std::uint64_t i = 0; i < n; ++i) {
            if (const std::string cause = child->text(); !cause.empty())
                throw InputError("", n == 1 ? fmt::format("'{}' is {}", name, cause)
                                            : fmt::format("entry {} of '{}' is {}", i + 1, name, cause));
            Dimensions found = lengths(*child);
            require_possible(found);
            if (n == 1)
                arrays.push_back(std::make_unique<MatArray>(child, std::move(found)));
            else
                arrays.push_back(std::make_unique<HeldMatArray>(*child, std::move(found)));
        }
        return arrays;
    }

 private:
    static constexpr const char* kind = "MATLAB file";
    // Deflate packs 258 bytes into two bits at best, and a byte of the file may be a double.
    static constexpr std::uint64_t largest_ratio = 1032 * sizeof(double);

    std::uint64_t memory() const {
        constexpr std::uint64_t of_program = std::uint64_t{1} << 30;
        return of_program + 4 * file_bytes_ * largest_ratio;
    }

    void require_possible(const Dimensions& found) const {
        if (bytes_of(found, sizeof(double)) / largest_ratio > file_bytes_)
            throw InputError("", fmt::format("an array of {} cannot be in {} bytes", to_string(found), file_bytes_),
                             "the file is damaged");
    }

    static Dimensions lengths(Child& child) {
        constexpr std::uint64_t most = 32;
        const std::uint64_t n = child.number();
        if (n > most) throw InputError("", fmt::format("an array of {} dimensions", n));
        Dimensions found;
        for (std::uint64_t i = 0; i < n; ++i) found.push_back(child.number());
        return found;
    }

    std::string file_;
    std::uint64_t file_bytes_;
};

}  // namespace

bool is_mat(const std::string& start, std::uint64_t file_bytes) {
    if (start.starts_with("MATLAB 5.0") || start.starts_with("MATLAB 7.0")) return true;
    // Version 4: type, rows, columns, whether it is complex, length of the name.
    std::array<std::int32_t, 5> header{};
    if (start.size() < sizeof header) return false;
    std::memcpy(header.data(), start.data(), sizeof header);
    constexpr std::int32_t largest_type = 4052;
    if (header[0] < 0 || header[0] > largest_type)  // of a machine of the other byte order
        for (std::int32_t& number : header)
            number = static_cast<std::int32_t>(__builtin_bswap32(static_cast<std::uint32_t>(number)));
    const auto [type, rows, columns, is_complex, name] = header;
    const bool is_type =
        type >= 0 && type <= largest_type && type % 10 <= 2 && type / 10 % 10 <= 5 && type / 100 % 10 == 0;
    return is_type && rows > 0 && columns > 0 && (is_complex == 0 || is_complex == 1) && name > 1 && name <= 64 &&
           static_cast<std::uint64_t>(rows) <= file_bytes && static_cast<std::uint64_t>(columns) <= file_bytes;
}

std::unique_ptr<ArrayFile> open_mat(const std::filesystem::path& file) {
    return std::make_unique<MatFile>(file);
}

}  // namespace repal
