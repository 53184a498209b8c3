module;
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>
export module repal.training:batch;

import repal.dataset;
import repal.random;
import repal.rnn;

namespace repal {

/// Sequences of a dataset as a network sees them: observations, then one input for each rule, of which `rule` is on.
class Batch {
 public:
    Batch(const Dataset& dataset, std::span<const std::size_t> sequences, std::size_t rule, std::size_t n_rules);

    /// deviation * N(0, 1) on every observation.
    void add_input_noise(std::size_t n_channels, double deviation, Stream stream);

    /// deviation * N(0, 1) in the argument of the units' nonlinearity.
    void add_recurrent_noise(std::size_t n_units, double deviation, Stream stream);

    rnn::Stimulus stimulus() const;
    /// Steps that fill up a sequence are not penalised.
    rnn::Objective objective(rnn::StatePenalty penalty) const;

 private:
    std::size_t sequences_;
    std::size_t steps_ = 0;
    std::size_t n_inputs_;
    std::vector<float> inputs_;   ///< (sequence, time, input)
    std::vector<float> noise_;    ///< (sequence, time, unit)
    std::vector<int> lengths_;    ///< (sequence) in steps
    std::vector<int> actions_;    ///< (sequence, time)
    std::vector<float> outputs_;  ///< (sequence, time, output)
    std::vector<float> weights_;  ///< (sequence, time), 1 in all
};

}  // namespace repal
