module;
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>
module repal.training;

import :batch;

namespace repal {
namespace {

/// `width` numbers of the first `steps` steps of some sequences.
template <class Number>
std::vector<Number> rows_of(const std::vector<Number>& all, std::size_t all_steps,
                            std::span<const std::size_t> sequences, std::size_t steps, std::size_t width) {
    std::vector<Number> rows;
    rows.reserve(sequences.size() * steps * width);
    for (const std::size_t sequence : sequences) {
        const auto first = all.begin() + static_cast<std::ptrdiff_t>(sequence * all_steps * width);
        rows.insert(rows.end(), first, first + static_cast<std::ptrdiff_t>(steps * width));
    }
    return rows;
}

}  // namespace

Batch::Batch(const Dataset& dataset, std::span<const std::size_t> sequences, std::size_t rule, std::size_t n_rules)
    : sequences_(sequences.size()), n_inputs_(dataset.channels.size() + n_rules) {
    for (const std::size_t sequence : sequences) lengths_.push_back(dataset.sequence_steps[sequence]);
    steps_ = static_cast<std::size_t>(std::ranges::max(lengths_));
    const auto all_steps = static_cast<std::size_t>(dataset.steps);
    const std::size_t channels = dataset.channels.size();
    inputs_.resize(sequences_ * steps_ * n_inputs_);
    for (std::size_t s = 0; s < sequences_; ++s)
        for (std::size_t step = 0; step < steps_; ++step) {
            const float* from = dataset.observations.data() + (sequences[s] * all_steps + step) * channels;
            float* to = inputs_.data() + (s * steps_ + step) * n_inputs_;
            std::copy_n(from, channels, to);
            to[channels + rule] = 1;
        }
    weights_ = rows_of(dataset.weights, all_steps, sequences, steps_, 1);
    for (float& weight : weights_) weight /= static_cast<float>(sequences_);
    if (dataset.actions.empty())
        outputs_ = rows_of(dataset.target_outputs, all_steps, sequences, steps_, dataset.outputs.size());
    else
        actions_ = rows_of(dataset.target_actions, all_steps, sequences, steps_, 1);
}

void Batch::add_input_noise(std::size_t n_channels, double deviation, Stream stream) {
    for (std::size_t row = 0; row < sequences_ * steps_; ++row)
        for (std::size_t channel = 0; channel < n_channels; ++channel)
            inputs_[row * n_inputs_ + channel] += static_cast<float>(deviation * stream.normal());
}

void Batch::add_recurrent_noise(std::size_t n_units, double deviation, Stream stream) {
    noise_.resize(sequences_ * steps_ * n_units);
    for (float& value : noise_) value = static_cast<float>(deviation * stream.normal());
}

rnn::Stimulus Batch::stimulus() const {
    return {.sequences = static_cast<int>(sequences_),
            .steps = static_cast<int>(steps_),
            .inputs = inputs_,
            .noise = noise_};
}

rnn::Objective Batch::objective(rnn::StatePenalty penalty) const {
    penalty.lengths = lengths_;
    if (actions_.empty()) return {.loss = rnn::SquaredError{outputs_}, .weights = weights_, .penalty = penalty};
    return {.loss = rnn::CrossEntropy{actions_}, .weights = weights_, .penalty = penalty};
}

}  // namespace repal
