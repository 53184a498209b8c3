module;
#include <fmt/format.h>

#include <Eigen/Core>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.example_recordings;

import repal.random;

namespace repal {
namespace {

using State = Eigen::Vector3d;

struct Dynamics {
    std::string name;
    std::function<State(const State&)> change;  ///< of the state in one unit of time
    double dt;                                  ///< of one sample, in units of time
    State scale;                                ///< of the states that it visits
};

const std::array<Dynamics, 3>& classes() {
    static const std::array<Dynamics, 3> all = {
        {{"cycle",
          [](const State& x) { return State(x[1], 0.3 * (1 - x[0] * x[0]) * x[1] - x[0], 0); },
          0.3,
          {2, 2, 1}},
         {"spiral", [](const State& x) { return State(-0.12 * x[0] + x[1], -x[0] - 0.12 * x[1], 0); }, 0.1, {1, 1, 1}},
         {"chaos",
          [](const State& x) {
              return State(10 * (x[1] - x[0]), x[0] * (28 - x[2]) - x[1], x[0] * x[1] - 8.0 / 3 * x[2]);
          },
          0.03,
          {8, 9, 25}}}};
    return all;
}

constexpr Eigen::Index trials = 20;
constexpr Eigen::Index steps = 100;
constexpr Eigen::Index channels = 12;
constexpr double sampling_s = 0.02;  // as the files say
constexpr double noise = 0.1;        // of the standard deviation of a channel

/// States of one trial (time, 3), by Runge and Kutta's fourth order in four steps a sample.
RowMatrix course(const Dynamics& dynamics, Stream& stream) {
    State x = dynamics.scale.cwiseProduct(State(stream.normal(), stream.normal(), stream.normal()));
    RowMatrix states(steps, 3);
    constexpr int substeps = 4;
    const double h = dynamics.dt / substeps;
    for (Eigen::Index step = 0; step < steps; ++step) {
        states.row(step) = x.cwiseQuotient(dynamics.scale).transpose();
        for (int i = 0; i < substeps; ++i) {
            const State a = dynamics.change(x);
            const State b = dynamics.change(x + h / 2 * a);
            const State c = dynamics.change(x + h / 2 * b);
            const State d = dynamics.change(x + h * c);
            x += h / 6 * (a + 2 * b + 2 * c + d);
        }
    }
    return states;
}

Array recording(const Dynamics& dynamics, Stream stream) {
    Eigen::Matrix<double, 3, channels> readout;
    for (double& value : readout.reshaped()) value = stream.normal();
    std::vector<double> values;
    values.reserve(trials * steps * channels);
    for (Eigen::Index trial = 0; trial < trials; ++trial) {
        const RowMatrix seen = course(dynamics, stream) * readout;
        for (Eigen::Index i = 0; i < seen.size(); ++i) values.push_back(seen.data()[i] + noise * stream.normal());
    }
    return {.shape = {trials, steps, channels},
            .values = std::move(values),
            .attributes = {{"axes", "trial,time,channel"}, {"dt", fmt::format("{}", sampling_s)}}};
}

}  // namespace

ExampleRecordings example_recordings(std::uint64_t seed) {
    constexpr int of_class = 8;
    constexpr int animals = 4;
    ExampleRecordings example{.archive = {.arrays = {}, .attributes = {{"program", "repal " REPAL_VERSION}}},
                              .sheet = {{"file", "name", "dynamics", "animal", "day", "site"}}};
    const Stream stream = Stream(seed).child("example recordings");
    for (const Dynamics& dynamics : classes())
        for (int i = 1; i <= of_class; ++i) {
            const std::string name = fmt::format("{}/{}", dynamics.name, i);
            example.archive.arrays.emplace(
                name, recording(dynamics, stream.child(dynamics.name).child(static_cast<std::uint64_t>(i))));
            const int animal = (i - 1) % animals;
            const int day = (i - 1) / animals;
            example.sheet.push_back({"recordings.h5:/" + name, fmt::format("{}{}", dynamics.name, i), dynamics.name,
                                     fmt::format("m{}", animal + 1), fmt::format("{}", day + 1),
                                     fmt::format("m{}-{}", animal + 1, dynamics.name)});
        }
    return example;
}

}  // namespace repal
