module;
#include <cstdint>
#include <map>
#include <string>
#include <vector>
export module repal.neurotask_comparisons;

import repal.config;
export import repal.neurotask_recorded;

namespace repal {

/// Which networks are compared; see read_comparisons().
export enum class Compared : std::uint8_t { checks, groups, settings, learning, within_learning };
export inline constexpr Names<Compared, 5> comparison_names = {{{Compared::checks, "checks"},
                                                                {Compared::groups, "groups"},
                                                                {Compared::settings, "settings"},
                                                                {Compared::learning, "learning"},
                                                                {Compared::within_learning, "within_learning"}}};

/// Networks of two curricula, in the order of the ruleset, or of one; their pairs have one mean.
export struct CurriculumPair {
    const Curriculum* a;
    const Curriculum* b;

    /// "master | frozen", a group of pairs
    std::string label() const;
    bool has(const std::string& curriculum) const { return a->name == curriculum || b->name == curriculum; }
};

/// Every pair of curricula, and each with itself.
export std::vector<CurriculumPair> curriculum_pairs(const Ruleset& ruleset);

/// Two parts of the training of a curriculum's networks, counted from 1, or one; their pairs have one mean.
export struct TrainingParts {
    const Curriculum* curriculum;
    std::int64_t a;
    std::int64_t b;

    /// "frozen: 1 | 2", a group of pairs
    std::string label() const;
};

/// What an experiment compares.
export struct NetworkExperiment {
    const Ruleset* ruleset;
    Compared compared;
    std::int64_t parts = 0;  ///< of a training, where those are compared
};

/// What is compared of trained networks. Each experiment is of one ruleset and named "<ruleset>/<comparison>".
export struct NetworkComparisons {
    std::vector<Experiment> experiments;
    std::map<std::string, NetworkExperiment> kinds;  ///< by the name of their experiment
    std::vector<DataItem> data;                      ///< test data that they need
    std::map<std::string, std::string> references;   ///< the reference curriculum of each ruleset
    std::map<std::string, std::vector<std::string>>
        mapped;  ///< curricula of each ruleset whose networks are all compared with all
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
