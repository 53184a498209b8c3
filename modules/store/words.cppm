module;
#include <string>
#include <string_view>
#include <vector>
module repal.store:words;

namespace repal {

/// Of letters without accents.
std::string lower_case(std::string_view text);

/// Without blanks at both ends.
std::string_view trimmed(std::string_view text);

/// What is between separators, without blanks around it; one empty part of an empty text.
std::vector<std::string> split(std::string_view text, char separator);

/// "/x" of "x"
std::string with_slash(const std::string& name);

}  // namespace repal
