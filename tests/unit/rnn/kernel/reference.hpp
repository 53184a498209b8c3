/// The definitions of network.hpp as plain loops, one sequence at a time: slow, and simple enough to be believed.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <variant>
#include <vector>

#include "rnn/kernel/network.hpp"

namespace repal::rnn::reference {

template <class Real>
struct Weights {
    std::vector<Real> input, recurrent, bias, readout;

    Weights() = default;
    explicit Weights(const Parameters& p)
        : input(p.input.begin(), p.input.end()),
          recurrent(p.recurrent.begin(), p.recurrent.end()),
          bias(p.bias.begin(), p.bias.end()),
          readout(p.readout.begin(), p.readout.end()) {}
};

template <class Real>
struct Result {
    Real data_loss = 0;
    Real state_penalty = 0;
    Weights<Real> gradients;
    std::vector<Real> states;   ///< (sequence, step, unit)
    std::vector<Real> outputs;  ///< (sequence, step, output)
};

template <class Real>
Real sigmoid(Real x) {
    return 1 / (1 + std::exp(-x));
}

template <class Real>
Real phi(Activation activation, Real x) {
    switch (activation) {
        case Activation::relu:
            return x > 0 ? x : Real(0);
        case Activation::leaky_relu:
            return x > 0 ? x : Real(0.01) * x;
        case Activation::softplus:
            return x > 20 ? x : std::log1p(std::exp(x));
        case Activation::tanh:
            return std::tanh(x);
    }
    return x;
}

template <class Real>
Real phi_slope(Activation activation, Real x) {
    switch (activation) {
        case Activation::relu:
            return x > 0 ? Real(1) : Real(0);
        case Activation::leaky_relu:
            return x > 0 ? Real(1) : Real(0.01);
        case Activation::softplus:
            return x > 20 ? Real(1) : sigmoid(x);
        case Activation::tanh:
            return 1 - std::tanh(x) * std::tanh(x);
    }
    return x;
}

/// Loss, gradients, states and outputs of a batch.
template <class Real>
class Network {
 public:
    Network(const NetworkShape& shape, const Weights<Real>& weights, const Stimulus& stimulus,
            const Objective& objective)
        : shape_(shape), weights_(weights), stimulus_(stimulus), objective_(objective) {}

    Result<Real> run() {
        prepare();
        for (int b = 0; b < stimulus_.sequences; ++b)
            for (int t = 0; t < stimulus_.steps; ++t) step_forward(b, t);
        add_penalty();
        for (int b = 0; b < stimulus_.sequences; ++b) {
            std::vector<Real> state_gradient(shape_.hidden);
            for (int t = stimulus_.steps; t-- > 0;) step_backward(b, t, state_gradient);
        }
        return result_;
    }

 private:
    using Vector = std::vector<Real>;

    /// What a unit's step computes on its way; c_input is W_in x + b of the candidate, c_recurrent is W_rec h.
    struct Gates {
        Real r, z, c, c_argument, c_recurrent;
    };

    bool is_gru() const { return shape_.cell != Cell::leaky_rnn; }
    std::size_t at(int b, int t) const { return std::size_t(b) * stimulus_.steps + t; }
    const Real* state(int b, int t) const { return &result_.states[at(b, t) * shape_.hidden]; }
    Real previous(int b, int t, int n) const { return t > 0 ? state(b, t - 1)[n] : Real(0); }
    const float* input(int b, int t) const { return &stimulus_.inputs[at(b, t) * shape_.inputs]; }

    void prepare() {
        result_.states.resize(at(stimulus_.sequences, 0) * shape_.hidden);
        result_.outputs.resize(at(stimulus_.sequences, 0) * shape_.outputs);
        output_gradient_.resize(result_.outputs.size());
        gates_.resize(result_.states.size());
        result_.gradients = Weights<Real>(Parameters::zeros(shape_));
    }

    Real from_input(int row, int b, int t) const {
        Real a = weights_.bias[row];
        for (int i = 0; i < shape_.inputs; ++i) a += weights_.input[row * shape_.inputs + i] * Real(input(b, t)[i]);
        return a;
    }

    Real from_states(int row, int b, int t) const {
        Real u = 0;
        for (int n = 0; n < shape_.hidden; ++n) u += weights_.recurrent[row * shape_.hidden + n] * previous(b, t, n);
        return u;
    }

    void step_forward(int b, int t) {
        const int hidden = shape_.hidden;
        for (int n = 0; n < hidden; ++n) {
            const int candidate = is_gru() ? 2 * hidden + n : n;
            const Real noise = stimulus_.noise.empty() ? 0 : Real(stimulus_.noise[at(b, t) * hidden + n]);
            Gates g{.r = 1, .z = 1, .c = 0, .c_argument = 0, .c_recurrent = from_states(candidate, b, t)};
            if (shape_.cell == Cell::leaky_gru) g.r = sigmoid(from_input(n, b, t) + from_states(n, b, t));
            if (is_gru()) g.z = sigmoid(from_input(hidden + n, b, t) + from_states(hidden + n, b, t));
            g.c_argument = from_input(candidate, b, t) + g.r * g.c_recurrent + noise;
            g.c = phi(shape_.activation, g.c_argument);
            const Real h = previous(b, t, n), leaky = decay() * h + (1 - decay()) * g.c;
            result_.states[at(b, t) * hidden + n] = (1 - g.z) * h + g.z * leaky;
            gates_[at(b, t) * hidden + n] = g;
        }
        read_out(b, t);
    }

    void read_out(int b, int t) {
        Real* y = &result_.outputs[at(b, t) * shape_.outputs];
        for (int k = 0; k < shape_.outputs; ++k)
            for (int n = 0; n < shape_.hidden; ++n) y[k] += weights_.readout[k * shape_.hidden + n] * state(b, t)[n];
        const Real w = objective_.weights[at(b, t)];
        Real* gradient = &output_gradient_[at(b, t) * shape_.outputs];
        if (const auto* squared = std::get_if<SquaredError>(&objective_.loss)) {
            for (int k = 0; k < shape_.outputs; ++k) {
                const Real error = y[k] - Real(squared->targets[at(b, t) * shape_.outputs + k]);
                result_.data_loss += w * error * error;
                gradient[k] = 2 * w * error;
            }
            return;
        }
        const int label = std::get<CrossEntropy>(objective_.loss).labels[at(b, t)];
        const Real largest = *std::max_element(y, y + shape_.outputs);
        Real total = 0;
        for (int k = 0; k < shape_.outputs; ++k) total += std::exp(y[k] - largest);
        for (int k = 0; k < shape_.outputs; ++k)
            gradient[k] = w * (std::exp(y[k] - largest) / total - (k == label ? 1 : 0));
        result_.data_loss += w * (std::log(total) + largest - y[label]);
    }

    bool is_penalised(int b, int t) const {
        return objective_.penalty.lengths.empty() || t < objective_.penalty.lengths[b];
    }

    void add_penalty() {
        const StatePenalty& penalty = objective_.penalty;
        Real absolute = 0, square = 0, count = 0;
        for (int b = 0; b < stimulus_.sequences; ++b)
            for (int t = 0; t < stimulus_.steps && is_penalised(b, t); ++t)
                for (int n = 0; n < shape_.hidden; ++n, ++count) {
                    absolute += std::abs(state(b, t)[n]);
                    square += state(b, t)[n] * state(b, t)[n];
                }
        const Real norm = std::sqrt(square);
        const bool is_frobenius = penalty.norm == StateNorm::frobenius;
        result_.state_penalty = penalty.l1 * absolute / count + penalty.l2 * (is_frobenius ? norm : square / count);
        l1_slope_ = penalty.l1 / count;
        l2_slope_ = is_frobenius ? (norm > 0 ? penalty.l2 / norm : Real(0)) : 2 * penalty.l2 / count;
    }

    /// Turns dL/dh_t without the outputs and the penalty of step t into the same of step t - 1.
    void step_backward(int b, int t, Vector& state_gradient) {
        const int hidden = shape_.hidden;
        Vector before(hidden);
        for (int n = 0; n < hidden; ++n) {
            const Real h = state(b, t)[n], h0 = previous(b, t, n);
            Real dh = state_gradient[n];
            if (is_penalised(b, t)) dh += l2_slope_ * h + l1_slope_ * Real((h > 0) - (h < 0));
            for (int k = 0; k < shape_.outputs; ++k) {
                const Real dy = output_gradient_[at(b, t) * shape_.outputs + k];
                dh += weights_.readout[k * hidden + n] * dy;
                result_.gradients.readout[k * hidden + n] += dy * h;
            }
            const Gates& g = gates_[at(b, t) * hidden + n];
            before[n] += dh * ((1 - g.z) + g.z * decay());
            const Real dc = dh * g.z * (1 - decay()) * phi_slope(shape_.activation, g.c_argument);
            add_row(is_gru() ? 2 * hidden + n : n, b, t, dc, dc * g.r, before);
            if (is_gru()) {
                const Real dz = dh * (decay() * h0 + (1 - decay()) * g.c - h0) * g.z * (1 - g.z);
                add_row(hidden + n, b, t, dz, dz, before);
            }
            if (shape_.cell == Cell::leaky_gru) {
                const Real dr = dc * g.c_recurrent * g.r * (1 - g.r);
                add_row(n, b, t, dr, dr, before);
            }
        }
        state_gradient = before;
    }

    /// Gradients through the row of a preactivation a + u, given those of its parts a and u.
    void add_row(int row, int b, int t, Real da, Real du, Vector& before) {
        result_.gradients.bias[row] += da;
        for (int i = 0; i < shape_.inputs; ++i)
            result_.gradients.input[row * shape_.inputs + i] += da * Real(input(b, t)[i]);
        for (int n = 0; n < shape_.hidden; ++n) {
            result_.gradients.recurrent[row * shape_.hidden + n] += du * previous(b, t, n);
            before[n] += weights_.recurrent[row * shape_.hidden + n] * du;
        }
    }

    Real decay() const { return Real(shape_.decay); }

    NetworkShape shape_;
    Weights<Real> weights_;
    Stimulus stimulus_;
    Objective objective_;
    Result<Real> result_;
    Vector output_gradient_;
    std::vector<Gates> gates_;
    Real l1_slope_ = 0, l2_slope_ = 0;
};

template <class Real>
Result<Real> run(const NetworkShape& shape, const Weights<Real>& weights, const Stimulus& stimulus,
                 const Objective& objective) {
    return Network<Real>(shape, weights, stimulus, objective).run();
}

}  // namespace repal::rnn::reference
