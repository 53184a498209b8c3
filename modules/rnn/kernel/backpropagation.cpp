#include "rnn/kernel/backpropagation.hpp"

#include <xmmintrin.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <numeric>
#include <ranges>
#include <span>
#include <vector>

#include "rnn/kernel/output_loss.hpp"
#include "rnn/kernel/packed_weights.hpp"
#include "rnn/kernel/time_step.hpp"
#include "rnn/kernel/weight_gradient.hpp"

namespace repal::rnn {
namespace {

/// Gradients decay through time into denormal numbers, on which some processors are a hundred times slower.
class DenormalsAreZero {
 public:
    DenormalsAreZero() { _mm_setcsr(saved_ | flush_to_zero | denormals_are_zero); }
    ~DenormalsAreZero() { _mm_setcsr(saved_); }
    DenormalsAreZero(const DenormalsAreZero&) = delete;
    DenormalsAreZero& operator=(const DenormalsAreZero&) = delete;

 private:
    static constexpr unsigned flush_to_zero = 0x8000, denormals_are_zero = 0x0040;
    unsigned saved_ = _mm_getcsr();
};

bool any(Lanes x) {
    const LaneBits nonzero = x != 0.0f;
    int found = 0;
    for (int lane = 0; lane < lane_count; ++lane) found |= nonzero[lane];
    return found != 0;
}

/// The tiles of a batch, in order.
auto tiles(const Stimulus& stimulus) {
    const int count = rounded_up(stimulus.sequences, lane_count) / lane_count;
    return std::views::iota(0, count) | std::views::transform([sequences = stimulus.sequences](int index) {
               const int first = index * lane_count;
               return Tile{first, std::min(lane_count, sequences - first)};
           });
}

struct StateSums {
    LaneDoubles absolute{};
    LaneDoubles square{};
};

/// 1 in the lanes whose sequence is penalised in this step.
Lanes penalised(const StatePenalty& penalty, const Tile& tile, int step) {
    if (penalty.lengths.empty()) return occupied(tile);
    Lanes mask{};
    for (int lane = 0; lane < tile.sequences; ++lane)
        mask[lane] = step < penalty.lengths[tile.sequence(lane)] ? 1.0f : 0.0f;
    return mask;
}

void add_states(const Lanes* state, int units, Lanes mask, StateSums& sums) {
    Lanes absolute_sum{}, square_sum{};
    for (int unit = 0; unit < units; ++unit) {
        absolute_sum += absolute(state[unit]);
        square_sum += state[unit] * state[unit];
    }
    sums.absolute += widened(absolute_sum * mask);
    sums.square += widened(square_sum * mask);
}

}  // namespace

/// Everything that is kept from call to call, and the passes over a tile.
struct Backpropagation::Engine {
    /// One call's arguments, and the sums of its passes.
    struct Call {
        const Stimulus& stimulus;
        const Objective& objective;
        const Wanted& wanted;
        std::span<float> predictions;
        LaneDoubles loss{};
        StateSums states{};

        bool penalises_states() const { return objective.penalty.l1 != 0 || objective.penalty.l2 != 0; }
        bool needs_all_states_first() const {
            return objective.penalty.l2 != 0 && objective.penalty.norm == StateNorm::frobenius;
        }
        bool goes_back_in_time() const { return wanted.input || wanted.recurrent || wanted.bias; }
    };

    explicit Engine(const NetworkShape& network)
        : shape(network),
          layout(network),
          weights(layout, shape.outputs),
          forward(forward_function(shape)),
          backward(backward_function(shape)),
          weight_gradient(layout),
          readout_gradient(layout, shape.outputs),
          noise(layout.units),
          outputs(layout.output_rows),
          targets(shape.outputs),
          carried(layout.units),
          gradients(std::size_t(block_steps + 1) * layout.gradient_rows) {
        result.gradients = Parameters::zeros(shape);
    }

    Tape& tape(int index, int steps) {
        while (int(tapes.size()) <= index) tapes.emplace_back(layout, shape.outputs);
        tapes[index].reserve(steps);
        return tapes[index];
    }

    void advance(const Stimulus& stimulus, const Tile& tile, int step, Tape& tape);
    void read_out(const Lanes* state);
    void run_forward(Call& call, const Tile& tile, Tape& tape);
    void judge(Call& call, const OutputLoss& loss, const Tile& tile, int step, Tape& tape);
    void run_backward(const Call& call, const Tile& tile, Tape& tape);
    void run_block_backward(const Call& call, const Tile& tile, int first, int steps, const PenaltySlope& penalty,
                            Tape& tape);
    double penalised_states(const Call& call) const;
    PenaltySlope penalty_slope(const Call& call) const;
    void start(const Parameters& parameters);
    void run_tile_by_tile(Call& call);
    void run_forward_then_backward(Call& call);
    void collect(const Call& call);
    void collect_gradients(const Wanted& wanted);

    NetworkShape shape;
    Layout layout;
    PackedWeights weights;
    ForwardFunction forward;
    BackwardFunction backward;
    WeightGradient weight_gradient;
    ReadoutGradient readout_gradient;
    std::vector<Tape> tapes;
    std::vector<Lanes> noise;      ///< of one step, a row per unit
    std::vector<Lanes> outputs;    ///< of one step
    std::vector<Lanes> targets;    ///< of one step
    std::vector<Lanes> carried;    ///< part of dL/dh that skips the weights, a row per unit
    std::vector<Lanes> gradients;  ///< gradient tiles of one block of steps, and of the step after it
    LossAndGradients result;
};

// ---------------------------------------------------------------------------------------------------- forward

void Backpropagation::Engine::advance(const Stimulus& stimulus, const Tile& tile, int step, Tape& tape) {
    Lanes* state = tape.state(step);
    gather({stimulus.inputs.data(), stimulus.steps, shape.inputs}, tile, step, state + layout.units);
    const bool is_noisy = !stimulus.noise.empty();
    if (is_noisy) gather({stimulus.noise.data(), stimulus.steps, shape.hidden}, tile, step, noise.data());
    forward(layout, weights.forward, shape.decay,
            {.state = state,
             .noise = is_noisy ? noise.data() : nullptr,
             .next_state = tape.state(step + 1),
             .factors = tape.factors(step)});
}

void Backpropagation::Engine::read_out(const Lanes* state) {
    for (int row = 0; row < layout.output_rows; row += panel_rows)
        std::ranges::copy(multiply(weights.readout.panel(row / panel_rows), state, layout.units), &outputs[row]);
}

void Backpropagation::Engine::run_forward(Call& call, const Tile& tile, Tape& tape) {
    const OutputLoss loss(call.objective, call.stimulus.steps, shape.outputs);
    for (int step = 0; step < call.stimulus.steps; ++step) {
        advance(call.stimulus, tile, step, tape);
        judge(call, loss, tile, step, tape);
        if (call.penalises_states())
            add_states(tape.state(step + 1), shape.hidden, penalised(call.objective.penalty, tile, step), call.states);
    }
}

/// Outputs, loss and dL/dy of a step; a step without weight only has outputs, and only when they are asked for.
void Backpropagation::Engine::judge(Call& call, const OutputLoss& loss, const Tile& tile, int step, Tape& tape) {
    const Lanes weight = loss.weights(tile, step);
    const bool counts = any(weight);
    Lanes* gradient = tape.output_gradients(step);
    if (counts || !call.predictions.empty()) read_out(tape.state(step + 1));
    if (counts)
        call.loss += widened(loss(tile, step, weight, outputs.data(), targets.data(), gradient));
    else
        std::fill_n(gradient, shape.outputs, Lanes{});
    if (!call.predictions.empty())
        scatter(outputs.data(), tile, step, {call.predictions.data(), call.stimulus.steps, shape.outputs});
}

// ---------------------------------------------------------------------------------------------------- backward

/// How many states the penalty is a mean of.
double Backpropagation::Engine::penalised_states(const Call& call) const {
    const std::span<const int> lengths = call.objective.penalty.lengths;
    const double steps = lengths.empty() ? double(call.stimulus.steps) * call.stimulus.sequences
                                         : std::accumulate(lengths.begin(), lengths.end(), 0.0);
    return steps * shape.hidden;
}

PenaltySlope Backpropagation::Engine::penalty_slope(const Call& call) const {
    const StatePenalty& penalty = call.objective.penalty;
    const double states = penalised_states(call);
    const double norm = std::sqrt(sum(call.states.square));
    const double l2 = penalty.norm == StateNorm::mean_square ? 2 * penalty.l2 / states
                      : norm > 0                             ? penalty.l2 / norm
                                                             : 0;
    return {.l1 = Lanes{} + float(penalty.l1 / states), .l2 = Lanes{} + float(l2)};
}

void Backpropagation::Engine::run_backward(const Call& call, const Tile& tile, Tape& tape) {
    const PenaltySlope penalty = penalty_slope(call);
    std::ranges::fill(carried, Lanes{});
    std::fill_n(gradients.data(), layout.gradient_rows, Lanes{});
    for (int end = call.stimulus.steps; end > 0;) {
        const int steps = std::min(end, block_steps);
        run_block_backward(call, tile, end - steps, steps, penalty, tape);
        end -= steps;
    }
}

/// Steps first + steps - 1 down to first, and then their share of the weight gradients while it is in the cache.
void Backpropagation::Engine::run_block_backward(const Call& call, const Tile& tile, int first, int steps,
                                                 const PenaltySlope& penalty, Tape& tape) {
    if (call.wanted.readout) readout_gradient.add(tape.output_gradients(first), tape.state(first + 1), steps);
    if (!call.goes_back_in_time()) return;
    const auto tile_of = [&](int step) { return gradients.data() + std::ptrdiff_t(step) * layout.gradient_rows; };
    std::copy_n(tile_of(0), layout.gradient_rows, tile_of(steps));  // the first step of the block after this one
    for (int step = steps; step-- > 0;) {
        Lanes* later = tile_of(step + 1);
        std::copy_n(tape.output_gradients(first + step), shape.outputs,
                    later + std::ptrdiff_t(layout.blocks) * layout.units);
        const Lanes mask = penalised(call.objective.penalty, tile, first + step);
        const PenaltySlope of_step{.l1 = mask * penalty.l1, .l2 = mask * penalty.l2};
        backward(layout, weights.backward, shape.decay,
                 {.later_gradients = later,
                  .factors = tape.factors(first + step),
                  .state = tape.state(first + step + 1),
                  .penalty = call.penalises_states() ? &of_step : nullptr,
                  .carried = carried.data(),
                  .gradients = tile_of(step)});
    }
    weight_gradient.add(gradients.data(), tape.state(first), steps,
                        {.recurrent = call.wanted.recurrent, .inputs = call.wanted.input || call.wanted.bias});
}

// ---------------------------------------------------------------------------------------------------- whole batch

void Backpropagation::Engine::start(const Parameters& parameters) {
    weights.pack(shape, layout, parameters);
    weight_gradient.clear();
    readout_gradient.clear();
    for (auto* matrix :
         {&result.gradients.input, &result.gradients.recurrent, &result.gradients.bias, &result.gradients.readout})
        std::ranges::fill(*matrix, 0.0f);
}

void Backpropagation::Engine::run_tile_by_tile(Call& call) {
    Tape& only_tape = tape(0, call.stimulus.steps);
    for (const Tile tile : tiles(call.stimulus)) {
        run_forward(call, tile, only_tape);
        run_backward(call, tile, only_tape);
    }
}

/// The gradient of the norm of all states needs its value first, hence a tape per tile.
void Backpropagation::Engine::run_forward_then_backward(Call& call) {
    for (const Tile tile : tiles(call.stimulus)) run_forward(call, tile, tape(tile.index(), call.stimulus.steps));
    for (const Tile tile : tiles(call.stimulus)) run_backward(call, tile, tape(tile.index(), call.stimulus.steps));
}

// ---------------------------------------------------------------------------------------------------- results

void Backpropagation::Engine::collect(const Call& call) {
    const StatePenalty& penalty = call.objective.penalty;
    const double states = penalised_states(call);
    const double square = sum(call.states.square);
    const double norm = penalty.norm == StateNorm::mean_square ? square / states : std::sqrt(square);
    result.data_loss = sum(call.loss);
    result.state_penalty = penalty.l1 * sum(call.states.absolute) / states + penalty.l2 * norm;
    collect_gradients(call.wanted);
}

void Backpropagation::Engine::collect_gradients(const Wanted& wanted) {
    const StackedGates stacked{traits_of(shape.cell)};
    Parameters& to = result.gradients;
    const auto collect_columns = [&](std::vector<float>& matrix, int first_row, int gate, int first_column, int width) {
        for (int unit = 0; unit < shape.hidden; ++unit)
            for (int column = 0; column < width; ++column)
                matrix[(std::size_t(gate) * shape.hidden + unit) * width + column] =
                    weight_gradient.at(first_row + unit, first_column + column);
    };
    for (int gate = 0; gate < layout.gates; ++gate) {
        const int input_row = gate * layout.units, recurrent_row = layout.first_recurrent_row() + input_row;
        if (wanted.recurrent) collect_columns(to.recurrent, recurrent_row, stacked.recurrent(gate), 0, shape.hidden);
        if (wanted.input) collect_columns(to.input, input_row, stacked.input(gate), layout.units, shape.inputs);
        if (wanted.bias) collect_columns(to.bias, input_row, stacked.input(gate), layout.columns - 1, 1);
    }
    if (!wanted.readout) return;
    for (int output = 0; output < shape.outputs; ++output)
        for (int unit = 0; unit < shape.hidden; ++unit)
            to.readout[std::size_t(output) * shape.hidden + unit] = readout_gradient.at(output, unit);
}

// ---------------------------------------------------------------------------------------------------- interface

Backpropagation::Backpropagation(const NetworkShape& shape) : engine_(std::make_unique<Engine>(shape)) {}
Backpropagation::~Backpropagation() = default;
Backpropagation::Backpropagation(Backpropagation&&) noexcept = default;
Backpropagation& Backpropagation::operator=(Backpropagation&&) noexcept = default;

Responses Backpropagation::respond(const Parameters& parameters, const Stimulus& stimulus) {
    const DenormalsAreZero mode;
    Engine& engine = *engine_;
    const NetworkShape& shape = engine.shape;
    const std::size_t rows = std::size_t(stimulus.sequences) * stimulus.steps;
    Responses responses{std::vector<float>(rows * shape.hidden), std::vector<float>(rows * shape.outputs)};
    engine.weights.pack(shape, engine.layout, parameters);
    Tape& tape = engine.tape(0, stimulus.steps);
    for (const Tile tile : tiles(stimulus)) {
        for (int step = 0; step < stimulus.steps; ++step) {
            engine.advance(stimulus, tile, step, tape);
            const Lanes* state = tape.state(step + 1);
            engine.read_out(state);
            scatter(state, tile, step, {responses.states.data(), stimulus.steps, shape.hidden});
            scatter(engine.outputs.data(), tile, step, {responses.outputs.data(), stimulus.steps, shape.outputs});
        }
    }
    return responses;
}

const LossAndGradients& Backpropagation::differentiate(const Parameters& parameters, const Stimulus& stimulus,
                                                       const Objective& objective, const Wanted& wanted) {
    return differentiate(parameters, stimulus, objective, wanted, {});
}

const LossAndGradients& Backpropagation::differentiate(const Parameters& parameters, const Stimulus& stimulus,
                                                       const Objective& objective, const Wanted& wanted,
                                                       std::span<float> predictions) {
    const DenormalsAreZero mode;
    Engine::Call call{stimulus, objective, wanted, predictions};
    engine_->start(parameters);
    if (call.needs_all_states_first())
        engine_->run_forward_then_backward(call);
    else
        engine_->run_tile_by_tile(call);
    engine_->collect(call);
    return engine_->result;
}

}  // namespace repal::rnn
