module;
#include <string>
export module repal.description;

export import repal.registry;

namespace repal {

/// All plugins with their options, units and sources, and those that were refused, as JSON.
export std::string description_of(const Registry& registry);

}  // namespace repal
