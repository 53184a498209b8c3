module;
#include <filesystem>
export module repal.plugin_worker;

namespace repal {

/// Runs the plugin of a file for the process at the other end of the socket, until that one closes it.
export void serve_plugin(const std::filesystem::path& file, int socket);

}  // namespace repal
