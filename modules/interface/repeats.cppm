module;
#include <Eigen/Core>
#include <cstdint>
#include <string>
#include <vector>
export module repal.repeats;

namespace repal {

/// Trials by the condition that they repeat, two at least of each.
export struct Repeats {
    std::vector<std::int64_t> conditions;           ///< labels, rising
    std::vector<std::vector<Eigen::Index>> trials;  ///< (condition, repeat), in the order of the trials
    std::string cause;                              ///< why there are none; empty: there are
    /// Whether the k-th repeats of all conditions belong together, as blocks of trials do; labels alone do not say it.
    bool are_runs = false;
};

/// Blocks of `repeats` trials of one condition each; 0: as `labels` say, of all trials one condition if there are none.
export Repeats repeats_of(Eigen::Index trials, Eigen::Index repeats, const std::vector<std::int64_t>& labels);

}  // namespace repal
