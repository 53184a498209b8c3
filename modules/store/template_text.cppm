module;
#include <map>
#include <string>
#include <string_view>
export module repal.template_text;

namespace repal {

/// The text with every @name@ of `parts` replaced. What is put in is not looked at again, and any other @ stays.
export std::string filled(std::string_view text, const std::map<std::string_view, std::string>& parts);

}  // namespace repal
