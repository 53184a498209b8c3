module;
#include <string>
#include <vector>
module repal.experiment;

namespace repal {

std::vector<Experiment> read_experiments(const Config& experiments, const SystemCatalogue& catalogue) {
    experiments.require_keys({"lorenz", "motifs", "epochs"});
    std::vector<Experiment> read;
    for (const auto& [name, config] : experiments.items()) {
        if (name == "lorenz") read.push_back(lorenz_experiment(config, catalogue));
        if (name == "motifs") read.push_back(motifs_experiment(config, catalogue));
        if (name == "epochs") read.push_back(epochs_experiment(config, catalogue));
    }
    return read;
}

}  // namespace repal
