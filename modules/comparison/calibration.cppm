module;
#include <Eigen/Core>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
export module repal.calibration;

import repal.progress;
import repal.random;
export import repal.resampling;

/// How sure a number is, and whether it differs from what it would be if there were no difference, or no relation.
///
/// What is drawn is a trial. Metrics of dynamics draw the trials of each system on their own; metrics that compare
/// sample by sample draw the same trials of all.
namespace repal {

export struct CalibrationOptions {
    std::size_t splits = 20;         ///< random halves for the noise floor
    std::size_t groups = 20;         ///< of trials, each left out once by the jackknife
    std::size_t resamples = 398;     ///< pairs of draws of one system, half from each, for p_differ
    std::size_t permutations = 999;  ///< of trials, for p_relate
    double confidence = 0.95;
    bool is_family_wise = false;  ///< p_relate_adjusted is of the largest of all pairs, not of the share of false ones
};

/// Of one pair; each empty where it has no meaning for the metric, or there are too few trials.
export struct PairCalibration {
    std::optional<double> corrected_rad = {};  ///< the angle without the bias of few trials (jackknife of its square)
    std::optional<double> low_rad = {};        ///< interval of the corrected angle
    std::optional<double> high_rad = {};
    std::optional<double> floor_rad = {};           ///< what two recordings of one of the systems would show
    std::optional<double> floor_channels_rad = {};  ///< at most what recordings of other channels would show
    std::optional<double> p_differ = {};            ///< H0: the dynamics are equal up to what the metric ignores
    std::optional<double> p_differ_adjusted = {};   ///< over the pairs of the metric (Benjamini and Hochberg)
    std::optional<double> chance_rad = {};          ///< the angle that chance alone reaches in 1 - confidence of draws
    std::optional<double> p_relate = {};            ///< H0: trials do not correspond, given each system's mean course
    std::optional<double> p_relate_adjusted = {};   ///< likewise, or family-wise
    std::vector<double> null_rad = {};              ///< null_quantiles() of the angles that the H0 of its p gives
    std::string note = {};
};

/// A number of a PairCalibration, as tables and files know it.
export struct CalibrationColumn {
    std::string_view name;
    std::optional<double> PairCalibration::* value;
};
export std::span<const CalibrationColumn> calibration_columns();

/// What draws of one system alone tell, by a metric that draws the trials of each system on its own.
export struct SystemCalibration {
    std::optional<double> floor_rad = {};
    std::optional<double> floor_channels_rad = {};
    std::string units = {};  ///< what was drawn: "20 trials", "12 blocks of 50 steps"; or why nothing was
    bool was_drawn = false;
    std::vector<double> nulls = {};  ///< the angles of pairs of draws, for p_differ, in rad
};

/// Draws are keyed by the name of the system, so that no other changes a number.
export SystemCalibration calibrate_system(const ChosenMetric& metric, const NamedSystem& system,
                                          const CalibrationOptions& options, const Stream& stream);

/// Of the pairs of a part, in their order, with p that are not adjusted. `systems`: as Part::systems, empty for metrics
/// that compare sample by sample. `angles` are those of the whole systems; none where a pair has no value.
export std::vector<PairCalibration> calibrate_pairs(const ChosenMetric& metric, const Part& part,
                                                    const std::vector<SystemCalibration>& systems,
                                                    const std::vector<std::optional<double>>& angles,
                                                    const CalibrationOptions& options, const Stream& stream, int jobs,
                                                    Progress& progress);

/// p over all pairs of one metric (Benjamini and Hochberg); those of p_relate that are family-wise stay.
export void adjust(std::span<PairCalibration> pairs, const CalibrationOptions& options);

/// All of these for a part.
export std::vector<PairCalibration> calibrate(const ChosenMetric& metric, const Part& part,
                                              const std::vector<std::optional<double>>& angles,
                                              const CalibrationOptions& options, const Stream& stream, int jobs,
                                              Progress& progress);

/// What calibrate_pairs() does of metrics that draw the trials of each system on their own, and of the others.
std::vector<PairCalibration> calibrate_dynamics(const ChosenMetric& metric, const Part& part,
                                                const std::vector<SystemCalibration>& systems,
                                                const std::vector<std::optional<double>>& angles,
                                                const CalibrationOptions& options, const Stream& stream, int jobs,
                                                Progress& progress);
std::vector<PairCalibration> calibrate_samples(const ChosenMetric& metric, const Part& part,
                                               const std::vector<std::optional<double>>& angles,
                                               const CalibrationOptions& options, const Stream& stream, int jobs,
                                               Progress& progress);

/// Why nothing is drawn where trials are repeats of conditions.
inline constexpr std::string_view repeats_are_no_draws =
    "not calibrated: its trials repeat conditions, and some of them are no smaller system";

/// Trials that are needed for intervals and p.
inline constexpr Eigen::Index least_trials = 4;

/// Which group each trial is in: at most `most` groups, as equal as they can be, drawn by the name of the system.
std::vector<std::size_t> trial_groups(Eigen::Index trials, std::size_t most, const std::string& system,
                                      const Stream& stream);
std::size_t count_of(const std::vector<std::size_t>& groups);

/// `left_out`: for each sample that was drawn on its own, the angles without one of its groups. `largest`: see
/// MetricInfo::largest_rad.
void add_interval(PairCalibration& pair, double angle, std::span<const std::vector<double>> left_out, double confidence,
                  double largest);
void add_note(PairCalibration& pair, const std::string& note);

/// 21 values evenly among these in their order, the smallest and the largest among them; fewer if there are fewer.
std::vector<double> null_quantiles(std::vector<double> nulls);

}  // namespace repal
