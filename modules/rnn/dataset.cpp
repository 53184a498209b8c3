module;
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.dataset;

import repal.parallel;

namespace repal {
namespace {

/// A sequence before all have the same length.
struct Sequence {
    Eigen::Index steps = 0;
    std::vector<Trial> trials;
};

/// The condition of trial j in sequence s. Balanced: in every block of n sequences each condition comes once, in a
/// random order.
std::size_t condition_of(std::size_t sequence, std::size_t trial, std::size_t n_conditions, bool is_balanced,
                         const Stream& stream) {
    if (!is_balanced) return Stream(stream.child(sequence).child(trial).child("condition")).below(n_conditions);
    Stream block = stream.child("conditions").child(trial).child(sequence / n_conditions);
    return block.permutation(n_conditions)[sequence % n_conditions];
}

/// A plugin may give what it did not announce; written into a dataset it would leave its place.
void require_announced(const TaskInfo& info, const Trial& trial) {
    const auto wrong = [&](const std::string& problem) {
        throw InputError(info.name, problem, "repal check-plugin finds what is wrong with a task");
    };
    const auto& [observations, targets, periods, condition] = trial;
    const Eigen::Index target_columns = info.actions.empty() ? std::ssize(info.outputs) : 1;
    if (observations.rows() == 0 || observations.cols() != std::ssize(info.channels))
        wrong(fmt::format("a trial of it has observations of {} x {}, but there are {} channels", observations.rows(),
                          observations.cols(), info.channels.size()));
    if (targets.rows() != observations.rows() || targets.cols() != target_columns)
        wrong(fmt::format("a trial of it has targets of {} x {}, expected {} x {}", targets.rows(), targets.cols(),
                          observations.rows(), target_columns));
    if (!info.actions.empty() &&
        !(targets.minCoeff() >= 0 && targets.maxCoeff() < static_cast<double>(info.actions.size())))
        wrong(fmt::format("a trial of it has an action that is not 0 to {}", info.actions.size() - 1));
    if (condition.size() != info.condition.size())
        wrong(fmt::format("a trial of it has a condition of {} values, but there are {} names", condition.size(),
                          info.condition.size()));
    for (const Period& period : periods)
        if (period.first_step < 0 || period.end_step > observations.rows())
            wrong(fmt::format("a trial of it has {} steps, and a period of [{}, {})", observations.rows(),
                              period.first_step, period.end_step));
}

Sequence draw_sequence(const Task& task, const TaskInfo& info, const DatasetRecipe& recipe, std::size_t number,
                       const DatasetStreams& streams) {
    Sequence sequence;
    do {
        const std::size_t j = sequence.trials.size();
        const std::size_t condition =
            condition_of(number, j, task.n_conditions(), recipe.is_balanced, streams.conditions);
        sequence.trials.push_back(task.generate(recipe.phase, condition, streams.trials.child(number).child(j)));
        require_announced(info, sequence.trials.back());
        sequence.steps += sequence.trials.back().observations.rows();
    } while (recipe.packing == Packing::sequence && sequence.steps < recipe.sequence_steps);
    if (recipe.packing == Packing::sequence) sequence.steps = recipe.sequence_steps;
    return sequence;
}

Dataset empty_dataset(const Task& task, const TaskInfo& info, const std::vector<Sequence>& sequences) {
    Dataset dataset{.sequences = sequences.size(),
                    .step_ms = task.step_ms(),
                    .channels = info.channels,
                    .actions = info.actions,
                    .outputs = info.outputs,
                    .condition = info.condition};
    for (const Sequence& sequence : sequences) {
        dataset.steps = std::max(dataset.steps, sequence.steps);
        dataset.sequence_steps.push_back(static_cast<std::int32_t>(sequence.steps));
    }
    const std::size_t all_steps = dataset.sequences * static_cast<std::size_t>(dataset.steps);
    dataset.observations.resize(all_steps * info.channels.size());
    dataset.weights.resize(all_steps);
    dataset.target_actions.resize(info.actions.empty() ? 0 : all_steps);
    dataset.target_outputs.resize(info.actions.empty() ? all_steps * info.outputs.size() : 0);
    return dataset;
}

void place_values(Dataset& dataset, std::size_t sequence, Eigen::Index first_step, Eigen::Index steps,
                  const Trial& trial) {
    const std::size_t start = sequence * static_cast<std::size_t>(dataset.steps) + static_cast<std::size_t>(first_step);
    const auto n = static_cast<std::size_t>(steps);
    const auto place = [&](const RowMatrix& values, auto& target) {
        const auto columns = static_cast<std::size_t>(values.cols());
        using Value = std::remove_reference_t<decltype(target)>::value_type;
        std::transform(values.data(), values.data() + n * columns,
                       target.begin() + static_cast<std::ptrdiff_t>(start * columns),
                       [](double value) { return static_cast<Value>(value); });
    };
    place(trial.observations, dataset.observations);
    if (dataset.actions.empty())
        place(trial.targets, dataset.target_outputs);
    else
        place(trial.targets, dataset.target_actions);
}

PackedTrial packed(const Trial& trial, std::size_t sequence, Eigen::Index first_step, Eigen::Index end_of_sequence) {
    const Eigen::Index end_step = std::min(first_step + trial.observations.rows(), end_of_sequence);
    PackedTrial packed{
        .sequence = sequence, .first_step = first_step, .end_step = end_step, .condition = trial.condition};
    for (const Period& period : trial.periods)
        if (first_step + period.first_step < end_step)
            packed.periods.push_back(
                {period.name, first_step + period.first_step, std::min(first_step + period.end_step, end_step)});
    return packed;
}

void place_trials(Dataset& dataset, const Task& task, std::size_t number, const Sequence& sequence,
                  std::vector<PackedTrial>& trials) {
    Eigen::Index first_step = 0;
    for (const Trial& trial : sequence.trials) {
        PackedTrial at = packed(trial, number, first_step, sequence.steps);
        place_values(dataset, number, first_step, at.end_step - at.first_step, trial);
        if (at.end_step - at.first_step == trial.observations.rows())
            at.ideal_action = task.ideal_action(dataset.observations_of(at));
        first_step = at.end_step;
        trials.push_back(std::move(at));
    }
}

void weigh(Dataset& dataset, std::size_t sequence, const std::vector<PackedTrial>& trials, LossMask mask) {
    const Eigen::Index steps = dataset.sequence_steps[sequence];
    std::vector<bool> is_decision(static_cast<std::size_t>(steps), false);
    if (mask == LossMask::decision)
        for (const PackedTrial& trial : trials)
            if (const Period* decision = find_period(trial.periods, "decision"))
                std::fill(is_decision.begin() + decision->first_step, is_decision.begin() + decision->end_step, true);
    const auto decisions = std::ranges::count(is_decision, true);
    const auto others = steps - decisions;
    const double share = decisions == 0 || others == 0 ? 1 : 0.5;
    float* weights = dataset.weights.data() + sequence * static_cast<std::size_t>(dataset.steps);
    for (std::size_t step = 0; step < is_decision.size(); ++step)
        weights[step] = static_cast<float>(share / static_cast<double>(is_decision[step] ? decisions : others));
}

}  // namespace

RowMatrix Dataset::observations_of(const PackedTrial& trial) const {
    const auto n = static_cast<Eigen::Index>(channels.size());
    const float* values = observations.data() + (trial.sequence * static_cast<std::size_t>(steps) +
                                                 static_cast<std::size_t>(trial.first_step)) *
                                                    channels.size();
    using Floats = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    return Eigen::Map<const Floats>(values, trial.end_step - trial.first_step, n).cast<double>();
}

Dataset make_dataset(const Task& task, const TaskInfo& info, const DatasetRecipe& recipe, const DatasetStreams& streams,
                     int jobs) {
    std::vector<Sequence> sequences(recipe.sequences);
    for_each_index(sequences.size(), jobs,
                   [&](std::size_t s) { sequences[s] = draw_sequence(task, info, recipe, s, streams); });

    Dataset dataset = empty_dataset(task, info, sequences);
    std::vector<std::vector<PackedTrial>> trials(sequences.size());
    for_each_index(sequences.size(), jobs, [&](std::size_t s) {
        place_trials(dataset, task, s, sequences[s], trials[s]);
        weigh(dataset, s, trials[s], recipe.loss_mask);
    });
    for (std::vector<PackedTrial>& of_sequence : trials)
        std::ranges::move(of_sequence, std::back_inserter(dataset.trials));
    return dataset;
}

Dataset leading(Dataset dataset, std::size_t sequences) {
    if (sequences >= dataset.sequences) return dataset;
    dataset.sequences = sequences;
    dataset.sequence_steps.resize(sequences);
    const std::size_t all_steps = sequences * static_cast<std::size_t>(dataset.steps);
    dataset.observations.resize(all_steps * dataset.channels.size());
    dataset.weights.resize(all_steps);
    dataset.target_actions.resize(dataset.actions.empty() ? 0 : all_steps);
    dataset.target_outputs.resize(dataset.actions.empty() ? all_steps * dataset.outputs.size() : 0);
    std::erase_if(dataset.trials, [&](const PackedTrial& trial) { return trial.sequence >= sequences; });
    return dataset;
}

std::optional<double> chance_performance(const Dataset& dataset) {
    std::vector<std::size_t> steps;  // of decisions, in all sequences
    for (const PackedTrial& trial : dataset.trials)
        if (const Period* decision = find_period(trial.periods, "decision"))
            for (Eigen::Index step = decision->first_step; step < decision->end_step; ++step)
                steps.push_back(trial.sequence * static_cast<std::size_t>(dataset.steps) +
                                static_cast<std::size_t>(step));
    if (steps.empty()) return {};
    const auto n = static_cast<double>(steps.size());
    if (!dataset.actions.empty()) {
        std::vector<double> times(dataset.actions.size());
        for (const std::size_t step : steps) ++times[static_cast<std::size_t>(dataset.target_actions[step])];
        return std::ranges::max(times) / n;
    }
    const std::size_t width = dataset.outputs.size();
    double error = 0;
    for (std::size_t output = 0; output < width; ++output) {
        std::vector<double> values;
        for (const std::size_t step : steps)
            values.push_back(static_cast<double>(dataset.target_outputs[step * width + output]));
        const auto middle = values.begin() + std::ssize(values) / 2;
        std::ranges::nth_element(values, middle);
        const double median = *middle;
        for (const double value : values) error += std::abs(value - median) / n / static_cast<double>(width);
    }
    return 1 - error;
}

std::optional<double> ideal_accuracy(const Dataset& dataset) {
    std::size_t right = 0;
    std::size_t answered = 0;
    for (const PackedTrial& trial : dataset.trials) {
        const Period* decision = find_period(trial.periods, "decision");
        if (!trial.ideal_action || decision == nullptr) continue;
        const std::size_t begin = trial.sequence * static_cast<std::size_t>(dataset.steps);
        for (auto step = decision->first_step; step < decision->end_step; ++step) {
            const auto target =
                static_cast<std::size_t>(dataset.target_actions[begin + static_cast<std::size_t>(step)]);
            right += target == *trial.ideal_action ? 1 : 0;
            ++answered;
        }
    }
    if (answered == 0) return {};
    return static_cast<double>(right) / static_cast<double>(answered);
}

}  // namespace repal
