module;
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>
export module repal.compared;

import repal.progress;
export import repal.calibration;
export import repal.comparison;
export import repal.figures;
export import repal.tuning;

/// Systems that are there already, compared by metrics of which not all settings are given: what `repal compare` and
/// `repal tune` say of files and the library of arrays.
namespace repal {

/// Every pair of systems.
export Part all_pairs(std::vector<NamedSystem> systems);

/// What is kept while other scores are still to come, for each metric; nothing is, unless this is derived from. All
/// pairs are in the order of Part::pairs.
export class KeptScores {
 public:
    KeptScores() = default;
    KeptScores(const KeptScores&) = delete;
    KeptScores& operator=(const KeptScores&) = delete;
    virtual ~KeptScores();

    virtual KeptPairs of(const std::string& metric);
    /// Null: not there yet.
    virtual const std::vector<PairCalibration>* calibration_of(const std::string& metric, std::size_t pairs) const;
    virtual void add_calibration(const std::string& metric, const std::vector<PairCalibration>& calibration);
};

/// What is asked of one metric.
export struct Comparing {
    ChosenMetric metric;
    std::optional<CalibrationOptions> calibration = {};  ///< none: there is to be none
    int jobs = 1;                                        ///< threads
};

/// What one metric gave.
export struct Compared {
    std::vector<Comparison> comparisons = {};  ///< of each pair, with what is to be known of it
    std::optional<ChosenMetric> metric = {};   ///< with the settings that were chosen; none: no pair has a value
    bool is_stopped = false;                   ///< only pairs that were done are there, see Progress
};

/// Chooses the settings that are not given, compares all pairs, adds what was asked for, and warns of what numbers do
/// not say: noise, means, halves that are as far apart as systems.
export Compared compared(const Comparing& asked, const Part& systems, PreparedSystems& prepared, KeptScores& kept,
                         Progress& progress);

/// What the data say of the settings of one metric.
export struct Tuned {
    ChosenMetric metric;                         ///< as it was given
    std::vector<NamedSystem> systems;            ///< what it sees of them
    Tuning tuning;                               ///< with separations of the choice and those beside it
    std::vector<SystemDiagnostics> diagnostics;  ///< with the choice; none without one, and of choices by halves
};

/// `axes`, and default_axes() of the options that these leave out.
export std::vector<OptionAxis> with_default_axes(std::vector<OptionAxis> axes, const ChosenMetric& metric);

/// Tries all combinations of the axes.
export Tuned tuned(const ChosenMetric& metric, std::vector<OptionAxis> axes, const std::vector<NamedSystem>& systems,
                   int jobs, Progress& progress);

}  // namespace repal
