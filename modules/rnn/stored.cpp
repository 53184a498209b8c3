module;
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.dataset;

namespace repal {
namespace {

using Integers = std::vector<std::int32_t>;

std::string joined(const std::vector<std::string>& names) {
    return fmt::format("{}", fmt::join(names, ","));
}

/// The names of all periods, in the order in which trials have them.
std::vector<std::string> period_names(const std::vector<PackedTrial>& trials) {
    std::vector<std::string> names;
    for (const PackedTrial& trial : trials)
        for (const Period& period : trial.periods)
            if (std::ranges::find(names, period.name) == names.end()) names.push_back(period.name);
    return names;
}

Array array(std::vector<std::size_t> shape, Array::Values values, const char* axes) {
    return {.shape = {shape.begin(), shape.end()}, .values = std::move(values), .attributes = {{"axes", axes}}};
}

/// One value for each trial.
template <class Value>
Integers of_trials(const Dataset& dataset, Value value) {
    Integers values;
    for (const PackedTrial& trial : dataset.trials) values.push_back(static_cast<std::int32_t>(value(trial)));
    return values;
}

void add_trials(Archive& archive, const Dataset& dataset) {
    const std::size_t n = dataset.trials.size();
    const auto add = [&](const char* name, auto value) {
        archive.arrays.emplace(name, array({n}, of_trials(dataset, value), "trial"));
    };
    add("trial/sequence", [](const PackedTrial& trial) { return trial.sequence; });
    add("trial/first_step", [](const PackedTrial& trial) { return trial.first_step; });
    add("trial/end_step", [](const PackedTrial& trial) { return trial.end_step; });
    add("trial/ideal_action", [](const PackedTrial& trial) {
        return trial.ideal_action ? static_cast<std::int64_t>(*trial.ideal_action) : -1;
    });

    std::vector<double> condition;
    for (const PackedTrial& trial : dataset.trials)
        condition.insert(condition.end(), trial.condition.begin(), trial.condition.end());
    if (!dataset.condition.empty())
        archive.arrays.emplace("trial/condition",
                               array({n, dataset.condition.size()}, std::move(condition), "trial,condition"));

    const std::vector<std::string> names = period_names(dataset.trials);
    Integers first(n * names.size(), -1);
    Integers end(n * names.size(), -1);
    for (std::size_t t = 0; t < n; ++t)
        for (const Period& period : dataset.trials[t].periods) {
            const auto p = static_cast<std::size_t>(std::ranges::find(names, period.name) - names.begin());
            first[t * names.size() + p] = static_cast<std::int32_t>(period.first_step);
            end[t * names.size() + p] = static_cast<std::int32_t>(period.end_step);
        }
    archive.arrays.emplace("trial/period_first_step", array({n, names.size()}, std::move(first), "trial,period"));
    archive.arrays.emplace("trial/period_end_step", array({n, names.size()}, std::move(end), "trial,period"));
    archive.attributes["periods"] = joined(names);
}

void require(bool fits, const std::string& name) {
    if (!fits) throw InputError("", fmt::format("'{}' does not fit the other arrays of this dataset", name));
}

/// The lengths that are stored are used without checks from here on.
void require_shapes(const Archive& archive, const Dataset& dataset) {
    const std::uint64_t n = dataset.sequences;
    const auto steps = static_cast<std::uint64_t>(dataset.steps);
    const auto has_shape = [&](const char* name, const std::vector<std::uint64_t>& shape) {
        require(archive.arrays.at(name).shape == shape, name);
    };
    has_shape("observations", {n, steps, dataset.channels.size()});
    has_shape("weights", {n, steps});
    if (dataset.actions.empty())
        has_shape("target_outputs", {n, steps, dataset.outputs.size()});
    else
        has_shape("target_actions", {n, steps});
    for (const std::int32_t length : dataset.sequence_steps)
        require(length >= 1 && length <= dataset.steps, "sequence_steps");
    for (const std::int32_t action : dataset.target_actions)
        require(action >= 0 && static_cast<std::size_t>(action) < dataset.actions.size(), "target_actions");
}

/// So are the places of trials.
void require_places(const Dataset& dataset) {
    std::size_t last_sequence = 0;
    for (const PackedTrial& trial : dataset.trials) {
        require(trial.sequence >= last_sequence && trial.sequence < dataset.sequences, "trial/sequence");
        last_sequence = trial.sequence;
        require(trial.first_step >= 0 && trial.first_step <= trial.end_step, "trial/first_step");
        require(trial.end_step <= dataset.sequence_steps[trial.sequence], "trial/end_step");
        for (const Period& period : trial.periods)
            require(trial.first_step <= period.first_step && period.first_step <= period.end_step &&
                        period.end_step <= trial.end_step,
                    "trial/period_first_step");
    }
}

std::vector<PackedTrial> trials_from(const Archive& archive) {
    const auto& sequence = archive.values<std::int32_t>("trial/sequence");
    const auto& first_step = archive.values<std::int32_t>("trial/first_step");
    const auto& end_step = archive.values<std::int32_t>("trial/end_step");
    const auto& ideal = archive.values<std::int32_t>("trial/ideal_action");
    const auto& period_first = archive.values<std::int32_t>("trial/period_first_step");
    const auto& period_end = archive.values<std::int32_t>("trial/period_end_step");
    const std::vector<std::string> names = archive.names("periods");
    const std::size_t n_conditions = archive.names("condition").size();
    const std::vector<double> none;
    const auto& condition = n_conditions == 0 ? none : archive.values<double>("trial/condition");
    require(condition.size() == sequence.size() * n_conditions, "trial/condition");

    for (const auto* steps : {&first_step, &end_step, &ideal})
        require(steps->size() == sequence.size(), "trial/sequence");
    for (const auto* steps : {&period_first, &period_end})
        require(steps->size() == sequence.size() * names.size(), "trial/period_first_step");

    std::vector<PackedTrial> trials(sequence.size());
    for (std::size_t t = 0; t < trials.size(); ++t) {
        require(sequence[t] >= 0, "trial/sequence");
        trials[t] = {
            .sequence = static_cast<std::size_t>(sequence[t]), .first_step = first_step[t], .end_step = end_step[t]};
        if (ideal[t] >= 0) trials[t].ideal_action = static_cast<std::size_t>(ideal[t]);
        for (std::size_t c = 0; c < n_conditions; ++c) trials[t].condition.push_back(condition[t * n_conditions + c]);
        for (std::size_t p = 0; p < names.size(); ++p)
            if (const std::size_t at = t * names.size() + p; period_first[at] >= 0)
                trials[t].periods.push_back({names[p], period_first[at], period_end[at]});
    }
    return trials;
}

}  // namespace

Archive to_archive(const Dataset& dataset) {
    const std::size_t sequences = dataset.sequences;
    const auto steps = static_cast<std::size_t>(dataset.steps);
    Archive archive;
    archive.arrays.emplace("observations", array({sequences, steps, dataset.channels.size()}, dataset.observations,
                                                 "sequence,time,channel"));
    archive.arrays.emplace("weights", array({sequences, steps}, dataset.weights, "sequence,time"));
    archive.arrays.emplace("sequence_steps", array({sequences}, dataset.sequence_steps, "sequence"));
    if (dataset.actions.empty())
        archive.arrays.emplace("target_outputs", array({sequences, steps, dataset.outputs.size()},
                                                       dataset.target_outputs, "sequence,time,output"));
    else
        archive.arrays.emplace("target_actions", array({sequences, steps}, dataset.target_actions, "sequence,time"));
    archive.attributes = {{"channels", joined(dataset.channels)},
                          {"actions", joined(dataset.actions)},
                          {"outputs", joined(dataset.outputs)},
                          {"condition", joined(dataset.condition)},
                          {"step_ms", fmt::format("{}", dataset.step_ms)}};
    add_trials(archive, dataset);
    return archive;
}

Dataset dataset_from(const Archive& archive) {
    Dataset dataset{.step_ms = archive.number("step_ms"),
                    .channels = archive.names("channels"),
                    .actions = archive.names("actions"),
                    .outputs = archive.names("outputs"),
                    .condition = archive.names("condition"),
                    .sequence_steps = archive.values<std::int32_t>("sequence_steps"),
                    .observations = archive.values<float>("observations"),
                    .weights = archive.values<float>("weights")};
    dataset.sequences = dataset.sequence_steps.size();
    dataset.steps = dataset.sequences == 0 ? 0 : std::ranges::max(dataset.sequence_steps);
    if (dataset.actions.empty())
        dataset.target_outputs = archive.values<float>("target_outputs");
    else
        dataset.target_actions = archive.values<std::int32_t>("target_actions");
    require_shapes(archive, dataset);
    dataset.trials = trials_from(archive);
    require_places(dataset);
    return dataset;
}

}  // namespace repal
