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
    Repeats found{.conditions = {}, .trials = {}, .cause = {}, .are_runs = repeats > 0};
    std::map<std::int64_t, std::vector<Index>> trials_of;
    if (repeats > 0 && !labels.empty()) {
        found.cause = fmt::format("repeats is {}, and the conditions of the trials are given: one of both", repeats);
        return found;
    }
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
    for (const auto& [condition, of_condition] : trials_of) {
        if (of_condition.size() < 2 && found.cause.empty())
            found.cause = fmt::format("condition {} has one trial: repeats are two at least", condition);
        found.conditions.push_back(condition);
        found.trials.push_back(of_condition);
    }
    return found;
}

}  // namespace repal
