module;
#include <memory>
#include <string>
#include <vector>
export module repal.studies;

import repal.config;
import repal.registry;
export import repal.study;

namespace repal {

export const std::vector<std::string>& study_names();

/// Reads the study's part of the configuration. Throws InputError for whatever is wrong there, or for an unknown name.
export std::unique_ptr<Study> make_study(const std::string& name, const Config& config, const Registry& registry);

}  // namespace repal
