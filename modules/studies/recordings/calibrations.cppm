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

/// Intervals, floors and p of all pairs, after they were compared: draws of each system, then blocks of pairs.
export class Calibrations {
 public:
    /// `dissimilarity` has to stay where it is; its experiments have one part and one metric each.
    Calibrations(const DissimilarityStage& dissimilarity, const CalibrationOptions& options, const Stream& stream);
    Calibrations(const Calibrations&) = delete;
    Calibrations& operator=(const Calibrations&) = delete;

    double confidence() const { return options_.confidence; }

    /// "floors", then "calibrate".
    std::vector<Stage> stages() const;

    /// Of the metric of an experiment, of all trials: from reliability_of() halves. Nothing where it is not known.
    std::optional<double> reliability(std::size_t experiment, const std::filesystem::path& results) const;

    /// Of the pairs of an experiment, in their order; nothing where it is not known yet.
    std::vector<std::optional<PairCalibration>> found(std::size_t experiment,
                                                      const std::filesystem::path& results) const;

 private:
    /// Draws of one system of one experiment.
    struct SystemItem : Item {
        std::size_t experiment;             ///< index
        std::optional<std::size_t> system;  ///< index; none: halves of all systems, for the reliability
    };
    /// Some pairs of one experiment, of few systems, since those are made without each group of their trials first.
    struct PairsItem : Item {
        std::size_t experiment;          ///< index
        std::vector<std::size_t> pairs;  ///< indices into the pairs of its only part, rising
    };
    struct Compared;

    template <class SomeItem>
    Stage stage(const char* name, const std::vector<Need>& needs, const std::vector<SomeItem>& items) const;
    std::optional<Compared> compared(std::size_t experiment, const std::filesystem::path& results) const;
    std::vector<std::size_t> systems_of(const PairsItem& item) const;
    const SystemItem& item_of(std::size_t experiment, std::optional<std::size_t> system) const;
    bool is_ready(const SystemItem& /*item*/, const ItemFiles& /*files*/) const { return true; }
    bool is_ready(const PairsItem& item, const ItemFiles& files) const;
    std::string result_of(const SystemItem& item, const Compared& compared, const ItemFiles& files,
                          Progress& progress) const;
    std::string result_of(const PairsItem& item, const Compared& compared, const ItemFiles& files,
                          Progress& progress) const;

    const DissimilarityStage& dissimilarity_;
    CalibrationOptions options_;
    Stream stream_;
    std::vector<SystemItem> systems_;
    std::vector<PairsItem> pairs_;
};

}  // namespace repal
