#include "outputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

import repal.error;
import repal.file;
import repal.store;

namespace command {
namespace {

bool are_one_file(const std::string& a, const std::string& b) {
    std::error_code none;
    const auto place_of = [&](const std::string& file) {
        return std::filesystem::weakly_canonical(std::filesystem::absolute(file, none), none);
    };
    return place_of(a) == place_of(b) || std::filesystem::equivalent(a, b, none);
}

bool is_read(const std::string& file, const std::string& location) {
    const std::vector<std::string> read = repal::files_in(location);
    return std::ranges::any_of(read, [&](const std::string& one) { return are_one_file(file, one); });
}

}  // namespace

void require_outputs(const std::vector<Output>& outputs, const std::vector<std::string>& inputs) {
    constexpr std::array<std::string_view, 7> recordings = {".npy", ".npz", ".h5", ".hdf5", ".mat", ".nwb", ".nc"};
    for (const auto& [option, file] : outputs) {
        if (file.empty()) continue;
        const std::string where = fmt::format("{} {}", option, file);
        for (const std::string& input : inputs)
            if (is_read(file, input)) throw repal::InputError(where, "this file is read, and would be replaced");
        const std::string extension = std::filesystem::path(file).extension().string();
        if (std::ranges::find(recordings, extension) != recordings.end())
            throw repal::InputError(where, fmt::format("{} is the name of a recording", extension),
                                    option == "--out" ? "name a .csv, .json or .txt" : "name a .html");
        // A file that another one is made of, e.g. an external source of HDF5, has any name.
        constexpr std::array<std::string_view, 6> ours = {".csv", ".json", ".txt", ".html", ".htm", ".md"};
        std::error_code none;
        if (std::filesystem::is_regular_file(file, none) && std::ranges::find(ours, extension) == ours.end())
            throw repal::InputError(where, "there is such a file, and it may be data",
                                    "name a .csv, .json, .txt or .html, or remove it");
        for (const Output& other : outputs)
            if (other.option != option && !other.file.empty() && are_one_file(file, other.file))
                throw repal::InputError(where, fmt::format("{} names this file, too", other.option));
        if (option == "--out" && (extension == ".html" || extension == ".htm"))
            throw repal::InputError(where, "--out writes scores, and --report a page", "name a .csv, .json or .txt");
        const bool is_page = extension == ".html" || extension == ".htm";
        constexpr std::array<std::string_view, 5> of_others = {".pdf", ".png", ".svg", ".xlsx", ".xls"};
        if (std::ranges::find(of_others, extension) != of_others.end())
            throw repal::InputError(where, fmt::format("no {} is written", extension),
                                    option == "--out" ? "name a .csv, .json or .txt" : "name a .html");
        if (option != "--out" && !is_page && !extension.empty())
            throw repal::InputError(where, "a page is HTML", "name a .html");
        repal::require_writable(file);
    }
}

void write_or_print(const std::string& file, const std::string& text) {
    if (file.empty()) {
        fmt::print("{}", text);
        return;
    }
    try {
        repal::write_file(file, text);
    } catch (const repal::InputError&) {
        fmt::print("{}", text);
        throw;
    }
}

}  // namespace command
