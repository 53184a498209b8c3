#include "new_folder.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>
#include <system_error>

import repal.error;

namespace command {
namespace {

/// A folder beside the one that it becomes; gone with the object unless it has become it.
class TemporaryFolder {
 public:
    explicit TemporaryFolder(const std::filesystem::path& beside)
        : path_(beside.parent_path() / fmt::format(".{}.{}.tmp", beside.filename().string(), ::getpid())) {
        std::filesystem::create_directories(path_.parent_path());
        std::filesystem::create_directory(path_);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder() {
        std::error_code stays;
        if (!path_.empty()) std::filesystem::remove_all(path_, stays);
    }

    const std::filesystem::path& path() const { return path_; }

    /// An empty folder of that name is replaced, anything else is not.
    void become(const std::filesystem::path& folder) {
        std::filesystem::rename(path_, folder);
        path_.clear();
    }

 private:
    std::filesystem::path path_;
};

/// Absolute, without a '/' at its end. Throws InputError if something is there that would be lost.
std::filesystem::path free_place(const std::string& folder) {
    std::filesystem::path place = std::filesystem::weakly_canonical(std::filesystem::absolute(folder));
    if (!place.has_filename()) place = place.parent_path();
    if (!std::filesystem::exists(place)) return place;
    if (!std::filesystem::is_directory(place)) throw repal::InputError(folder, "there is a file of that name already");
    if (!std::filesystem::is_empty(place))
        throw repal::InputError(folder, "this folder is there already and not empty", "name another one");
    if (place == std::filesystem::current_path())
        throw repal::InputError(folder, "this is the current folder", "name one in it");
    return place;
}

}  // namespace

void make_folder(const std::string& folder, const std::function<void(const std::filesystem::path&)>& write) {
    try {
        const std::filesystem::path place = free_place(folder);
        TemporaryFolder temporary(place);
        write(temporary.path());
        temporary.become(place);
    } catch (const std::filesystem::filesystem_error& error) {
        throw repal::InputError(folder, "cannot be made: " + error.code().message());
    }
}

}  // namespace command
