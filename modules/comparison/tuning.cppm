module;
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>
export module repal.tuning;

import repal.progress;
import repal.random;
import repal.statistics;
export import repal.resampling;

/// Which delays and which rank: the settings of metrics that model dynamics, chosen from the data of all systems that
/// are compared together.
///
/// A model is fitted to one half of the trials of each system and tried on the other. Of the settings whose gain in
/// predicting is at least half of the best one, that is chosen whose modes are most nearly modes of the other half
/// (least residual); among those within 5 % of it the smallest rank, then the fewest delays.
namespace repal {

/// One combination of the axes, and what was found of it: means over systems and both folds.
export struct TriedSetting {
    OptionValues options;
    std::optional<HeldOut> found = {};          ///< none: see cause
    std::string cause = {};                     ///< why it cannot be used
    bool is_kept = false;                       ///< its gain is large enough
    std::optional<Separation> separation = {};  ///< where it was computed: of the choice and its neighbours
};

export struct Tuning {
    std::vector<OptionAxis> axes;
    std::vector<TriedSetting> settings;      ///< the grid
    std::optional<std::size_t> chosen = {};  ///< index
    std::string cause = {};                  ///< why nothing was chosen
    std::string reason = {};                 ///< why this one was, in one sentence
    std::vector<std::string> systems = {};   ///< those that chose, at most twelve
    std::vector<std::string> warnings = {};

    /// Whether there was nothing to choose, since each option has one value.
    bool is_given() const { return settings.size() == 1; }
};

/// The axes that are tried unless others are given: of n_delays and rank, without what does not fit the shortest trial;
/// a value that the metric was given is the only one of its axis. Throws InputError if another option is to be chosen.
export std::vector<OptionAxis> default_axes(const ChosenMetric& metric);

/// Of at most twelve of the systems, drawn by their names. Throws InputError if a system is of no use at all.
export Tuning tune(const ChosenMetric& metric, const std::vector<NamedSystem>& systems, std::vector<OptionAxis> axes,
                   const Stream& stream, int jobs, Progress& progress);

/// The gain of each system on its own, of a metric whose options are chosen, by held-out prediction as in tune(); none
/// where it is not known. What is seen of a system whose gain is 0 or less may be noise.
export std::vector<std::optional<double>> gains_of(const ChosenMetric& metric, const std::vector<NamedSystem>& systems,
                                                   const Stream& stream, int jobs);

/// Of which settings the separation is found: of the choice, also of those beside it in the grid, or of all.
export enum class Separated : std::uint8_t { choice, with_neighbours, all };

/// Fills in the separation of settings.
export void add_separations(Tuning& tuning, const ChosenMetric& metric, const std::vector<NamedSystem>& systems,
                            Separated which, std::size_t splits, const Stream& stream, int jobs);

/// All combinations of the axes, the last axis fastest.
export std::vector<OptionValues> combinations_of(const std::vector<OptionAxis>& axes);

/// A metric with all its options, or why some are missing.
export struct SettledMetric {
    ChosenMetric metric;
    std::string cause = {};  ///< then no pair has a value; empty if nothing is missing
};

/// With what was chosen. `path` is that of metrics in the configuration, for the hint: "" or "metrics.".
export SettledMetric settled(const ChosenMetric& metric, const Tuning& tuning, const std::string& path);

/// "n_delays=4 rank=2"
export std::string to_text(const OptionValues& options);

}  // namespace repal
