#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "commands.hpp"

import repal.error;

namespace {

void add_common_options(CLI::App& app, command::CommonOptions& common) {
    app.add_option("--config", common.config, "configuration file")->capture_default_str();
    app.add_option("--set", common.overrides, "replace one value of the configuration: key.path=value")
        ->allow_extra_args(false);
    app.add_option("--results", common.results, "folder of all results")->capture_default_str();
    app.add_option("-j,--jobs", common.jobs, "threads")->check(CLI::Range(1, 4096))->capture_default_str();
    app.add_option("--plugin-path", common.plugin_path, "folder with plugins, searched before all others")
        ->check(CLI::ExistingDirectory)
        ->allow_extra_args(false);
    app.add_flag("-q,--quiet", common.is_quiet, "results and errors only");
    app.add_flag("-v,--verbose", common.is_verbose, "say more of what is done");
}

/// "frob" is no subcommand, or no option of one.
repal::InputError unknown_word(const CLI::App& app) {
    const std::string word = app.remaining(true).front();
    std::vector<std::string> names;
    for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
        names.push_back(sub->get_name());
    if (!app.get_subcommands().empty() || word.starts_with('-')) return {word, "unknown argument", "see repal --help"};
    return {"", fmt::format("unknown subcommand '{}'", word), repal::suggest(word, names)};
}

/// As a shell reads it back.
std::string quoted(const std::string& word) {
    constexpr const char* plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./=:,+@%";
    if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
    std::string text = "'";
    for (const char character : word)
        if (character == '\'')
            text += "'\\''";
        else
            text += character;
    return text + "'";
}

std::string joined(int argc, char** argv) {
    std::string text = "repal";
    for (int i = 1; i < argc; ++i) text += " " + quoted(argv[i]);
    return text;
}

}  // namespace

int main(int argc, char** argv) try {
    CLI::App app("repal: how alike are the dynamics of neural systems?", "repal");
    app.set_version_flag("--version", "repal " REPAL_VERSION);
    app.require_subcommand(1);
    app.fallthrough();
    app.failure_message([](const CLI::App*, const CLI::Error& error) {
        return fmt::format("repal: {}; see repal --help\n", error.what());
    });

    command::CommonOptions common;
    common.jobs = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    common.typed = joined(argc, argv);
    command::Chosen chosen;
    add_common_options(app, common);
    command::add_run(app, common, chosen);
    command::add_compare(app, common, chosen);
    command::add_export(app, common, chosen);
    command::add_plugins(app, common, chosen);
    command::add_plan(app, common, chosen);
    command::add_report(app, common, chosen);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() != 0 && app.remaining_size() > 0) throw unknown_word(app);
        return app.exit(error) == 0 ? command::done : command::bad_input;
    }
    common.is_config_given = app.count("--config") > 0;
    return chosen();
} catch (const repal::InputError& error) {
    fmt::print(stderr, "repal: {}\n", error.what());
    return command::bad_input;
} catch (const std::bad_alloc&) {
    fmt::print(stderr, "repal: there is not enough memory for this\n");
    return command::failure;
} catch (const std::exception& error) {
    fmt::print(stderr, "repal: {}\n", error.what());
    return command::failure;
}
