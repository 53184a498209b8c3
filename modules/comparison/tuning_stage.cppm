module;
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>
export module repal.tuning_stage;

import repal.progress;
export import repal.study;
export import repal.tuning;

namespace repal {

/// What the data say of the settings of one metric, for one set of systems.
export struct TuningItem : Item {
    const SystemSet* set;
    const ChosenMetric* metric;
    const SettingSearch* search;  ///< null: the default axes are tried
};

/// What was found of an item, or is not known yet.
export struct TunedSet {
    const TuningItem* item;
    std::optional<Tuning> found;
};

/// The settings of a study: an item for each set of systems and each metric that has settings. Where they are not
/// given, the item chooses them; where they are, it says what the data say of them.
export class TuningStage {
 public:
    static constexpr char name[] = "tune";

    /// `experiments` and `metrics` have to stay where they are. An experiment with a search has one item for that.
    TuningStage(const std::vector<Experiment>& experiments, const std::vector<ChosenMetric>& metrics);

    /// The item that chooses for a metric of an experiment. Null: the metric has no settings.
    const TuningItem* item(const Experiment& experiment, const ChosenMetric& metric) const;

    /// Those of the experiments that job and names of the selection include.
    PlannedItems plan(const std::filesystem::path& results, const std::set<std::string>& experiments,
                      const Selection& selection) const;

    /// Does those of the shard that are not done and whose systems are ready.
    void run(const std::set<std::string>& experiments, const RunOptions& options, Progress& progress) const;

    /// All items with what was found.
    std::vector<TunedSet> found(const std::filesystem::path& results) const;

    /// Throws InputError if somebody changed the file.
    static std::optional<Tuning> read(const std::filesystem::path& results, const TuningItem& item);

 private:
    using ItemList = std::vector<const TuningItem*>;
    ItemList selected(const std::set<std::string>& experiments, const Selection& selection) const;

    std::vector<TuningItem> items_;
    std::map<std::pair<const SystemSet*, const ChosenMetric*>, std::size_t> places_;
    std::map<std::string, std::set<std::size_t>> of_experiments_;
};

}  // namespace repal
