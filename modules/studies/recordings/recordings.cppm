module;
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>
export module repal.recording_study;

import repal.config;
import repal.registry;
export import repal.study;
import repal.answers;
import repal.dissimilarity;
import repal.recording_calibrations;
import repal.sheet;
import repal.summary;

namespace repal {

/// A study of systems of a user's own, which a sheet lists. Stages: "tune" chooses the settings of metrics,
/// "dissimilarity" compares all pairs, "floors" and "calibrate", if it is asked for, say how sure the numbers are.
/// Tables: dissimilarity.csv, systems.csv, groups.csv, mantel.csv, tree.csv, map.csv, tune.csv, failures.csv, and
/// matrix_<metric>.csv; matrices.h5.
export class RecordingStudy final : public Study {
 public:
    /// Reads `metrics`, `seed`, `pca` and `studies.recordings`, the sheet and what it lists. Throws InputError for
    /// whatever is wrong there.
    RecordingStudy(const Config& config, const Registry& registry);

    Findings find(const std::filesystem::path& results) const override;

 private:
    std::vector<std::string> tables() const override;
    Table systems_table() const;
    Report report_of(const Answers& answers, const std::vector<TunedSet>& settings,
                     const std::vector<ScoredPair>& pairs, const Table& warnings) const;
    void add_calibrations(std::vector<ScoredPair>& pairs, const std::filesystem::path& results) const;

    Sheet sheet_;
    Table warnings_ = {{"of", "warning"}};
    std::vector<Recording> recordings_;  ///< in the order of their names
    std::vector<Question> questions_;
    QuestionOptions options_;
    std::uint64_t seed_;
    DissimilarityStage dissimilarity_;
    std::optional<Calibrations> calibrations_;
};

}  // namespace repal
