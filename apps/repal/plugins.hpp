#pragma once

#include "commands.hpp"

import repal.registry;

namespace command {

/// The plugins of the plugin path, isolated if that was asked for.
repal::Registry load_plugins(const CommonOptions& common);

}  // namespace command
