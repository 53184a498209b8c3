module;
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>
export module repal.attractor_experiments;

import repal.config;
export import repal.chosen_metric;
export import repal.experiment;
export import repal.recipe;

namespace repal {

/// Trajectories of a system in a draw of their own, see Sampling::draw.
export std::shared_ptr<const System> simulated(Recipe recipe, Sampling sampling, std::uint64_t draw = 0);

/// Recipes of systems, and how they are drawn.
export struct Simulations {
    RecipeCatalogue systems;
    Sampling sampling;
    std::vector<ChosenMetric> metrics;  ///< of the study
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

/// The systems of motifs_experiment(), compared by one metric with every setting of a grid. The first half of the
/// trials chooses among them, by the rule of repal.tuning; what is compared are the second halves, and its noise floor
/// is that of their halves.
///
///     metric: dsa
///     basis: {line: line, curve: curve, ...}
///     length: 3
///     grid: {n_delays: [6, 11], delay_interval: [1, 6], rank: [2, 5]}
///     beside: [{n_delays: 33, delay_interval: 6, rank: 50}]    # shown with the chosen one
export Experiment search_experiment(const Config& config, const Simulations& simulations);

/// All ordered selections of `length` distinct motifs of a basis, each attached to one system.
struct Compositions {
    /// Reads `basis` and `length`.
    Compositions(const Config& config, const Simulations& simulations);

    std::size_t shared_motifs(std::size_t a, std::size_t b) const;
    std::size_t shared_positions(std::size_t a, std::size_t b) const;
    /// The motifs that both are made of, each once: what is independent are motifs, not the systems made of them.
    std::vector<Unit> units(std::size_t a, std::size_t b) const;

    std::size_t length = 0;
    std::vector<std::pair<std::string, Recipe>> basis = {};
    std::vector<std::vector<std::size_t>> motifs = {};  ///< of each system, as indices
    std::vector<std::string> names = {};
    std::vector<Recipe> recipes = {};
};

/// Every experiment that the map `experiments` holds, by their names.
export std::vector<Experiment> read_experiments(const Config& experiments, const Simulations& simulations);

}  // namespace repal
