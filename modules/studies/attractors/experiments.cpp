module;
#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>
module repal.attractor_experiments;

namespace repal {
namespace {

class Simulated final : public System {
 public:
    Simulated(Recipe recipe, Sampling sampling) : recipe_(std::move(recipe)), sampling_(sampling) {}

    std::string identity() const override {
        return fmt::format("{} trials={} shared={} seed={} draw={}", recipe_.identity(), sampling_.trials,
                           sampling_.is_shared, sampling_.seed, sampling_.draw);
    }
    Observed observe(const std::filesystem::path& /*results*/) const override { return {recipe_.simulate(sampling_)}; }

 private:
    Recipe recipe_;
    Sampling sampling_;
};

}  // namespace

std::shared_ptr<const System> simulated(Recipe recipe, Sampling sampling, std::uint64_t draw) {
    sampling.draw = draw;
    return std::make_shared<const Simulated>(std::move(recipe), sampling);
}

std::vector<Experiment> read_experiments(const Config& experiments, const Simulations& simulations) {
    experiments.require_keys({"lorenz", "motifs", "epochs", "search"});
    std::vector<Experiment> read;
    for (const auto& [name, config] : experiments.items()) {
        if (name == "lorenz") read.push_back(lorenz_experiment(config, simulations));
        if (name == "motifs") read.push_back(motifs_experiment(config, simulations));
        if (name == "epochs") read.push_back(epochs_experiment(config, simulations));
        if (name == "search") read.push_back(search_experiment(config, simulations));
    }
    return read;
}

}  // namespace repal
