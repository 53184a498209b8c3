module;
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
export module repal.costs;

export import repal.items;

namespace repal {

/// Adds what an item has cost to costs/<machine>-<process>.jsonl. What cannot be written is left out: nothing but
/// suggestions depends on it.
export void record_cost(const std::filesystem::path& results, const Item& item, double core_seconds);

/// From now on this process counts as holding so many processors: what it records says for how long, so that of one
/// that is killed all but its last item counts.
export void begin_holding(int processors);

/// Adds for how long it has held them.
export void record_held(const std::filesystem::path& results);

/// Core seconds of a results folder.
export struct HeldCost {
    double of_items = 0;
    double held = 0;  ///< by processes: those of the allocation, whether they were busy or not
};
export HeldCost read_held(const std::filesystem::path& results);

/// What the items of a stage have cost in a results folder, as far as that was measured. An item that was interrupted
/// and went on has the sum of its runs.
export struct StageCost {
    std::map<std::string, double> core_seconds;  ///< by key of the item: another configuration has other costs
    std::size_t peak_bytes = 0;                  ///< of memory, of any process
};

/// The costs that record_cost() has written to a results folder, by the name of the stage.
export std::map<std::string, StageCost> read_costs(const std::filesystem::path& results);

/// Measures the time since it was made, in s. If it was made with an item, it records the item's cost when it is
/// destroyed, also by an exception.
export class Stopwatch {
 public:
    Stopwatch() = default;
    Stopwatch(std::filesystem::path results, const Item& item, int threads = 1)
        : results_(std::move(results)), item_(&item), threads_(threads) {}
    Stopwatch(const Stopwatch&) = delete;
    Stopwatch& operator=(const Stopwatch&) = delete;
    ~Stopwatch() {
        if (item_ != nullptr) record_cost(results_, *item_, seconds() * threads_);
    }

    double seconds() const { return std::chrono::duration<double>(Clock::now() - started_).count(); }

 private:
    using Clock = std::chrono::steady_clock;
    Clock::time_point started_ = Clock::now();
    std::filesystem::path results_;
    const Item* item_ = nullptr;
    int threads_ = 1;
};

}  // namespace repal
