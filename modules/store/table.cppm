module;
#include <optional>
#include <string>
#include <vector>
export module repal.table;

namespace repal {

/// Rows of text, the first one their head.
export using Table = std::vector<std::vector<std::string>>;

/// The shortest text that reads back as the same double; empty if there is no finite number.
export std::string csv_number(std::optional<double> value);

/// Rows as lines; fields in quotes where they need them (RFC 4180).
export std::string csv_text(const Table& rows);

}  // namespace repal
