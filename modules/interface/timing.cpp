module;
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.timing;

import repal.error;

namespace repal {
namespace {

Eigen::Index steps_of(double duration, double dt) {
    return static_cast<Eigen::Index>(std::floor(duration / dt + 1e-9));  // 60 / 20 may be just below 3
}

}  // namespace

Timing::Timing(const TimingOptions& options) : dt_(options.dt) {
    const bool delayed = options.delayed;
    const auto add = [&](const char* period, const std::vector<double>& train, const std::vector<double>& test,
                         const std::vector<double>& published_train, double published_test) {
        if (test.size() > 1)
            throw InputError(fmt::format("test_{}", period), "expected one duration, tests have a fixed timing");
        durations_.push_back(
            {period, train.empty() ? published_train : train, test.empty() ? published_test : test.front()});
    };
    add("fixation", options.fixation, options.test_fixation, {100, 200, 300}, delayed ? 500 : 200);
    add("stimulus", options.stimulus, options.test_stimulus, {3000, 4000, 5000}, 4000);
    add("delay", options.delay, options.test_delay,
        delayed ? std::vector<double>{500, 1000, 1500} : std::vector<double>{0}, delayed ? 2000 : 0);
    add("decision", options.decision, options.test_decision, {100, 200, 300}, delayed ? 500 : 200);
    for (const Durations& durations : durations_) {
        if (durations.period != "stimulus" && durations.period != "decision") continue;
        if (std::min(std::ranges::min(durations.train), durations.test) < dt_)
            throw InputError(durations.period, fmt::format("a duration is below one step of {} ms", dt_));
    }
}

std::vector<Period> Timing::draw(Phase phase, Stream stream) const {
    std::vector<Period> periods;
    Eigen::Index step = 0;
    for (const Durations& durations : durations_) {
        const double drawn = durations.train[stream.below(durations.train.size())];
        const Eigen::Index steps = steps_of(phase == Phase::test ? durations.test : drawn, dt_);
        if (steps > 0) periods.push_back({durations.period, step, step + steps});
        step += steps;
    }
    return periods;
}

Trial fixating_trial(std::vector<Period> periods, Eigen::Index channels) {
    const Eigen::Index steps = periods.back().end_step;
    Trial trial{.observations = RowMatrix::Zero(steps, channels),
                .targets = RowMatrix::Zero(steps, 1),
                .periods = std::move(periods)};
    trial.observations.col(0).head(find_period(trial.periods, "decision")->first_step).setOnes();
    return trial;
}

}  // namespace repal
