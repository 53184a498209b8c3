module;
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <variant>

#include "core/eigen.hpp"
module repal.drawing;

import :frame;

namespace repal {

std::string escaped(const std::string& text) {
    std::string safe;
    for (const std::string_view character : characters(text)) {
        if (character == "&")
            safe += "&amp;";
        else if (character == "<")
            safe += "&lt;";
        else if (character == ">")
            safe += "&gt;";
        else if (character == "\"")
            safe += "&quot;";
        else if (character == "'")
            safe += "&#39;";
        else
            safe += character;
    }
    return safe;
}

std::string svg(const Chart& chart) {
    const auto [body, size] = std::visit([](const auto& shown) { return drawn(shown); }, chart);
    return fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"100%\" "
        "style=\"max-width:{0}px;height:auto\" role=\"img\" font-family=\"sans-serif\" font-size=\"11\" "
        "fill=\"#222\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"#fff\"/>\n{2}</svg>",
        px(size.width), px(size.height), body);
}

}  // namespace repal
