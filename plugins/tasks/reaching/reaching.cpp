#include <Eigen/Core>
#include <cstddef>
#include <tuple>
#include <vector>

import repal.task;
import repal.timing;

namespace {

using repal::Option;

/// Remember a position a, uniform on [0, 1), and reach for it when told to go; for 1 - a if anti.
///
/// Observations (go, stimulus): (0, a) during the stimulus, (0, -0.5) in the delay, (1, -0.5) in the decision.
/// Outputs (go, position): (-1, -0.5) until the decision, then (1, a). There is no fixation unless it is asked for.
/// Source: Georgopoulos et al. 1986; NeuroGym; RepAL (arXiv 2410.24070).
class Reaching final : public repal::Task {
 public:
    struct Options : repal::TimingOptions {
        bool anti = false;

        static auto table() {
            return std::tuple_cat(
                repal::TimingOptions::table(),
                std::tuple{Option{&Options::anti, {.name = "anti", .summary = "reach for the mirrored position"}}});
        }
    };

    static repal::TaskInfo info() {
        return {.name = "reaching",
                .version = "1",
                .summary = "reach for a remembered position",
                .source =
                    "Georgopoulos et al. 1986, Neuronal population coding of movement direction; timing of RepAL, "
                    "arXiv 2410.24070",
                .channels = {"go", "stimulus"},
                .outputs = {"go", "position"},
                .condition = {"position"},
                .options = repal::option_infos<Options>()};
    }

    explicit Reaching(const Options& options) : options_(options), timing_(without_fixation(options)) {}

    double step_ms() const override { return options_.dt; }

    repal::Trial generate(repal::Phase phase, std::size_t /*condition*/, const repal::Stream& stream) const override {
        const double position = repal::Stream(stream.child("position")).uniform();
        const std::vector<repal::Period> periods = timing_.draw(phase, stream.child("timing"));
        const Eigen::Index steps = periods.back().end_step;
        repal::Trial trial{.observations = repal::RowMatrix::Zero(steps, 2),
                           .targets = repal::RowMatrix(steps, 2),
                           .periods = periods,
                           .condition = {position}};
        trial.targets.rowwise() = Eigen::RowVector2d(-1, -0.5);
        for (const repal::Period& period : periods) {
            const Eigen::Index n = period.end_step - period.first_step;
            auto observations = trial.observations.middleRows(period.first_step, n);
            if (period.name == "stimulus") observations.rowwise() = Eigen::RowVector2d(0, position);
            if (period.name == "delay") observations.rowwise() = Eigen::RowVector2d(0, -0.5);
            if (period.name != "decision") continue;
            observations.rowwise() = Eigen::RowVector2d(1, -0.5);
            trial.targets.middleRows(period.first_step, n).rowwise() =
                Eigen::RowVector2d(1, options_.anti ? 1 - position : position);
        }
        return trial;
    }

 private:
    static repal::TimingOptions without_fixation(repal::TimingOptions options) {
        if (options.fixation.empty()) options.fixation = {0};
        if (options.test_fixation.empty()) options.test_fixation = {0};
        return options;
    }

    Options options_;
    repal::Timing timing_;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::TaskPlugin repal_task = repal::task_plugin<Reaching>;
