module;

#include "commands.hpp"

export module command.load_plugins;

import repal.registry;

namespace command {

/// Loads the plugins of the plugin path, isolated if the user asked for that. From then on, if a plugin that is not
/// isolated calls exit(), the program says so and ends with ExitCode::failure, so that nobody takes it for success.
export repal::Registry load_plugins(const CommonOptions& common);

/// To be called when the program itself ends, so that no plugin is blamed for it.
export void forget_plugins();

}  // namespace command
