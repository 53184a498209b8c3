module;
#include <map>
#include <string>
#include <vector>
export module repal.neurotask_comparisons;

import repal.config;
export import repal.neurotask_recorded;

namespace repal {

/// checks, groups, settings, learning, within_learning; see read_comparisons().
export const std::vector<std::string>& comparison_names();

/// What is compared of trained networks. Each experiment is of one ruleset and named "<ruleset>/<comparison>".
export struct NetworkComparisons {
    std::vector<Experiment> experiments;
    std::vector<DataItem> data;                              ///< test data that they need
    std::map<std::string, std::string> references;           ///< the reference group of each ruleset
    std::map<std::string, std::vector<std::string>> mapped;  ///< groups of each ruleset that are all compared with all
};

/// Reads `trajectories` and `comparisons` of the study; without `comparisons` there are none. Comparisons:
///
/// - checks: one network against itself, changed in ways that metrics should know
/// - groups: all pairs of groups in a setting and replicate; replicates of a group; every network on the retest
/// - settings: all other pairs of networks of some groups
/// - learning: every group with the reference, over training
/// - within_learning: every network with itself, over training
export NetworkComparisons read_comparisons(const Config& study, const NeurotaskData& data,
                                           const NeurotaskNetworks& networks);

}  // namespace repal
