module;
#include "rnn/kernel/backpropagation.hpp"
export module repal.rnn;

/// Leaky recurrent networks and their gradients. The kernel is plain headers, so that its inner loops are one unit for
/// the compiler; this is what the rest of the program sees of it.
export namespace repal::rnn {

using rnn::Activation;
using rnn::Backpropagation;
using rnn::Cell;
using rnn::cells;
using rnn::CellTraits;
using rnn::CrossEntropy;
using rnn::LossAndGradients;
using rnn::NetworkShape;
using rnn::Objective;
using rnn::Parameters;
using rnn::Responses;
using rnn::SquaredError;
using rnn::StateNorm;
using rnn::StatePenalty;
using rnn::Stimulus;
using rnn::traits_of;
using rnn::Wanted;

}  // namespace repal::rnn
