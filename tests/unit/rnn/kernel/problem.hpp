/// Random networks and batches for the tests; the same arguments give the same problem.
#pragma once

#include <cmath>
#include <cstddef>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "rnn/kernel/network.hpp"

namespace repal::rnn {

struct Case {
    Cell cell = Cell::leaky_rnn;
    Activation activation = Activation::softplus;
    int hidden = 8, sequences = 3, steps = 5;
    int inputs = 3, outputs = 3;
    bool is_regression = false;
    StatePenalty penalty{};
    bool is_noisy = false;
    bool is_uneven = false;  ///< the penalty leaves out the ends of some sequences
};

inline std::ostream& operator<<(std::ostream& out, const Case& c) {
    return out << "cell " << int(c.cell) << " activation " << int(c.activation) << " hidden " << c.hidden
               << " sequences " << c.sequences << " steps " << c.steps << " inputs " << c.inputs << " outputs "
               << c.outputs << " regression " << c.is_regression << " l1 " << c.penalty.l1 << " l2 " << c.penalty.l2
               << " frobenius " << (c.penalty.norm == StateNorm::frobenius) << " noise " << c.is_noisy << " uneven "
               << c.is_uneven;
}

class Problem {
 public:
    explicit Problem(const Case& c) : case_(c), shape{c.cell, c.activation, c.inputs, c.hidden, c.outputs} {
        const std::size_t rows = std::size_t(c.sequences) * c.steps;
        const double bound = 1 / std::sqrt(c.hidden);
        parameters = Parameters::zeros(shape);
        draw(parameters.input, 0.378);
        draw(parameters.recurrent, bound);
        draw(parameters.bias, 0.378);
        draw(parameters.readout, bound);
        inputs_.resize(rows * c.inputs);
        draw(inputs_, 1.7);
        noise_.resize(c.is_noisy ? rows * c.hidden : 0);
        draw(noise_, 0.3);
        targets_.resize(rows * c.outputs);
        draw(targets_, 1.0);
        labels_.resize(rows);
        for (int& label : labels_) label = int(random_() % unsigned(c.outputs));
        draw_weights(rows);
        for (int b = 0; b < c.sequences && c.is_uneven; ++b) lengths_.push_back(c.steps - b % c.steps);
        case_.penalty.lengths = lengths_;
    }

    Stimulus stimulus() const { return {case_.sequences, case_.steps, inputs_, noise_}; }

    Objective objective() const {
        if (case_.is_regression) return {SquaredError{targets_}, weights_, case_.penalty};
        return {CrossEntropy{labels_}, weights_, case_.penalty};
    }

 private:
    void draw(std::vector<float>& values, double bound) {
        std::uniform_real_distribution<float> uniform(float(-bound), float(bound));
        for (float& v : values) v = uniform(random_);
    }

    /// Every third step counts nothing for all sequences, and single sequences drop out of others.
    void draw_weights(std::size_t rows) {
        weights_.resize(rows);
        for (std::size_t i = 0; i < rows; ++i) {
            const bool counts = i % std::size_t(case_.steps) % 3 != 1 && random_() % 4 != 0;
            weights_[i] = counts ? float(random_() % 100 + 1) / (50.0f * float(rows)) : 0.0f;
        }
    }

    Case case_;
    std::mt19937 random_{20240709};
    std::vector<float> inputs_, noise_, targets_, weights_;
    std::vector<int> labels_, lengths_;

 public:
    NetworkShape shape;
    Parameters parameters;
};

}  // namespace repal::rnn
