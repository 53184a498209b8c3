module;
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>
export module repal.dissimilarity;

import repal.progress;
export import repal.comparison;
export import repal.tuning_stage;

namespace repal {

/// A block of pairs of one part, with one metric.
export struct ComparisonItem : Item {
    std::size_t experiment;  ///< index
    std::size_t part;        ///< index into Experiment::parts
    const ChosenMetric* metric;
    std::size_t first_pair;  ///< the block is [first_pair, end_pair) of Part::pairs
    std::size_t end_pair;
};

/// The comparisons of a study, cut into items.
export class DissimilarityStage {
 public:
    DissimilarityStage(std::vector<Experiment> experiments, std::vector<ChosenMetric> metrics);
    DissimilarityStage(const DissimilarityStage&) = delete;
    DissimilarityStage& operator=(const DissimilarityStage&) = delete;

    const std::vector<Experiment>& experiments() const { return experiments_; }
    const std::vector<ChosenMetric>& metrics() const { return metrics_; }
    const std::vector<ComparisonItem>& items() const { return items_; }
    const TuningStage& settings() const { return settings_; }

    using ItemList = std::vector<const ComparisonItem*>;

    /// Those of the selected experiments, each named in full or by what follows the last '/'; without names all. Throws
    /// InputError for a name that no experiment has and that is not among `may_be_absent`.
    ItemList selected(const Selection& selection, const std::vector<std::string>& may_be_absent = {}) const;
    PlannedItems plan(const std::filesystem::path& results, const Selection& selection,
                      const std::vector<std::string>& may_be_absent = {}) const;

    /// Does the items of this shard that are not done and whose systems are ready.
    void run(const ItemList& items, const std::filesystem::path& results, const Shard& shard, int jobs,
             Progress& progress) const;

    /// The stages "tune", which chooses the settings of metrics, and "dissimilarity", for which it is. `needs`: what
    /// has to be there before; `require` throws if the selection names what is not there.
    std::vector<Stage> stages(const std::vector<Need>& needs, const std::function<void(const Selection&)>& require,
                              const std::vector<std::string>& may_be_absent = {}) const;

    /// The metric of an item with all its options, or why some are missing. Nothing while they are not chosen yet.
    std::optional<SettledMetric> settled(const ComparisonItem& item, const std::filesystem::path& results) const;

    /// The results of an item, in the order of its pairs; empty unless the item is done or failed.
    static std::vector<PairResult> read_results(const ItemFiles& files, const ComparisonItem& item);

 private:
    struct Run;
    ItemList items_to_do(const ItemList& items, const std::filesystem::path& results, const Shard& shard,
                         Progress& progress) const;
    std::size_t n_together(std::span<const ComparisonItem* const> items) const;
    std::set<std::size_t> systems_of(const ItemList& items) const;
    ItemList run_free(const ItemList& items, ItemState settled, Run& run) const;
    void run_together(const ItemList& items, Run& run) const;
    static void write_without_values(const ItemList& items, const std::string& cause, const Run& run);

    std::vector<Experiment> experiments_;
    std::vector<ChosenMetric> metrics_;
    TuningStage settings_;
    std::vector<ComparisonItem> items_;
};

}  // namespace repal
