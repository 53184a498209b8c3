#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

/// A folder of this process, in memory where the machine has such a place.
inline const std::filesystem::path& scratch_folder() {
    static const std::filesystem::path folder = [] {
        const std::filesystem::path shared = "/dev/shm";
        std::filesystem::path own =
            std::filesystem::is_directory(shared) ? shared : std::filesystem::temp_directory_path();
        own /= "repal-fuzz-" + std::to_string(::getpid());
        std::filesystem::create_directories(own);
        return own;
    }();
    return folder;
}
