module;
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>
export module repal.dissimilarity;

import repal.config;
import repal.registry;
import repal.reporter;
export import repal.cells;
export import repal.experiment;
export import repal.metric;

namespace repal {

/// A metric plugin with its options.
export struct ChosenMetric {
    std::string name;
    std::string text;  ///< name, version and all options in one line, for keys
    std::shared_ptr<const Metric> metric;
};

/// The metrics of a map from name to options, in its order.
export std::vector<ChosenMetric> read_metrics(const Config& config, const Registry& registry);

/// One metric of the registry, with the options that `config` has for it, if any.
export ChosenMetric choose_metric(const LoadedMetric& loaded, const Config& config);

/// Systems as a metric sees them, and what the user should know of that in one line; empty if nothing.
export struct Prepared {
    std::vector<std::unique_ptr<Embedding>> embeddings;
    std::string warning;
};

/// Embeddings of systems that are compared with each other. Throws InputError naming the system that the metric
/// refuses.
export Prepared prepare_all(const ChosenMetric& metric, std::span<const Trajectories> systems,
                            std::span<const std::string> names, int jobs);

/// compare() with whatever it throws as a failed score, and nothing but finite angles of status ok.
export Score compare_safely(const Metric& metric, const Embedding& a, const Embedding& b);

/// A block of pairs of one part, with one metric.
export struct DissimilarityCell : Cell {
    std::size_t experiment;  ///< index
    std::size_t part;        ///< index into Experiment::parts
    std::size_t metric;      ///< index
    std::size_t first_pair;  ///< the block is [first_pair, end_pair) of Part::pairs
    std::size_t end_pair;
};

/// The comparisons of a study, cut into cells.
export class DissimilarityStage {
 public:
    DissimilarityStage(std::vector<Experiment> experiments, std::vector<ChosenMetric> metrics, Sampling sampling);

    const std::vector<Experiment>& experiments() const { return experiments_; }
    const std::vector<ChosenMetric>& metrics() const { return metrics_; }
    const Sampling& sampling() const { return sampling_; }
    const std::vector<DissimilarityCell>& cells() const { return cells_; }

    /// Does the cells of this shard that are not done.
    void run(const CellFiles& files, const Shard& shard, int jobs, Reporter& reporter) const;

    /// Scores of a cell in the order of its pairs; empty unless the cell is done or failed.
    static std::vector<Score> read_scores(const CellFiles& files, const DissimilarityCell& cell);

 private:
    using CellList = std::vector<const DissimilarityCell*>;
    void run_part(const CellList& cells, const CellFiles& files, int jobs, Reporter& reporter) const;
    void run_cells(const CellList& cells, const Prepared& prepared, const CellFiles& files, int jobs,
                   Reporter& reporter) const;

    std::vector<Experiment> experiments_;
    std::vector<ChosenMetric> metrics_;
    Sampling sampling_;
    std::vector<DissimilarityCell> cells_;
};

}  // namespace repal
