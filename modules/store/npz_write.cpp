module;
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zip.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>
module repal.store;

import :archive;
import repal.file;

namespace repal {
namespace {

/// Version 1.0 of numpy/lib/format.py: magic, length, dictionary padded to 64 bytes, values.
std::string npy(const std::string& type, const std::string& shape, std::string_view values) {
    std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", type, shape);
    constexpr std::size_t prefix = 10;
    header.append(63 - (prefix + header.size()) % 64, ' ');
    header += '\n';
    std::string content("\x93NUMPY\x01\x00", 8);
    content += static_cast<char>(header.size() & 0xFF);
    content += static_cast<char>(header.size() >> 8);
    return content + header + std::string(values);
}

std::string npy(const Array& array) {
    struct Type {
        std::string operator()(const std::vector<float>&) const { return "<f4"; }
        std::string operator()(const std::vector<double>&) const { return "<f8"; }
        std::string operator()(const std::vector<std::int32_t>&) const { return "<i4"; }
    };
    const std::string shape = array.shape.empty() ? "()" : fmt::format("({},)", fmt::join(array.shape, ", "));
    const auto bytes = std::visit(
        [](const auto& values) {
            return std::string_view(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0]));
        },
        array.values);
    return npy(std::visit(Type{}, array.values), shape, bytes);
}

/// A text without dimensions, four bytes a character as NumPy keeps them. Attributes of ours are ASCII.
std::string npy(const std::string& text) {
    std::string wide(4 * text.size(), '\0');
    for (std::size_t i = 0; i < text.size(); ++i) wide[4 * i] = text[i];
    return npy(fmt::format("<U{}", text.size()), "()", wide);
}

/// libzip fails here only for want of memory.
void require(bool is_done) {
    if (!is_done) throw InputError("", "the archive of NumPy cannot be made");
}

void add_member(zip_t* archive, const std::string& name, const std::string& content) {
    zip_source_t* source = zip_source_buffer(archive, content.data(), content.size(), 0);
    require(source != nullptr);
    const zip_int64_t index = zip_file_add(archive, (name + ".npy").c_str(), source, ZIP_FL_ENC_UTF_8);
    require(index >= 0);
    const auto member = static_cast<zip_uint64_t>(index);
    // numpy.load maps what is stored as it is; a fixed time, so that equal archives are equal bytes
    require(zip_set_file_compression(archive, member, ZIP_CM_STORE, 0) == 0);
    constexpr zip_uint16_t first_of_january_1980 = 0x21;
    require(zip_file_set_dostime(archive, member, 0, first_of_january_1980, 0) == 0);
}

std::string zipped(const std::vector<std::pair<std::string, std::string>>& members) {
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t* buffer = zip_source_buffer_create(nullptr, 0, 0, &error);
    require(buffer != nullptr);
    zip_source_keep(buffer);
    zip_t* archive = zip_open_from_source(buffer, ZIP_TRUNCATE, &error);
    require(archive != nullptr);
    for (const auto& [name, content] : members) add_member(archive, name, content);
    require(zip_close(archive) == 0);

    zip_stat_t stat;
    require(zip_source_stat(buffer, &stat) == 0 && zip_source_open(buffer) == 0);
    std::string image(stat.size, '\0');
    require(zip_source_read(buffer, image.data(), image.size()) == static_cast<zip_int64_t>(image.size()));
    zip_source_close(buffer);
    zip_source_free(buffer);
    return image;
}

}  // namespace

void write_npz(const std::filesystem::path& file, const Archive& archive) {
    std::vector<std::pair<std::string, std::string>> members;
    for (const auto& [name, array] : archive.arrays) members.emplace_back(name, npy(array));
    for (const auto& [name, text] : archive.attributes) members.emplace_back(name, npy(text));
    write_file(file, zipped(members));
}

}  // namespace repal
