module;
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>
export module repal.recording_calibrations;

import repal.config;
import repal.progress;
import repal.random;
export import repal.calibration;
export import repal.dissimilarity;

namespace repal {

/// `calibrate: {splits: 20, groups: 20, resamples: 398, permutations: 99, confidence: 0.95}`, any of them left out;
/// nothing without the key.
export std::optional<CalibrationOptions> read_calibration(const Config& study);

/// Some pairs of one experiment, of few systems, since draws of systems cost more than pairs do.
export struct CalibrationItem : Item {
    std::size_t experiment;          ///< index
    std::vector<std::size_t> pairs;  ///< indices into the pairs of its only part, rising
};

/// Intervals, floors and p of all pairs, after they were compared.
export class CalibrationStage {
 public:
    static constexpr char name[] = "calibrate";

    /// `dissimilarity` has to stay where it is; its experiments have one part and one metric each.
    CalibrationStage(const DissimilarityStage& dissimilarity, const CalibrationOptions& options, const Stream& stream);

    Stage stage() const;

    /// Of the pairs of an experiment, in their order; nothing where it is not known yet.
    std::vector<std::optional<PairCalibration>> found(std::size_t experiment,
                                                      const std::filesystem::path& results) const;

 private:
    PlannedItems plan(const std::filesystem::path& results, const Selection& selection) const;
    std::optional<std::vector<PairResult>> compared(std::size_t experiment, const std::filesystem::path& results) const;
    void run(const RunOptions& options, Progress& progress) const;
    std::vector<PairCalibration> calibrated(const CalibrationItem& item, const std::vector<PairResult>& results,
                                            const std::filesystem::path& folder, Progress& progress) const;

    const DissimilarityStage& dissimilarity_;
    CalibrationOptions options_;
    Stream stream_;
    std::vector<CalibrationItem> items_;
};

}  // namespace repal
