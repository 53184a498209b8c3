module;
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <type_traits>
#include <variant>
module repal.options;

import repal.error;

namespace repal {

std::string type_name(const OptionValue& value) {
    constexpr std::array names = {"yes or no", "whole number", "number", "text"};
    return names[value.index()];
}

std::string to_string(const OptionValue& value) {
    return std::visit([](const auto& held) { return fmt::format("{}", held); }, value);
}

void require_valid(const OptionInfo& option, const OptionValue& value) {
    if (value.index() != option.default_value.index())
        throw InputError(option.name,
                         fmt::format("expected a {}, got '{}'", type_name(option.default_value), to_string(value)));
    if (const auto* text = std::get_if<std::string>(&value)) {
        if (!option.choices.empty() && std::ranges::find(option.choices, *text) == option.choices.end())
            throw InputError(option.name, fmt::format("unknown choice '{}'", *text), suggest(*text, option.choices));
        return;
    }
    const double number = std::visit(
        [](const auto& held) {
            if constexpr (std::is_arithmetic_v<std::remove_cvref_t<decltype(held)>>)
                return static_cast<double>(held);
            else
                return std::nan("");
        },
        value);
    if (!(number >= option.minimum && number <= option.maximum))
        throw InputError(option.name,
                         fmt::format("{} is outside [{}, {}]", to_string(value), option.minimum, option.maximum));
}

}  // namespace repal
