#include <Eigen/Core>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>

import repal.task;

namespace {

/// Noise, and the action that its sign asks for; wrong in the way that its option says.
class Faulty final : public repal::Task {
 public:
    struct Options {
        std::string fault = "none";
        static auto table() {
            return std::tuple{
                repal::Option{&Options::fault,
                              {.name = "fault",
                               .summary = "what is wrong",
                               .choices = {"none", "throws", "crashes", "hangs", "columns", "infinite", "gap", "target",
                                           "timing", "unseeded", "conditions", "ideal_action", "unsafe"}}}};
        }
    };

    static repal::TaskInfo info() {
        return {.name = "faulty_task",
                .version = "1",
                .summary = "the sign of noise, wrong on purpose",
                .source = "none",
                .channels = {"fixation", "noise"},
                .actions = {"left", "right"},
                .condition = {"side"},
                .options = repal::option_infos<Options>()};
    }

    explicit Faulty(Options options) : options_(std::move(options)) {}

    double step_ms() const override { return 20; }
    std::size_t n_conditions() const override { return 2; }

    repal::Trial generate(repal::Phase, std::size_t condition, const repal::Stream& stream) const override {
        const std::string& fault = options_.fault;
        if (fault == "throws") throw std::runtime_error("generate throws");
        if (fault == "crashes") std::raise(SIGSEGV);
        if (fault == "hangs") std::this_thread::sleep_for(std::chrono::hours(1));
        repal::Stream draws = stream;
        const Eigen::Index steps = fault == "timing" ? 10 + static_cast<Eigen::Index>(draws.below(5)) : 10;
        repal::Trial trial{.observations = repal::RowMatrix::Ones(steps, fault == "columns" ? 3 : 2),
                           .targets = repal::RowMatrix::Zero(steps, 1),
                           .periods = {{"fixation", 0, 5}, {"decision", 5, steps}},
                           .condition = {fault == "conditions" ? 0 : static_cast<double>(condition)}};
        const double sign = condition == 0 ? -1 : 1;
        for (Eigen::Index step = 0; step < steps; ++step) trial.observations(step, 1) = sign * (1 + draws.uniform());
        trial.targets.bottomRows(steps - 5).setConstant(static_cast<double>(condition));
        if (fault == "infinite") trial.observations(0, 0) = std::numeric_limits<double>::infinity();
        if (fault == "gap") trial.periods[1].first_step = 6;
        if (fault == "target") trial.targets(9, 0) = 2;
        if (fault == "unseeded") trial.observations(0, 0) = calls_++;
        if (fault == "unsafe") {
            shared_ = trial.observations(0, 1);
            std::this_thread::sleep_for(std::chrono::microseconds(200));
            trial.observations(0, 1) = shared_;
        }
        return trial;
    }

    std::optional<std::size_t> ideal_action(const repal::RowMatrix& observations) const override {
        return options_.fault == "ideal_action" ? 5 : observations(0, 1) > 0 ? 1 : 0;
    }

 private:
    Options options_;
    mutable std::atomic<int> calls_ = 0;
    mutable std::atomic<double> shared_ = 0;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::TaskPlugin repal_task = repal::task_plugin<Faulty>;
