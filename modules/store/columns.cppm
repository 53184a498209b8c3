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
    std::vector<double> values = {};  ///< row by row
    std::size_t rows() const { return width == 0 ? 0 : values.size() / width; }
};

/// Whether one of the columns tells the trial of each row, or its time.
bool have_trials_or_times(const std::vector<std::string>& names);

/// What is in a table: an array of (time, channel) for each trial. A column that means trials tells the trial of each
/// row, one that means time is no channel, nor is a first one without a name that counts rows. `notes`: what else of it
/// the user should know.
std::vector<std::unique_ptr<StoredArray>> trials_of(const ColumnTable& table, std::vector<std::string> notes);

}  // namespace repal
