#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <initializer_list>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "commands.hpp"
#include "environment.hpp"
#include "print_error.hpp"
#include "signals.hpp"

import command.load_plugins;
import repal.config;
import repal.error;
import repal.file;
import repal.progress;

namespace {

int fail(command::ExitCode code, const std::string& text) {
    command::print_error("repal: {}{}\n", text, command::of_node());
    return code;
}

void add_common_options(CLI::App& app, command::CommonOptions& common) {
    app.add_option("--config", common.config, "configuration file")->capture_default_str();
    app.add_option("--set", common.overrides, "replace one value of the configuration: key.path=value")
        ->allow_extra_args(false);
    app.add_option("--results", common.results, "folder of all results")->capture_default_str();
    app.add_option("-j,--jobs", common.jobs, "threads")->check(command::no_number_of_processors)->capture_default_str();
    app.add_option("--plugin-path", common.plugin_path, "folder with plugins, searched before all others")
        ->check(CLI::ExistingDirectory)
        ->allow_extra_args(false);
    app.add_flag("--isolate", common.is_isolated,
                 "run the plugins that are not repal's own in other processes, where they may crash or hang")
        ->envname("REPAL_ISOLATE");
    app.add_option("--plugin-timeout", common.plugin_timeout_s,
                   "of one call to an isolated plugin, or of one check of check-plugin")
        ->envname("REPAL_PLUGIN_TIMEOUT")
        ->type_name("SECONDS")
        ->capture_default_str();
    app.add_flag("-q,--quiet", common.is_quiet, "results and errors only");
    app.add_flag("-v,--verbose", common.is_verbose, "say more of what is done");
}

/// Here, since CLI11 2.4 ignores a variable of the environment that a check of its own refuses.
void require_plugin_timeout(double seconds) {
    constexpr double shortest = 0.01;
    constexpr double longest = 1e7;
    if (std::isnan(seconds) || seconds < shortest || seconds > longest)
        throw repal::InputError(fmt::format("--plugin-timeout (or REPAL_PLUGIN_TIMEOUT) {}", seconds),
                                fmt::format("expected {} to {} seconds", shortest, longest));
}

/// What works without a study, which alone has a configuration, a folder of results, and keeps what is done.
bool is_without_study(std::string_view subcommand) {
    constexpr std::array<std::string_view, 6> names{"compare",    "tune",         "plugins",
                                                    "new-plugin", "check-plugin", "export"};
    return std::ranges::find(names, subcommand) != names.end();
}

void require_study(const CLI::App& app) {
    const std::string chosen = app.get_subcommands().front()->get_name();
    if (!is_without_study(chosen)) return;
    for (const std::string& option : {"--config", "--results"})
        if (app.count(option) > 0)
            throw repal::InputError(option, fmt::format("'{}' is not about a study and has none", chosen),
                                    chosen == "compare" ? "set options of metrics with --set, e.g. dsa.rank=4" : "");
}

/// The error about a word, e.g. "frob", that is no subcommand, or no argument of one.
repal::InputError unknown_word(const CLI::App& app) {
    const std::string word = app.remaining(true).front();
    std::vector<std::string> names;
    for (const CLI::App* sub : app.get_subcommands([](const CLI::App* sub) { return !sub->get_group().empty(); }))
        names.push_back(sub->get_name());
    if (!app.get_subcommands().empty() || word.starts_with('-')) return {word, "unknown argument", "see repal --help"};
    return {"", fmt::format("unknown subcommand '{}'", word), repal::suggest(word, names)};
}

std::string joined(int argc, char** argv) {
    std::string text = "repal";
    for (int i = 1; i < argc; ++i) text += " " + command::quoted(argv[i]);
    return text;
}

/// Large matrices come and go by the thousand; given back to the system each time, a tenth of the time of comparing is
/// that of clearing their pages anew.
void keep_freed_memory() {
    constexpr int largest_kept = 32 << 20;  // of one block, the most that malloc takes
    constexpr int kept = 256 << 20;
    mallopt(M_MMAP_THRESHOLD, largest_kept);
    mallopt(M_TRIM_THRESHOLD, kept);
}

int run(int argc, char** argv) try {
    CLI::App app("repal: how alike are the dynamics of neural systems?", "repal");
    app.set_version_flag("--version", "repal " REPAL_VERSION);
    app.require_subcommand(1);
    app.fallthrough();
    app.failure_message([](const CLI::App*, const CLI::Error& error) {
        return fmt::format("repal: {}; see repal --help\n", error.what());
    });

    command::CommonOptions common;
    common.jobs = command::available_processors();
    common.typed = joined(argc, argv);
    common.program = command::quoted(argv[0]);
    command::Chosen chosen;
    add_common_options(app, common);
    command::add_run(app, common, chosen);
    command::add_compare(app, common, chosen);
    command::add_tune(app, common, chosen);
    command::add_export(app, common, chosen);
    command::add_plugins(app, common, chosen);
    command::add_new_plugin(app, common, chosen);
    command::add_new_study(app, common, chosen);
    command::add_plan(app, common, chosen);
    command::add_status(app, common, chosen);
    command::add_report(app, common, chosen);
    command::add_check_plugin(app, common, chosen);
    command::add_plugin_worker(app, common, chosen);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() != 0 && app.remaining_size() > 0) throw unknown_word(app);
        return app.exit(error) == 0 ? command::done : command::bad_input;
    }
    require_plugin_timeout(common.plugin_timeout_s);
    common.is_config_given = app.count("--config") > 0;
    require_study(app);
    try {
        return chosen();
    } catch (const repal::Stopped&) {
        const int signal = command::stop_signal();
        command::print_error("repal: stopped by signal {} ({}){}\n", signal, strsignal(signal),
                             is_without_study(app.get_subcommands().front()->get_name())
                                 ? ""
                                 : "; what is done is kept, the same command goes on from there");
        command::end_by(signal);
    }
} catch (const repal::InputError& error) {
    return fail(command::bad_input, error.what());
} catch (const std::bad_alloc&) {
    return fail(command::failure, "there is not enough memory for this");
} catch (const std::exception& error) {
    return fail(command::failure, error.what());
}

}  // namespace

std::string command::config_of(const std::filesystem::path& results, const CommonOptions& common) {
    const std::filesystem::path own = results / "config.yaml";
    return !common.is_config_given && std::filesystem::is_regular_file(own) ? own.string() : common.config;
}

std::string command::config_to_run(const std::filesystem::path& results, const CommonOptions& common) {
    if (common.is_config_given || std::filesystem::is_regular_file(common.config)) return common.config;
    return config_of(results, common);
}

std::string command::quoted(const std::string& word) {
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

int main(int argc, char** argv) {
    keep_freed_memory();
    std::signal(SIGXFSZ, SIG_IGN);  // what exceeds a limit of files cannot be written, and says so
    int code = run(argc, argv);
    command::forget_plugins();
    // A full disk is seen here at the latest.
    if (std::fflush(stdout) != 0 && code == command::done)
        code = fail(command::failure, "standard output cannot be written: " + repal::system_error_text(errno));
    return code;
}
