module;
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>
module repal.store;

import :array_file;
import :bytes;
import :hdf5;
import :mat;
import :npy;
import :npz;
import :text_table;
import :words;
import repal.error;

namespace repal {
namespace {

/// The first bytes, and those where HDF5 may begin behind a block of its user's.
std::string bytes_at(const std::filesystem::path& file, std::uint64_t place, std::size_t n) {
    const auto source = open_bytes(file);
    if (source->size() <= place) return {};
    std::string text(std::min<std::uint64_t>(source->size() - place, n), '\0');
    source->skip(place);
    source->read(std::as_writable_bytes(std::span(text)));
    return text;
}

bool is_hdf5(const std::filesystem::path& file) {
    constexpr std::string_view signature = "\x89HDF\r\n\x1a\n";
    std::error_code none;
    const std::uint64_t size = std::filesystem::file_size(file, none);
    if (bytes_at(file, 0, 4) == signature.substr(0, 4)) return true;
    for (std::uint64_t place = 512; !none && place < size; place *= 2)
        if (bytes_at(file, place, signature.size()) == signature) return true;
    return false;
}

std::string extension_of(const std::filesystem::path& file) {
    return lower_case(file.extension().string());
}

/// Kinds of files that are known but not read, and a line of Python that converts them.
[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& start) {
    const std::string extension = extension_of(file);
    const std::string name = file.filename().string();
    const auto convert = [&](const std::string& kind, const std::string& how) {
        throw InputError("", kind, "in Python: " + how);
    };
    constexpr std::array<std::pair<std::string_view, std::string_view>, 6> wrong = {{{".npy", "an array of NumPy"},
                                                                                     {".npz", "an archive of NumPy"},
                                                                                     {".h5", "an HDF5 file"},
                                                                                     {".hdf5", "an HDF5 file"},
                                                                                     {".nwb", "an HDF5 file"},
                                                                                     {".mat", "a MATLAB file"}}};
    for (const auto& [end, kind] : wrong)
        if (extension == end && !start.empty())
            throw InputError("", fmt::format("not {}, although the name ends with {}", kind, end),
                             "in Python: numpy.save('x.npy', array)");
    if (start.starts_with("PAR1"))
        convert("a Parquet file", fmt::format("numpy.save('x.npy', pandas.read_parquet('{}').to_numpy())", name));
    if (start.starts_with("ARROW1") || extension == ".feather")
        convert("an Arrow file", fmt::format("numpy.save('x.npy', pandas.read_feather('{}').to_numpy())", name));
    if (extension == ".pt" || extension == ".pth")
        convert("a file of PyTorch", fmt::format("numpy.save('x.npy', torch.load('{}').detach().numpy())", name));
    if (start.starts_with("\x80") || extension == ".pkl" || extension == ".pickle")
        convert("a pickle of Python", fmt::format("numpy.save('x.npy', numpy.load('{}', allow_pickle=True))", name));
    if (start.starts_with("CDF\x01") || start.starts_with("CDF\x02") || start.starts_with("CDF\x05"))
        convert("a NetCDF file older than version 4",
                fmt::format("numpy.save('x.npy', scipy.io.netcdf_file('{}').variables['NAME'][:])", name));
    if (start.starts_with("# Created by Octave"))
        throw InputError("", "a text file of Octave", "in Octave: save('-hdf5', 'x.h5', 'x')");
    const auto is_text = [](unsigned char c) { return std::isprint(c) != 0 || std::isspace(c) != 0; };
    if (!start.empty() && std::ranges::all_of(start, is_text))
        convert("a text file whose name does not end with .csv or .tsv",
                fmt::format("numpy.save('x.npy', numpy.loadtxt('{}'))", name));
    throw InputError("", start.empty() ? "an empty file" : "an unknown kind of file",
                     "known are .npy, .npz, HDF5 of any name, MATLAB, .csv and .tsv; in Python: numpy.save('x.npy', "
                     "array)");
}

}  // namespace

StoredArray::~StoredArray() = default;
ArrayFile::~ArrayFile() = default;

std::unique_ptr<ArrayFile> open_array_file(const std::filesystem::path& file) {
    std::error_code none;
    if (std::filesystem::is_directory(file, none)) {
        const std::string name = file.filename().string();
        const bool is_zarr = extension_of(file) == ".zarr" || std::filesystem::exists(file / ".zarray", none) ||
                             std::filesystem::exists(file / "zarr.json", none);
        if (is_zarr)
            throw InputError("", "a folder of Zarr",
                             fmt::format("in Python: numpy.save('x.npy', zarr.open('{}')[:])", name));
        throw InputError("", "this is a folder", fmt::format("name its files, e.g. '{}/*'", file.string()));
    }
    constexpr std::size_t enough = 512;
    const std::string start = bytes_at(file, 0, enough);
    if (start.starts_with("\x93NUMPY")) return open_npy_file(file);
    if (is_hdf5(file)) return open_hdf5_arrays(file);
    if (is_mat(start, std::filesystem::file_size(file, none))) return open_mat(file);
    const std::string extension = extension_of(file);
    if (start.starts_with("PK") && extension != ".pt" && extension != ".pth") return open_npz(file);
    if (extension == ".csv" || extension == ".tsv") return open_text_table(file);
    refuse(file, start);
}

std::string listed(std::span<const ArrayEntry> entries) {
    constexpr std::size_t most = 10;
    std::vector<std::string> shown;
    for (const ArrayEntry& entry : entries.first(std::min(most, entries.size())))
        shown.push_back(fmt::format("{} {}", entry.name, to_string(entry.dimensions)));
    return fmt::format("{}{}", fmt::join(shown, ", "),
                       entries.size() > most ? fmt::format(", and {} more", entries.size() - most) : "");
}

}  // namespace repal
