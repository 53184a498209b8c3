module;
#include <Eigen/Core>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>
export module repal.figures;

export import repal.calibration;
export import repal.report;
export import repal.summary;

/// Figures that the studies and a user's own comparisons have in common.
namespace repal {

/// In a matrix or a series: there is no value, and nothing is drawn.
export constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
export constexpr char dissimilarity_unit[] = "dissimilarity (units of π/2)";

/// Two systems with the score of one metric.
export struct Comparison {
    std::string metric;
    std::string a;
    std::string b;
    Score score;
    std::string settings = {};  ///< options that were used, see ChosenMetric::settings()
    Eigen::Index trials_a = 0;
    Eigen::Index trials_b = 0;
    std::string read_a = {};  ///< how the file was read: "10 trials x 200 steps x 8 channels"; empty: there is none
    std::string read_b = {};
    std::optional<double> variance_kept_a = {};  ///< by its principal components; none: all channels are seen
    std::optional<double> variance_kept_b = {};
    std::optional<PairCalibration> calibration = {};  ///< none: it was not asked for
    std::vector<ValueInfo> values = {};               ///< of the metric, see MetricInfo::values
    std::vector<CurveInfo> curves = {};               ///< see MetricInfo::curves
};

export std::vector<Comparison> comparisons_of(std::span<const ScoredPair> pairs);

/// The metrics of comparisons, each once, in their order.
export std::vector<std::string> metrics_of(std::span<const Comparison> comparisons);

/// Letters, digits and '-' of a name, for an anchor.
export std::string anchor(const std::string& name);

/// "1 pair", "2 pairs"
export std::string counted(std::size_t n, const std::string& noun);

/// How many pairs a mean is made of, for captions: "n = 2 pairs a mean" or "n = 2 to 4 pairs a mean".
export std::string n_of_means(std::span<const SummaryRow> rows);

/// Dissimilarity of all named systems, a matrix for each metric.
export Figure dissimilarity_map(const std::string& id, std::span<const Comparison> comparisons,
                                const std::vector<std::string>& systems);

/// What the field reports of each metric, a map for each of its values of all named systems: of row and column, and
/// where it has a direction of the row as told from the column. Empty of more systems than a page can hold.
export Figure value_maps(const std::string& id, std::span<const Comparison> comparisons,
                         const std::vector<std::string>& systems);

/// Curves of the pairs of each metric, e.g. over time, or a map where there is one curve for each window; the first
/// pairs of many. Empty if there are none.
export Figure curves_of_pairs(const std::string& id, std::span<const Comparison> comparisons);

/// The same matrices with one colour scale, and each with its own; a single matrix once.
export std::vector<Figure::Variant> with_both_scales(HeatMap map);

/// Every pair with its certified lower bound, as a whisker below its value, for the metrics that give bounds. There are
/// no variants if no metric does.
export Figure certificates(const std::string& id, std::span<const Comparison> comparisons);

/// Every pair that was calibrated: its value, the interval of what noise does not explain, the noise floor. There are
/// no variants if none was.
export Figure calibrated_pairs(const std::string& id, std::span<const Comparison> comparisons, double confidence);

/// The pairs of each metric whose p is nearest to the usual level: their values, and those that chance gives. There are
/// no variants if no p is known.
export Figure observed_and_null(const std::string& id, std::span<const Comparison> comparisons);

/// Growth and frequency of the modes of all systems, of each metric whose embeddings are operators; of no other, and so
/// perhaps without variants. Of few systems also coloured by how far modes of half of the trials are from being modes
/// of the others. Options are chosen.
export Figure eigenvalue_figure(const std::string& id, std::span<const ChosenMetric> metrics,
                                std::span<const NamedSystem> systems);

/// Pairs without a value by metric, status and cause.
export TableFigure failure_table(const std::string& id, std::span<const Comparison> comparisons);

/// The groups of an axis, a panel for each metric: their means with intervals, and the noise floor as a band. An axis
/// with one curve shows the distribution of all pairs, too. The figure has no variants if no group has a value.
export Figure group_figure(const std::string& id, const GroupAxis& axis, std::span<const ScoredPair> pairs,
                           std::span<const SummaryRow> summary, const Bootstrap& bootstrap,
                           const std::string& resampled);

/// How the intervals of summaries were made, for captions.
export std::string text_of(const Bootstrap& bootstrap, const std::string& resampled);

constexpr Eigen::Index usual_trials = 10;

/// Mean over trials, and the first trials, at most 100 points of each, spread evenly.
export PathChart trial_paths(const Trajectories& x, const std::vector<std::string>& axes,
                             Eigen::Index most_trials = usual_trials);

/// The page of a user's own files: every pair, every system, and where they lie. Systems have distinct names; options
/// of `metrics` are chosen.
export Report comparison_report(std::span<const Comparison> comparisons, std::span<const ChosenMetric> metrics,
                                std::span<const NamedSystem> systems);

/// Every n-th step of a trial (time, channel), with the smallest n that leaves at most 100.
export RowMatrix thinned(const RowMatrix& steps);

}  // namespace repal
