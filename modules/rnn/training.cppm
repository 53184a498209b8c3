module;
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>
export module repal.training;

export import repal.dataset;
export import repal.network;

namespace repal {

/// A task that a network learns: its data, and which rule input is on while it does it.
export struct LearnedTask {
    std::string name;
    const Dataset* train;
    const Dataset* validation;
    std::size_t rule;
};

/// interleaved: batches of the tasks in turn; blocked: all batches of a task, then those of the next, as published.
export enum class Schedule : std::uint8_t { interleaved, blocked };

export struct TrainingOptions {
    double learning_rate = 1e-3;
    std::size_t batch_size = 64;
    int num_epochs = 50;
    double target_fraction = 0.99;  ///< of what the ideal observer reaches, on the decision steps of every task
    Schedule schedule = Schedule::interleaved;
    rnn::Wanted trainable;
    double l1_h = 0;       ///< times mean |h|
    double l2_h = 0;       ///< times mean h^2, or |h|_F with legacy norms
    double l1_weight = 0;  ///< times mean |w| of each array of weights
    double l2_weight = 0;  ///< times mean w^2 of each, or |w|_F with legacy norms
    bool legacy_norms = false;
    double gradient_clip = 0;  ///< largest norm of all gradients together; 0: none
    double sigma_rec = 0;      ///< recurrent noise: sqrt(2 tau / dt) sigma_rec N(0, 1) in the argument of phi
    double sigma_x = 0;        ///< input noise: sqrt(2 tau / dt) sigma_x N(0, 1) on every observation
    double tau_in_steps = 5;   ///< time constant of the units / dt
};

/// What was measured at the end of an epoch; of epoch 0, before training.
export struct EpochRecord {
    int epoch = 0;
    std::int64_t updates = 0;
    std::int64_t sequences_seen = 0;
    double loss = 0;                  ///< mean over the batches of the epoch, with the penalties; 0 for epoch 0
    std::vector<double> performance;  ///< of each task, see performance_on()
    double smallest_fraction = 0;     ///< of performance / ideal performance, over tasks

    bool operator==(const EpochRecord&) const = default;
};

/// Everything that training goes on from.
export struct TrainingState {
    rnn::Parameters parameters;
    rnn::Parameters first_moment;   ///< of Adam
    rnn::Parameters second_moment;  ///< of Adam
    std::vector<EpochRecord> history;
    bool has_ended = false;         ///< the target or the last epoch is reached
    std::size_t begun_batches = 0;  ///< of the epoch after history's last
    double begun_loss = 0;          ///< sum over them
};

/// Before training: the weights as given, their performance measured.
export TrainingState untrained_state(const rnn::NetworkShape& shape, rnn::Parameters parameters,
                                     const std::vector<LearnedTask>& tasks, std::size_t n_rules,
                                     const TrainingOptions& options);

/// Thrown when the loss is no longer a finite number.
export class TrainingFailed : public std::runtime_error {
 public:
    using std::runtime_error::runtime_error;
};

/// One step of Adam (Kingma & Ba 2015) down the loss of a batch, with the penalties of weights and the clipping that
/// `options` say; `update` counts from 1. Gives the loss with all penalties. Where that is not finite, all stays as it
/// is.
export double descend(TrainingState& state, const rnn::LossAndGradients& batch, const TrainingOptions& options,
                      std::int64_t update);

/// Trains to the end of an epoch and returns true, or returns false between two batches if `is_to_stop` says so. What
/// follows depends on the state and the stream alone: an interrupted training goes on to the same bits. Throws
/// TrainingFailed.
export bool train_epoch(TrainingState& state, const rnn::NetworkShape& shape, const std::vector<LearnedTask>& tasks,
                        std::size_t n_rules, const TrainingOptions& options, const Stream& stream,
                        const std::function<bool()>& is_to_stop = {});

/// A network at work on all sequences of a dataset, each filled up to the longest.
export struct NetworkAtWork {
    std::vector<float> inputs;  ///< (sequence, time, input)
    rnn::Responses responses;   ///< states (sequence, time, unit) and outputs (sequence, time, output)
};
export NetworkAtWork record(const Dataset& dataset, std::size_t rule, std::size_t n_rules, const Network& network);

/// On the decision steps of all trials: the share of right actions; or 1 - mean |error| for continuous outputs.
export double performance_on(const Dataset& dataset, std::size_t rule, std::size_t n_rules,
                             const rnn::NetworkShape& shape, const rnn::Parameters& parameters);

/// The same, of a recording of all sequences.
export double performance_of(const Dataset& dataset, const NetworkAtWork& recording);

/// What the ideal observer would reach; 1 for continuous outputs.
export double ideal_performance(const Dataset& dataset);

}  // namespace repal
