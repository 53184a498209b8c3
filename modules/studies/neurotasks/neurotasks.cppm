module;
#include <cstddef>
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

    std::size_t n_replaced(const std::filesystem::path& results) const override;
    Findings find(const std::filesystem::path& results) const override;

 private:
    std::vector<std::string> tables() const override;
    NeurotaskFindings find_in_pairs(std::vector<ScoredPair> pairs) const;
    Report report_of(const NeurotaskFindings& found, const std::vector<NetworkResult>& networks,
                     const std::vector<TunedSet>& settings, const std::filesystem::path& results) const;
    std::vector<DataItem> data_items(const Selection& selection) const;

    std::uint64_t seed_;
    NeurotaskData data_;
    NeurotaskNetworks networks_;
    NetworkComparisons comparisons_;
    DissimilarityStage dissimilarity_;
    Bootstrap bootstrap_;
};

}  // namespace repal
