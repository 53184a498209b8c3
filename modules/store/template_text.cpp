module;
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
module repal.template_text;

namespace repal {

std::string filled(std::string_view text, const std::map<std::string_view, std::string>& parts) {
    std::string whole;
    for (std::size_t begin = 0; (begin = text.find('@')) != std::string_view::npos;) {
        const std::size_t end = text.find('@', begin + 1);
        const auto part =
            end == std::string_view::npos ? parts.end() : parts.find(text.substr(begin + 1, end - begin - 1));
        whole += text.substr(0, begin);
        whole += part == parts.end() ? "@" : part->second;
        text.remove_prefix(part == parts.end() ? begin + 1 : end + 1);
    }
    whole += text;
    return whole;
}

}  // namespace repal
