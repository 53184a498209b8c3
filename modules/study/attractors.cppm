module;
#include <filesystem>
#include <string>
#include <utility>
#include <vector>
export module repal.attractors;

import repal.config;
import repal.registry;
import repal.reporter;
export import repal.study;
export import repal.summary;

namespace repal {

/// The first study: metrics validated on simulated attractors. Stages: "generate" writes trajectories, "dissimilarity"
/// compares all pairs. Tables: dissimilarity.csv, summary.csv and failures.csv.
export class AttractorStudy final : public Study {
 public:
    /// Reads `metrics`, `seed` and `studies.attractors`. Throws InputError for whatever is wrong there.
    AttractorStudy(const Config& config, const Registry& registry);

    std::vector<std::string> stages() const override;
    std::vector<std::pair<Cell, CellState>> plan(const std::filesystem::path& results, const std::string& stage,
                                                 const Selection& selection) const override;
    void run_stage(const std::string& stage, const RunOptions& options, Reporter& reporter) const override;

 private:
    std::vector<std::string> tables() const override;
    Outcome write_tables(const RunOptions& options) const override;
    void generate(const RunOptions& options, Reporter& reporter) const;
    std::vector<Cell> generate_cells() const;

    DissimilarityStage dissimilarity_;
    Sampling sampling_;
    Bootstrap bootstrap_;
};

}  // namespace repal
