module;
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
export module repal.table;

namespace repal {

/// Rows of text, the first one their head.
export using Table = std::vector<std::vector<std::string>>;

/// The shortest text that reads back as the same double; empty if there is no finite number.
export std::string csv_number(std::optional<double> value);

/// Rows as lines; fields in quotes where they need them (RFC 4180).
export std::string csv_text(const Table& rows);

/// A record of a CSV file.
export struct CsvRecord {
    std::size_t line;  ///< that it begins in, from 1 on
    std::vector<std::string> fields;
};

/// The records of a text, lines that are empty left out; fields may be in quotes, with separators, quotes and ends of
/// lines in them (RFC 4180). Throws InputError, with the line, if a quote is not closed.
export std::vector<CsvRecord> csv_records(std::string_view text, char separator);

}  // namespace repal
