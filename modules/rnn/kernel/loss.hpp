/// The two losses on the outputs of one step of a tile.
#pragma once

#include "rnn/kernel/lanes.hpp"
#include "rnn/kernel/vector_math.hpp"

namespace repal::rnn {

/// weight * (-log softmax(y)[label]) per lane; `gradient` receives its derivative, one row per output.
inline Lanes cross_entropy(const Lanes* y, int outputs, LaneBits label, Lanes weight, Lanes* gradient) {
    Lanes largest = y[0];
    for (int k = 1; k < outputs; ++k) largest = largest > y[k] ? largest : y[k];
    Lanes total{}, chosen{};
    for (int k = 0; k < outputs; ++k) {
        gradient[k] = exp_bounded(y[k] - largest);
        total += gradient[k];
        chosen = label == k ? y[k] : chosen;
    }
    const Lanes scale = weight / total;
    for (int k = 0; k < outputs; ++k) gradient[k] = gradient[k] * scale - (label == k ? weight : Lanes{});
    return weight * (logarithm(total) + (largest - chosen));
}

/// weight * |y - target|^2 per lane; `gradient` receives its derivative, one row per output.
inline Lanes squared_error(const Lanes* y, int outputs, const Lanes* target, Lanes weight, Lanes* gradient) {
    Lanes total{};
    for (int k = 0; k < outputs; ++k) {
        const Lanes error = y[k] - target[k];
        total += error * error;
        gradient[k] = 2.0f * weight * error;
    }
    return weight * total;
}

}  // namespace repal::rnn
