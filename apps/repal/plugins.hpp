#pragma once

#include "commands.hpp"

import repal.registry;

namespace command {

/// The plugins of the plugin path, isolated if that was asked for. A plugin that is not and calls exit() ends the
/// program as a failure, which is said: nobody shall take it for success.
repal::Registry load_plugins(const CommonOptions& common);

/// The program itself ends.
void forget_plugins();

}  // namespace command
