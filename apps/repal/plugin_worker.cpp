#include <filesystem>
#include <memory>

#include "commands.hpp"

import repal.plugin_worker;
import repal.process;

namespace command {

// Not for users: what --isolate and check-plugin start.
void add_plugin_worker(CLI::App& app, const CommonOptions&, Chosen& chosen) {
    auto* sub = app.add_subcommand("plugin-worker")->group("");
    auto file = std::make_shared<std::filesystem::path>();
    sub->add_option("file", *file)->required();
    sub->callback([&chosen, file] {
        chosen = [file] {
            repal::serve_plugin(*file, repal::worker_socket);
            return done;
        };
    });
}

}  // namespace command
