module;
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <ratio>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.conformance;

import repal.parallel;
import repal.random;
import repal.trajectories;

namespace repal {
namespace {

constexpr int n_threads = 8;
constexpr std::uint64_t n_draws = 8;  // of each condition
constexpr std::size_t n_conditions_at_most = 64;

Finding failed(std::string detail) {
    return {Verdict::failed, std::move(detail)};
}

bool is_same(const std::vector<Period>& a, const std::vector<Period>& b) {
    return std::ranges::equal(a, b, [](const Period& x, const Period& y) {
        return x.name == y.name && x.first_step == y.first_step && x.end_step == y.end_step;
    });
}

bool is_same(const RowMatrix& a, const RowMatrix& b) {
    return a.rows() == b.rows() && a.cols() == b.cols() && a == b;
}

bool is_same(const Trial& a, const Trial& b) {
    return is_same(a.observations, b.observations) && is_same(a.targets, b.targets) && is_same(a.periods, b.periods) &&
           a.condition == b.condition;
}

std::string shape_of(const RowMatrix& x) {
    return fmt::format("{} x {}", x.rows(), x.cols());
}

class TaskChecks {
 public:
    TaskChecks(const LoadedTask& loaded, const OptionValues& options)
        : info_(loaded.info), task_(loaded.make(options)) {
        if (task_ == nullptr) throw std::runtime_error("it made nothing");
        n_conditions_ = task_->n_conditions();
    }

    Finding describes_itself() const {
        for (const auto& [text, name] : {std::pair(info_.version, "version"), std::pair(info_.summary, "summary"),
                                         std::pair(info_.source, "source")})
            if (text.empty()) return failed(fmt::format("it has no {}", name));
        if (info_.channels.empty()) return failed("it has no channels");
        if (!info_.actions.empty() && !info_.outputs.empty())
            return failed("it has actions and outputs; a task has one of them, a simulation none");
        for (const OptionInfo& option : info_.options) {
            require_valid(option, option.default_value);
            if (option.summary.empty()) return failed(fmt::format("its option {} has no summary", option.name));
        }
        if (n_conditions_ == 0) return failed("n_conditions() is 0; without conditions it is 1");
        if (!std::isfinite(task_->step_ms()) || task_->step_ms() < 0)
            return failed(fmt::format("step_ms() is {}", task_->step_ms()));
        return {Verdict::passed, fmt::format("channels: {}, conditions: {}, {} ms a step", info_.channels.size(),
                                             n_conditions_, task_->step_ms())};
    }

    Finding has_shapes() const {
        return of_every_trial([&](const Trial& trial) -> std::string {
            const auto& [observations, targets, periods, condition] = trial;
            if (observations.rows() < 2)
                return fmt::format("a trial of {} steps; two are the least", observations.rows());
            if (observations.cols() != std::ssize(info_.channels))
                return fmt::format("observations have {} columns, but there are {} channels", observations.cols(),
                                   info_.channels.size());
            if (!observations.allFinite()) return "an observation is not finite";
            const Eigen::Index columns = !info_.actions.empty() ? 1 : std::ssize(info_.outputs);
            if (columns == 0 && targets.size() > 0) return "there are targets, but neither actions nor outputs";
            if (columns > 0 && (targets.rows() != observations.rows() || targets.cols() != columns))
                return fmt::format("targets are {}; expected {} x {}", shape_of(targets), observations.rows(), columns);
            if (condition.size() != info_.condition.size())
                return fmt::format("the condition has {} values, but {} names", condition.size(),
                                   info_.condition.size());
            return "";
        });
    }

    Finding has_periods() const {
        return of_every_trial([&](const Trial& trial) -> std::string {
            if (trial.periods.empty()) return is_simulation() ? "" : "there are no periods";
            Eigen::Index next = 0;
            for (const auto& [name, first_step, end_step] : trial.periods) {
                if (name.empty()) return "a period has no name";
                if (first_step != next || end_step <= first_step)
                    return fmt::format("the period {} is [{}, {}), but the one before ends at {}", name, first_step,
                                       end_step, next);
                next = end_step;
            }
            if (next != trial.observations.rows())
                return fmt::format("the periods end at step {} of {}", next, trial.observations.rows());
            return "";
        });
    }

    Finding has_targets_in_range() const {
        if (is_simulation()) return {Verdict::noted, "a simulation: nothing is to be done"};
        return of_every_trial([&](const Trial& trial) -> std::string {
            for (const double target : trial.targets.reshaped()) {
                if (!std::isfinite(target)) return fmt::format("a target is {}", target);
                const bool is_action =
                    target >= 0 && target < static_cast<double>(info_.actions.size()) && target == std::floor(target);
                if (!info_.actions.empty() && !is_action)
                    return fmt::format("a target is {}; actions are 0 to {}", target, info_.actions.size() - 1);
            }
            return "";
        });
    }

    Finding is_determined_by_its_stream() const {
        bool has_chance = false;
        for (std::size_t condition = 0; condition < tried_conditions(); ++condition)
            for (const Phase phase : {Phase::train, Phase::test}) {
                const Trial first = trial(phase, condition, 0);
                if (!is_same(first, trial(phase, condition, 0)))
                    return failed(fmt::format("the same stream gives two trials of condition {}", condition));
                has_chance = has_chance || !is_same(first, trial(phase, condition, 1));
            }
        if (!has_chance) return {Verdict::noted, "nothing is drawn: all trials of a condition are equal"};
        return {};
    }

    Finding has_distinct_conditions() const {
        if (n_conditions_ == 1) return {Verdict::noted, "there is one condition: nothing is balanced"};
        if (info_.condition.empty()) return {Verdict::noted, "it does not say what its conditions are"};
        std::map<std::vector<double>, std::size_t> seen;
        for (std::size_t condition = 0; condition < tried_conditions(); ++condition) {
            const auto [place, is_new] = seen.emplace(trial(Phase::test, condition, 0).condition, condition);
            if (!is_new)
                return failed(fmt::format("conditions {} and {} have the same values", place->second, condition));
        }
        return {Verdict::passed, fmt::format("{} conditions", tried_conditions())};
    }

    /// When every condition comes equally often: how often each action is right in the end.
    Finding balances_actions() const {
        if (info_.actions.empty()) return {Verdict::noted, "it has no actions"};
        std::vector<std::size_t> counts(info_.actions.size());
        std::size_t n = 0;
        for (std::size_t condition = 0; condition < tried_conditions(); ++condition)
            for (std::uint64_t draw = 0; draw < n_draws; ++draw, ++n) {
                const RowMatrix targets = trial(Phase::test, condition, draw).targets;
                ++counts.at(static_cast<std::size_t>(targets(targets.rows() - 1, 0)));
            }
        std::string text;
        for (std::size_t action = 0; action < counts.size(); ++action)
            text += fmt::format("{}{} {:.0f} %", action == 0 ? "" : ", ", info_.actions[action],
                                100.0 * static_cast<double>(counts[action]) / static_cast<double>(n));
        const bool has_one = std::ranges::count(counts, n) == 1;
        return {has_one ? Verdict::noted : Verdict::passed, text};
    }

    Finding has_fixed_test_timing() const {
        const Trial first = trial(Phase::test, 0, 0);
        for (std::size_t condition = 0; condition < tried_conditions(); ++condition)
            for (std::uint64_t draw = 0; draw < n_draws; ++draw) {
                const Trial other = trial(Phase::test, condition, draw);
                if (other.observations.rows() != first.observations.rows() || !is_same(other.periods, first.periods))
                    return failed(
                        fmt::format("test trials have {} steps in condition 0 and {} in condition {}, or other "
                                    "periods",
                                    first.observations.rows(), other.observations.rows(), condition));
            }
        return {Verdict::passed, fmt::format("{} steps", first.observations.rows())};
    }

    Finding is_thread_safe() const {
        const std::size_t n = 16 * tried_conditions();
        std::vector<Trial> alone(n);
        std::vector<Trial> together(n);
        const auto draw = [&](std::size_t i) {
            return trial(Phase::train, i % tried_conditions(), i / tried_conditions());
        };
        for (std::size_t i = 0; i < n; ++i) alone[i] = draw(i);
        for_each_index(n, n_threads, [&](std::size_t i) { together[i] = draw(i); });
        for (std::size_t i = 0; i < n; ++i)
            if (!is_same(alone[i], together[i]))
                return failed(fmt::format("{} threads draw another trial than one thread", n_threads));
        return {};
    }

    Finding has_ideal_actions() const {
        std::size_t n = 0;
        Finding finding = of_every_trial([&](const Trial& trial) -> std::string {
            const auto action = task_->ideal_action(trial.observations);
            if (!action) return "";
            ++n;
            if (*action >= info_.actions.size())
                return fmt::format("the ideal action is {}; there are {}", *action, info_.actions.size());
            return "";
        });
        if (finding.verdict == Verdict::passed && n == 0 && !info_.actions.empty())
            return {Verdict::noted, "there is none: reports cannot say what no network can beat"};
        return finding;
    }

    Finding costs() const {
        std::vector<double> milliseconds;
        for (std::uint64_t draw = 0; draw < 5 * n_draws; ++draw) {
            const auto begin = std::chrono::steady_clock::now();
            trial(Phase::train, draw % n_conditions_, draw);
            milliseconds.push_back(
                std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
        }
        std::ranges::sort(milliseconds);
        return {Verdict::passed, fmt::format("{:.3g} ms a trial", milliseconds[milliseconds.size() / 2])};
    }

 private:
    bool is_simulation() const { return info_.actions.empty() && info_.outputs.empty(); }
    std::size_t tried_conditions() const { return std::min(n_conditions_, n_conditions_at_most); }

    Trial trial(Phase phase, std::size_t condition, std::uint64_t draw) const {
        return task_->generate(phase, condition, Stream(3).child("conformance").child(draw));
    }

    /// `fault_of` says what is wrong with a trial; empty if nothing.
    template <class FaultOf>
    Finding of_every_trial(FaultOf fault_of) const {
        for (const Phase phase : {Phase::train, Phase::test})
            for (std::size_t condition = 0; condition < tried_conditions(); ++condition)
                for (std::uint64_t draw = 0; draw < n_draws; ++draw)
                    if (const std::string fault = fault_of(trial(phase, condition, draw)); !fault.empty())
                        return failed(fmt::format("{} (condition {}, {})", fault, condition,
                                                  phase == Phase::train ? "training" : "test"));
        return {};
    }

    const TaskInfo& info_;
    std::unique_ptr<Task> task_;
    std::size_t n_conditions_;
};

}  // namespace

std::vector<Check> checks_of(const LoadedTask& task, const OptionValues& options) {
    const auto checks = std::make_shared<const TaskChecks>(task, options);
    const auto check = [&](std::string name, Finding (TaskChecks::*run)() const) {
        return Check{std::move(name), [checks, run] { return (*checks.*run)(); }};
    };
    return {
        check("describes itself", &TaskChecks::describes_itself),
        check("shapes of trials", &TaskChecks::has_shapes),
        check("periods cover a trial, in order", &TaskChecks::has_periods),
        check("targets in range", &TaskChecks::has_targets_in_range),
        check("same stream, same trial", &TaskChecks::is_determined_by_its_stream),
        check(fmt::format("same trials in {} threads", n_threads), &TaskChecks::is_thread_safe),
        check("timing of tests is fixed", &TaskChecks::has_fixed_test_timing),
        check("conditions differ", &TaskChecks::has_distinct_conditions),
        check("balance of actions", &TaskChecks::balances_actions),
        check("ideal actions in range", &TaskChecks::has_ideal_actions),
        check("cost", &TaskChecks::costs),
    };
}

}  // namespace repal
