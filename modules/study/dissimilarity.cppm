module;
#include <cstddef>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <vector>
export module repal.dissimilarity;

import repal.reporter;
export import repal.cells;
export import repal.embeddings;

namespace repal {

/// compare() with whatever it throws as a failed score, and nothing but finite angles of status ok.
export Score compare_safely(const Metric& metric, const Embedding& a, const Embedding& b);

/// What a pair gave.
export struct PairResult {
    Score score;
    NetworkState a = {};
    NetworkState b = {};
};

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
    DissimilarityStage(std::vector<Experiment> experiments, std::vector<ChosenMetric> metrics);

    const std::vector<Experiment>& experiments() const { return experiments_; }
    const std::vector<ChosenMetric>& metrics() const { return metrics_; }
    const std::vector<DissimilarityCell>& cells() const { return cells_; }

    /// Does the cells of this shard that are not done and whose systems are ready.
    void run(const std::filesystem::path& results, const Shard& shard, int jobs, Reporter& reporter) const;

    /// Of a cell, in the order of its pairs; empty unless the cell is done or failed.
    static std::vector<PairResult> read_results(const CellFiles& files, const DissimilarityCell& cell);

 private:
    using CellList = std::vector<const DissimilarityCell*>;
    CellList cells_to_do(const std::filesystem::path& results, const Shard& shard, Reporter& reporter) const;
    std::size_t n_together(std::span<const DissimilarityCell* const> cells) const;
    std::set<std::size_t> systems_of(const CellList& cells) const;
    void run_together(const CellList& cells, Embeddings& embeddings, const CellFiles& files, int jobs,
                      Reporter& reporter) const;
    PairResult compare(const DissimilarityCell& cell, const Pair& pair, const std::vector<Embedded>& embedded) const;

    std::vector<Experiment> experiments_;
    std::vector<ChosenMetric> metrics_;
    std::vector<DissimilarityCell> cells_;
};

}  // namespace repal
