module;
#include <cstddef>
#include <optional>
#include <string>
#include <vector>
export module repal.summary;

import repal.config;
import repal.random;
import repal.statistics;
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

    const std::string& name_a() const { return part->systems[pair->a].name; }
    const std::string& name_b() const { return part->systems[pair->b].name; }
};

export struct Bootstrap {
    int resamples = 2000;
    double confidence = 0.95;
};

/// `bootstrap: {resamples: 2000, confidence: 0.95}`
export Bootstrap read_bootstrap(const Config& config);

/// Every pair of the study whose cell is done or failed, in the order of the cells.
export std::vector<ScoredPair> read_all_scores(const DissimilarityStage& stage, const CellFiles& files);

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

/// By experiment, metric and group; groups in the order of their experiment.
export std::vector<SummaryRow> summarise(const std::vector<ScoredPair>& pairs, const Bootstrap& bootstrap,
                                         const Stream& stream);

/// experiment,metric,group,system_a,system_b,angle_rad,dissimilarity,lower_bound_rad,status,state_a,state_b,
/// performance_a,performance_b, where several groups of a pair are separated by ';'
export std::string dissimilarity_csv(const std::vector<ScoredPair>& pairs);

/// experiment,metric,group,n,n_without_value,mean,median,sem,ci_low,ci_high
export std::string summary_csv(const std::vector<SummaryRow>& rows);

/// A line for each group, a column for each metric: mean and interval, for the terminal. The first row is the head.
export Table summary_table(const std::vector<SummaryRow>& rows);

/// experiment,metric,system_a,system_b,status,detail of all pairs without a value
export std::string failures_csv(const std::vector<ScoredPair>& pairs);

/// The shortest text that reads back as the same double; empty if there is no finite number.
export std::string csv_number(std::optional<double> value);

/// Rows as CSV.
export std::string csv_text(const Table& rows);

/// A field of a CSV line, in quotes where it needs them (RFC 4180).
export std::string csv_field(const std::string& text);

}  // namespace repal
