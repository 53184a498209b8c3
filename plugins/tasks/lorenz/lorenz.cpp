#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>

import repal.motif;
import repal.task;

namespace {

using repal::Option;
using State = Eigen::RowVector3d;

/// x' = s(y - x), y' = r x - y - x z, z' = x y - b z, from a point drawn uniformly from [0, 1)^3.
/// Source: Lorenz 1963; parameters of RepAL (arXiv 2410.24070).
class Lorenz final : public repal::Task {
 public:
    struct Options {
        double s = 10;
        double r = 28;
        double b = 2.667;
        double dt = 0.01;
        std::int64_t steps = 200;
        std::string integrator = "euler";
        bool normalise = true;

        static auto table() {
            return std::tuple{
                Option{&Options::s, {.name = "s", .summary = "Prandtl number"}},
                Option{&Options::r, {.name = "r", .summary = "Rayleigh number"}},
                Option{&Options::b, {.name = "b", .summary = "geometric factor"}},
                Option{&Options::dt, {.name = "dt", .unit = "time", .summary = "time of one step", .minimum = 1e-9}},
                Option{&Options::steps,
                       {.name = "steps",
                        .unit = "steps",
                        .summary = "points of a trial, the first included",
                        .minimum = 2}},
                Option{&Options::integrator,
                       {.name = "integrator",
                        .summary = "explicit Euler or fourth-order Runge-Kutta",
                        .choices = {"euler", "rk4"}}},
                Option{&Options::normalise,
                       {.name = "normalise", .summary = "scale each trial to [0, 1], jointly over x, y, z"}}};
        }
    };

    static repal::TaskInfo info() {
        return {.name = "lorenz",
                .version = "1",
                .summary = "the Lorenz system",
                .source = "Lorenz 1963, Deterministic nonperiodic flow, eqs. 25-27",
                .channels = {"x", "y", "z"},
                .options = repal::option_infos<Options>()};
    }

    explicit Lorenz(Options options) : options_(std::move(options)) {}

    repal::Trial generate(repal::Phase /*phase*/, std::size_t /*condition*/,
                          const repal::Stream& stream) const override {
        repal::Stream initial_point = stream.child("initial_point");
        repal::RowMatrix path(options_.steps, 3);
        for (Eigen::Index channel = 0; channel < 3; ++channel) path(0, channel) = initial_point.uniform();
        for (Eigen::Index step = 1; step < path.rows(); ++step) path.row(step) = next(path.row(step - 1));
        if (!options_.normalise) return {std::move(path)};
        const repal::Shape shape{.trials = 1, .steps = path.rows(), .channels = 3};
        return {repal::normalised(repal::Trajectories::from_rows(shape, std::move(path))).rows()};
    }

 private:
    State velocity(const State& at) const {
        return {options_.s * (at.y() - at.x()), options_.r * at.x() - at.y() - at.x() * at.z(),
                at.x() * at.y() - options_.b * at.z()};
    }

    State next(const State& at) const {
        const double dt = options_.dt;
        const State k1 = velocity(at);
        if (options_.integrator == "euler") return at + dt * k1;
        const State k2 = velocity(at + dt / 2 * k1);
        const State k3 = velocity(at + dt / 2 * k2);
        const State k4 = velocity(at + dt * k3);
        return at + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
    }

    Options options_;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::TaskPlugin repal_task = repal::task_plugin<Lorenz>;
