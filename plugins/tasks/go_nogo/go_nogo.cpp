#include <Eigen/Core>
#include <cstddef>
#include <optional>
#include <tuple>

import repal.task;
import repal.timing;

namespace {

using repal::Option;

/// Act after the go stimulus, keep still after the nogo stimulus; the other way round for anti. Without noise. The
/// decision is due when the fixation input goes off.
/// Source: Zhang et al. 2019; NeuroGym; RepAL (arXiv 2410.24070).
class GoNogo final : public repal::Task {
 public:
    struct Options : repal::TimingOptions {
        bool anti = false;

        static auto table() {
            return std::tuple_cat(
                repal::TimingOptions::table(),
                std::tuple{Option{&Options::anti, {.name = "anti", .summary = "act after nogo, keep still after go"}}});
        }
    };

    static repal::TaskInfo info() {
        return {.name = "go_nogo",
                .version = "1",
                .summary = "act after one of two stimuli",
                .source =
                    "Zhang et al. 2019, Active information maintenance in working memory by a sensory cortex; "
                    "timing of RepAL, arXiv 2410.24070",
                .channels = {"fixation", "nogo", "go"},
                .actions = {"still", "act"},
                .condition = {"stimulus"},
                .options = repal::option_infos<Options>()};
    }

    explicit GoNogo(const Options& options) : options_(options), timing_(options) {}

    double step_ms() const override { return options_.dt; }

    std::size_t n_conditions() const override { return 2; }

    repal::Trial generate(repal::Phase phase, std::size_t condition, const repal::Stream& stream) const override {
        repal::Trial trial = repal::fixating_trial(timing_.draw(phase, stream.child("timing")), 3);
        trial.condition = {static_cast<double>(condition)};
        const repal::Period& stimulus = *repal::find_period(trial.periods, "stimulus");
        trial.observations.col(static_cast<Eigen::Index>(condition) + 1)
            .segment(stimulus.first_step, stimulus.end_step - stimulus.first_step)
            .setOnes();
        const repal::Period& decision = *repal::find_period(trial.periods, "decision");
        trial.targets.middleRows(decision.first_step, decision.end_step - decision.first_step)
            .setConstant(static_cast<double>(answer(condition)));
        return trial;
    }

    std::optional<std::size_t> ideal_action(const repal::RowMatrix& observations) const override {
        return answer(observations.col(2).sum() > observations.col(1).sum() ? 1 : 0);
    }

 private:
    std::size_t answer(std::size_t stimulus) const { return options_.anti ? 1 - stimulus : stimulus; }

    Options options_;
    repal::Timing timing_;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::TaskPlugin repal_task = repal::task_plugin<GoNogo>;
