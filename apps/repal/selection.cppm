module;

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <vector>

export module command.selection;

import repal.studies;

namespace command {

/// --group, --where, --experiment and --script.
export struct SelectionOptions {
    std::vector<std::string> groups;
    std::vector<std::string> where;  ///< key=value
    std::vector<std::string> experiments;
    std::string job;
};

export void add_selection(CLI::App& sub, SelectionOptions& options);

/// Throws InputError unless every `where` is key=value, and if no item of the study is of the script.
export repal::Selection read_selection(const SelectionOptions& options, const repal::Study& study,
                                       const std::filesystem::path& results);

}  // namespace command
