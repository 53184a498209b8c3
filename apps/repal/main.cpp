#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <string>
#include <thread>

#include "commands.hpp"

import repal.error;

namespace {

void add_common_options(CLI::App& app, command::CommonOptions& common) {
    app.add_option("--config", common.config, "configuration file")->capture_default_str();
    app.add_option("--set", common.overrides, "replace one value of the configuration: key.path=value")
        ->allow_extra_args(false);
    app.add_option("--results", common.results, "folder of all results")->capture_default_str();
    app.add_option("-j,--jobs", common.jobs, "threads")->check(CLI::PositiveNumber)->capture_default_str();
    app.add_option("--plugin-path", common.plugin_path, "folder with plugins, searched before all others")
        ->allow_extra_args(false);
    app.add_flag("-q,--quiet", common.is_quiet, "results and errors only");
    app.add_flag("-v,--verbose", common.is_verbose, "say more of what is done");
}

std::string joined(int argc, char** argv) {
    std::string text = "repal";
    for (int i = 1; i < argc; ++i) text += std::string(" ") + argv[i];
    return text;
}

}  // namespace

int main(int argc, char** argv) try {
    CLI::App app("repal: how alike are the dynamics of neural systems?", "repal");
    app.set_version_flag("--version", "repal " REPAL_VERSION);
    app.require_subcommand(1);
    app.fallthrough();

    command::CommonOptions common;
    common.jobs = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    common.typed = joined(argc, argv);
    command::Chosen chosen;
    add_common_options(app, common);
    command::add_run(app, common, chosen);
    command::add_compare(app, common, chosen);
    command::add_plugins(app, common, chosen);
    command::add_plan(app, common, chosen);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? command::done : command::bad_input;
    }
    return chosen();
} catch (const repal::InputError& error) {
    fmt::print(stderr, "repal: {}\n", error.what());
    return command::bad_input;
} catch (const std::exception& error) {
    fmt::print(stderr, "repal: {}\n", error.what());
    return command::failure;
}
