#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <vector>

#include "repal.h"

import library.handles;
import repal.description;

using library::guarded;
using library::require;

const char* repal_version(void) {
    return REPAL_VERSION;
}

const char* repal_error(void) {
    return library::error_text();
}

void repal_free(char* text) {
    std::free(text);
}

int repal_host_open(const char* plugin_path, repal_host** host) {
    return guarded([&] {
        require(host != nullptr, "host");
        std::vector<std::filesystem::path> folders;
        const std::string_view path = plugin_path == nullptr ? "" : plugin_path;
        for (std::size_t begin = 0; begin < path.size();) {
            const std::size_t end = std::min(path.find(':', begin), path.size());
            if (end > begin) folders.emplace_back(path.substr(begin, end - begin));
            begin = end + 1;
        }
        *host = new repal_host{repal::Registry::load(repal::plugin_path(folders))};
    });
}

void repal_host_close(repal_host* host) {
    delete host;
}

int repal_plugins(const repal_host* host, char** json) {
    return guarded([&] {
        require(host != nullptr, "host");
        library::give(repal::description_of(host->registry), json);
    });
}
