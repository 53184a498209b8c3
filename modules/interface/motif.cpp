module;
#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.motif;

namespace repal {
namespace {

void require_same_shape(const Trajectories& a, const Trajectories& b, const char* operation) {
    if (a.shape() != b.shape())
        throw InvalidTrajectories(fmt::format("cannot {} motifs of different shapes: {} and {}", operation,
                                              to_string(a.shape()), to_string(b.shape())));
}

// A step of this share of the last movement joins two motifs, so that no point is there twice.
constexpr double joint_step = 1e-4;

RowMatrix attached_trial(std::span<const Trajectories> motifs, Eigen::Index trial) {
    const Shape& shape = motifs.front().shape();
    RowMatrix path(shape.steps * std::ssize(motifs), shape.channels);
    path.topRows(shape.steps) = motifs.front().trial(trial);
    for (Eigen::Index start = shape.steps; start < path.rows(); start += shape.steps) {
        const auto next = motifs[start / shape.steps].trial(trial);
        path.row(start) = path.row(start - 1) + joint_step * (path.row(start - 1) - path.row(start - 2));
        path.middleRows(start + 1, shape.steps - 1) =
            (next.bottomRows(shape.steps - 1).rowwise() - next.row(0)).rowwise() + path.row(start);
    }
    return path;
}

}  // namespace

Trajectories normalised(const Trajectories& motif) {
    RowMatrix values = motif.rows();
    for (Eigen::Index trial = 0; trial < motif.shape().trials; ++trial) {
        auto block = values.middleRows(trial * motif.shape().steps, motif.shape().steps);
        const double smallest = block.minCoeff();
        const double range = block.maxCoeff() - smallest;
        if (!(range > 0))
            throw InvalidTrajectories(fmt::format("trial {} is constant and cannot be scaled to [0, 1]", trial));
        block = (block.array() - smallest) / range;
    }
    return Trajectories::from_rows(motif.shape(), std::move(values));
}

Trajectories attach(std::span<const Trajectories> motifs) {
    if (motifs.empty()) throw InvalidTrajectories("nothing to attach");
    const Shape& shape = motifs.front().shape();
    for (const Trajectories& motif : motifs) require_same_shape(motifs.front(), motif, "attach");

    RowMatrix values(shape.trials * shape.steps, shape.channels);
    for (Eigen::Index trial = 0; trial < shape.trials; ++trial) {
        const RowMatrix path = attached_trial(motifs, trial);
        for (Eigen::Index step = 0; step < shape.steps; ++step)
            values.row(trial * shape.steps + step) = path.row(step * std::ssize(motifs));
    }
    return normalised(Trajectories::from_rows(shape, std::move(values)));
}

Trajectories combine(const Trajectories& base, const Trajectories& added, double mixing) {
    require_same_shape(base, added, "combine");
    const Shape& shape = base.shape();
    RowMatrix values = base.rows();
    for (Eigen::Index trial = 0; trial < shape.trials; ++trial) {
        const auto from = added.trial(trial);
        values.middleRows(trial * shape.steps, shape.steps) += mixing * (from.rowwise() - from.row(0));
    }
    return Trajectories::from_rows(shape, std::move(values));
}

Trajectories reversed(const Trajectories& motif) {
    const Shape& shape = motif.shape();
    RowMatrix values(shape.trials * shape.steps, shape.channels);
    for (Eigen::Index trial = 0; trial < shape.trials; ++trial)
        values.middleRows(trial * shape.steps, shape.steps) = motif.trial(trial).colwise().reverse();
    return Trajectories::from_rows(shape, std::move(values));
}

Trajectories with_noise(const Trajectories& motif, double sigma, const Stream& stream) {
    if (!(sigma >= 0 && sigma <= 1)) throw InputError("noise", fmt::format("sigma {} is outside [0, 1]", sigma));
    const Shape& shape = motif.shape();
    const double kept = std::sqrt(1 - sigma * sigma);
    RowMatrix values = motif.rows();
    for (Eigen::Index trial = 0; trial < shape.trials; ++trial) {
        Stream noise = stream.child(static_cast<std::uint64_t>(trial));
        for (Eigen::Index row = trial * shape.steps; row < (trial + 1) * shape.steps; ++row)
            for (Eigen::Index channel = 0; channel < shape.channels; ++channel)
                values(row, channel) = kept * values(row, channel) + sigma * noise.normal();
    }
    return Trajectories::from_rows(shape, std::move(values));
}

}  // namespace repal
