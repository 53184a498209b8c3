module;
#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>
module repal.experiment;

namespace repal {
namespace {

class Simulated final : public Source {
 public:
    Simulated(System system, Sampling sampling) : system_(std::move(system)), sampling_(sampling) {}

    std::string text() const override {
        return fmt::format("{} trials={} shared={} seed={} draw={}", system_.text(), sampling_.trials,
                           sampling_.is_shared, sampling_.seed, sampling_.draw);
    }
    Observed observe(const std::filesystem::path& /*results*/) const override { return {system_.simulate(sampling_)}; }

 private:
    System system_;
    Sampling sampling_;
};

}  // namespace

Source::~Source() = default;

bool Source::is_ready(const std::filesystem::path& /*results*/) const {
    return true;
}

std::size_t Source::bytes() const {
    return 0;
}

std::shared_ptr<const Source> simulated(System system, Sampling sampling, std::uint64_t draw) {
    sampling.draw = draw;
    return std::make_shared<const Simulated>(std::move(system), sampling);
}

std::vector<Experiment> read_experiments(const Config& experiments, const Simulations& simulations) {
    experiments.require_keys({"lorenz", "motifs", "epochs"});
    std::vector<Experiment> read;
    for (const auto& [name, config] : experiments.items()) {
        if (name == "lorenz") read.push_back(lorenz_experiment(config, simulations));
        if (name == "motifs") read.push_back(motifs_experiment(config, simulations));
        if (name == "epochs") read.push_back(epochs_experiment(config, simulations));
    }
    return read;
}

}  // namespace repal
