#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>

import repal.motif;
import repal.task;

namespace {

using repal::Option;

/// x(t) = x(0) + t(t - 1)/2 d: a straight line of growing speed, from a point drawn uniformly from [0, 1)^3, along a
/// direction d drawn uniformly from the sphere.
/// Source: RepAL (arXiv 2410.24070), the line motif.
class Line final : public repal::Task {
 public:
    struct Options {
        std::int64_t steps = 200;
        bool accelerate = true;
        bool normalise = true;

        static auto table() {
            return std::tuple{
                Option{&Options::steps,
                       {.name = "steps",
                        .unit = "steps",
                        .summary = "points of a trial, the first included",
                        .minimum = 3}},
                Option{&Options::accelerate,
                       {.name = "accelerate", .summary = "growing speed, as published; else constant speed"}},
                Option{&Options::normalise,
                       {.name = "normalise", .summary = "scale each trial to [0, 1], jointly over x, y, z"}}};
        }
    };

    static repal::TaskInfo info() {
        return {.name = "line",
                .version = "1",
                .summary = "straight lines in random directions",
                .source = "RepAL, arXiv 2410.24070",
                .channels = {"x", "y", "z"},
                .options = repal::option_infos<Options>()};
    }

    explicit Line(const Options& options) : options_(options) {}

    repal::Trial generate(repal::Phase /*phase*/, std::size_t /*condition*/,
                          const repal::Stream& stream) const override {
        repal::Stream initial_point = stream.child("initial_point");
        Eigen::RowVector3d start;
        for (double& coordinate : start) coordinate = initial_point.uniform();
        const Eigen::RowVector3d direction = unit_vector(stream.child("direction"));

        repal::RowMatrix path(options_.steps, 3);
        for (Eigen::Index step = 0; step < path.rows(); ++step) path.row(step) = start + travelled(step) * direction;
        if (!options_.normalise) return {std::move(path)};
        const repal::Shape shape{.trials = 1, .steps = path.rows(), .channels = 3};
        return {repal::normalised(repal::Trajectories::from_rows(shape, std::move(path))).rows()};
    }

 private:
    static Eigen::RowVector3d unit_vector(repal::Stream stream) {
        Eigen::RowVector3d direction = Eigen::RowVector3d::Zero();
        while (direction.squaredNorm() < 1e-12)  // too short to have a direction in double
            for (double& coordinate : direction) coordinate = stream.normal();
        return direction.normalized();
    }

    double travelled(Eigen::Index step) const {
        const auto t = static_cast<double>(step);
        return options_.accelerate ? t * (t - 1) / 2 : t;
    }

    Options options_;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::TaskPlugin repal_task = repal::task_plugin<Line>;
