module;
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>
export module repal.summary;

import repal.config;
import repal.random;
import repal.statistics;
export import repal.calibration;
export import repal.dissimilarity;
export import repal.figure;

namespace repal {

/// A pair with the score of one metric.
export struct ScoredPair {
    const Experiment* experiment;
    const Part* part;
    const Pair* pair;
    std::string metric;
    PairResult result;
    const ChosenMetric* chosen;                       ///< as configured
    std::string settings;                             ///< that were used, see ChosenMetric::settings()
    std::optional<PairCalibration> calibration = {};  ///< none: it was not asked for, or is not there yet

    /// Names of the means that it enters.
    std::vector<std::string> groups() const;

    const std::string& name_a() const { return part->systems[pair->a].name; }
    const std::string& name_b() const { return part->systems[pair->b].name; }
};

export struct Bootstrap {
    int resamples = 2000;
    double confidence = 0.95;
};

/// `bootstrap: {resamples: 2000, confidence: 0.95}`
export Bootstrap read_bootstrap(const Config& config);

/// Every pair of the study whose item is done or failed, in the order of the items.
export std::vector<ScoredPair> read_all_scores(const DissimilarityStage& stage, const std::filesystem::path& results);

/// One mean, over the pairs of a group, with status ok. In units of pi/2.
export struct SummaryRow {
    std::string experiment;
    std::string metric;
    std::string group;
    std::size_t n;          ///< pairs
    std::size_t n_without;  ///< pairs of the group that have no value
    double mean;
    double median;
    double standard_error;
    Interval interval;
};

/// The means of all groups, by experiment, metric and group; groups are in the order of their experiment. Intervals are
/// those of interval_of_mean().
export std::vector<SummaryRow> summarise(const std::vector<ScoredPair>& pairs, const Bootstrap& bootstrap,
                                         const Stream& stream);

/// A row for each pair, as dissimilarity.csv has them; several groups of a pair are separated by ';'.
export Table dissimilarity_table(const std::vector<ScoredPair>& pairs);

/// A row for each mean, as summary.csv has them.
export Table means_table(const std::vector<SummaryRow>& rows);

/// A line for each group, a column for each metric: mean and interval, for the terminal. The first row is the head.
export Table summary_table(const std::vector<SummaryRow>& rows);

/// All pairs without a value, as failures.csv has them.
export Table failures_table(const std::vector<ScoredPair>& pairs);

}  // namespace repal
