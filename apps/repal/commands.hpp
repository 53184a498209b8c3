#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

/// The command line: main.cpp reads the common options, each other file adds one subcommand. A subcommand sets
/// `chosen`, which main() runs; what it returns is the exit code.
namespace command {

struct CommonOptions {
    std::string config = "config.yaml";
    bool is_config_given = false;
    std::vector<std::string> overrides;  ///< key.path=value
    std::string results = "results";
    int jobs = 0;  ///< threads
    std::vector<std::filesystem::path> plugin_path;
    bool is_isolated = false;
    double plugin_timeout_s = 300;
    bool is_quiet = false;
    bool is_verbose = false;
    std::string typed;    ///< the whole command, for provenance
    std::string program;  ///< its first word
};

/// The configuration that results were made with, unless another one is given.
std::string config_of(const std::filesystem::path& results, const CommonOptions& common);

/// That of a study that is to go on or begin: what is given, else config.yaml, else the one of the results.
std::string config_to_run(const std::filesystem::path& results, const CommonOptions& common);

/// The word as a shell reads it back: plain, 'two words'.
std::string quoted(const std::string& word);

using Chosen = std::function<int()>;

enum ExitCode : int { done = 0, failure = 1, bad_input = 2, some_failed = 3 };

void add_plugins(CLI::App& app, const CommonOptions& common, Chosen& chosen);
void add_new_plugin(CLI::App& app, const CommonOptions& common, Chosen& chosen);
void add_new_study(CLI::App& app, const CommonOptions& common, Chosen& chosen);
void add_compare(CLI::App& app, const CommonOptions& common, Chosen& chosen);
void add_run(CLI::App& app, const CommonOptions& common, Chosen& chosen);
void add_tune(CLI::App& app, const CommonOptions& common, Chosen& chosen);
void add_export(CLI::App& app, const CommonOptions& common, Chosen& chosen);
void add_report(CLI::App& app, const CommonOptions& common, Chosen& chosen);
void add_plan(CLI::App& app, const CommonOptions& common, Chosen& chosen);
void add_status(CLI::App& app, const CommonOptions& common, Chosen& chosen);
void add_check_plugin(CLI::App& app, const CommonOptions& common, Chosen& chosen);
void add_plugin_worker(CLI::App& app, const CommonOptions& common, Chosen& chosen);

}  // namespace command
