#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
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
        "to submit what is left, unless it is queued: {}sbatch/submit.sh {}\nor a stage alone, when the one before has "
        "ended:\n",
        submission.plugins, submission.arguments);
    for (const repal::Job& job : jobs) {
        const auto items = static_cast<std::size_t>(
            std::ranges::count_if(left, [&](const repal::Item& item) { return item.job_name() == job.name; }));
        if (items > 0)
            fmt::print("  {}{} sbatch --array=0-{} sbatch/{}.sh    # {} items\n", submission.plugins,
                       submission.settings, std::min(items, most_tasks) - 1, job.name, items);
    }
}

int status(const std::string& name, const CommonOptions& common) {
    const std::filesystem::path results = std::filesystem::path(common.results) / name;
    const auto registry = load_plugins(common);
    const std::string config = config_of(results, common);
    const auto study = repal::make_study(name, repal::Config::load(config, common.overrides), registry);

    std::vector<std::vector<std::string>> rows = {{"stage", "items", "done", "running", "failed", "missing"}};
    std::vector<repal::Item> failed;
    std::vector<repal::Item> left;
    bool is_all_done = true;
    const repal::Plan plan = study->plan(results);
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
        fmt::print("failed: {} more; `{}repal plan {} -v` lists all\n", failed.size() - shown, submission.plugins,
                   submission.arguments);
    if (is_all_done) fmt::print("all is done; report: {}\n", (results / "report.html").string());
    if (!left.empty()) {
        fmt::print("to go on: {}repal run {}\n", submission.plugins, submission.arguments);
        print_submissions(study->jobs(plan), left, submission);
    }
    return done;
}

}  // namespace

void add_status(CLI::App& app, const CommonOptions& common, Chosen& chosen) {
    auto study = std::make_shared<std::string>();
    auto* sub = app.add_subcommand("status", "what of a study is done, running, failed, missing, and how to go on");
    sub->add_option("study", *study, fmt::format("{}", fmt::join(repal::study_names(), " or ")))->required();
    sub->callback([&common, &chosen, study] { chosen = [&common, study] { return status(*study, common); }; });
}

}  // namespace command
