module;
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>
export module command.growing_scores;

import repal.progress;
export import repal.compared;

namespace command {

/// Scores as they come, in FILE.part beside the file that they are for, so that neither a kill nor a full disk loses
/// them; gone when all are in FILE. A line of JSON for each, after one that says what they are of.
export class GrowingScores final : public repal::KeptScores {
 public:
    /// An empty `out`: they are kept in memory only. `key` is of all that determines them. Throws InputError if scores
    /// of an earlier command are there and nobody says `resumes`, if they are of another key, or if another process is
    /// at them.
    GrowingScores(const std::string& out, const std::string& key, bool resumes, repal::Progress& progress);
    ~GrowingScores() override;

    using Calibrations = std::vector<repal::PairCalibration>;
    repal::KeptPairs of(const std::string& metric) override;
    const Calibrations* calibration_of(const std::string& metric, std::size_t pairs) const override;
    void add_calibration(const std::string& metric, const Calibrations& calibration) override;

    std::size_t size() const { return results_.size(); }

    /// Where they are; empty if in memory only.
    const std::string& file() const { return file_; }

    /// All are where they belong.
    void finish();

 private:
    using Place = std::pair<std::string, std::size_t>;  ///< metric, pair
    void open(const std::string& key, bool resumes);
    void take_line(const std::string& line);
    void append(const std::string& line);

    std::string file_;
    int descriptor_ = -1;
    repal::Progress& progress_;
    std::mutex mutex_;
    std::map<Place, repal::PairResult> results_;
    std::map<std::string, Calibrations> calibrations_;
};

}  // namespace command
