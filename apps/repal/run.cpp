#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "commands.hpp"
#include "environment.hpp"
#include "print_error.hpp"
#include "signals.hpp"
#include "submission.hpp"

import command.load_plugins;
import command.selection;
import command.study_to_run;
import command.terminal;
import repal.costs;
import repal.file;
import repal.progress;
import repal.studies;

namespace command {
namespace {

struct StageOptions {
    std::string study;
    std::string array;
    std::string stage;  ///< empty: all of the study
    SelectionOptions selection;
};

repal::Shard read_shard(const std::string& text) {
    repal::Shard shard;
    if (text.empty()) return shard;
    const std::size_t slash = text.find('/');
    const auto number = [&](const std::string& part, std::size_t& value) {
        const auto [end, failure] = std::from_chars(part.data(), part.data() + part.size(), value);
        return failure == std::errc() && end == part.data() + part.size();
    };
    if (slash == std::string::npos || !number(text.substr(0, slash), shard.index) ||
        !number(text.substr(slash + 1), shard.count))
        throw repal::InputError("--array " + text, "expected I/N, e.g. 0/3");
    if (shard.index >= shard.count)
        throw repal::InputError("--array " + text, "I counts from 0 and must be below N",
                                fmt::format("0/{0} to {1}/{0}", shard.count, shard.count == 0 ? 0 : shard.count - 1));
    return shard;
}

void print_summary(const TerminalProgress& progress, Tone tone, const CommonOptions& common) {
    const std::string summary = progress.summary();
    if (!common.is_quiet && !summary.empty()) fmt::print("{}\n", toned(tone, "done: " + summary, stdout));
}

/// Whether the stages have any, of the selection. Throws InputError if that names what is not there.
bool has_items_to_do(const std::vector<repal::Stage>& stages, const repal::RunOptions& options) {
    bool has_any = false;
    for (const repal::Stage& stage : stages)
        has_any |= std::ranges::any_of(stage.plan(options.results, options.selection),
                                       [](const auto& planned) { return planned.second != repal::ItemState::done; });
    return has_any;
}

/// Before hours of work: can results be written there, and soon? What is there of another configuration?
void begin(const repal::Study& study, const std::filesystem::path& results, repal::Progress& progress) {
    if (study.has_others(results))
        progress.warn(results.string(),
                      "these results are of another configuration: its tables and report are removed, and what it "
                      "determines is made again");
    constexpr double slow = 5;  // s, for a file of some kilobytes
    const repal::Stopwatch stopwatch;
    study.begin(results);
    if (stopwatch.seconds() > slow)
        progress.warn(results.string(), fmt::format("writing config.yaml took {:.0f} s: the disk is slow{}",
                                                    stopwatch.seconds(), of_node()));
}

/// Removes files that write_file() began and whose process was killed: those that nobody has touched for a day.
void remove_abandoned(const std::filesystem::path& folder) {
    constexpr std::chrono::hours long_enough(24);
    const auto latest = std::filesystem::file_time_type::clock::now() - long_enough;
    std::error_code none;  // another process may be quicker
    for (std::filesystem::recursive_directory_iterator entry(folder, none), end; entry != end; entry.increment(none)) {
        const std::string name = entry->path().filename().string();
        if (!name.starts_with(".repal-") || !name.ends_with(".tmp")) continue;
        if (entry->last_write_time(none) < latest && !none) std::filesystem::remove(entry->path(), none);
        if (none) return;
    }
}

/// Tables, what they say, and the page, of a study that is done.
int conclude(const repal::Study& study, const repal::Plan& plan, const repal::RunOptions& options,
             const CommonOptions& common, TerminalProgress& progress) {
    progress.begin("report", 1);
    const repal::Findings findings = study.find(options.results);
    study.write(findings, options);
    const std::filesystem::path page = options.results / "report.html";
    repal::write_file(page, repal::html(study.page(findings, plan, options), repal::plotting_library()));
    remove_abandoned(options.results);
    progress.advance();
    progress.end();
    for (const repal::Table& rows : findings.overview)
        if (!common.is_quiet) fmt::print("{}\n", table(rows));
    if (!findings.failures.empty()) print_error("repal: {}\n", toned(Tone::bad, findings.failures, stderr));
    print_summary(progress, findings.failures.empty() ? Tone::good : Tone::bad, common);
    fmt::print("results: {}\nreport: {}\n", options.results.string(), page.string());
    return findings.failures.empty() ? done : some_failed;
}

int run(const StageOptions& options, const CommonOptions& common) {
    const auto registry = load_plugins(common);
    const std::filesystem::path results = std::filesystem::path(common.results) / options.study;
    const auto [config_file, study] = study_to_run(options.study, registry, common);
    const repal::RunOptions run_options{.results = results,
                                        .shard = read_shard(options.array),
                                        .jobs = common.jobs,
                                        .command = common.typed,
                                        .selection = read_selection(options.selection, *study, results)};
    std::vector<repal::Stage> stages = study->stages();
    if (!options.stage.empty()) stages = {study->stage(options.stage)};
    TerminalProgress progress(common.is_quiet, common.is_verbose);
    stop_on_signals();
    // What is selected wrongly is refused before anything is changed; train and generate look at no experiments.
    if (!run_options.selection.experiments.empty()) (void)has_items_to_do(study->stages(), run_options);
    const bool has_work = has_items_to_do(stages, run_options);
    begin(*study, run_options.results, progress);
    if (has_work) study->forget_tables(run_options.results);
    for (const auto& [file, cause] : registry.refused())
        progress.warn("plugin " + file.string(), "is not used: " + cause);
    repal::begin_holding(available_processors());
    for (const repal::Stage& stage : stages) study->run(stage, run_options, progress);
    repal::record_held(run_options.results);

    const repal::Plan plan = study->plan(run_options.results);
    if (count(plan, repal::ItemState::missing) > 0) {
        print_summary(progress, Tone::good, common);
        const Submission submission = submission_of(options.study, config_file, common);
        fmt::print(
            "this part is done; other items are missing, see `{0} plan {1}`; `{0} report {1}` shows what is there, "
            "tables are written when all is done\n",
            submission.program, submission.settled_arguments());
        const std::size_t failed = count(plan, repal::ItemState::failed);
        if (failed == 0) return done;
        print_error("repal: {} items have failed; `{} plan {} -v` lists them\n", failed, submission.program,
                    submission.settled_arguments());
        return some_failed;
    }
    return conclude(*study, plan, run_options, common, progress);
}

void add_stage(CLI::App& app, const std::string& name, const std::string& description, const std::string& stage,
               const CommonOptions& common, Chosen& chosen) {
    auto options = std::make_shared<StageOptions>();
    options->stage = stage;
    auto* sub = app.add_subcommand(name, description);
    sub->add_option("study", options->study, fmt::format("{}", fmt::join(repal::study_names(), " or ")))->required();
    if (stage.empty()) sub->add_option("--stage", options->stage, "only this stage");
    sub->add_option("--array", options->array, "I/N: do every N-th item, beginning with item I (from 0)");
    add_selection(*sub, options->selection);
    sub->callback([&common, &chosen, options] { chosen = [&common, options] { return run(*options, common); }; });
}

}  // namespace

void add_run(CLI::App& app, const CommonOptions& common, Chosen& chosen) {
    add_stage(app, "run", "every stage of a study, going on where an interrupted run stopped", "", common, chosen);
    add_stage(app, "generate", "the stage that makes data", "generate", common, chosen);
    add_stage(app, "train", "the stage that trains networks", "train", common, chosen);
    add_stage(app, "dissimilarity", "the stage that compares", "dissimilarity", common, chosen);
}

}  // namespace command
