#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "commands.hpp"
#include "environment.hpp"
#include "signals.hpp"
#include "submission.hpp"

import command.load_plugins;
import command.selection;
import command.study_to_run;
import command.terminal;
import repal.allocation;
import repal.config;
import repal.memory;
import repal.progress;
import repal.registry;
import repal.studies;

namespace command {
namespace {

struct PlanOptions {
    std::string study;
    std::string stage;
    bool is_json = false;
    bool is_for_slurm = false;
    bool is_measured = false;
    int processors = 4;  ///< of a task
    SelectionOptions selection;
};

/// 125 -> 2:05:00
std::string hours(int minutes) {
    return fmt::format("{}:{:02}:00", minutes / 60, minutes % 60);
}

/// Items that were measured in another configuration, by their stage, and what they have cost.
struct Likes {
    std::map<std::string, repal::PlannedItems> items;
    std::map<std::string, repal::StageCost> costs;
};

/// Where networks are measured, beside the results; of other studies the results themselves.
std::filesystem::path measured_in(const std::filesystem::path& results, const std::string& study) {
    return study == "neurotasks" ? results / "measured" : results;
}

/// Settings in which networks take as little as they can: one epoch, and of each list of hyperparameters what is in its
/// middle.
std::vector<std::string> shortened(const repal::Config& config) {
    std::vector<std::string> overrides = {"studies.neurotasks.training.num_epochs=1",
                                          "studies.neurotasks.networks.replicates=1"};
    const repal::Config networks = config.at("studies").at("neurotasks").at("networks");
    for (const char* name : {"cell", "activation", "n_rnn", "learning_rate", "batch_size", "initialiser"}) {
        if (!networks.has(name)) continue;
        const std::vector<repal::Config> all = networks.at(name).elements(1);
        overrides.push_back(fmt::format("studies.neurotasks.networks.{}=[{}]", name, all[all.size() / 2].yaml()));
    }
    return overrides;
}

/// The first of each kind, which is a name without the number of its block; at most twelve, evenly spaced.
std::set<std::string> one_of_each_kind(const repal::PlannedItems& items) {
    std::vector<std::string> kinds;
    std::vector<std::string> firsts;
    for (const auto& [item, state] : items) {
        const std::string kind = item.name.substr(0, item.name.find_last_of("-/"));
        if (std::ranges::find(kinds, kind) != kinds.end()) continue;
        kinds.push_back(kind);
        firsts.push_back(item.name);
    }
    constexpr std::size_t most = 12;
    std::set<std::string> chosen;
    const std::size_t n = std::min(most, firsts.size());
    for (std::size_t i = 0; i < n; ++i) chosen.insert(firsts[i * firsts.size() / n]);
    return chosen;
}

/// The study as it is measured: networks are trained for one epoch, all of one setting, so that they can be compared.
std::unique_ptr<repal::Study> measured_study(const PlanOptions& options, const CommonOptions& common,
                                             const repal::Registry& registry) {
    std::vector<std::string> overrides = common.overrides;
    const std::string file = config_to_run(std::filesystem::path(common.results) / options.study, common);
    const repal::Config config = repal::Config::load(file, overrides);
    if (options.study == "neurotasks")
        for (std::string& more : shortened(config)) overrides.push_back(std::move(more));
    return repal::make_study(options.study, repal::Config::load(file, overrides), registry);
}

/// What was measured apart, now or before. What was done among the results themselves is counted there.
Likes likes_of(const PlanOptions& options, const CommonOptions& common, const repal::Registry& registry) {
    const std::filesystem::path results = std::filesystem::path(common.results) / options.study;
    const std::filesystem::path measured = measured_in(results, options.study);
    Likes likes;
    if (measured == results) return likes;
    likes.costs = repal::read_costs(measured);
    if (likes.costs.empty()) return likes;
    // Once all was measured only the costs are left.
    const bool is_whole = std::ranges::distance(std::filesystem::directory_iterator(measured)) == 1;
    const auto study = measured_study(options, common, registry);
    for (const repal::Stage& stage : study->stages()) {
        repal::PlannedItems items = stage.plan(measured, {});
        for (auto& [item, state] : items)
            if (is_whole && likes.costs[stage.name].core_seconds.contains(item.key)) state = repal::ItemState::done;
        likes.items[stage.name] = std::move(items);
    }
    return likes;
}

/// Does one item of each kind; of networks only the costs stay.
void measure(const PlanOptions& options, const CommonOptions& common, const repal::Registry& registry) {
    const std::filesystem::path own = std::filesystem::path(common.results) / options.study;
    const std::filesystem::path results = measured_in(own, options.study);
    const bool is_apart = results != own;
    const auto study = measured_study(options, common, registry);
    TerminalProgress progress(common.is_quiet, common.is_verbose);
    stop_on_signals();
    if (is_apart) study->begin(results);
    for (const repal::Stage& stage : study->stages()) {
        repal::Selection selection;
        if (stage.name != "train") selection.items = one_of_each_kind(stage.plan(results, {}));
        study->run(stage,
                   {.results = results,
                    .shard = {},
                    .jobs = common.jobs,
                    .command = common.typed,
                    .selection = std::move(selection)},
                   progress);
    }
    if (is_apart)
        for (const auto& entry : std::filesystem::directory_iterator(results))
            if (entry.path().filename() != "costs") std::filesystem::remove_all(entry.path());
}

/// What to ask the cluster for, stage by stage, and in one line for all.
void print_allocations(const repal::Study& study, const repal::Selection& selection, const PlanOptions& options,
                       const CommonOptions& common, const Likes& likes) {
    const std::filesystem::path results = std::filesystem::path(common.results) / options.study;
    auto costs = repal::read_costs(results);
    for (const auto& [stage, cost] : likes.costs) {
        costs[stage].core_seconds.insert(cost.core_seconds.begin(), cost.core_seconds.end());
        costs[stage].peak_bytes = std::max(costs[stage].peak_bytes, cost.peak_bytes);
    }
    const Submission submission = submission_of(options.study, config_to_run(results, common), common);
    std::vector<std::vector<std::string>> rows = {
        {"stage", "to do", "measured", "core hours", "array", "time", "memory"}};
    std::string unmeasured;
    repal::Allocation largest;
    for (const repal::Stage& planned_stage : study.stages()) {
        const std::string& stage = planned_stage.name;
        if (!options.stage.empty() && stage != options.stage) continue;
        const repal::PlannedItems items = planned_stage.plan(results, selection);
        const auto to_do =
            std::ranges::count_if(items, [](const auto& planned) { return planned.second != repal::ItemState::done; });
        const auto cost = costs.find(stage);
        const auto like = likes.items.find(stage);
        const auto found = cost == costs.end()
                               ? std::nullopt
                               : repal::allocate(items, cost->second, options.processors,
                                                 like == likes.items.end() ? repal::PlannedItems() : like->second);
        std::vector<std::string> row = {stage, fmt::format("{}", to_do)};
        if (!found && to_do > 0) {
            row.insert(row.end(), {"0", "?", "?", "?", "?"});
            constexpr std::array<std::string_view, 3> commands = {"generate", "train", "dissimilarity"};
            const bool is_command = std::ranges::find(commands, stage) != commands.end();
            unmeasured +=
                fmt::format("\n  {} {} {}{} --array 0/{}", submission.program, is_command ? stage : "run",
                            submission.settled_arguments(), is_command ? "" : " --stage " + stage, items.size());
        } else if (found && to_do > 0) {
            row.insert(row.end(),
                       {fmt::format("{}", found->measured), fmt::format("{:.2g}", found->core_seconds / 3600),
                        fmt::format("0-{}", found->tasks - 1), hours(found->limit_minutes),
                        fmt::format("{}M", found->megabytes)});
            largest.tasks = std::max(largest.tasks, found->tasks);
            largest.limit_minutes = std::max(largest.limit_minutes, found->limit_minutes);
            largest.megabytes = std::max(largest.megabytes, found->megabytes);
        }
        rows.push_back(std::move(row));
    }
    fmt::print("{}", table(rows));
    if (!unmeasured.empty())
        fmt::print("not measured here yet; --measure does one item of each kind, or, by hand:{}\n", unmeasured);
    if (largest.limit_minutes > 0 && !submission.overrides.empty())
        fmt::print("jobs do not get --set: write it into the configuration\n");
    else if (largest.limit_minutes > 0)
        fmt::print("for {}: {}{}/submit.sh {} --shards {} --time={} --mem={}M --cpus-per-task={}\n",
                   unmeasured.empty() ? "all" : "what is measured", submission.plugins, submission.scripts,
                   submission.arguments, largest.tasks, hours(largest.limit_minutes), largest.megabytes,
                   options.processors);
}

/// Jobs and items, each in a line of its own, so that a shell can read them, too.
void print_json(const repal::Study& study, const repal::Plan& plan) {
    using Json = nlohmann::ordered_json;
    std::vector<std::string> jobs;
    for (const repal::Job& job : study.jobs(plan)) jobs.push_back(Json{{"job", job.name}, {"after", job.after}}.dump());
    std::vector<std::string> items;
    for (const auto& [stage, planned] : plan)
        for (const auto& [item, state] : planned)
            items.push_back(Json{
                {"stage", stage},
                {"item", item.name},
                {"job", item.job_name()},
                {"state", to_string(state)},
                {"key", item.key},
                {"gflop", item.gflop},
                {"bytes", item.bytes},
                {"files",
                 item.files}}.dump());
    fmt::print("{{\"jobs\": [\n{}\n],\n\"items\": [\n{}\n]}}\n", fmt::join(jobs, ",\n"), fmt::join(items, ",\n"));
}

void print_plan(const repal::Plan& plan, bool is_verbose) {
    std::vector<std::vector<std::string>> rows = {
        {"stage", "items", "done", "failed", "missing", "GFLOP to do", "files to write", "size"}};
    double all_bytes = 0;
    for (const auto& [stage, items] : plan) {
        double gflop = 0;
        double bytes = 0;
        std::size_t files = 0;
        for (const auto& [item, state] : items) {
            if (state == repal::ItemState::done) continue;
            gflop += item.gflop;
            bytes += item.bytes;
            files += item.files;
        }
        all_bytes += bytes;
        std::vector<std::string> row = {stage, fmt::format("{}", items.size())};
        for (const repal::ItemState state :
             {repal::ItemState::done, repal::ItemState::failed, repal::ItemState::missing})
            row.push_back(fmt::format("{}", count({{stage, items}}, state)));
        row.push_back(gflop > 0 ? fmt::format("{:.0f}", gflop) : "");
        row.push_back(files > 0 ? fmt::format("{}", files) : "");
        row.push_back(bytes > 0 ? "about " + repal::bytes_text(bytes) : "");
        rows.push_back(std::move(row));
    }
    fmt::print("{}", table(rows));
    if (all_bytes > 0)
        fmt::print("to be written: about {}, beside embeddings, logs and the report\n", repal::bytes_text(all_bytes));
    for (const auto& [stage, items] : plan)
        for (const auto& [item, state] : items)
            if (is_verbose) fmt::print("{}/{}: {}\n", stage, item.name, to_string(state));
}

int plan(const PlanOptions& options, const CommonOptions& common) {
    const auto registry = load_plugins(common);
    const std::filesystem::path results = std::filesystem::path(common.results) / options.study;
    const auto study = study_to_run(options.study, registry, common).study;

    if (!options.stage.empty()) study->stage(options.stage);  // throws if there is none
    const repal::Selection selection = read_selection(options.selection, *study, results);
    if (options.is_for_slurm) {
        if (options.is_measured) measure(options, common, registry);
        print_allocations(*study, selection, options, common, likes_of(options, common, registry));
        return done;
    }
    repal::Plan plan;
    for (const repal::Stage& stage : study->stages())
        if (options.stage.empty() || stage.name == options.stage)
            plan.emplace_back(stage.name, stage.plan(results, selection));
    if (options.is_json)
        print_json(*study, plan);
    else
        print_plan(plan, common.is_verbose);
    return done;
}

}  // namespace

void add_plan(CLI::App& app, const CommonOptions& common, Chosen& chosen) {
    auto options = std::make_shared<PlanOptions>();
    auto* sub = app.add_subcommand("plan", "the items of a study: done, failed, missing (each with -v)");
    sub->add_option("study", options->study, fmt::format("{}", fmt::join(repal::study_names(), " or ")))->required();
    sub->add_option("--stage", options->stage, "only this stage");
    add_selection(*sub, options->selection);
    auto* json = sub->add_flag("--json", options->is_json, "print JSON");
    auto* slurm = sub->add_flag("--slurm", options->is_for_slurm,
                                "what to ask a cluster for, from what items have cost that are done");
    slurm->excludes(json);
    sub->add_flag("--measure", options->is_measured, "do one item of each kind before, minutes, to know what they cost")
        ->needs(slurm);
    sub->add_option("--cpus-per-task", options->processors, "of a task of the cluster")
        ->check(no_number_of_processors)
        ->capture_default_str()
        ->needs(slurm);
    sub->callback([&common, &chosen, options] { chosen = [&common, options] { return plan(*options, common); }; });
}

}  // namespace command
