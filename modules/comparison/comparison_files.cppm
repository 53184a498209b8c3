module;
#include <string>
#include <vector>
export module repal.comparison_files;

export import repal.figures;

/// Comparisons for other programs.
namespace repal {

/// A list of objects, a key for each column; numbers read back as the same doubles, and what is missing is null.
export std::string json_of(const std::vector<Comparison>& comparisons);

/// A row for each, after one of names; what is missing is empty.
export std::string csv_of(const std::vector<Comparison>& comparisons);

}  // namespace repal
