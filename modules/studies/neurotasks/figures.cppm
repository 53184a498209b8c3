module;
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>
export module repal.neurotask_figures;

export import repal.figures;
export import repal.neurotask_comparisons;
export import repal.neurotask_findings;

/// What the second study's report shows.
namespace repal {

/// One test trial of every task.
export Section task_section(const NeurotaskData& data, std::uint64_t seed);

/// How the networks learned, beside the ideal observer.
export Section training_section(const NeurotaskData& data, const NeurotaskNetworks& networks,
                                std::span<const NetworkResult> network_results, const std::filesystem::path& results);

/// Trajectories of one network of each group in the comparison, in its first principal components.
export Section activity_section(std::span<const Experiment> experiments, const std::filesystem::path& results);

/// What was found, as the tables have it.
export struct NeurotaskFindings {
    std::vector<SummaryRow> summary;
    std::vector<GroupTest> tests;
    std::vector<GroupRegression> regressions;
    std::vector<NetworkMap> maps;
    Checks checks;
    std::vector<ScoredPair> pairs;  ///< what the others were made from
};

/// The comparisons of one ruleset.
export Section comparison_section(const Ruleset& ruleset, std::span<const Experiment> experiments,
                                  const std::map<std::string, NetworkExperiment>& kinds,
                                  const NeurotaskFindings& findings, const Bootstrap& bootstrap);

/// Networks and comparisons that failed, and networks that are not on a map.
export Section failure_section(const NeurotaskFindings& findings, std::span<const NetworkResult> networks);

}  // namespace repal
