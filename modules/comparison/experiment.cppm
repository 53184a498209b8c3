module;
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>
export module repal.experiment;

export import repal.chosen_metric;
export import repal.statistics;
export import repal.trajectories;

namespace repal {

/// The state that a system was observed in, e.g. "epoch 3" of a network, and its performance in those trials. Empty if
/// it has only one.
export struct ObservedState {
    std::string name;
    std::optional<double> performance;
};

/// By which names of trials are sorted: "2" before "10".
export inline std::pair<std::size_t, std::string> usual_order(const std::string& name) {
    return {name.size(), name};
}

/// What a system did. Copies share the trajectories.
export class Observed {
 public:
    Observed(Trajectories trajectories, ObservedState observed_state = {})
        : state(std::move(observed_state)),
          trajectories_(std::make_shared<const Trajectories>(std::move(trajectories))) {}

    const Trajectories& trajectories() const { return *trajectories_; }

    /// Which unit each trial is of, from 0 on: pieces of one trial are drawn together. All pieces of one are units of
    /// their own if there is no other.
    std::vector<std::size_t> units() const;
    std::size_t n_units() const;
    void set_units(std::vector<std::size_t> units) { units_ = std::move(units); }

    /// Trials that have names in the files that they are from correspond by them; empty: by their order.
    const std::vector<std::string>& trial_names() const { return trial_names_; }
    void set_trial_names(std::vector<std::string> names) { trial_names_ = std::move(names); }
    /// Whether they come in their usual order, "2" before "10"; so do none.
    bool has_rising_names() const;
    Observed in_order_of_names() const;

    /// The same with other values of the trials.
    Observed with(Trajectories trajectories) const;

    /// The trials of the units with a weight.
    Observed of_units(const std::vector<double>& weights) const;

    ObservedState state;
    bool is_cut = false;         ///< steps or trials were taken out: its samples correspond to none of another system
    bool are_steps_cut = false;  ///< and not only whole trials: its steps correspond to none either
    bool is_reordered = false;   ///< by names: its trials do not correspond to those of a system that has none

 private:
    std::shared_ptr<const Trajectories> trajectories_;
    std::vector<std::size_t> units_ = {};  ///< empty: each trial is one
    std::vector<std::string> trial_names_ = {};
};

/// There are no trajectories of this system, e.g. since its training failed; says why.
export class SystemFailed : public std::runtime_error {
 public:
    using std::runtime_error::runtime_error;
};

/// What yields trajectories: a simulation, or a network at work.
export class System {
 public:
    virtual ~System();

    /// Everything that determines the trajectories, for keys.
    virtual std::string identity() const = 0;

    /// Whether everything that observe() needs is in the results folder; false while other items have still to make it.
    virtual bool is_ready(const std::filesystem::path& results) const;

    /// The bytes of memory that the trajectories take; 0: few, so that their embedding is not worth a file.
    virtual std::size_t bytes() const;

    /// What the system did. Throws InvalidTrajectories, SystemFailed, or InputError if a file that it needs is missing
    /// or damaged.
    virtual Observed observe(const std::filesystem::path& results) const = 0;
};

/// Trajectories that are there already, e.g. from a file.
export std::shared_ptr<const System> given(std::string identity, Observed observed);

export struct NamedSystem {
    std::string name;
    std::shared_ptr<const System> system;
    std::string content = {};  ///< of a recording: what its values are, whatever its file is called

    /// What random draws are keyed by, so that neither the order of systems nor names of files change a number.
    const std::string& key() const { return content.empty() ? name : content; }
};

/// Systems for which the settings of a metric are chosen together, since what is compared of them stands side by side.
export struct SystemSet {
    std::string name;
    std::vector<NamedSystem> systems;
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
    /// Every pair is compared as if there were no others: without Metric::harmonise, and a system without an embedding
    /// fails its pairs only. Otherwise all systems are brought to a common form, and none may fail.
    bool has_independent_pairs = false;
    /// A system that does not suit a metric, e.g. is too short, has no value in its pairs; else that is an error of the
    /// user's.
    bool keeps_unsuitable = false;
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

/// Settings of one metric that are tried beside each other.
export struct SettingSearch {
    ChosenMetric metric;
    std::vector<OptionAxis> axes;
};

export struct Experiment {
    std::string name;
    std::vector<Part> parts;
    std::vector<NamedSystem> stored;  ///< whose trajectories are written to trajectories/<name>.h5
    std::vector<std::string> groups;  ///< of all pairs, in the order of summary.csv
    std::vector<GroupAxis> axes = {};
    std::string job = {};                       ///< of a cluster that compares it; empty: the one named like the stage
    std::shared_ptr<const SystemSet> set = {};  ///< that the settings of its metrics are chosen for
    std::vector<ChosenMetric> metrics = {};     ///< of its own; empty: those of the study
    std::optional<SettingSearch> search = {};   ///< what is looked for in its set; null: one setting for each metric
    bool floor_has_other_trials = false;        ///< its pairs share trials, those of the noise floor do not
};

/// The group of the pairs of a system and an independent draw of itself: its mean is what a metric shows where there is
/// no difference.
export inline constexpr char noise_floor[] = "noise_floor";

/// Its name for metrics that compare sample by sample, where only the other pairs have trials in common: then it is no
/// floor, but what is left of a system's likeness to itself without corresponding trials.
export inline constexpr char other_trials[] = "other_trials";

}  // namespace repal
