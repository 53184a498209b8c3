module;
#include <cstdint>
#include <string>
#include <vector>
export module repal.experiment;

import repal.config;
export import repal.system;

namespace repal {

export struct NamedSystem {
    std::string name;
    System system;
    std::uint64_t draw = 0;  ///< see Sampling::draw
};

/// Two systems to be compared, and what the comparison is for.
export struct Pair {
    std::size_t a;  ///< index into Part::systems
    std::size_t b;
    std::vector<std::string> groups;  ///< means of summary.csv that it enters
    std::vector<std::size_t> units;   ///< independent things it depends on, resampled by the bootstrap
};

/// Systems that are held in memory together and compared in pairs.
export struct Part {
    std::string name;
    std::vector<NamedSystem> systems;
    std::vector<Pair> pairs;
};

export struct Experiment {
    std::string name;
    std::vector<Part> parts;
    std::vector<NamedSystem> stored;  ///< whose trajectories are written to trajectories/<name>.h5
    std::vector<std::string> groups;  ///< of all pairs, in the order of summary.csv
};

/// Mean of the comparisons of every system with an independent draw of itself: what a metric shows of no difference.
export inline constexpr char noise_floor[] = "noise_floor";

/// Nine systems in three classes; groups "within" and "across" classes.
///
///     classes: {one_attractor: [r0.25, r0.5], two_stable: [r5, r10]}
export Experiment lorenz_experiment(const Config& config, const SystemCatalogue& catalogue);

/// All ordered selections of `length` distinct motifs of a basis, each attached to one system; groups by the number of
/// shared motifs ("shared=1") and of positions with the same motif ("same_position=0"). No system is compared with
/// itself.
///
///     basis: {line: line, curve: curve, ...}
///     length: 3
export Experiment motifs_experiment(const Config& config, const SystemCatalogue& catalogue);

/// Noise and mixing in decreasing levels, standing for training. With P1, P2 two patterns, at each level
/// "noise_only" compares P1 + noise with P1 + other noise, "mixed" compares P1 + noise with
/// P1 + noise + mixing * (P2 - start of P2).
///
///     patterns: [curve, r5, r10]
///     levels: [{mixing: 1, noise: 0.004}, {mixing: 0.5, noise: 0.002}]
///     replicates: 3
export Experiment epochs_experiment(const Config& config, const SystemCatalogue& catalogue);

/// Every experiment that the map `experiments` holds, by their names.
export std::vector<Experiment> read_experiments(const Config& experiments, const SystemCatalogue& catalogue);

}  // namespace repal
