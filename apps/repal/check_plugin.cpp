#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "commands.hpp"

import command.terminal;
import repal.config;
import repal.conformance;
import repal.process;
import repal.protocol;

namespace command {
namespace {

/// The checks of one plugin, in a process that it may crash.
class CheckedPlugin {
 public:
    /// Throws whatever keeps it from being checked.
    CheckedPlugin(std::filesystem::path file, const CommonOptions& common) : file_(std::move(file)), common_(common) {
        names_ = start();
    }

    const std::string& title() const { return title_; }
    const std::vector<std::string>& names() const { return names_; }

    /// What becomes of the check of that index into names().
    repal::Finding run(std::size_t index) {
        try {
            repal::Message answer = ask(repal::Message().put(repal::Request::check).put(index));
            const auto verdict = answer.get<repal::Verdict>();
            return {verdict, answer.get<std::string>()};
        } catch (const repal::NoAnswer& failure) {
            hangs_ = failure.is_late();
            if (!hangs_) start();
            return {repal::Verdict::failed, failure.what()};
        } catch (const std::exception& error) {
            return {repal::Verdict::failed, fmt::format("it throws '{}'", error.what())};
        }
    }

    /// It did not answer; other checks would only wait as long.
    bool hangs() const { return hangs_; }

 private:
    /// A new process; gives back what can be checked.
    std::vector<std::string> start() {
        process_.emplace(std::vector<std::string>{std::string(repal::worker_command), file_.string()});
        repal::Message description = ask(repal::Message().put(repal::Request::describe));
        const bool is_metric = description.get<repal::PluginKind>() == repal::PluginKind::metric;
        repal::OptionValues options;
        if (is_metric)
            options = chosen("metric", description.get<repal::MetricInfo>());
        else
            options = chosen("task", description.get<repal::TaskInfo>());
        return ask(repal::Message().put(repal::Request::list_checks).put(options)).get<std::vector<std::string>>();
    }

    template <class Info>
    repal::OptionValues chosen(const std::string& kind, const Info& info) {
        title_ = fmt::format("{} {} {}", kind, info.name, info.version);
        const auto config = repal::Config::from_overrides(common_.overrides);
        config.require_keys({info.name});
        return config.at_or_empty(info.name).options(info.options);
    }

    repal::Message ask(const repal::Message& question) {
        process_->send(question, common_.plugin_timeout_s);
        return repal::answer_of(process_->receive(common_.plugin_timeout_s));
    }

    std::filesystem::path file_;
    const CommonOptions& common_;
    std::optional<repal::Process> process_;
    std::string title_;
    std::vector<std::string> names_;
    bool hangs_ = false;
};

std::string word_of(repal::Verdict verdict) {
    switch (verdict) {
        case repal::Verdict::passed:
            return toned(Tone::good, "passed", stdout);
        case repal::Verdict::noted:
            return toned(Tone::warning, "note  ", stdout);
        default:
            return toned(Tone::bad, "FAILED", stdout);
    }
}

int print_checks(CheckedPlugin& plugin) {
    const std::size_t width = std::ranges::max(plugin.names(), {}, &std::string::size).size();
    std::size_t failures = 0;
    std::size_t run = 0;
    fmt::print("{}\n\n", plugin.title());
    for (; run < plugin.names().size() && !plugin.hangs(); ++run) {
        const auto [verdict, detail] = plugin.run(run);
        fmt::print("{:{}}  {}{}{}\n", plugin.names()[run], width, word_of(verdict), detail.empty() ? "" : "  ", detail);
        std::fflush(stdout);
        if (verdict == repal::Verdict::failed) ++failures;
    }
    fmt::print("\n");
    if (run < plugin.names().size())
        fmt::print("{} checks were not run, since the plugin hangs\n", plugin.names().size() - run);
    if (failures == 0)
        fmt::print("all {} checks passed\n", run);
    else
        fmt::print("{} of {} checks failed\n", failures, run);
    return failures == 0 ? done : bad_input;
}

int check_plugin(const std::filesystem::path& file, const CommonOptions& common) {
    try {
        CheckedPlugin plugin(std::filesystem::absolute(file), common);
        return print_checks(plugin);
    } catch (const repal::InputError& error) {
        throw error.where().empty() ? error.at(file.string()) : error;
    } catch (const std::exception& error) {
        throw repal::InputError(file.string(), fmt::format("it cannot be checked: {}", error.what()));
    }
}

}  // namespace

void add_check_plugin(CLI::App& app, const CommonOptions& common, Chosen& chosen) {
    auto* sub = app.add_subcommand("check-plugin", "try whether a plugin keeps what its interface promises");
    auto file = std::make_shared<std::filesystem::path>();
    sub->add_option("file", *file, "the shared object, e.g. build/metric_mine.so")
        ->required()
        ->check(CLI::ExistingFile);
    sub->callback([&common, &chosen, file] { chosen = [&common, file] { return check_plugin(*file, common); }; });
}

}  // namespace command
