#pragma once

#include "commands.hpp"

import repal.error;
import repal.studies;

namespace command {

/// Throws InputError unless every `where` is key=value.
repal::Selection read_selection(const SelectionOptions& options);

}  // namespace command
