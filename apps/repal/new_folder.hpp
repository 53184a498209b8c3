#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace command {

/// A new folder with what `write` puts into the one that it is given: whole or not at all. Throws InputError if
/// something is there that would be lost, or it cannot be made.
void make_folder(const std::string& folder, const std::function<void(const std::filesystem::path&)>& write);

}  // namespace command
