module;
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>
export module repal.allocation;

export import repal.costs;

namespace repal {

/// What to ask a cluster for, so that a stage's job array ends in about an hour.
export struct Allocation {
    std::size_t measured = 0;  ///< items
    double core_seconds = 0;   ///< of all that is to do
    std::size_t tasks = 1;     ///< of the array
    int limit_minutes = 0;     ///< of each task: half as much again as it should take
    std::size_t megabytes = 0;
};

/// For the items of a stage that are not done, from what others have cost: in proportion to their estimated work where
/// there is an estimate, else as their mean; so of `likes`, items of the same kinds in another configuration. Nothing
/// if none was measured.
export std::optional<Allocation> allocate(const PlannedItems& items, const StageCost& cost, int processors_per_task,
                                          const PlannedItems& likes = {});

}  // namespace repal
