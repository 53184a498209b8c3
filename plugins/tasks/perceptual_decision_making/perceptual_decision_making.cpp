#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <tuple>
#include <vector>

import repal.task;
import repal.timing;

namespace {

using repal::Option;

/// Which of two noisy inputs is stronger? Channel g has the mean (1 + c/100)/2 during the stimulus, the other
/// (1 - c/100)/2, both with noise of standard deviation sigma/sqrt(dt) in every step. The fixation input goes off when
/// the decision is due: g, or the other side for anti.
/// Source: Britten et al. 1992; NeuroGym; RepAL (arXiv 2410.24070).
class PerceptualDecisionMaking final : public repal::Task {
 public:
    struct Options : repal::TimingOptions {
        bool anti = false;
        std::vector<double> coherences = {0, 6.4, 12.8, 25.6, 51.2};
        double sigma = 1;

        static auto table() {
            return std::tuple_cat(
                repal::TimingOptions::table(),
                std::tuple{Option{&Options::anti, {.name = "anti", .summary = "decide for the weaker side"}},
                           Option{&Options::coherences,
                                  {.name = "coherences",
                                   .unit = "%",
                                   .summary = "strengths of the evidence",
                                   .minimum = 0,
                                   .maximum = 100}},
                           Option{&Options::sigma,
                                  {.name = "sigma",
                                   .unit = "ms^(1/2)",
                                   .summary = "noise; a step of dt has the standard deviation sigma / sqrt(dt)",
                                   .minimum = 0}}});
        }
    };

    static repal::TaskInfo info() {
        return {.name = "perceptual_decision_making",
                .version = "1",
                .summary = "which of two noisy inputs is stronger?",
                .source = "Britten et al. 1992, The analysis of visual motion; timing of RepAL, arXiv 2410.24070",
                .channels = {"fixation", "left", "right"},
                .actions = {"fixate", "left", "right"},
                .condition = {"side", "coherence"},
                .options = repal::option_infos<Options>()};
    }

    explicit PerceptualDecisionMaking(const Options& options) : options_(options), timing_(options) {}

    double step_ms() const override { return options_.dt; }

    std::size_t n_conditions() const override { return 2 * options_.coherences.size(); }

    repal::Trial generate(repal::Phase phase, std::size_t condition, const repal::Stream& stream) const override {
        const auto side = static_cast<Eigen::Index>(condition % 2 + 1);
        const double coherence = options_.coherences[condition / 2];
        repal::Trial trial = repal::fixating_trial(timing_.draw(phase, stream.child("timing")), 3);
        trial.condition = {static_cast<double>(side), coherence};

        const double deviation = options_.sigma / std::sqrt(options_.dt);
        repal::Stream noise = stream.child("noise");
        const repal::Period& stimulus = *repal::find_period(trial.periods, "stimulus");
        for (Eigen::Index step = stimulus.first_step; step < stimulus.end_step; ++step)
            for (const Eigen::Index channel : {1, 2}) {
                const double evidence = channel == side ? coherence : -coherence;
                trial.observations(step, channel) = (1 + evidence / 100) / 2 + deviation * noise.normal();
            }
        const repal::Period& decision = *repal::find_period(trial.periods, "decision");
        trial.targets.middleRows(decision.first_step, decision.end_step - decision.first_step)
            .setConstant(static_cast<double>(answer(side)));
        return trial;
    }

    /// The side with the larger sum of evidence: the most probable one, since all steps have the same noise.
    std::optional<std::size_t> ideal_action(const repal::RowMatrix& observations) const override {
        const double left = observations.col(1).sum();
        const double right = observations.col(2).sum();
        return static_cast<std::size_t>(answer(left > right ? 1 : 2));
    }

 private:
    Eigen::Index answer(Eigen::Index side) const { return options_.anti ? 3 - side : side; }

    Options options_;
    repal::Timing timing_;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::TaskPlugin repal_task =
    repal::task_plugin<PerceptualDecisionMaking>;
