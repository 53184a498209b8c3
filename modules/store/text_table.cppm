module;
#include <filesystem>
#include <memory>
module repal.store:text_table;

import :array_file;

namespace repal {

/// A text file of numbers between commas, semicolons or tabs: a row for each step, a column for each channel. The names
/// of columns in the first row are recognised: one that means trials tells the trial of each row, one that means time
/// is no channel, nor is a first one without a name that counts rows. What is empty, "nan" or "NA" is missing.
std::unique_ptr<ArrayFile> open_text_table(const std::filesystem::path& file);

}  // namespace repal
