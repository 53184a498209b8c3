module;
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>
export module repal.neurotasks;

import repal.config;
import repal.neurotask_figures;
import repal.registry;
import repal.progress;
export import repal.study;

namespace repal {

/// The second study: networks trained on compositions of tasks. Stage "generate" writes data/<task>-<split>.h5 for
/// every task of a ruleset, "train" writes networks/<ruleset>/<setting>/r<replicate>/<group>/, "dissimilarity" compares
/// the networks at work on the test data. Each makes the data that it needs and nobody has made yet. Tables: data.csv,
/// networks.csv, dissimilarity.csv, summary.csv, tests.csv, regressions.csv, maps.csv, map.csv, checks.csv,
/// failures.csv.
export class NeurotaskStudy final : public Study {
 public:
    /// Reads `seed`, `metrics` and `studies.neurotasks`. Throws InputError for whatever is wrong there.
    NeurotaskStudy(const Config& config, const Registry& registry);

    std::vector<std::string> stages() const override;
    std::vector<std::pair<Item, ItemState>> plan(const std::filesystem::path& results, const std::string& stage,
                                                 const Selection& selection) const override;
    void run_stage(const std::string& stage, const RunOptions& options, Progress& progress) const override;

 private:
    std::vector<std::string> tables() const override;
    Outcome write_tables(const RunOptions& options) const override;
    Report findings(const RunOptions& options) const override;
    NeurotaskFindings findings_of(const std::filesystem::path& results) const;
    Outcome write_findings(const NeurotaskFindings& findings, const std::filesystem::path& results) const;
    std::vector<DataItem> data_items(const Selection& selection) const;
    void generate(const RunOptions& options, Progress& progress) const;

    std::uint64_t seed_;
    NeurotaskData data_;
    NeurotaskNetworks networks_;
    NetworkComparisons comparisons_;
    DissimilarityStage dissimilarity_;
    Bootstrap bootstrap_;
};

}  // namespace repal
