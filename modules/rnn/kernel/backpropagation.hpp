/// Loss and gradients of a leaky recurrent network by backpropagation through time, in single precision on one thread.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "rnn/kernel/network.hpp"

namespace repal::rnn {

/// States and outputs of every sequence in plain order.
struct Responses {
    std::vector<float> states;   ///< (sequence, step, unit)
    std::vector<float> outputs;  ///< (sequence, step, output)
};

struct LossAndGradients {
    double data_loss = 0;
    double state_penalty = 0;
    Parameters gradients;  ///< of data_loss + state_penalty; 0 where not wanted
};

/// A network's engine: the packed weights and the memory of its passes, kept from call to call.
///
/// The batch is cut into tiles of 16 sequences, and each tile runs through all steps forward and back before the next
/// one starts. The result of a sequence does not depend on the others, gradients are summed in the order of the tiles,
/// and the same arguments give the same bits. Denormal numbers count as 0 during a call.
class Backpropagation {
 public:
    explicit Backpropagation(const NetworkShape& shape);
    ~Backpropagation();
    Backpropagation(Backpropagation&&) noexcept;
    Backpropagation& operator=(Backpropagation&&) noexcept;

    /// Forward pass only.
    Responses respond(const Parameters& parameters, const Stimulus& stimulus);

    /// Loss and wanted gradients, computed anew at each call. The result stays valid until the next call and allocates
    /// nothing when the number of steps is not larger than before.
    const LossAndGradients& differentiate(const Parameters& parameters, const Stimulus& stimulus,
                                          const Objective& objective, const Wanted& wanted = {});

    /// As differentiate, and also stores y (sequence, step, output) in `predictions`.
    const LossAndGradients& differentiate(const Parameters& parameters, const Stimulus& stimulus,
                                          const Objective& objective, const Wanted& wanted,
                                          std::span<float> predictions);

 private:
    struct Engine;
    std::unique_ptr<Engine> engine_;
};

}  // namespace repal::rnn
