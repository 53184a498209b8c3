module;
#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>
module repal.config;

namespace repal {
namespace {

std::vector<std::string> split_path(const std::string& path) {
    std::vector<std::string> keys;
    std::istringstream stream(path);
    for (std::string key; std::getline(stream, key, '.');) keys.push_back(key);
    return keys;
}

struct Override {
    std::string path;
    std::vector<std::string> keys;
    YAML::Node value;
};

Override parse_override(const std::string& text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) throw InputError("--set " + text, "expected key.path=value");
    const std::string path = text.substr(0, equals);
    std::vector<std::string> keys = split_path(path);
    if (std::ranges::find(keys, "") != keys.end() || path.back() == '.')
        throw InputError("--set " + text, "there is an empty key in '" + path + "'");
    try {
        return {path, std::move(keys), YAML::Load(text.substr(equals + 1))};
    } catch (const YAML::Exception& error) {
        throw InputError("--set " + text, error.msg);
    }
}

YAML::Node with_override(const YAML::Node& node, std::span<const std::string> keys, const Override& given) {
    if (keys.empty()) return given.value;
    if (node.IsDefined() && !node.IsNull() && !node.IsMap())
        throw InputError("--set " + given.path, "'" + keys.front() + "' is below something that is not a map");
    YAML::Node changed(YAML::NodeType::Map);
    bool found = false;
    if (node.IsMap())
        for (const auto& item : node) {
            const bool is_here = item.first.Scalar() == keys.front();
            changed.force_insert(item.first,
                                 is_here ? with_override(item.second, keys.subspan(1), given) : item.second);
            found = found || is_here;
        }
    if (!found) changed.force_insert(YAML::Node(keys.front()), with_override({}, keys.subspan(1), given));
    return changed;
}

}  // namespace

struct Config::Node {
    YAML::Node yaml;
    std::string file;
    std::string path;                                         // dotted keys from the top
    std::shared_ptr<const std::set<std::string>> overridden;  // paths that the command line gave
    YAML::Mark mark;  // where it stands, or the nearest thing above that stands in the file

    std::shared_ptr<const Node> child(const YAML::Node& value, const std::string& name, YAML::Mark at) const {
        return std::make_shared<const Node>(
            Node{value, file, path.empty() ? name : path + "." + name, overridden, at.is_null() ? mark : at});
    }
};

Config Config::load(const std::filesystem::path& file, std::span<const std::string> overrides) {
    std::ifstream stream(file);
    if (!stream || std::filesystem::is_directory(file))
        throw InputError(file.string(), "cannot read this configuration file", "give one with --config FILE");
    YAML::Node yaml;
    try {
        yaml = YAML::Load(stream);
    } catch (const YAML::Exception& error) {
        throw InputError(fmt::format("{}:{}:{}", file.string(), error.mark.line + 1, error.mark.column + 1),
                         "not valid YAML: " + error.msg);
    }
    if (!yaml.IsMap()) throw InputError(file.string(), "expected a map of keys at the top");

    auto paths = std::make_shared<std::set<std::string>>();
    for (const std::string& text : overrides) {
        const Override given = parse_override(text);
        yaml = with_override(yaml, given.keys, given);
        paths->insert(given.path);
    }
    return Config(std::make_shared<const Node>(Node{yaml, file.string(), "", paths, YAML::Mark()}));
}

Config Config::from_overrides(std::span<const std::string> overrides) {
    auto paths = std::make_shared<std::set<std::string>>();
    YAML::Node yaml(YAML::NodeType::Map);
    for (const std::string& text : overrides) {
        const Override given = parse_override(text);
        yaml = with_override(yaml, given.keys, given);
        paths->insert(given.path);
    }
    return Config(std::make_shared<const Node>(Node{yaml, "", "", paths, YAML::Mark()}));
}

Config Config::with(const std::string& path, const std::string& text) const {
    const Override given{.path = path, .keys = split_path(path), .value = YAML::Node(text)};
    Node changed = *node_;
    changed.yaml = with_override(node_->yaml, given.keys, given);
    return Config(std::make_shared<const Node>(std::move(changed)));
}

bool Config::is_overridden() const {
    return std::ranges::any_of(*node_->overridden, [&](const std::string& path) {
        return node_->path == path || node_->path.starts_with(path + ".");
    });
}

std::filesystem::path Config::file() const {
    return is_overridden() ? std::filesystem::path() : std::filesystem::path(node_->file);
}

std::string Config::where() const {
    if (is_overridden()) return "--set " + node_->path;
    std::string place = node_->file;
    if (!node_->mark.is_null() && !place.empty())
        place += fmt::format(":{}:{}", node_->mark.line + 1, node_->mark.column + 1);
    if (node_->path.empty()) return place;
    return place.empty() ? node_->path : place + ": " + node_->path;
}

InputError Config::error(const std::string& problem, const std::string& hint) const {
    return {where(), problem, hint};
}

bool Config::has(const std::string& key) const {
    return node_->yaml.IsMap() && node_->yaml[key].IsDefined();
}

std::vector<std::pair<std::string, Config>> Config::items() const {
    if (node_->yaml.IsNull()) return {};
    if (!node_->yaml.IsMap()) throw error("expected a map of keys");
    std::vector<std::pair<std::string, Config>> found;
    std::set<std::string> seen;
    for (const auto& item : node_->yaml) {
        if (!item.first.IsScalar()) throw error("a key that is not a plain word");
        const std::string name = item.first.Scalar();
        found.emplace_back(name, Config(node_->child(item.second, name, item.first.Mark())));
        if (!seen.insert(name).second) throw found.back().second.error("this key is here twice");
    }
    return found;
}

void Config::require_keys(std::span<const std::string> known) const {
    for (const auto& [name, value] : items())
        if (std::ranges::find(known, name) == known.end()) throw value.error("unknown key", suggest(name, known));
}

void Config::require_keys(std::initializer_list<std::string> known) const {
    require_keys(std::span(known.begin(), known.size()));
}

Config Config::at(const std::string& key) const {
    for (const auto& [name, value] : items())
        if (name == key) return value;
    throw error(fmt::format("the key '{}' is missing", key));
}

Config Config::at_or_empty(const std::string& key) const {
    if (has(key)) return at(key);
    return Config(node_->child(YAML::Node(YAML::NodeType::Map), key, node_->mark));
}

std::vector<Config> Config::elements(std::size_t at_least) const {
    if (!node_->yaml.IsSequence()) throw error("expected a list");
    std::vector<Config> found;
    for (const auto& element : node_->yaml)
        found.push_back(Config(node_->child(element, fmt::format("{}", found.size()), element.Mark())));
    if (found.size() < at_least) throw error(fmt::format("expected at least {} elements", at_least));
    return found;
}

bool Config::is_text() const {
    return node_->yaml.IsScalar();
}

bool Config::is_automatic() const {
    return is_text() && text() == automatic;
}

std::string Config::text() const {
    if (!node_->yaml.IsScalar()) throw error("expected a text");
    return node_->yaml.Scalar();
}

std::string Config::text(std::span<const std::string> choices) const {
    std::string value = text();
    if (std::ranges::find(choices, value) == choices.end())
        throw error(fmt::format("unknown choice '{}'", value), suggest(value, choices));
    return value;
}

bool Config::boolean() const {
    if (bool value = false; node_->yaml.IsScalar() && YAML::convert<bool>::decode(node_->yaml, value)) return value;
    throw error(fmt::format("expected true or false, got '{}'", yaml()));
}

std::int64_t Config::integer(std::int64_t minimum, std::int64_t maximum) const {
    const std::string written = node_->yaml.IsScalar() ? node_->yaml.Scalar() : yaml();
    std::int64_t value = 0;
    const auto [end, failure] = std::from_chars(written.data(), written.data() + written.size(), value);
    if (failure != std::errc() || end != written.data() + written.size())
        throw error(fmt::format("expected a whole number, got '{}'", written));
    if (value < minimum || value > maximum)
        throw error(maximum == std::numeric_limits<std::int64_t>::max()
                        ? fmt::format("{} is smaller than {}", value, minimum)
                        : fmt::format("{} is outside [{}, {}]", value, minimum, maximum));
    return value;
}

double Config::number(double minimum, double maximum) const {
    const std::string written = node_->yaml.IsScalar() ? node_->yaml.Scalar() : yaml();
    double value = 0;
    const auto [end, failure] = std::from_chars(written.data(), written.data() + written.size(), value);
    if (failure != std::errc() || end != written.data() + written.size() || !std::isfinite(value))
        throw error(fmt::format("expected a number, got '{}'", written));
    if (value < minimum || value > maximum) throw error(fmt::format("{} is outside [{}, {}]", value, minimum, maximum));
    return value;
}

std::vector<double> Config::numbers() const {
    if (is_text()) return {number()};
    std::vector<double> values;
    for (const Config& element : elements()) values.push_back(element.number());
    return values;
}

std::int64_t Config::integer_or(const std::string& key, std::int64_t otherwise, std::int64_t minimum,
                                std::int64_t maximum) const {
    return has(key) ? at(key).integer(minimum, maximum) : otherwise;
}

double Config::number_or(const std::string& key, double otherwise, double minimum, double maximum) const {
    return has(key) ? at(key).number(minimum, maximum) : otherwise;
}

std::string Config::text_or(const std::string& key, const std::string& otherwise,
                            std::span<const std::string> choices) const {
    return has(key) ? at(key).text(choices) : otherwise;
}

OptionValue Config::option(const OptionInfo& known) const {
    struct Reader {
        const Config& config;
        OptionValue operator()(bool) const { return config.boolean(); }
        OptionValue operator()(std::int64_t) const { return config.integer(); }
        OptionValue operator()(double) const { return config.number(); }
        OptionValue operator()(const std::string&) const { return config.text(); }
        OptionValue operator()(const std::vector<double>&) const { return config.numbers(); }
    };
    const Config value = at(known.name);
    const OptionValue read = std::visit(Reader{value}, known.default_value);
    try {
        require_valid(known, read);
    } catch (const InputError& invalid) {
        throw value.error(invalid.problem(), invalid.hint());
    }
    return read;
}

OptionValues Config::options(std::span<const OptionInfo> known, std::span<const std::string> other_keys) const {
    std::vector<std::string> names(other_keys.begin(), other_keys.end());
    for (const OptionInfo& option : known) names.push_back(option.name);
    require_keys(names);

    OptionValues values;
    for (const OptionInfo& info : known) {
        const bool is_given = has(info.name) && !(info.is_automatic && at(info.name).is_automatic());
        if (is_given)
            values[info.name] = option(info);
        else if (!info.is_automatic)
            values[info.name] = info.default_value;
    }
    return values;
}

std::string Config::yaml() const {
    YAML::Emitter emitter;
    emitter << node_->yaml;
    return emitter.c_str();
}

std::string canonical(std::span<const OptionInfo> known, const OptionValues& values) {
    std::map<std::string, std::string> sorted;
    for (const OptionInfo& option : known) {
        const auto found = values.find(option.name);
        const std::string otherwise = option.is_automatic ? std::string(automatic) : to_string(option.default_value);
        sorted[option.name] = found == values.end() ? otherwise : to_string(found->second);
    }
    std::string text;
    for (const auto& [name, value] : sorted) text += fmt::format("{}{}={}", text.empty() ? "" : ",", name, value);
    return text;
}

}  // namespace repal
