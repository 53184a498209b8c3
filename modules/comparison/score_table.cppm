module;
#include <string>
#include <vector>
export module repal.score_table;

import repal.score;

/// The columns that scores have in tables, as score_columns() says.
namespace repal {

/// Names, as in CSV.
export std::vector<std::string> score_names();

/// Titles, for readers.
export std::vector<std::string> score_titles();

/// Values as the shortest text that reads back as the same double; empty where there is none.
export std::vector<std::string> score_fields(const Score& score);

/// Values with so many digits behind the point.
export std::vector<std::string> score_fields(const Score& score, int digits);

/// One row behind the other.
export std::vector<std::string> joined(std::vector<std::string> first, const std::vector<std::string>& second);

}  // namespace repal
