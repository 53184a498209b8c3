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

/// compare_batch() with nothing but finite angles of status ok, and with whatever it throws as failed scores; of
/// several pairs each is compared alone then.
export std::vector<Score> compare_safely(const Metric& metric, std::span<const EmbeddingPair> pairs);

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

    using CellList = std::vector<const DissimilarityCell*>;

    /// Those of these experiments, each named in full or by what follows the last '/'; without names all. Throws
    /// InputError for a name that no experiment has and that is not among `may_be_absent`.
    CellList selected(const std::vector<std::string>& names, const std::vector<std::string>& may_be_absent = {}) const;

    /// Does the cells of this shard that are not done and whose systems are ready.
    void run(const CellList& cells, const std::filesystem::path& results, const Shard& shard, int jobs,
             Reporter& reporter) const;

    /// Of a cell, in the order of its pairs; empty unless the cell is done or failed.
    static std::vector<PairResult> read_results(const CellFiles& files, const DissimilarityCell& cell);

 private:
    struct Run;
    CellList cells_to_do(const CellList& cells, const std::filesystem::path& results, const Shard& shard,
                         Reporter& reporter) const;
    std::size_t n_together(std::span<const DissimilarityCell* const> cells) const;
    std::set<std::size_t> systems_of(const CellList& cells) const;
    CellList run_free(const CellList& cells, CellState settled, Run& run) const;
    void run_together(const CellList& cells, Run& run) const;
    std::vector<Embedded> embeddings_for(const CellList& cells, Run& run) const;
    std::vector<PairResult> compare(const DissimilarityCell& cell, std::span<const Pair> pairs,
                                    const std::vector<Embedded>& embedded) const;

    std::vector<Experiment> experiments_;
    std::vector<ChosenMetric> metrics_;
    std::vector<DissimilarityCell> cells_;
};

}  // namespace repal
