module;
#include <Eigen/Core>
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
///
/// A metric that predicts nothing has no such model. Then one half of the trials chooses the setting of the largest
/// separation, or, where samples are compared, of the largest reliability; the other half confirms it.
namespace repal {

/// One combination of the axes, and what was found of it: means over systems and both folds.
export struct TriedSetting {
    OptionValues options;
    std::optional<HeldOut> found = {};          ///< none: see cause
    std::string cause = {};                     ///< why it cannot be used
    bool is_kept = false;                       ///< its gain is large enough
    std::optional<Separation> separation = {};  ///< where it was computed: of the choice and its neighbours
    std::optional<double> reliability = {};     ///< likewise, see reliability_of()
    std::optional<double> stability = {};       ///< of the choice: rank correlation of angles with those beside it
};

/// Nats for each held-out sample and dimension below which nothing is predicted, as of an autocorrelation of .04.
export inline constexpr double least_gain = 1e-3;

export struct Tuning {
    std::vector<OptionAxis> axes;
    std::vector<TriedSetting> settings;      ///< the grid
    std::optional<std::size_t> chosen = {};  ///< index
    std::string cause = {};                  ///< why nothing was chosen
    std::string reason = {};                 ///< why this one was, in one sentence
    std::vector<std::string> systems = {};   ///< those that chose, at most twelve
    std::vector<std::string> warnings = {};
    bool has_too_few_systems = false;      ///< to choose by them
    bool is_by_halves = false;             ///< one half of the trials chose, since the metric predicts nothing
    std::optional<double> confirmed = {};  ///< separation or reliability of the choice in the other half

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

/// The share of each system's energy that is in the mean of its samples; empty for a metric that takes means off.
export std::vector<double> shares_of_mean(const ChosenMetric& metric, const std::vector<NamedSystem>& systems,
                                          int jobs);

/// Shares further apart than that are compared with the dynamics.
export inline constexpr double shares_that_differ = 0.05;

/// What of a mean that holds most of the energy, or more of it in some systems than in others, the user should know.
export std::string warning_of_mean(const ChosenMetric& metric, const std::vector<NamedSystem>& systems,
                                   const std::vector<double>& shares);

/// Of which settings the separation is found: of the choice, also of those beside it in the grid, or of all.
export enum class Separated : std::uint8_t { choice, with_neighbours, all };

/// Fills in the separation of settings; unless of all, reliability and stability of the choice, too.
export void add_separations(Tuning& tuning, const ChosenMetric& metric, const std::vector<NamedSystem>& systems,
                            Separated which, std::size_t splits, const Stream& stream, int jobs);

/// What of a system says how far its numbers can be trusted; nothing of it was optimised.
export struct SystemDiagnostics {
    std::string system;
    Shape shape;
    std::optional<double> gain = {};                    ///< as gains_of()
    std::optional<Eigen::Index> rank_above_noise = {};  ///< of its delay embedding
    std::optional<double> non_normality = {};           ///< of its operator
};

/// Of a metric whose options are chosen, in the order of the systems.
export std::vector<SystemDiagnostics> diagnostics_of(const ChosenMetric& metric,
                                                     const std::vector<NamedSystem>& systems, const Stream& stream,
                                                     int jobs);

/// All combinations of the axes, the last axis fastest.
export std::vector<OptionValues> combinations_of(const std::vector<OptionAxis>& axes);

/// A metric with all its options, or why some are missing.
export struct SettledMetric {
    ChosenMetric metric;
    std::string cause = {};  ///< then no pair has a value; empty if nothing is missing
};

/// What may help where no setting predicts anything.
export std::string components_to_try(const ChosenMetric& metric);

/// With what was chosen. `path` is that of metrics in the configuration, for the hint: "" or "metrics.".
export SettledMetric settled(const ChosenMetric& metric, const Tuning& tuning, const std::string& path);

/// The whole number of an option; 0 if it is none.
std::int64_t whole_number(const OptionValues& options, const std::string& name);

/// Chooses among settings of a metric that predicts nothing.
void choose_by_halves(Tuning& tuning, const ChosenMetric& metric, const std::vector<NamedSystem>& systems,
                      const Stream& stream, int jobs, Progress& progress);

/// "n_delays=4 rank=2"
export std::string to_text(const OptionValues& options);

}  // namespace repal
