#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "commands.hpp"
#include "submission.hpp"

import command.load_plugins;
import command.terminal;
import repal.claims;
import repal.config;
import repal.studies;

namespace command {
namespace {

struct StatusOptions {
    std::string study;
    double seconds = 0;  ///< after which it is printed again; 0: never
};

/// How far one stage is.
struct StageStatus {
    std::size_t items = 0;
    std::vector<repal::Item> running = {};
    std::vector<repal::Item> failed = {};
    std::vector<repal::Item> missing = {};

    std::size_t done() const { return items - running.size() - failed.size() - missing.size(); }
};

StageStatus status_of(const repal::PlannedItems& planned, const std::filesystem::path& results) {
    repal::Progress silent;
    const repal::Claims claims(results, silent);
    StageStatus status{.items = planned.size()};
    for (const auto& [item, state] : planned) {
        if (state == repal::ItemState::done) continue;
        const bool is_missing = state == repal::ItemState::missing;
        (claims.is_taken(item) ? status.running : is_missing ? status.missing : status.failed).push_back(item);
    }
    return status;
}

/// Commands that submit what is left, all or a stage each.
void print_submissions(const std::vector<repal::Job>& jobs, const std::vector<repal::Item>& left,
                       const Submission& submission) {
    constexpr std::size_t most_tasks = 10;
    fmt::print(
        "to submit what is left, unless it is queued: {}{}/submit.sh {}\nor a stage alone, when the one before has "
        "ended:\n",
        submission.plugins, submission.scripts, submission.arguments);
    for (const repal::Job& job : jobs) {
        const auto items = static_cast<std::size_t>(
            std::ranges::count_if(left, [&](const repal::Item& item) { return item.job_name() == job.name; }));
        if (items > 0)
            fmt::print("  {}{} sbatch --array=0-{} {}/{}.sh    # {} items\n", submission.plugins, submission.settings,
                       std::min(items, most_tasks) - 1, submission.scripts, job.name, items);
    }
}

/// Whether all is done, and written.
bool print_status(const repal::Study& study, const std::string& name, const std::filesystem::path& results,
                  const std::string& config, const CommonOptions& common, bool is_watching) {
    std::vector<std::vector<std::string>> rows = {{"stage", "items", "done", "running", "failed", "missing"}};
    std::vector<repal::Item> failed;
    std::vector<repal::Item> left;
    bool is_all_done = true;
    const repal::Plan plan = study.plan(results);
    for (const auto& [stage, planned] : plan) {
        const StageStatus found = status_of(planned, results);
        std::vector<std::string> row = {stage};
        for (const std::size_t count :
             {found.items, found.done(), found.running.size(), found.failed.size(), found.missing.size()})
            row.push_back(fmt::format("{}", count));
        rows.push_back(std::move(row));
        is_all_done = is_all_done && found.done() == found.items;
        failed.insert(failed.end(), found.failed.begin(), found.failed.end());
        left.insert(left.end(), found.failed.begin(), found.failed.end());
        left.insert(left.end(), found.missing.begin(), found.missing.end());
    }
    fmt::print("{}", table(rows));
    const Submission submission = submission_of(name, config, common);
    constexpr std::size_t shown = 5;
    for (std::size_t i = 0; i < std::min(shown, failed.size()); ++i)
        fmt::print("failed: {}/{}\n", failed[i].stage, failed[i].name);
    if (failed.size() > shown)
        fmt::print("failed: {} more; `{} plan {} -v` lists all\n", failed.size() - shown, submission.program,
                   submission.settled_arguments());
    const std::filesystem::path page = results / "report.html";
    const bool is_written = is_all_done && study.has_tables(results) && std::filesystem::is_regular_file(page);
    if (is_written)
        fmt::print("all is done; report: {}\n", page.string());
    else if (is_all_done)
        fmt::print("all items are done; tables and the page are written by: {} {} {}\n", submission.program,
                   study.has_others(results) ? "run" : "report", submission.settled_arguments());
    if (!left.empty() && !is_watching) {
        fmt::print("to go on: {} run {}\n", submission.program, submission.settled_arguments());
        if (submission.overrides.empty())
            print_submissions(study.jobs(plan), left, submission);
        else
            fmt::print("jobs do not get --set: write it into the configuration\n");
    }
    return is_written;
}

int status(const StatusOptions& options, const CommonOptions& common) {
    const std::filesystem::path results = std::filesystem::path(common.results) / options.study;
    const auto registry = load_plugins(common);
    const std::string config = config_of(results, common);
    const auto study = repal::make_study(options.study, repal::Config::load(config, common.overrides), registry);
    while (!print_status(*study, options.study, results, config, common, options.seconds > 0) && options.seconds > 0) {
        std::fflush(stdout);
        std::this_thread::sleep_for(std::chrono::duration<double>(options.seconds));
        // A terminal shows the newest alone.
        fmt::print("{}", isatty(STDOUT_FILENO) != 0 ? "\x1b[H\x1b[2J" : "\n");
        const std::time_t now = std::time(nullptr);
        fmt::print("{:%F %T}\n", fmt::localtime(now));
    }
    return done;
}

}  // namespace

void add_status(CLI::App& app, const CommonOptions& common, Chosen& chosen) {
    auto options = std::make_shared<StatusOptions>();
    auto* sub = app.add_subcommand("status", "what of a study is done, running, failed, missing, and how to go on");
    sub->add_option("study", options->study, fmt::format("{}", fmt::join(repal::study_names(), " or ")))->required();
    sub->add_option("--watch", options->seconds, "again after so many seconds (10), until all is done")
        ->expected(0, 1)
        ->default_str("10")
        ->check(CLI::Range(0.1, 86400.0));
    sub->callback([&common, &chosen, options] { chosen = [&common, options] { return status(*options, common); }; });
}

}  // namespace command
