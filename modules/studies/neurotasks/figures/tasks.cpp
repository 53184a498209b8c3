module;
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.neurotask_figures;

namespace repal {
namespace {

/// A column of values over the time of a trial.
Series over_time(const std::string& name, const RowMatrix& values, Eigen::Index column, double step_ms,
                 std::size_t colour) {
    Series series{.name = name, .mark = Mark::line, .colour = colour};
    for (Eigen::Index step = 0; step < values.rows(); ++step) {
        series.x.push_back(static_cast<double>(step) * step_ms);
        series.y.push_back(values(step, column));
    }
    return series;
}

std::string condition_text(const TaskInfo& info, const std::vector<double>& condition) {
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < std::min(condition.size(), info.condition.size()); ++i)
        parts.push_back(fmt::format("{} = {:g}", info.condition[i], condition[i]));
    return fmt::format("{}", fmt::join(parts, ", "));
}

PanelChart trial_chart(const NamedTask& task, std::uint64_t seed) {
    const double step_ms = task.task->step_ms() > 0 ? task.task->step_ms() : 1;
    const Stream stream = Stream(seed).child("shown trial").child(task.name);
    const Trial trial = task.task->generate(Phase::test, task.task->n_conditions() - 1, stream);
    const Axis time{.title = task.task->step_ms() > 0 ? "time (ms)" : "step"};
    std::vector<Band> periods;
    for (const Period& period : trial.periods)
        periods.push_back({.name = period.name,
                           .low = static_cast<double>(period.first_step) * step_ms,
                           .high = static_cast<double>(period.end_step) * step_ms,
                           .is_of_x = true,
                           .colour = periods.size() % 2 == 0 ? grey : std::size_t{5}});

    const std::string condition = condition_text(task.info, trial.condition);
    Panel inputs{.title = condition.empty() ? "inputs" : fmt::format("inputs\n{}", condition),
                 .x = time,
                 .y = {.title = "input"},
                 .bands = periods};
    for (std::size_t channel = 0; channel < task.info.channels.size(); ++channel)
        inputs.series.push_back(over_time(task.info.channels[channel], trial.observations,
                                          static_cast<Eigen::Index>(channel), step_ms, channel));
    Panel target{.title = "target",
                 .x = time,
                 .y = {.title = task.info.actions.empty() ? "output" : "", .categories = task.info.actions},
                 .bands = std::move(periods)};
    for (Eigen::Index column = 0; column < trial.targets.cols(); ++column) {
        const auto place = static_cast<std::size_t>(column);
        const bool is_action = !task.info.actions.empty();
        target.series.push_back(over_time(is_action ? "action that is due" : task.info.outputs[place], trial.targets,
                                          column, step_ms, is_action ? black : place));
    }
    return {.panels = {std::move(inputs), std::move(target)}, .columns = 1};
}

}  // namespace

Section task_section(const NeurotaskData& data, std::uint64_t seed) {
    Figure figure{.id = "tasks-trial",
                  .title = "A trial",
                  .caption =
                      "One test trial of the task (n = 1): its input channels and the target, over time in ms; "
                      "shaded: the periods of the trial.",
                  .choice = "task",
                  .variants = {}};
    for (const NamedTask& task : data.tasks()) figure.variants.push_back({task.name, trial_chart(task, seed)});
    Section section{.id = "tasks", .title = "Tasks"};
    if (figure.variants.empty())
        section.text = "No ruleset names a task.";
    else
        section.figures.emplace_back(std::move(figure));
    return section;
}

}  // namespace repal
