module;
#include <fmt/format.h>

#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>
module repal.repeats;

namespace repal {

using Eigen::Index;

Repeats repeats_of(Index trials, Index repeats, const std::vector<std::int64_t>& labels) {
    Repeats found{.conditions = {}, .trials = {}, .cause = {}};
    std::map<std::int64_t, std::vector<Index>> trials_of;
    if (repeats > 0 && trials % repeats != 0) {
        found.cause = fmt::format("{} repeats do not divide {} trials", repeats, trials);
        return found;
    }
    for (Index k = 0; k < trials; ++k) {
        std::int64_t condition = 0;
        if (repeats > 0)
            condition = k / repeats;
        else if (!labels.empty())
            condition = labels[static_cast<std::size_t>(k)];
        trials_of[condition].push_back(k);
    }
    const auto& [first, of_first] = *trials_of.begin();
    for (const auto& [condition, of_condition] : trials_of) {
        if (of_condition.size() != of_first.size() && found.cause.empty())
            found.cause = fmt::format("condition {} has {} trials and condition {} has {}: each needs as many", first,
                                      of_first.size(), condition, of_condition.size());
        found.conditions.push_back(condition);
        found.trials.push_back(of_condition);
    }
    if (found.cause.empty() && found.trials.front().size() < 2) found.cause = "no condition is repeated";
    return found;
}

}  // namespace repal
