module;
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>
export module repal.recipe;

import repal.config;
import repal.random;
import repal.registry;
export import repal.trajectories;

namespace repal {

/// How trials of a simulated system are drawn.
export struct Sampling {
    std::int64_t trials = 200;
    /// Trial k of every system starts from the same random numbers, so that trials correspond; else each simulated
    /// system draws its own.
    bool is_shared = true;
    std::uint64_t seed = 1;
    /// Another number is another, independent draw of the same system.
    std::uint64_t draw = 0;
};

/// A recipe for trajectories: a task, or motif operations on other recipes. Cheap to copy; equal identities are
/// equal systems.
export class Recipe {
 public:
    static Recipe simulated(const LoadedTask& task, const OptionValues& options);
    static Recipe attached(std::vector<Recipe> motifs);
    static Recipe combined(Recipe base, Recipe added, double mixing);
    static Recipe reversed(Recipe motif);
    /// `draw` tells independent noises of the same motif apart.
    static Recipe noisy(Recipe motif, double sigma, std::uint64_t draw);

    /// The recipe in one line, e.g. "noise(lorenz(r=0.5),sigma=0.004,draw=1)": with the sampling it determines every
    /// bit of the trajectories.
    std::string identity() const;

    /// Throws InputError if the simulation leaves the finite numbers or the motifs do not fit each other.
    Trajectories simulate(const Sampling& sampling) const;

    class Form;

 private:
    explicit Recipe(std::shared_ptr<const Form> form) : form_(std::move(form)) {}
    std::shared_ptr<const Form> form_;
};

/// The systems that a configuration defines by name; a definition may use the names before it:
///
///     systems:
///       curve:  {task: lorenz, r: 0.5}
///       there:  {reverse: curve}
///       round:  {attach: [curve, {reverse: curve}]}
///       mixed:  {combine: [curve, round], mixing: 0.5}
///       noisy:  {noise: mixed, sigma: 0.01, draw: 1}
export class RecipeCatalogue {
 public:
    /// `defaults` holds options for every task that has them.
    RecipeCatalogue(const Config& systems, Config defaults, const Registry& registry);

    /// The system that a configuration value names or describes. Throws InputError with the nearest name.
    Recipe read(const Config& value) const;

 private:
    Recipe read_simulated(const Config& value) const;

    const Registry& registry_;
    Config defaults_;
    std::map<std::string, Recipe> recipes_;
};

}  // namespace repal
