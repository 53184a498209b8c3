module;
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <variant>
#include <vector>
module repal.options;

import repal.error;

namespace repal {
namespace {

struct Numbers {
    std::vector<double> operator()(const std::vector<double>& held) const { return held; }
    std::vector<double> operator()(const std::string&) const { return {}; }
    std::vector<double> operator()(auto held) const { return {static_cast<double>(held)}; }
};

}  // namespace

std::string type_name(const OptionValue& value) {
    constexpr std::array names = {"yes or no", "whole number", "number", "text", "list of numbers"};
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
    for (const double number : std::visit(Numbers{}, value))
        if (!(number >= option.minimum && number <= option.maximum))
            throw InputError(option.name,
                             number < option.minimum && option.maximum == std::numeric_limits<double>::infinity()
                                 ? fmt::format("{} is smaller than {}", number, option.minimum)
                                 : fmt::format("{} is outside [{}, {}]", number, option.minimum, option.maximum));
}

}  // namespace repal
