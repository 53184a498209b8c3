module;
#include <Eigen/Core>
#include <string>
#include <tuple>
#include <vector>
export module repal.timing;

import repal.options;
import repal.random;
export import repal.task;

/// The periods of a trial: fixation, stimulus, delay, decision. For tasks whose Options inherit TimingOptions:
///
///     struct Options : TimingOptions {
///         static auto table() { return std::tuple_cat(TimingOptions::table(), std::tuple{...}); }
///     };
namespace repal {

/// Durations in ms. A training trial draws each of its periods from a list, a test trial has fixed ones. An empty list
/// stands for the published durations of the variant.
export struct TimingOptions {
    bool delayed = false;
    double dt = 20;
    std::vector<double> fixation;
    std::vector<double> stimulus;
    std::vector<double> delay;
    std::vector<double> decision;
    std::vector<double> test_fixation;
    std::vector<double> test_stimulus;
    std::vector<double> test_delay;
    std::vector<double> test_decision;

    static auto table() {
        const auto durations = [](const char* name, const char* summary) {
            return OptionText{.name = name, .unit = "ms", .summary = summary, .minimum = 0, .maximum = 1e6};
        };
        constexpr auto drawn = "durations to draw from in training; none: as published";
        constexpr auto fixed = "duration in tests; none: as published";
        return std::tuple{
            Option{&TimingOptions::delayed,
                   {.name = "delayed", .summary = "a delay between stimulus and decision, with its own timing"}},
            Option{&TimingOptions::dt,
                   {.name = "dt", .unit = "ms", .summary = "time of one step", .minimum = 0.01, .maximum = 1e4}},
            Option{&TimingOptions::fixation, durations("fixation", drawn)},
            Option{&TimingOptions::stimulus, durations("stimulus", drawn)},
            Option{&TimingOptions::delay, durations("delay", drawn)},
            Option{&TimingOptions::decision, durations("decision", drawn)},
            Option{&TimingOptions::test_fixation, durations("test_fixation", fixed)},
            Option{&TimingOptions::test_stimulus, durations("test_stimulus", fixed)},
            Option{&TimingOptions::test_delay, durations("test_delay", fixed)},
            Option{&TimingOptions::test_decision, durations("test_decision", fixed)}};
    }
};

/// Draws the periods of trials. Source of the published durations: RepAL (arXiv 2410.24070), after NeuroGym.
export class Timing {
 public:
    /// Throws InputError if a test duration is a list, or the stimulus or the decision can be shorter than a step.
    explicit Timing(const TimingOptions& options);

    /// The periods of one trial, in order; those of no step are left out. A duration is floor(duration / dt) steps.
    std::vector<Period> draw(Phase phase, Stream stream) const;

 private:
    struct Durations {
        std::string period;
        std::vector<double> train;  ///< ms, one is drawn
        double test;                ///< ms
    };

    double dt_;
    std::vector<Durations> durations_;
};

/// A trial with the first channel on, and the action 0 due, until the decision; all else is 0.
/// observations (time, channel), targets (time, 1).
export Trial fixating_trial(std::vector<Period> periods, Eigen::Index channels);

}  // namespace repal
