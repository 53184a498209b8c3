module;
#include <map>
#include <string>
#include <vector>
export module repal.neurotask_comparisons;

import repal.config;
export import repal.neurotask_recorded;

namespace repal {

/// What is compared of trained networks. Each experiment is of one ruleset and named "<ruleset>/<comparison>".
export struct NetworkComparisons {
    std::vector<Experiment> experiments;
    std::vector<DataCell> data;                     ///< test data that they need
    std::map<std::string, std::string> references;  ///< the reference group of each ruleset
};

/// Reads `trajectories` and `comparisons` of the study; without `comparisons` there are none.
///
///     trajectories: {tasks: {PDM: PerceptualDecisionMakingT}, trials: 200, period: stimulus, skip_ms: 0}
///     comparisons:
///       reference: master
///       checks: {}                             # one network against itself, changed in ways that metrics should know
///       groups: {}                             # all pairs of groups in a setting and replicate; replicates of a
///       group;
///                                              # every network with itself on the retest
///       settings: {groups: [master]}           # all other pairs of networks of these groups
///       learning: {points: 6, match: fraction} # every group with the reference, over training
///       within_learning: {states: 8, parts: 4} # every network with itself, over training
export NetworkComparisons read_comparisons(const Config& study, const NeurotaskData& data,
                                           const NeurotaskNetworks& networks);

}  // namespace repal
