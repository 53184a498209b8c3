module;
#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>
module repal.attractor_experiments;

namespace repal {
namespace {

struct Level {
    double mixing;
    double noise;
};

struct Pattern {
    std::string name;
    Recipe system;
};

std::string noise_only_group(double noise) {
    return fmt::format("noise_only noise={}", noise);
}

std::string mixed_group(double mixing, double noise) {
    return fmt::format("mixed mixing={} noise={}", mixing, noise);
}

/// Everything that is compared with one pattern in one replicate. Replicates differ in all random numbers.
Part pattern_part(const std::vector<Pattern>& patterns, std::size_t pattern, const std::vector<Level>& levels,
                  const Sampling& sampling, std::uint64_t replicate, std::uint64_t n_replicates) {
    const auto& [name, system] = patterns[pattern];
    Part part{.name = fmt::format("{}-{}", name, replicate)};
    const auto add = [&](std::string label, Recipe added, std::uint64_t drawn) {
        part.systems.push_back({std::move(label), simulated(std::move(added), sampling, drawn)});
        return part.systems.size() - 1;
    };
    const auto noisy_name = [&](double noise, int noise_draw) {
        return fmt::format("{} noise={} draw={} replicate={}", name, noise, noise_draw, replicate);
    };

    for (const auto& [mixing, noise] : levels) {
        const std::size_t first = add(noisy_name(noise, 1), Recipe::noisy(system, noise, 1), replicate);
        const std::size_t second = add(noisy_name(noise, 2), Recipe::noisy(system, noise, 2), replicate);
        part.pairs.push_back({first, second, {noise_only_group(noise)}, {{pattern}}});
        for (std::size_t other = 0; other < patterns.size(); ++other) {
            if (other == pattern) continue;
            const std::size_t mixed = add(
                fmt::format("{} + {} {} noise={} replicate={}", name, mixing, patterns[other].name, noise, replicate),
                Recipe::combined(Recipe::noisy(system, noise, 3), patterns[other].system, mixing), replicate);
            part.pairs.push_back({second, mixed, {mixed_group(mixing, noise)}, {{pattern}, {other}}});
        }
    }
    const std::size_t drawn = add(fmt::format("{} replicate={}", name, replicate), system, replicate);
    const std::size_t redrawn =
        add(fmt::format("{} redrawn replicate={}", name, replicate), system, replicate + n_replicates);
    part.pairs.push_back({drawn, redrawn, {noise_floor}, {{pattern}}});
    return part;
}

}  // namespace

Experiment epochs_experiment(const Config& config, const Simulations& simulations) {
    config.require_keys({"patterns", "levels", "replicates"});
    std::vector<Pattern> patterns;
    Experiment experiment{.name = "epochs", .parts = {}, .stored = {}, .groups = {}};
    for (const Config& pattern : config.at("patterns").elements(2)) {
        patterns.push_back({pattern.text(), simulations.systems.read(pattern)});
        experiment.stored.push_back({pattern.text(), simulated(patterns.back().system, simulations.sampling)});
    }
    std::vector<Level> levels;
    for (const Config& level : config.at("levels").elements(1)) {
        level.require_keys({"mixing", "noise"});
        levels.push_back({level.at("mixing").number(), level.at("noise").number(0, 1)});
    }
    const auto replicates = static_cast<std::uint64_t>(config.integer_or("replicates", 1, 1));

    GroupAxis axis{"Noise and mixing fade, as in training", "mixing, noise", {}, {{"noise only", {}}, {"mixed", {}}}};
    for (const auto& [mixing, noise] : levels) {
        axis.ticks.push_back(fmt::format("{:.2g}, {:.2g}", mixing, noise));
        axis.curves[0].groups.push_back(noise_only_group(noise));
        axis.curves[1].groups.push_back(mixed_group(mixing, noise));
    }
    for (const GroupAxis::Curve& curve : axis.curves)
        experiment.groups.insert(experiment.groups.end(), curve.groups.begin(), curve.groups.end());
    experiment.groups.emplace_back(noise_floor);
    experiment.axes.push_back(std::move(axis));
    for (std::uint64_t replicate = 0; replicate < replicates; ++replicate)
        for (std::size_t pattern = 0; pattern < patterns.size(); ++pattern)
            experiment.parts.push_back(
                pattern_part(patterns, pattern, levels, simulations.sampling, replicate, replicates));
    auto set = std::make_shared<SystemSet>(SystemSet{"epochs", {}});
    for (const Part& part : experiment.parts)  // all but the last, which is drawn once more
        set->systems.insert(set->systems.end(), part.systems.begin(), part.systems.end() - 1);
    experiment.set = std::move(set);
    experiment.floor_has_other_trials = simulations.sampling.is_shared;
    return experiment;
}

}  // namespace repal
