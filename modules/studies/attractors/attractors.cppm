module;
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>
export module repal.attractors;

import repal.config;
import repal.registry;
import repal.progress;
export import repal.study;
import repal.recipe;
export import repal.summary;

namespace repal {

/// The first study: metrics validated on simulated attractors. Stages: "generate" writes trajectories, "dissimilarity"
/// compares all pairs. Tables: dissimilarity.csv, summary.csv and failures.csv.
export class AttractorStudy final : public Study {
 public:
    /// Reads `metrics`, `seed` and `studies.attractors`. Throws InputError for whatever is wrong there.
    AttractorStudy(const Config& config, const Registry& registry);

    std::vector<std::string> stages() const override;
    std::vector<std::pair<Item, ItemState>> plan(const std::filesystem::path& results, const std::string& stage,
                                                 const Selection& selection) const override;
    void run_stage(const std::string& stage, const RunOptions& options, Progress& progress) const override;

 private:
    std::vector<std::string> tables() const override;
    Outcome write_tables(const RunOptions& options) const override;
    Report findings(const RunOptions& options) const override;
    std::vector<SummaryRow> summary_of(const std::vector<ScoredPair>& pairs) const;
    Section trajectory_section() const;
    Section section_of(const Experiment& experiment, const std::vector<ScoredPair>& pairs,
                       const std::vector<SummaryRow>& summary) const;
    void generate(const RunOptions& options, Progress& progress) const;
    void generate(const Item& item, std::size_t experiment, const std::filesystem::path& results) const;
    std::vector<Item> generate_items() const;

    DissimilarityStage dissimilarity_;
    Sampling sampling_;
    Bootstrap bootstrap_;
};

}  // namespace repal
