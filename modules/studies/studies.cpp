module;
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>
module repal.studies;

import repal.attractors;
import repal.neurotasks;
import repal.recording_study;

namespace repal {

const std::vector<std::string>& study_names() {
    static const std::vector<std::string> names = {"attractors", "neurotasks", "recordings"};
    return names;
}

std::unique_ptr<Study> make_study(const std::string& name, const Config& config, const Registry& registry) {
    // As `compare` has it.
    if (config.has("pca")) throw config.at("pca").error("every study has its own", fmt::format("studies.{}.pca", name));
    config.require_keys({"seed", "metrics", "studies"});
    config.at("studies").require_keys(study_names());
    if (name == "attractors") return std::make_unique<AttractorStudy>(config, registry);
    if (name == "recordings") return std::make_unique<RecordingStudy>(config, registry);
    if (name == "neurotasks") return std::make_unique<NeurotaskStudy>(config, registry);
    throw InputError("", fmt::format("unknown study '{}'", name), suggest(name, study_names()));
}

}  // namespace repal
