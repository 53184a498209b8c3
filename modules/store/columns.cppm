module;
#include <cstddef>
#include <memory>
#include <string>
#include <vector>
module repal.store:columns;

import :array_file;

namespace repal {

/// Columns of numbers with names, as text files and tables of pandas have them: a row for each step.
struct ColumnTable {
    std::vector<std::string> names = {};  ///< of columns; empty: there are none
    std::size_t width = 0;
    std::vector<double> values = {};         ///< row by row
    std::vector<std::string> notes = {};     ///< what of it the user should know
    std::vector<std::string> warnings = {};  ///< what of it may be meant otherwise
    std::size_t rows() const { return width == 0 ? 0 : values.size() / width; }
};

/// Whether one of the columns tells the trial of each row, or its time.
bool have_trials_or_times(const std::vector<std::string>& names);

/// What is in a table: an array of (time, channel) for each trial. A column that means trials tells the trial of each
/// row. One that means time is no channel, nor is one that tells the kind of a trial, e.g. "trial_type" or "session",
/// nor a first one that is an index: without a name, or one that counts rows.
std::vector<std::unique_ptr<StoredArray>> trials_of(const ColumnTable& table);

}  // namespace repal
