// Any bytes as a file: they are read as some kind of array, or refused with an InputError. Whatever else happens is a
// defect that libFuzzer and the sanitizers report.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <string>

#include "scratch_folder.hpp"

import repal.error;
import repal.store;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // Of this name, text is a table; all else is known by its first bytes.
    static const std::filesystem::path file = scratch_folder() / "input.csv";
    std::ofstream(file, std::ios::binary).write(reinterpret_cast<const char*>(data), static_cast<std::ptrdiff_t>(size));
    for (const char* object : {"", ":*", ":*/*", ":*+"}) {
        try {
            repal::read_systems(file.string() + object, {.splits_at_gaps = *object != '\0'});
        } catch (const repal::InputError&) {
        }
    }
    return 0;
}
