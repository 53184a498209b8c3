module;
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>
module repal.neurotask_data;

import repal.claims;
import repal.costs;
import repal.hash;
import repal.store;

namespace repal {
namespace {

NamedTask read_task(const std::string& name, const Config& value, const Registry& registry) {
    const Config plugin = value.at("task");
    const LoadedTask* loaded = nullptr;
    try {
        loaded = &registry.task(plugin.text());
    } catch (const InputError& unknown) {
        throw plugin.error(unknown.problem(), unknown.hint());
    }
    if (loaded->info.actions.empty() && loaded->info.outputs.empty())
        throw plugin.error(fmt::format("'{}' is a simulation, there is nothing to be learned", plugin.text()));
    const std::vector<std::string> other_keys = {"task"};
    const OptionValues options = value.options(loaded->info.options, other_keys);
    try {
        const std::string text =
            fmt::format("{}-{}({})", loaded->info.name, loaded->info.version, canonical(loaded->info.options, options));
        NamedTask read{name, text, loaded->info, loaded->make(options)};
        if (read.task->n_conditions() == 0) throw InputError("", "there is no condition to draw, e.g. no coherence");
        return read;
    } catch (const InputError& invalid) {
        throw value.error(invalid.what());
    }
}

/// The tasks of all rulesets, each once, in their order there.
std::vector<NamedTask> read_ruled_tasks(const Config& study, const Registry& registry) {
    std::map<std::string, Config> defined;
    std::vector<std::string> names;
    for (const auto& [name, value] : study.at("tasks").items()) {
        defined.emplace(name, value);
        names.push_back(name);
    }
    std::vector<NamedTask> tasks;
    const auto rulesets = study.at("rulesets").items();
    if (rulesets.empty()) throw study.at("rulesets").error("there is no ruleset");
    for (const auto& [ruleset, rules] : rulesets)
        for (const Config& rule : rules.elements(1)) {
            const auto found = defined.find(rule.text());
            if (found == defined.end())
                throw rule.error(fmt::format("unknown task '{}'", rule.text()), suggest(rule.text(), names));
            if (std::ranges::find(tasks, rule.text(), &NamedTask::name) == tasks.end())
                tasks.push_back(read_task(rule.text(), found->second, registry));
        }
    return tasks;
}

/// Training and validation have the timing of training; a test sequence is one trial, whatever the packing.
std::vector<std::pair<std::string, DatasetRecipe>> read_splits(const Config& data) {
    data.require_keys({"train", "validation", "test", "packing", "sequence_steps", "loss_mask", "balanced"});
    const std::vector<std::string> packings = {"sequence", "trial"};
    const std::vector<std::string> masks = {"decision", "none"};
    DatasetRecipe recipe;
    recipe.packing = data.text_or("packing", "trial", packings) == "sequence" ? Packing::sequence : Packing::trial;
    if (recipe.packing == Packing::sequence) recipe.sequence_steps = data.at("sequence_steps").integer(2, 1'000'000);
    recipe.loss_mask = data.text_or("loss_mask", "decision", masks) == "none" ? LossMask::none : LossMask::decision;
    recipe.is_balanced = !data.has("balanced") || data.at("balanced").boolean();

    const auto split = [&](const char* name) {
        recipe.sequences = static_cast<std::size_t>(data.at(name).integer(1, 100'000'000));
        return std::pair(std::string(name), recipe);
    };
    std::vector<std::pair<std::string, DatasetRecipe>> splits = {split("train"), split("validation")};
    recipe.phase = Phase::test;
    recipe.packing = Packing::trial;
    recipe.sequence_steps = 0;
    splits.push_back(split("test"));
    splits.emplace_back(retest, splits.back().second);
    return splits;
}

std::string text_of(const DatasetRecipe& recipe) {
    return fmt::format("phase={} sequences={} packing={} steps={} mask={} balanced={}", static_cast<int>(recipe.phase),
                       recipe.sequences, static_cast<int>(recipe.packing), recipe.sequence_steps,
                       static_cast<int>(recipe.loss_mask), recipe.is_balanced);
}

double bytes_of(const NamedTask& task, const DatasetRecipe& recipe) {
    const auto steps = recipe.packing == Packing::sequence
                           ? recipe.sequence_steps
                           : task.task->generate(recipe.phase, 0, Stream(0)).observations.rows();
    // Observations, what is wanted, and how much it counts.
    const std::size_t wanted = task.info.actions.empty() ? task.info.outputs.size() : 1;
    const auto values = static_cast<double>(task.info.channels.size() + wanted + 1);
    constexpr double of_trial = 80;  // where it lies, and its periods
    constexpr double around = 12'000;
    const auto sequences = static_cast<double>(recipe.sequences);
    return sequences * (sizeof(float) * values * static_cast<double>(steps) + of_trial) + around;
}

}  // namespace

NeurotaskData::NeurotaskData(const Config& study, std::uint64_t seed, const Registry& registry)
    : seed_(seed), tasks_(read_ruled_tasks(study, registry)), splits_(read_splits(study.at("data"))) {
    for (std::size_t t = 0; t < tasks_.size(); ++t)
        for (const auto& [split, recipe] : splits_) {
            const std::string key = hash_hex(
                fmt::format("seed={} {} {} {} {}", seed_, tasks_[t].name, tasks_[t].identity, split, text_of(recipe)));
            items_.push_back({{.stage = "generate",
                               .name = tasks_[t].name + "-" + split,
                               .key = key,
                               .bytes = bytes_of(tasks_[t], recipe),
                               .files = 2,
                               .job = "generate_data"},
                              t,
                              split,
                              recipe});
        }
}

const NamedTask& NeurotaskData::task(const std::string& name) const {
    return *std::ranges::find(tasks_, name, &NamedTask::name);
}

std::vector<DataItem> NeurotaskData::items(const std::set<std::string>& tasks) const {
    std::vector<DataItem> chosen = items();
    std::erase_if(chosen, [&](const DataItem& item) { return !tasks.contains(tasks_[item.task].name); });
    return chosen;
}

DataItem NeurotaskData::item(const std::string& task, const std::string& split) const {
    const std::vector<DataItem> of_task = items({task});
    return *std::ranges::find(of_task, split, &DataItem::split);
}

std::filesystem::path NeurotaskData::file(const DataItem& item, const std::filesystem::path& results) {
    return results / "data" / (item.name + ".h5");
}

ItemState NeurotaskData::state(const DataItem& item, const std::filesystem::path& results) {
    return ItemFiles(results).state(item, file(item, results));
}

void NeurotaskData::generate(const std::vector<DataItem>& items, const RunOptions& options, Progress& progress) const {
    std::vector<DataItem> missing;
    for (std::size_t i = 0; i < items.size(); ++i)
        if (options.shard.owns(i) && state(items[i], options.results) != ItemState::done) missing.push_back(items[i]);
    if (missing.empty()) return;
    progress.begin("generating", missing.size());
    Claims claims(options.results, progress);
    const auto work = [&](std::size_t i) {
        const Stopwatch stopwatch(options.results, missing[i], options.jobs);
        generate(missing[i], options);
    };
    do_shared({.n = missing.size(),
               .item = [&](std::size_t i) -> const Item& { return missing[i]; },
               .state = [&](std::size_t i) { return state(missing[i], options.results); },
               .work = work},
              claims, 1, progress);
    progress.end();
}

/// A retest has the conditions of the test, trial by trial, and draws everything else anew.
void NeurotaskData::generate(const DataItem& item, const RunOptions& options) const {
    const NamedTask& task = tasks_[item.task];
    const Stream of_task = Stream(seed_).child("data").child(task.name);
    const Stream conditions = of_task.child(item.split == retest ? "test" : item.split);
    const Dataset dataset =
        make_dataset(*task.task, task.info, item.recipe, {conditions, of_task.child(item.split)}, options.jobs);
    const auto ideal = ideal_accuracy(dataset);

    Archive archive = to_archive(dataset);
    archive.attributes.insert({{"program", "repal " REPAL_VERSION},
                               {"study", "neurotasks"},
                               {"task", task.name},
                               {"plugin", task.identity},
                               {"split", item.split},
                               {"key", item.key},
                               {"seed", fmt::format("{}", seed_)}});
    if (ideal) archive.attributes["ideal_accuracy"] = fmt::format("{}", *ideal);
    write_archive(file(item, options.results), archive);

    nlohmann::json result = {
        {"sequences", dataset.sequences}, {"steps", dataset.steps}, {"trials", dataset.trials.size()}};
    if (ideal) result["ideal_accuracy"] = *ideal;
    if (const auto chance = chance_performance(dataset)) result["chance_performance"] = *chance;
    ItemFiles(options.results).write(item, ItemState::done, result.dump());
}

Dataset NeurotaskData::load(const DataItem& item, const std::filesystem::path& results) {
    const std::filesystem::path from = file(item, results);
    const Archive archive = read_archive(from);
    if (archive.attribute("key") != item.key)
        throw InputError(from.string(), "another configuration is being run in this folder");
    try {
        return dataset_from(archive);
    } catch (const InputError& error) {
        throw error.at(from.string());
    }
}

std::optional<PerformanceRange> NeurotaskData::range(const std::string& task,
                                                     const std::filesystem::path& results) const {
    const DataItem validation = item(task, "validation");
    const auto json = ItemFiles(results).read(validation);
    if (!json || !json->contains("chance_performance")) return {};
    try {
        return PerformanceRange{.chance = json->at("chance_performance").get<double>(),
                                .ideal = json->value("ideal_accuracy", 1.0)};
    } catch (const nlohmann::json::exception&) {
        throw ItemFiles(results).was_changed(validation);
    }
}

Table NeurotaskData::table(const std::filesystem::path& results) const {
    Table rows = {{"task", "split", "sequences", "steps", "trials", "ideal_accuracy", "chance_performance"}};
    for (const DataItem& item : items()) {
        const auto result = ItemFiles(results).read(item);
        if (!result) continue;
        const auto count = [&](const char* name) { return fmt::format("{}", result->at(name).get<std::size_t>()); };
        const auto number = [&](const char* name) {
            return result->contains(name) ? fmt::format("{}", result->at(name).get<double>()) : "";
        };
        try {
            rows.push_back({tasks_[item.task].name, item.split, count("sequences"), count("steps"), count("trials"),
                            number("ideal_accuracy"), number("chance_performance")});
        } catch (const nlohmann::json::exception&) {
            throw ItemFiles(results).was_changed(item);
        }
    }
    return rows;
}

}  // namespace repal
