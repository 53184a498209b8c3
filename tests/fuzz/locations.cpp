// Any text behind the name of a file that is there: a location, or refused with an InputError.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>

#include "scratch_folder.hpp"

import repal.error;
import repal.store;

namespace {

std::string table() {
    const auto file = scratch_folder() / "input.csv";
    std::ofstream(file) << "trial,x,y\n0,1,2\n0,2,3\n0,4,4\n1,1,5\n1,3,8\n1,4,3\n";
    return file.string();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::string file = table();
    std::string text(reinterpret_cast<const char*>(data), size);
    std::ranges::replace(text, '/', '.');  // no other folders
    try {
        repal::read_systems(file + text);
    } catch (const repal::InputError&) {
    }
    return 0;
}
