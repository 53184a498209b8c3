module;
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>
export module repal.experiment;

import repal.config;
export import repal.statistics;
export import repal.system;

namespace repal {

/// The state that a network was in, e.g. "epoch 3", and its performance in the trials that were observed. Empty for
/// simulations.
export struct NetworkState {
    std::string name;
    std::optional<double> performance;
};

/// What a system did.
export struct Observed {
    Trajectories trajectories;
    NetworkState state = {};
};

/// There are no trajectories of this system, e.g. since its training failed; says why.
export class SystemFailed : public std::runtime_error {
 public:
    using std::runtime_error::runtime_error;
};

/// Where the trajectories of a system come from: a simulation, or a network at work.
export class Source {
 public:
    virtual ~Source();

    /// Everything that determines the trajectories, for keys.
    virtual std::string text() const = 0;

    /// Whether everything that it needs is in the results folder; if not, others have still to make it.
    virtual bool is_ready(const std::filesystem::path& results) const;

    /// Of memory that the trajectories take; 0: little.
    virtual std::size_t bytes() const;

    /// Throws InvalidTrajectories, or SystemFailed.
    virtual Observed observe(const std::filesystem::path& results) const = 0;
};

/// Trajectories of a system in a draw of their own, see Sampling::draw.
export std::shared_ptr<const Source> simulated(System system, Sampling sampling, std::uint64_t draw = 0);

export struct NamedSystem {
    std::string name;
    std::shared_ptr<const Source> source;
};

/// Two systems to be compared, and what the comparison is for.
export struct Pair {
    std::size_t a;  ///< index into Part::systems
    std::size_t b;
    std::vector<std::string> groups;  ///< means of summary.csv that it enters
    std::vector<Unit> units;          ///< independent things it depends on, resampled by the bootstrap
};

/// Systems that are compared in pairs.
export struct Part {
    std::string name;
    std::vector<NamedSystem> systems = {};
    std::vector<Pair> pairs = {};
    /// Every pair is compared as if there were no others: Metric::harmonise sees two systems, and a system without an
    /// embedding fails its pairs only. Otherwise all systems are brought to a common form, and none may fail.
    bool has_independent_pairs = false;
    /// Systems that were observed in the same state are not compared, e.g. a short training's checkpoints.
    bool needs_distinct_states = false;
};

/// Groups of pairs that are seen side by side in one figure.
export struct GroupAxis {
    struct Curve {
        std::string name;
        std::vector<std::string> groups;  ///< at each tick
    };
    std::string caption;  ///< what is seen
    std::string title;    ///< of the axis
    std::vector<std::string> ticks;
    std::vector<Curve> curves;
};

export struct Experiment {
    std::string name;
    std::vector<Part> parts;
    std::vector<NamedSystem> stored;  ///< whose trajectories are written to trajectories/<name>.h5
    std::vector<std::string> groups;  ///< of all pairs, in the order of summary.csv
    std::vector<GroupAxis> axes = {};
};

/// Mean of the comparisons of every system with an independent draw of itself: what a metric shows of no difference.
export inline constexpr char noise_floor[] = "noise_floor";

/// Recipes of systems, and how they are drawn.
export struct Simulations {
    SystemCatalogue systems;
    Sampling sampling;
};

/// Nine systems in three classes; groups "within" and "across" classes.
///
///     classes: {one_attractor: [r0.25, r0.5], two_stable: [r5, r10]}
export Experiment lorenz_experiment(const Config& config, const Simulations& simulations);

/// All ordered selections of `length` distinct motifs of a basis, each attached to one system; groups by the number of
/// shared motifs ("shared=1") and of positions with the same motif ("same_position=0"). No system is compared with
/// itself.
///
///     basis: {line: line, curve: curve, ...}
///     length: 3
export Experiment motifs_experiment(const Config& config, const Simulations& simulations);

/// Noise and mixing in decreasing levels, standing for training. With P1, P2 two patterns, at each level
/// "noise_only" compares P1 + noise with P1 + other noise, "mixed" compares P1 + noise with
/// P1 + noise + mixing * (P2 - start of P2).
///
///     patterns: [curve, r5, r10]
///     levels: [{mixing: 1, noise: 0.004}, {mixing: 0.5, noise: 0.002}]
///     replicates: 3
export Experiment epochs_experiment(const Config& config, const Simulations& simulations);

/// Every experiment that the map `experiments` holds, by their names.
export std::vector<Experiment> read_experiments(const Config& experiments, const Simulations& simulations);

}  // namespace repal
