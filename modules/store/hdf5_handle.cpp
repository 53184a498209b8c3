module;
#include <fmt/format.h>
#include <hdf5.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
module repal.store;

import :bytes;
import :hdf5_handle;
import repal.error;

namespace repal {
namespace {

std::mutex& library_mutex() {
    static std::mutex instance;
    return instance;
}

std::string first_line(const std::filesystem::path& file) {
    const auto source = open_bytes(file);
    std::string text(std::min<std::uint64_t>(source->size(), 64), '\0');
    source->read(std::as_writable_bytes(std::span(text)));
    return text;
}

}  // namespace

Hdf5Session::Hdf5Session() : lock_(library_mutex()) {
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

std::string hdf5_cause() {
    std::string text;
    const auto take_first = [](unsigned, const H5E_error2_t* entry, void* target) -> herr_t {
        auto& first = *static_cast<std::string*>(target);
        if (first.empty() && entry->desc != nullptr) first = entry->desc;
        return 0;
    };
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_first, &text);
    return text.empty() ? "unknown error of HDF5" : text;
}

void require_hdf5(hid_t result, std::string_view act) {
    if (result >= 0) return;
    const std::string cause = hdf5_cause();
    if (act == damaged && cause.starts_with("memory allocation failed"))
        throw InputError("", fmt::format("there is too little memory, or {}: {}", act, cause));
    throw InputError("", fmt::format("{}: {}", act, cause));
}

Handle open_hdf5(const std::filesystem::path& file) {
    const std::string start = first_line(file);  // says better than HDF5 why a file cannot be read
    if (H5Fis_hdf5(file.c_str()) <= 0) {
        if (start.starts_with("MATLAB 5.0 MAT-file"))
            throw InputError("", "a MATLAB file older than 7.3", "save it with the option '-v7.3'");
        if (start.starts_with("\x89HDF")) throw InputError("", "the HDF5 file was cut off");
        throw InputError("", "not an HDF5 file");
    }
    // Reading needs no lock, and network file systems may have none.
    const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, damaged);
    H5Pset_file_locking(access, false, true);
    Handle opened(H5Fopen(file.c_str(), H5F_ACC_RDONLY, access), H5Fclose);
    if (opened.is_open()) return opened;
    const std::string cause = hdf5_cause();
    if (cause.starts_with("truncated file")) throw InputError("", "the HDF5 file was cut off: " + cause);
    throw InputError("", "cannot be opened as HDF5: " + cause);
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

}  // namespace repal

// Replaces HDF5's driver for files on web servers, which repal does not read: it alone needs an HTTP client.
extern "C" hid_t H5FD_ros3_init() {
    return H5I_INVALID_HID;
}
