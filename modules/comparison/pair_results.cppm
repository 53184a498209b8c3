module;
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>
export module repal.pair_results;

export import repal.calibration;
export import repal.comparison;

namespace repal {

/// Results of pairs as files hold them: in their order, in one line.
export std::string to_json(const std::vector<PairResult>& results);

/// The same again; nothing if it is not what to_json() wrote.
export std::optional<std::vector<PairResult>> results_from(const nlohmann::json& json);

/// The same of what is known beside the results.
export std::string to_json(const std::vector<PairCalibration>& calibrations);
export std::optional<std::vector<PairCalibration>> calibrations_from(const nlohmann::json& json);
export std::string to_json(const SystemCalibration& calibration);
export std::optional<SystemCalibration> system_calibration_from(const nlohmann::json& json);

}  // namespace repal
