module;
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>
module repal.training;

import :batch;

namespace repal {
namespace {

struct ScheduledBatch {
    std::size_t task;
    std::vector<std::size_t> sequences;
};

/// Every training sequence of every task once, in a new order each epoch; the last batch of a task may be smaller.
std::vector<ScheduledBatch> schedule_epoch(const std::vector<LearnedTask>& tasks, const TrainingOptions& options,
                                           const Stream& stream) {
    std::vector<std::vector<ScheduledBatch>> of_tasks(tasks.size());
    std::size_t longest = 0;
    for (std::size_t t = 0; t < tasks.size(); ++t) {
        const std::vector<std::size_t> order =
            Stream(stream.child("order").child(tasks[t].name)).permutation(tasks[t].train->sequences);
        for (std::size_t first = 0; first < order.size(); first += options.batch_size) {
            const std::size_t n = std::min(options.batch_size, order.size() - first);
            const auto begin = order.begin() + static_cast<std::ptrdiff_t>(first);
            of_tasks[t].push_back({t, {begin, begin + static_cast<std::ptrdiff_t>(n)}});
        }
        longest = std::max(longest, of_tasks[t].size());
    }
    std::vector<ScheduledBatch> batches;
    if (options.schedule == Schedule::blocked) {
        for (auto& of_task : of_tasks) std::ranges::move(of_task, std::back_inserter(batches));
        return batches;
    }
    for (std::size_t turn = 0; turn < longest; ++turn)
        for (auto& of_task : of_tasks)
            if (turn < of_task.size()) batches.push_back(std::move(of_task[turn]));
    return batches;
}

std::array<bool, 4> is_trainable(const rnn::Wanted& trainable) {
    return {trainable.input, trainable.recurrent, trainable.bias, trainable.readout};
}

/// Adds the gradients of the penalties of weights that train; returns all penalties.
double penalise_weights(const rnn::Parameters& parameters, const TrainingOptions& options, rnn::Parameters& gradients) {
    if (options.l1_weight == 0 && options.l2_weight == 0) return 0;
    double penalty = 0;
    const auto weights = arrays_of(parameters);
    const auto slopes = arrays_of(gradients);
    const auto trainable = is_trainable(options.trainable);
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const auto n = static_cast<double>(weights[i]->size());
        double absolute = 0;
        double squares = 0;
        for (const float w : *weights[i]) {
            absolute += std::abs(static_cast<double>(w));
            squares += static_cast<double>(w) * static_cast<double>(w);
        }
        const double norm = std::sqrt(squares);
        penalty += options.l1_weight * absolute / n + options.l2_weight * (options.legacy_norms ? norm : squares / n);
        const double square_slope =
            options.legacy_norms ? (norm > 0 ? options.l2_weight / norm : 0) : 2 * options.l2_weight / n;
        for (std::size_t j = 0; j < weights[i]->size() && trainable[i]; ++j) {
            const double w = (*weights[i])[j];
            const double sign = w > 0 ? 1 : w < 0 ? -1 : 0;
            (*slopes[i])[j] += static_cast<float>(options.l1_weight / n * sign + square_slope * w);
        }
    }
    return penalty;
}

void clip(rnn::Parameters& gradients, double largest_norm) {
    if (largest_norm <= 0) return;
    double squares = 0;
    for (const std::vector<float>* array : arrays_of(gradients))
        for (const float slope : *array) squares += static_cast<double>(slope) * static_cast<double>(slope);
    const double norm = std::sqrt(squares);
    if (!(norm > largest_norm)) return;
    const auto scale = static_cast<float>(largest_norm / norm);
    for (std::vector<float>* array : arrays_of(gradients))
        for (float& slope : *array) slope *= scale;
}

/// Adam with its usual constants. What is not trainable stays as it is, to the bit.
void adam_step(TrainingState& state, const rnn::Parameters& gradients, const TrainingOptions& options,
               std::int64_t update) {
    constexpr double beta1 = 0.9;
    constexpr double beta2 = 0.999;
    constexpr double epsilon = 1e-8;
    const auto n = static_cast<double>(update);
    const auto step = static_cast<float>(options.learning_rate / (1 - std::pow(beta1, n)));
    const auto second_scale = static_cast<float>(1 / (1 - std::pow(beta2, n)));
    const auto trainable = is_trainable(options.trainable);
    const auto weights = arrays_of(state.parameters);
    const auto firsts = arrays_of(state.first_moment);
    const auto seconds = arrays_of(state.second_moment);
    const auto slopes = arrays_of(gradients);
    for (std::size_t i = 0; i < weights.size(); ++i) {
        if (!trainable[i]) continue;
        float* weight = weights[i]->data();
        float* first = firsts[i]->data();
        float* second = seconds[i]->data();
        const float* slope = slopes[i]->data();
        for (std::size_t j = 0; j < weights[i]->size(); ++j) {
            first[j] = static_cast<float>(beta1) * first[j] + static_cast<float>(1 - beta1) * slope[j];
            second[j] = static_cast<float>(beta2) * second[j] + static_cast<float>(1 - beta2) * slope[j] * slope[j];
            weight[j] -= step * first[j] / (std::sqrt(second[j] * second_scale) + static_cast<float>(epsilon));
        }
    }
}

EpochRecord measured(const TrainingState& state, const rnn::NetworkShape& shape, const std::vector<LearnedTask>& tasks,
                     std::size_t n_rules) {
    EpochRecord record{.smallest_fraction = 1};
    for (const LearnedTask& task : tasks) {
        record.performance.push_back(performance_on(*task.validation, task.rule, n_rules, shape, state.parameters));
        record.smallest_fraction =
            std::min(record.smallest_fraction, record.performance.back() / ideal_performance(*task.validation));
    }
    return record;
}

/// How far the outputs of one step are from right: 0 or 1 for an action, else the mean |error|.
double error_of_step(const Dataset& dataset, std::size_t sequence, std::size_t step, std::span<const float> outputs) {
    // No action is the largest of what is not finite.
    if (!std::ranges::all_of(outputs, [](float output) { return std::isfinite(output); }))
        return std::numeric_limits<double>::quiet_NaN();
    const std::size_t at = sequence * static_cast<std::size_t>(dataset.steps) + step;
    if (!dataset.actions.empty()) {
        const auto action = std::ranges::max_element(outputs) - outputs.begin();
        return action == dataset.target_actions[at] ? 0 : 1;
    }
    double error = 0;
    for (std::size_t k = 0; k < outputs.size(); ++k)
        error += std::abs(static_cast<double>(outputs[k]) -
                          static_cast<double>(dataset.target_outputs[at * outputs.size() + k]));
    return error / static_cast<double>(outputs.size());
}

struct DecisionErrors {
    double sum = 0;
    std::size_t steps = 0;

    double performance() const { return steps == 0 ? 0 : 1 - sum / static_cast<double>(steps); }
};

/// Adds the errors of n sequences from `first` on. `outputs` is (sequence, time, output) of these n alone, with as many
/// steps as the longest of them has.
void add_errors(DecisionErrors& errors, const Dataset& dataset, std::size_t first, std::size_t n,
                std::span<const float> outputs) {
    const std::size_t width = dataset.actions.empty() ? dataset.outputs.size() : dataset.actions.size();
    const std::size_t steps = outputs.size() / (n * width);
    for (auto trial = std::ranges::lower_bound(dataset.trials, first, {}, &PackedTrial::sequence);
         trial != dataset.trials.end() && trial->sequence < first + n; ++trial) {
        const Period* decision = find_period(trial->periods, "decision");
        if (decision == nullptr) continue;
        for (auto step = static_cast<std::size_t>(decision->first_step);
             step < static_cast<std::size_t>(decision->end_step); ++step, ++errors.steps)
            errors.sum += error_of_step(dataset, trial->sequence, step,
                                        outputs.subspan(((trial->sequence - first) * steps + step) * width, width));
    }
}

}  // namespace

double performance_on(const Dataset& dataset, std::size_t rule, std::size_t n_rules, const rnn::NetworkShape& shape,
                      const rnn::Parameters& parameters) {
    constexpr std::size_t at_once = 128;
    rnn::Backpropagation network(shape);
    DecisionErrors errors;
    for (std::size_t first = 0; first < dataset.sequences; first += at_once) {
        std::vector<std::size_t> sequences(std::min(at_once, dataset.sequences - first));
        std::iota(sequences.begin(), sequences.end(), first);
        const Batch batch(dataset, sequences, rule, n_rules);
        const rnn::Responses responses = network.respond(parameters, batch.stimulus());
        add_errors(errors, dataset, first, sequences.size(), responses.outputs);
    }
    return errors.performance();
}

double performance_of(const Dataset& dataset, const NetworkAtWork& recording) {
    DecisionErrors errors;
    add_errors(errors, dataset, 0, dataset.sequences, recording.responses.outputs);
    return errors.performance();
}

NetworkAtWork record(const Dataset& dataset, std::size_t rule, std::size_t n_rules, const Network& network) {
    std::vector<std::size_t> sequences(dataset.sequences);
    std::iota(sequences.begin(), sequences.end(), std::size_t{0});
    const Batch batch(dataset, sequences, rule, n_rules);
    const rnn::Stimulus stimulus = batch.stimulus();
    return {.inputs = {stimulus.inputs.begin(), stimulus.inputs.end()},
            .responses = rnn::Backpropagation(network.shape).respond(network.parameters, stimulus)};
}

double ideal_performance(const Dataset& dataset) {
    const double ideal = ideal_accuracy(dataset).value_or(1);
    if (!(ideal > 0))
        throw InputError("", "the ideal observer is right in no validation trial, so there is nothing to reach",
                         "make more validation data");
    return ideal;
}

TrainingState untrained_state(const rnn::NetworkShape& shape, rnn::Parameters parameters,
                              const std::vector<LearnedTask>& tasks, std::size_t n_rules,
                              const TrainingOptions& options) {
    TrainingState state{.parameters = std::move(parameters),
                        .first_moment = rnn::Parameters::zeros(shape),
                        .second_moment = rnn::Parameters::zeros(shape)};
    state.history.push_back(measured(state, shape, tasks, n_rules));
    state.has_ended = tasks.empty() || options.num_epochs == 0;
    return state;
}

double descend(TrainingState& state, const rnn::LossAndGradients& batch, const TrainingOptions& options,
               std::int64_t update) {
    rnn::Parameters gradients = batch.gradients;
    const double loss = batch.data_loss + batch.state_penalty + penalise_weights(state.parameters, options, gradients);
    if (!std::isfinite(loss)) return loss;
    clip(gradients, options.gradient_clip);
    adam_step(state, gradients, options, update);
    return loss;
}

bool train_epoch(TrainingState& state, const rnn::NetworkShape& shape, const std::vector<LearnedTask>& tasks,
                 std::size_t n_rules, const TrainingOptions& options, const Stream& stream,
                 const std::function<bool()>& is_to_stop) {
    const EpochRecord& last = state.history.back();
    const Stream of_epoch = stream.child(static_cast<std::uint64_t>(last.epoch) + 1);
    const std::vector<ScheduledBatch> batches = schedule_epoch(tasks, options, of_epoch);
    const rnn::StatePenalty penalty{
        .l1 = options.l1_h,
        .l2 = options.l2_h,
        .norm = options.legacy_norms ? rnn::StateNorm::frobenius : rnn::StateNorm::mean_square};
    const double noise_scale = std::sqrt(2 * options.tau_in_steps);

    rnn::Backpropagation network(shape);
    for (std::size_t& b = state.begun_batches; b < batches.size(); ++b) {
        if (is_to_stop && is_to_stop()) return false;
        const LearnedTask& task = tasks[batches[b].task];
        Batch batch(*task.train, batches[b].sequences, task.rule, n_rules);
        const Stream noise = of_epoch.child("noise").child(b);
        if (options.sigma_x > 0)
            batch.add_input_noise(task.train->channels.size(), noise_scale * options.sigma_x, noise.child("input"));
        if (options.sigma_rec > 0)
            batch.add_recurrent_noise(static_cast<std::size_t>(shape.hidden), noise_scale * options.sigma_rec,
                                      noise.child("recurrent"));

        const auto& result =
            network.differentiate(state.parameters, batch.stimulus(), batch.objective(penalty), options.trainable);
        const double of_batch = descend(state, result, options, last.updates + static_cast<std::int64_t>(b) + 1);
        if (!std::isfinite(of_batch))
            throw TrainingFailed(fmt::format("the loss is {} in epoch {}, batch {}", of_batch, last.epoch + 1, b));
        state.begun_loss += of_batch;
    }
    for (const std::vector<float>* array : arrays_of(state.parameters))
        if (!std::ranges::all_of(*array, [](float weight) { return std::isfinite(weight); }))
            throw TrainingFailed(fmt::format("the weights are no longer finite after epoch {}", last.epoch + 1));
    EpochRecord record = measured(state, shape, tasks, n_rules);
    if (!std::isfinite(std::accumulate(record.performance.begin(), record.performance.end(), 0.0)))
        throw TrainingFailed(fmt::format("the outputs are no longer finite after epoch {}", last.epoch + 1));
    record.epoch = last.epoch + 1;
    record.updates = last.updates + static_cast<std::int64_t>(batches.size());
    record.sequences_seen = last.sequences_seen;
    for (const ScheduledBatch& batch : batches)
        record.sequences_seen += static_cast<std::int64_t>(batch.sequences.size());
    record.loss = std::exchange(state.begun_loss, 0) / static_cast<double>(batches.size());
    state.begun_batches = 0;
    state.has_ended = record.smallest_fraction >= options.target_fraction || record.epoch >= options.num_epochs;
    state.history.push_back(std::move(record));
    return true;
}

}  // namespace repal
