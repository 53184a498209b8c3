module;
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>
export module repal.options;

/// The options of a plugin are a struct with defaults; a table beside it names, documents and bounds them:
///
///     struct Options {
///         double r = 28;
///         static auto table() { return std::tuple{Option{&Options::r, {.name = "r", .summary = "Rayleigh number"}}}; }
///     };
namespace repal {

export using OptionValue = std::variant<bool, std::int64_t, double, std::string, std::vector<double>>;
export using OptionValues = std::map<std::string, OptionValue>;

/// What is said of an option.
export struct OptionText {
    std::string name;
    std::string unit = {};  ///< empty for a pure number
    std::string summary;
    double minimum = -std::numeric_limits<double>::infinity();  ///< of a number, or of each in a list
    double maximum = std::numeric_limits<double>::infinity();
    std::vector<std::string> choices = {};  ///< of a text; empty: any text
    /// Unless it is given, the host chooses the value from the data: `auto` is what users write, and the default. A
    /// plugin only ever sees numbers; the default of its struct is for those who make it without a host.
    bool is_automatic = false;
};

export struct OptionInfo : OptionText {
    OptionValue default_value;
};

export template <class Options, class Value>
struct Option {
    Value Options::* member;
    OptionText text;
};

/// "yes or no", "whole number", "number", "text" or "list of numbers"
export std::string type_name(const OptionValue& value);
export std::string to_string(const OptionValue& value);

/// What users write for a value that is chosen from the data.
export inline constexpr std::string_view automatic = "auto";

/// Throws InputError unless `value` has the option's type, is inside its bounds and among its choices.
export void require_valid(const OptionInfo& option, const OptionValue& value);

export template <class Options>
std::vector<OptionInfo> option_infos() {
    const Options defaults;
    return std::apply(
        [&](const auto&... option) {
            return std::vector<OptionInfo>{OptionInfo{option.text, OptionValue(defaults.*option.member)}...};
        },
        Options::table());
}

/// The struct with its defaults replaced by `values`, which the host has checked against option_infos.
export template <class Options>
Options options_from(const OptionValues& values) {
    Options options;
    const auto read = [&](const auto& option) {
        using Value = std::remove_reference_t<decltype(options.*option.member)>;
        if (const auto found = values.find(option.text.name); found != values.end())
            options.*option.member = std::get<Value>(found->second);
    };
    std::apply([&](const auto&... option) { (read(option), ...); }, Options::table());
    return options;
}

}  // namespace repal
