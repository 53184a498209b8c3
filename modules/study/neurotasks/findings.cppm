module;
#include <map>
#include <string>
#include <vector>
export module repal.neurotask_findings;

import repal.random;
export import repal.neurotask_comparisons;
export import repal.study;
export import repal.summary;

namespace repal {

/// Do two groups differ in their dissimilarity to the reference group? Each pair of groups once, for each metric.
/// The unit is a setting (the mean over its replicates), or a replicate if there is only one setting.
export std::string tests_csv(const std::vector<ScoredPair>& pairs, const NetworkComparisons& comparisons,
                             const Bootstrap& resampling, const Stream& stream);

/// Dissimilarity of two groups in one setting and replicate, by the share of pretraining tasks that they have in common
/// (Jaccard; not defined if neither pretrains) and by the difference of their performance.
export std::string regressions_csv(const std::vector<ScoredPair>& pairs, const Bootstrap& resampling,
                                   const Stream& stream);

/// All networks that were compared with all others, in a plane; and those that were left out, with the reason.
export struct NetworkMap {
    std::string csv;      ///< a line for each network
    std::string summary;  ///< a line for each map: stress, and whether the nearest neighbour is of the same group
};
export NetworkMap network_map(const std::vector<ScoredPair>& pairs, const NetworkComparisons& comparisons);

/// Of a short training several points may fall on one state: its pairs count once, where they come first.
export void leave_out_repeated_states(std::vector<ScoredPair>& pairs);

/// What metrics make of one network and itself, changed in ways that they should know, and whether that is so.
export struct Checks {
    std::string csv;
    std::vector<std::string> broken;  ///< in words
};
export Checks checks_of(const std::vector<ScoredPair>& pairs, const std::vector<ChosenMetric>& metrics);

/// Of every group: dissimilarity to the reference and between its own replicates, with the noise floor.
export Table groups_table(const std::vector<SummaryRow>& summary, const NetworkComparisons& comparisons);

}  // namespace repal
