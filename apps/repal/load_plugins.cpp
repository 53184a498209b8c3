module;

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "commands.hpp"
#include "print_error.hpp"

module command.load_plugins;

namespace command {
namespace {

std::atomic<bool> plugins_may_call_exit = true;

void say_that_a_plugin_has_called_exit() {
    if (plugins_may_call_exit) return;
    // Another thread may call it as well, and shall not go on to the destructors that come next.
    std::atexit(say_that_a_plugin_has_called_exit);
    static std::atomic<bool> is_said = false;
    while (is_said.exchange(true)) pause();
    print_error(
        "repal: a plugin has ended the program; with --isolate it ends its own process, and only what it "
        "was asked for fails\n");
    _exit(failure);
}

}  // namespace

void forget_plugins() {
    plugins_may_call_exit = true;
}

repal::Registry load_plugins(const CommonOptions& common) {
    std::atexit(say_that_a_plugin_has_called_exit);
    plugins_may_call_exit = false;
    auto registry = repal::Registry::load(repal::plugin_path(common.plugin_path),
                                          {.is_on = common.is_isolated, .timeout_s = common.plugin_timeout_s});
    // Again, to come before the destructors of what was loaded; twice, for two threads at once.
    std::atexit(say_that_a_plugin_has_called_exit);
    std::atexit(say_that_a_plugin_has_called_exit);
    return registry;
}

}  // namespace command
