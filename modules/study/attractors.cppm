module;
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>
export module repal.attractors;

import repal.config;
import repal.registry;
import repal.reporter;
export import repal.summary;

namespace repal {

/// What a run was asked to do.
export struct RunOptions {
    std::filesystem::path results;  ///< the study's own folder
    Shard shard;
    int jobs = 1;
    std::string command;  ///< as typed, for provenance
};

/// The first study: metrics validated on simulated attractors. Stages: "generate" writes trajectories, "dissimilarity"
/// compares all pairs; when no cell of the study is missing, the tables are written.
export class AttractorStudy {
 public:
    /// Reads `metrics`, `seed` and `studies.attractors`. Throws InputError for whatever is wrong there.
    AttractorStudy(const Config& config, const Registry& registry);

    static const std::vector<std::string>& stages();

    /// All cells of a stage with their states.
    std::vector<std::pair<Cell, CellState>> plan(const std::filesystem::path& results, const std::string& stage) const;

    void run_stage(const std::string& stage, const RunOptions& options, Reporter& reporter) const;

    struct Tables {
        bool is_complete;  ///< no cell is missing; otherwise nothing was written
        std::size_t n_pairs;
        std::size_t n_without_value;
        std::vector<SummaryRow> summary;
    };

    /// dissimilarity.csv, summary.csv, failures.csv and manifest.json, once all cells are there.
    Tables write_tables(const RunOptions& options) const;

 private:
    void generate(const RunOptions& options, Reporter& reporter) const;
    std::vector<Cell> generate_cells() const;
    std::string manifest(const RunOptions& options) const;

    std::string config_yaml_;
    std::string config_file_;
    std::vector<std::string> plugins_;
    DissimilarityStage dissimilarity_;
    Bootstrap bootstrap_;
};

}  // namespace repal
