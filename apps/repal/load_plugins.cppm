module;

#include "commands.hpp"

export module command.load_plugins;

import repal.registry;

namespace command {

/// The plugins of the plugin path, isolated if that was asked for. A plugin that is not and calls exit() ends the
/// program as a failure, which is said: nobody shall take it for success.
export repal::Registry load_plugins(const CommonOptions& common);

/// The program itself ends.
export void forget_plugins();

}  // namespace command
