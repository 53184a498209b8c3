module;
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>
module repal.dissimilarity:item_results;

import repal.comparison;

namespace repal {

/// What the file of an item holds: the results of its pairs, in their order, in one line.
std::string to_json(const std::vector<PairResult>& results);

/// The same again; nothing if it is not what to_json() wrote.
std::optional<std::vector<PairResult>> results_from(const nlohmann::json& json);

}  // namespace repal
