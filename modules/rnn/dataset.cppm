module;
#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>
export module repal.dataset;

export import repal.store;
export import repal.random;
export import repal.task;

namespace repal {

/// sequence: consecutive trials until the sequence is full, the last one cut off; trial: one whole trial each.
export enum class Packing : std::uint8_t { sequence, trial };

/// What a step counts in the loss. decision: the decision steps of a sequence share one half, all others the other one;
/// none: every step counts the same. Together 1 for each sequence.
export enum class LossMask : std::uint8_t { decision, none };

export struct DatasetRecipe {
    Phase phase = Phase::train;
    std::size_t sequences = 0;
    Packing packing = Packing::trial;
    Eigen::Index sequence_steps = 0;  ///< of Packing::sequence
    LossMask loss_mask = LossMask::decision;
    bool is_balanced = true;  ///< every condition equally often; else each drawn on its own
};

/// Where a trial lies in a dataset, and what was drawn for it.
export struct PackedTrial {
    std::size_t sequence = 0;
    Eigen::Index first_step = 0;  ///< of the sequence
    Eigen::Index end_step = 0;
    std::vector<Period> periods;  ///< in steps of the sequence, cut off at its end
    std::vector<double> condition;
    std::optional<std::size_t> ideal_action;  ///< see Task::ideal_action; none for a trial that was cut off
};

/// Sequences of one task, ready to train or to test on. Steps behind the end of a sequence are 0 and weigh nothing.
export struct Dataset {
    std::size_t sequences = 0;
    Eigen::Index steps = 0;  ///< of the longest sequence
    double step_ms = 0;
    std::vector<std::string> channels;
    std::vector<std::string> actions;
    std::vector<std::string> outputs;
    std::vector<std::string> condition;
    std::vector<std::int32_t> sequence_steps;  ///< (sequence)
    std::vector<float> observations;           ///< (sequence, time, channel)
    std::vector<std::int32_t> target_actions;  ///< (sequence, time) if there are actions
    std::vector<float> target_outputs;         ///< (sequence, time, output) if there are outputs
    std::vector<float> weights;                ///< (sequence, time)
    std::vector<PackedTrial> trials;           ///< in the order of sequences and steps

    /// (time, channel) of a trial, as it is stored.
    RowMatrix observations_of(const PackedTrial& trial) const;
};

/// What trial j of sequence s is drawn from, by s and j alone: the same whatever the number of sequences or threads.
export struct DatasetStreams {
    Stream conditions;
    Stream trials;  ///< all else
};

/// Draws the trials of a task, which must have actions or outputs, and packs them into sequences. Throws InputError if
/// a trial is not as `info` announces it.
export Dataset make_dataset(const Task& task, const TaskInfo& info, const DatasetRecipe& recipe,
                            const DatasetStreams& streams, int jobs);

/// The first sequences, as many as there are of `sequences`.
export Dataset leading(Dataset dataset, std::size_t sequences);

/// Share of the decision steps at which the ideal observer is right, as performance counts; none if the task has no
/// ideal observer.
export std::optional<double> ideal_accuracy(const Dataset& dataset);

/// What the best answer that is always the same reaches on the decision steps: the share of right actions, or
/// 1 - mean |error| of the medians of continuous outputs. None if there are no decision steps.
export std::optional<double> chance_performance(const Dataset& dataset);

/// Arrays with their axes and units; what the names mean is in docs/neurotasks.md.
export Archive to_archive(const Dataset& dataset);

/// Throws InputError if the archive is not one of to_archive.
export Dataset dataset_from(const Archive& archive);

}  // namespace repal
