module;
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>
export module repal.neurotask_findings;

import repal.random;
export import repal.inference;
export import repal.neurotask_comparisons;
export import repal.study;
export import repal.summary;

namespace repal {

/// Do two groups differ in their dissimilarity to the reference group?
export struct GroupTest {
    const Ruleset* ruleset;
    std::string metric;
    std::string group_a;
    std::string group_b;
    std::string unit;  ///< setting (the mean over its replicates), or replicate if there is only one setting
    PairedTest test;
    double p_adjusted = 1;  ///< over the tests of a ruleset and metric
};

/// Each pair of groups once, for each metric.
export std::vector<GroupTest> group_tests(const std::vector<ScoredPair>& pairs, const NetworkComparisons& comparisons,
                                          const Bootstrap& resampling, const Stream& stream);
export Table tests_table(const std::vector<GroupTest>& tests);

/// Dissimilarity of two groups in one setting and replicate, by what distinguishes the groups.
export struct GroupRegression {
    const Ruleset* ruleset;
    std::string metric;
    std::string predictor;
    Regression found;
    std::vector<double> x;  ///< of each dyad that has one
    std::vector<double> y;
    std::vector<std::string> groups;  ///< of each
};

/// Two regressions for each ruleset and metric: by the share of pretraining tasks that two groups have in common
/// (Jaccard; not defined if neither pretrains), and by the difference of their performance.
export std::vector<GroupRegression> group_regressions(const std::vector<ScoredPair>& pairs,
                                                      const NetworkComparisons& comparisons,
                                                      const Bootstrap& resampling, const Stream& stream);
export Table regressions_table(const std::vector<GroupRegression>& regressions);

/// A network in a plane, or why it is not there.
export struct MappedNetwork {
    const NetworkItem* network;
    double x = 0;
    double y = 0;
    const NetworkItem* nearest = nullptr;
    std::string excluded_because = {};
};

/// All networks that were compared with all others, and those that were left out.
export struct NetworkMap {
    const Ruleset* ruleset;
    std::string metric;
    std::vector<MappedNetwork> networks;
    std::size_t n_excluded = 0;
    std::optional<double> stress = {};  ///< none: fewer than three networks are left
    double accuracy = 0;                ///< how often the nearest neighbour is of the same group
    double chance = 0;
    double p = 1;  ///< of the accuracy, groups exchanged within settings
};
export std::vector<NetworkMap> network_maps(const std::vector<ScoredPair>& pairs, const NetworkComparisons& comparisons,
                                            const Bootstrap& resampling, const Stream& stream);

/// A row for each network.
export Table map_table(const std::vector<NetworkMap>& maps);
/// A row for each map.
export Table maps_table(const std::vector<NetworkMap>& maps);

/// Lets each pair of states of a network count once, where it comes first; a later one becomes not_applicable. In a
/// short training several points may fall on one state.
export void leave_out_repeated_states(std::vector<ScoredPair>& pairs);

/// The pairs of networks that are trained or have nothing to learn.
export std::vector<ScoredPair> pairs_of_trained(const std::vector<ScoredPair>& pairs,
                                                const std::vector<NetworkResult>& networks);

/// What metrics give for a network and a changed copy of itself, and whether that is what they promise.
export struct Checks {
    Table rows = {{"ruleset", "metric", "check", "dissimilarity", "expected", "holds"}};
    std::vector<std::string> broken;  ///< in words
};
export Checks checks_of(const std::vector<ScoredPair>& pairs, const NetworkComparisons& comparisons,
                        const std::vector<ChosenMetric>& metrics);

/// A row for each group: its dissimilarity to the reference and between its own replicates, with the noise floor.
export Table groups_table(const std::vector<SummaryRow>& summary, const NetworkComparisons& comparisons);

}  // namespace repal
