module;
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>
module repal.allocation;

namespace repal {
namespace {

constexpr double task_seconds = 3600;
constexpr std::size_t most_tasks = 1000;  // Slurm takes 1001 unless it is told otherwise

/// What the items that are done and were measured have cost.
struct Measured {
    double seconds = 0;
    double gflop = 0;
    std::size_t items = 0;
};

Measured measured(const PlannedItems& items, const StageCost& cost) {
    Measured sum;
    for (const auto& [item, state] : items) {
        const auto found = cost.core_seconds.find(item.key);
        if (found == cost.core_seconds.end() || state != ItemState::done) continue;
        sum.seconds += found->second;
        sum.gflop += item.gflop;
        ++sum.items;
    }
    return sum;
}

/// Core seconds of every item; 0 of one that is done.
std::vector<double> estimates(const PlannedItems& items, const Measured& of_others) {
    std::vector<double> estimated;
    for (const auto& [item, state] : items)
        estimated.push_back(state == ItemState::done ? 0
                            : of_others.gflop > 0    ? of_others.seconds / of_others.gflop * item.gflop
                                                     : of_others.seconds / static_cast<double>(of_others.items));
    return estimated;
}

double rounded_up(double value, double step) {
    return std::ceil(value / step) * step;
}

}  // namespace

std::optional<Allocation> allocate(const PlannedItems& items, const StageCost& cost, int processors_per_task,
                                   const PlannedItems& likes) {
    PlannedItems all = items;
    all.insert(all.end(), likes.begin(), likes.end());
    const Measured of_others = measured(all, cost);
    const bool has_work_to_do = std::ranges::any_of(
        items, [](const auto& planned) { return planned.second != ItemState::done && planned.first.gflop > 0; });
    // What takes no work says nothing of what does.
    if (of_others.items == 0 || (has_work_to_do && !(of_others.gflop > 0))) return {};
    const std::vector<double> estimated = estimates(items, of_others);
    const auto to_do = static_cast<std::size_t>(
        std::ranges::count_if(items, [](const auto& planned) { return planned.second != ItemState::done; }));
    Allocation allocation{.measured = of_others.items,
                          .core_seconds = std::accumulate(estimated.begin(), estimated.end(), 0.0)};
    const auto most = static_cast<double>(std::clamp<std::size_t>(to_do, 1, most_tasks));
    const double wanted = std::ceil(allocation.core_seconds / processors_per_task / task_seconds);
    allocation.tasks = static_cast<std::size_t>(std::clamp(wanted, 1.0, most));

    std::vector<double> of_task(allocation.tasks);
    for (std::size_t i = 0; i < estimated.size(); ++i) of_task[i % allocation.tasks] += estimated[i];
    // The last item of a task runs alone.
    const double longest = std::ranges::max(of_task) / processors_per_task + std::ranges::max(estimated);
    constexpr double most_minutes = 525600;  // a year: nobody waits longer, and no number overflows
    allocation.limit_minutes = static_cast<int>(std::clamp(rounded_up(1.5 * longest / 60 + 5, 10), 10.0, most_minutes));
    const double megabytes = 1.25 * static_cast<double>(cost.peak_bytes) / (1 << 20);
    allocation.megabytes = static_cast<std::size_t>(std::max(1024.0, rounded_up(megabytes, 512)));
    return allocation;
}

}  // namespace repal
