/// The loss of an objective on the outputs of a tile, step by step.
#pragma once

#include <cstddef>
#include <variant>

#include "rnn/kernel/batch_view.hpp"
#include "rnn/kernel/loss.hpp"

namespace repal::rnn {

class OutputLoss {
 public:
    OutputLoss(const Objective& objective, int steps, int outputs)
        : objective_(&objective), steps_(steps), outputs_(outputs) {}

    /// Weights of the sequences in this step; 0 for lanes without a sequence.
    Lanes weights(const Tile& tile, int step) const {
        Lanes weights{};
        for (int lane = 0; lane < tile.sequences; ++lane) weights[lane] = objective_->weights[at(tile, lane, step)];
        return weights;
    }

    /// Loss per lane of the outputs y; `gradient` receives its derivative. `target` is room for one row per output.
    Lanes operator()(const Tile& tile, int step, Lanes weight, const Lanes* y, Lanes* target, Lanes* gradient) const {
        if (const auto* classes = std::get_if<CrossEntropy>(&objective_->loss)) {
            LaneBits label{};
            for (int lane = 0; lane < lane_count; ++lane) label[lane] = classes->labels[at(tile, lane, step)];
            return cross_entropy(y, outputs_, label, weight, gradient);
        }
        const auto& regression = std::get<SquaredError>(objective_->loss);
        gather({regression.targets.data(), steps_, outputs_}, tile, step, target);
        return squared_error(y, outputs_, target, weight, gradient);
    }

 private:
    std::size_t at(const Tile& tile, int lane, int step) const {
        return std::size_t(tile.sequence(lane)) * steps_ + step;
    }

    const Objective* objective_;
    int steps_;
    int outputs_;
};

}  // namespace repal::rnn
