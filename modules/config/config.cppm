module;
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
export module repal.config;

export import repal.error;
export import repal.options;

namespace repal {

/// One value of a configuration, which knows where it stands. Whatever is wrong with it is an InputError that names
/// file, line, column and key ("config.yaml:12:9: studies.attractors.sed") and the nearest valid name.
export class Config {
 public:
    /// Reads a YAML file and replaces what `overrides` say: "key.path=value" each, as on the command line.
    static Config load(const std::filesystem::path& file, std::span<const std::string> overrides = {});

    /// A configuration of overrides alone.
    static Config from_overrides(std::span<const std::string> overrides);

    /// The same with another text for a value, which keeps its place.
    Config with(const std::string& path, const std::string& text) const;

    /// "file:line:column: key.path", or "--set key.path" for an override.
    std::string where() const;

    /// The file that this value stands in; empty if the command line gave it.
    std::filesystem::path file() const;

    /// Throws InputError, with the nearest name, unless this is a map whose keys are all among `known`.
    void require_keys(std::span<const std::string> known) const;
    void require_keys(std::initializer_list<std::string> known) const;

    bool has(const std::string& key) const;
    Config at(const std::string& key) const;

    /// The value of a key, or an empty map if it is not there.
    Config at_or_empty(const std::string& key) const;

    /// The keys and values of a map, in the order of the file. Throws InputError if a key is there twice.
    std::vector<std::pair<std::string, Config>> items() const;

    /// The elements of a list. Throws InputError if there are fewer than `at_least`.
    std::vector<Config> elements(std::size_t at_least = 0) const;

    bool is_text() const;
    bool is_automatic() const;  ///< the text `auto`
    std::string text() const;
    std::string text(std::span<const std::string> choices) const;
    bool boolean() const;
    std::int64_t integer(std::int64_t minimum = std::numeric_limits<std::int64_t>::min(),
                         std::int64_t maximum = std::numeric_limits<std::int64_t>::max()) const;
    double number(double minimum = -std::numeric_limits<double>::infinity(),
                  double maximum = std::numeric_limits<double>::infinity()) const;

    /// The numbers of a list; a number alone counts as a list: `20` is `[20]`.
    std::vector<double> numbers() const;

    std::int64_t integer_or(const std::string& key, std::int64_t otherwise, std::int64_t minimum,
                            std::int64_t maximum = std::numeric_limits<std::int64_t>::max()) const;
    double number_or(const std::string& key, double otherwise, double minimum, double maximum) const;
    std::string text_or(const std::string& key, const std::string& otherwise,
                        std::span<const std::string> choices) const;

    /// This map as options of a plugin: types, bounds and names are checked. Keys in `other_keys` are left out, and so
    /// are options that are to be chosen from the data.
    OptionValues options(std::span<const OptionInfo> known, std::span<const std::string> other_keys = {}) const;

    /// The value of the key that is named like the option, checked.
    OptionValue option(const OptionInfo& known) const;

    /// An error about this value.
    InputError error(const std::string& problem, const std::string& hint = {}) const;

    /// The whole value as YAML, for provenance.
    std::string yaml() const;

 private:
    bool is_overridden() const;

    struct Node;
    explicit Config(std::shared_ptr<const Node> node) : node_(std::move(node)) {}

    std::shared_ptr<const Node> node_;
};

/// All options in the order of their names with defaults filled in, e.g. "n_delays=33,rank=50"; for keys of items.
/// What is not chosen from the data yet is `auto`.
export std::string canonical(std::span<const OptionInfo> known, const OptionValues& values);

}  // namespace repal
