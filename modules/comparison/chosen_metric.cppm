module;
#include <memory>
#include <optional>
#include <string>
#include <vector>
export module repal.chosen_metric;

import repal.config;
import repal.registry;
export import repal.linalg;
export import repal.metric;
export import repal.over_time;

namespace repal {

/// A system in its principal components (trial, time, component).
export struct ReducedSystem {
    Trajectories x;
    double variance_kept;  ///< share of that of all channels
};

/// A metric plugin with its options, and what is done to systems before it sees them.
export struct ChosenMetric {
    std::string name;                      ///< in configurations and tables
    std::string identity;                  ///< plugin, version and all options in one line, for keys
    std::shared_ptr<const Metric> metric;  ///< with the defaults of its struct for options that are still automatic
    std::optional<Pca> pca = {};
    MetricInfo of_plugin = {};                ///< with the default options
    MetricInfo info = {};                     ///< with these options
    OptionValues options = {};                ///< without those that are to be chosen from the data
    std::optional<TimeWindows> windows = {};  ///< of time that it is computed in; none: all steps together
    bool sees_components = false;             ///< systems come in the components that it sees, see seen_by()
    MakeMetric make = {};

    /// The names of the options that are still to be chosen from the data.
    std::vector<std::string> automatic_options() const;

    /// "n_delays=4,rank=2": the options that are chosen from the data unless they are given, then others that are not
    /// the default.
    std::string settings() const;

    /// Whether samples of two systems are compared one to one, so that both need the same trials and steps.
    bool compares_samples() const;

    /// Whether trials are repeats of conditions to it: some of them are no smaller system.
    bool compares_conditions() const;

    /// What the metric sees of a system instead of all its channels: what `pca` says; without it, where delays and rank
    /// are chosen from data of more than 200 channels, the components that hold 99 % of the variance, at most 50. All
    /// channels, where these must correspond.
    std::optional<ReducedSystem> reduced(const Trajectories& x) const;

    /// The same with other values of some options.
    ChosenMetric with(const OptionValues& values) const;

    /// The same in windows of time. Throws InputError if they are too short, or options are still to be chosen.
    ChosenMetric in_windows(const TimeWindows& windows_of_time) const;
};

/// Values of one option that are tried.
export struct OptionAxis {
    std::string option;
    std::vector<OptionValue> values;
};

/// The metrics of a map from name to options, in its order: `dsa: {rank: 4}`, or with a name of its own `published:
/// {metric: dsa, rank: 50}`, or in windows of time `cka: {over_time: 5:1}`.
export std::vector<ChosenMetric> read_metrics(const Config& config, const Registry& registry);

/// The metric of a name, with the options that `config` has for it, if any.
export ChosenMetric choose_metric(const std::string& name, const Registry& registry, const Config& config);

/// The same of one plugin, by its own name.
export ChosenMetric choose_metric(const LoadedMetric& loaded, const Config& config);

/// Throws InputError unless the keys are those metrics, and pca.
export void require_metrics(const Config& config, std::vector<std::string> names, const Registry& registry);

/// `pca: {dsa: {components: 20}, cka: {variance: 0.99}}`: what each metric sees of a system. The name of a plugin means
/// all its metrics that are not named themselves; one that is not chosen may be named, too.
export void read_pca(const Config& config, const Registry& registry, std::vector<ChosenMetric>& metrics);

}  // namespace repal
