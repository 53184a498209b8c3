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
import repal.attractor_search;
import repal.recipe;
export import repal.summary;

namespace repal {

/// The first study: metrics validated on simulated attractors. Stages: "generate" writes trajectories, "tune" chooses
/// the settings of metrics, "dissimilarity" compares all pairs. Tables: dissimilarity.csv, summary.csv, tune.csv and
/// failures.csv.
export class AttractorStudy final : public Study {
 public:
    /// Reads `metrics`, `seed` and `studies.attractors`. Throws InputError for whatever is wrong there.
    AttractorStudy(const Config& config, const Registry& registry);

    Findings find(const std::filesystem::path& results) const override;

 private:
    std::vector<std::string> tables() const override;
    Report report_of(const std::vector<ScoredPair>& pairs, const std::vector<SummaryRow>& summary,
                     const std::vector<TunedSet>& settings, const std::vector<SearchedSetting>& searched) const;
    Section trajectory_section() const;
    Section section_of(const Experiment& experiment, const std::vector<ScoredPair>& pairs,
                       const std::vector<SummaryRow>& summary) const;
    void generate(const RunOptions& options, Progress& progress) const;
    void generate(const Item& item, std::size_t experiment, const std::filesystem::path& results) const;
    PlannedItems plan_generate(const std::filesystem::path& results, const Selection& selection) const;

    DissimilarityStage dissimilarity_;
    Sampling sampling_;
    Bootstrap bootstrap_;
};

}  // namespace repal
