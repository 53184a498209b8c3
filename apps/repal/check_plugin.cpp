#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "commands.hpp"
#include "terminal.hpp"

import repal.config;
import repal.conformance;
import repal.process;
import repal.protocol;

namespace command {
namespace {

/// The checks of one plugin, in a process that it may crash.
class CheckedPlugin {
 public:
    CheckedPlugin(std::filesystem::path file, const CommonOptions& common) : file_(std::move(file)), common_(common) {}

    std::vector<repal::Finding> run_all() {
        for (const std::string& name : start()) names_.push_back(name);
        std::vector<repal::Finding> findings;
        for (std::size_t i = 0; i < names_.size(); ++i) {
            findings.push_back(run(i));
            if (hangs_) break;
        }
        return findings;
    }

    const std::string& title() const { return title_; }
    const std::vector<std::string>& names() const { return names_; }

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

void print(const std::vector<std::string>& names, const std::vector<repal::Finding>& findings) {
    const std::size_t width = std::ranges::max(names, {}, &std::string::size).size();
    for (std::size_t i = 0; i < findings.size(); ++i)
        fmt::print("{:{}}  {}{}{}\n", names[i], width, word_of(findings[i].verdict),
                   findings[i].detail.empty() ? "" : "  ", findings[i].detail);
}

int check_plugin(const std::filesystem::path& file, const CommonOptions& common) {
    CheckedPlugin plugin(std::filesystem::absolute(file), common);
    std::vector<repal::Finding> findings;
    try {
        findings = plugin.run_all();
    } catch (const repal::InputError& error) {
        throw error.where().empty() ? error.at(file.string()) : error;
    } catch (const std::exception& error) {
        throw repal::InputError(file.string(), fmt::format("it cannot be checked: {}", error.what()));
    }

    const auto has_failed = [](const repal::Finding& finding) { return finding.verdict == repal::Verdict::failed; };
    const auto failures = std::ranges::count_if(findings, has_failed);
    const std::size_t not_run = plugin.names().size() - findings.size();
    fmt::print("{}\n\n", plugin.title());
    print(plugin.names(), findings);
    fmt::print("\n");
    if (not_run > 0) fmt::print("{} checks were not run, since the plugin hangs\n", not_run);
    if (failures == 0)
        fmt::print("all {} checks passed\n", findings.size());
    else
        fmt::print("{} of {} checks failed\n", failures, findings.size());
    return failures == 0 ? done : bad_input;
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
