module;
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>
export module repal.neurotask_data;

import repal.config;
import repal.registry;
import repal.progress;
export import repal.dataset;
export import repal.study;

namespace repal {

/// A task plugin with its options, under the name that the study gives it.
export struct NamedTask {
    std::string name;
    std::string identity;  ///< plugin, version and all options in one line, for keys
    TaskInfo info;
    std::shared_ptr<const Task> task;
};

/// A dataset to be made: a task and one of its splits.
export struct DataItem : Item {
    std::size_t task;
    std::string split;
    DatasetRecipe recipe;
};

/// The split that is a second draw of the test: the same conditions trial by trial, all else independent. What a metric
/// shows between a network's activity on both is its noise floor.
export inline constexpr char retest[] = "retest";

/// Between which performance is worth something.
export struct PerformanceRange {
    double chance;  ///< see chance_performance()
    double ideal;   ///< of the ideal observer; 1 for continuous outputs
};

/// The data of all tasks of a study, in the splits train, validation, test and retest: data/<task>-<split>.h5.
export class NeurotaskData {
 public:
    /// Reads `tasks`, `rulesets` and `data` of the study. Throws InputError for whatever is wrong there.
    NeurotaskData(const Config& study, std::uint64_t seed, const Registry& registry);

    /// The tasks of all rulesets, each once.
    const std::vector<NamedTask>& tasks() const { return tasks_; }
    const NamedTask& task(const std::string& name) const;
    const DatasetRecipe& training_recipe() const { return splits_.front().second; }

    const std::vector<DataItem>& items() const { return items_; }
    std::vector<DataItem> items(const std::set<std::string>& tasks) const;
    DataItem item(const std::string& task, const std::string& split) const;

    static ItemState state(const DataItem& item, const std::filesystem::path& results);

    /// Makes those of the shard that are not there.
    void generate(const std::vector<DataItem>& items, const RunOptions& options, Progress& progress) const;

    /// Of the validation data of a task; nothing while they are not made.
    std::optional<PerformanceRange> range(const std::string& task, const std::filesystem::path& results) const;

    /// Throws InputError if the file is missing, damaged or of another configuration.
    static Dataset load(const DataItem& item, const std::filesystem::path& results);

    /// A row for each dataset that is there.
    Table table(const std::filesystem::path& results) const;

 private:
    static std::filesystem::path file(const DataItem& item, const std::filesystem::path& results);
    void generate(const DataItem& item, const RunOptions& options) const;

    std::uint64_t seed_;
    std::vector<NamedTask> tasks_;
    std::vector<std::pair<std::string, DatasetRecipe>> splits_;
    std::vector<DataItem> items_;
};

}  // namespace repal
