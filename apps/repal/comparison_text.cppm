module;
#include <string>
#include <vector>
export module command.comparison_text;

export import repal.figures;

namespace command {

/// Comparisons as a "table" for the terminal, "csv" or "json".
export std::string text_of(const std::vector<repal::Comparison>& comparisons, const std::string& format);

}  // namespace command
