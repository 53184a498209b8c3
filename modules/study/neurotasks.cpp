module;
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>
module repal.neurotasks;

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
        NamedTask read{name, text, loaded->info, loaded->plugin->make(options)};
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
    return splits;
}

/// One network learns all tasks of a ruleset, so they need the same inputs, outputs and steps.
void require_alike(const Ruleset& ruleset, const Config& where, const std::vector<NamedTask>& tasks) {
    const auto of = [&](const std::string& name) -> const NamedTask& {
        return *std::ranges::find(tasks, name, &NamedTask::name);
    };
    const NamedTask& first = of(ruleset.tasks.front());
    for (const std::string& name : ruleset.tasks) {
        const NamedTask& other = of(name);
        if (other.info.channels.size() != first.info.channels.size() || other.info.actions != first.info.actions ||
            other.info.outputs != first.info.outputs || other.task->step_ms() != first.task->step_ms())
            throw where.error(
                fmt::format("'{}' and '{}' differ in channels, actions, outputs or dt, so one network "
                            "cannot learn both",
                            first.name, name));
    }
}

std::string text_of(const DatasetRecipe& recipe) {
    return fmt::format("phase={} sequences={} packing={} steps={} mask={} balanced={}", static_cast<int>(recipe.phase),
                       recipe.sequences, static_cast<int>(recipe.packing), recipe.sequence_steps,
                       static_cast<int>(recipe.loss_mask), recipe.is_balanced);
}

}  // namespace

NeurotaskStudy::NeurotaskStudy(const Config& config, const Registry& registry)
    : Study("neurotasks", config, registry), seed_(static_cast<std::uint64_t>(config.at("seed").integer(0))) {
    const Config study = config.at("studies").at("neurotasks");
    study.require_keys({"tasks", "rulesets", "data", "groups", "networks", "training"});
    tasks_ = read_ruled_tasks(study, registry);
    splits_ = read_splits(study.at("data"));
    rulesets_ = read_rulesets(study.at("rulesets"), study.at_or_empty("groups"));
    for (const Ruleset& ruleset : rulesets_)
        if (!ruleset.groups.empty()) require_alike(ruleset, study.at("rulesets").at(ruleset.name), tasks_);

    const Config networks = study.at("networks");
    networks.require_keys(
        {"cell", "activation", "n_rnn", "learning_rate", "batch_size", "initialiser", "replicates", "tau"});
    settings_ = read_settings(networks);
    for (const Setting& setting : settings_)
        if (static_cast<std::size_t>(setting.batch_size) > splits_.front().second.sequences)
            throw networks.at("batch_size")
                .error(fmt::format("a batch of {} is larger than the {} training sequences", setting.batch_size,
                                   splits_.front().second.sequences));
    replicates_ = networks.integer_or("replicates", 1, 1, 1'000'000);
    tau_ms_ = networks.number_or("tau", 100, 1e-3, 1e9);
    training_ = read_training(study.at_or_empty("training"));
    checkpoint_every_ = static_cast<int>(study.at_or_empty("training").integer_or("checkpoint_every", 1, 1, 1'000'000));
}

std::vector<std::string> NeurotaskStudy::stages() const {
    return {"generate", "train"};
}

std::vector<NeurotaskStudy::DataCell> NeurotaskStudy::data_cells() const {
    std::vector<DataCell> cells;
    for (std::size_t t = 0; t < tasks_.size(); ++t)
        for (const auto& [split, recipe] : splits_) {
            const std::string key = hash_hex(
                fmt::format("seed={} {} {} {} {}", seed_, tasks_[t].name, tasks_[t].text, split, text_of(recipe)));
            cells.push_back({{"generate", tasks_[t].name + "-" + split, key}, t, split, recipe});
        }
    return cells;
}

std::vector<NeurotaskStudy::DataCell> NeurotaskStudy::data_cells(const std::set<std::string>& tasks) const {
    std::vector<DataCell> cells = data_cells();
    std::erase_if(cells, [&](const DataCell& cell) { return !tasks.contains(tasks_[cell.task].name); });
    return cells;
}

/// Of the selected networks; without a selection also of tasks that no network learns.
std::vector<NeurotaskStudy::DataCell> NeurotaskStudy::data_cells(const Selection& selection) const {
    if (selection.groups.empty() && selection.where.empty()) return data_cells();
    const std::vector<NetworkCell> networks = network_cells();
    return data_cells(learned_tasks(networks, selected(networks, selection)));
}

std::filesystem::path NeurotaskStudy::data_file(const std::filesystem::path& results, const DataCell& cell) {
    return results / "data" / (cell.name + ".h5");
}

CellState NeurotaskStudy::state_of(const DataCell& cell, const std::filesystem::path& results) {
    return CellFiles(results).state(cell, data_file(results, cell));
}

std::vector<std::pair<Cell, CellState>> NeurotaskStudy::plan(const std::filesystem::path& results,
                                                             const std::string& stage,
                                                             const Selection& selection) const {
    std::vector<std::pair<Cell, CellState>> planned;
    if (stage == "generate") {
        for (const DataCell& cell : data_cells(selection)) planned.emplace_back(cell, state_of(cell, results));
        return planned;
    }
    const std::vector<NetworkCell> networks = network_cells();
    for (const std::size_t i : selected(networks, selection))
        planned.emplace_back(networks[i], state_of(networks[i], results));
    return planned;
}

void NeurotaskStudy::run_stage(const std::string& stage, const RunOptions& options, Reporter& reporter) const {
    if (stage == "generate")
        generate(options, reporter);
    else
        train(options, reporter);
}

void NeurotaskStudy::generate(const RunOptions& options, Reporter& reporter) const {
    const std::vector<DataCell> cells = data_cells(options.selection);
    std::vector<DataCell> owned;
    for (std::size_t i = 0; i < cells.size(); ++i)
        if (options.shard.owns(i)) owned.push_back(cells[i]);
    generate(owned, options, reporter);
}

/// Those that are not there.
void NeurotaskStudy::generate(const std::vector<DataCell>& cells, const RunOptions& options, Reporter& reporter) const {
    std::vector<DataCell> missing;
    for (const DataCell& cell : cells)
        if (state_of(cell, options.results) != CellState::done) missing.push_back(cell);
    if (missing.empty()) return;
    reporter.begin("generating", missing.size());
    for (const DataCell& cell : missing) {
        generate(cell, options);
        reporter.advance();
    }
    reporter.end();
}

void NeurotaskStudy::generate(const DataCell& cell, const RunOptions& options) const {
    const NamedTask& task = tasks_[cell.task];
    const Stream stream = Stream(seed_).child("data").child(task.name).child(cell.split);
    const Dataset dataset = make_dataset(*task.task, task.info, cell.recipe, stream, options.jobs);
    const auto ideal = ideal_accuracy(dataset);

    Archive archive = to_archive(dataset);
    archive.attributes.insert({{"program", "repal " REPAL_VERSION},
                               {"study", "neurotasks"},
                               {"task", task.name},
                               {"plugin", task.text},
                               {"split", cell.split},
                               {"key", cell.key},
                               {"seed", fmt::format("{}", seed_)}});
    if (ideal) archive.attributes["ideal_accuracy"] = fmt::format("{}", *ideal);
    write_archive(data_file(options.results, cell), archive);

    nlohmann::json result = {
        {"sequences", dataset.sequences}, {"steps", dataset.steps}, {"trials", dataset.trials.size()}};
    if (ideal) result["ideal_accuracy"] = *ideal;
    CellFiles(options.results).write(cell, CellState::done, result.dump());
}

const NamedTask& NeurotaskStudy::task(const std::string& name) const {
    return *std::ranges::find(tasks_, name, &NamedTask::name);
}

void NeurotaskStudy::write_data_table(const std::filesystem::path& results) const {
    std::string csv = "task,split,sequences,steps,trials,ideal_accuracy\n";
    for (const DataCell& cell : data_cells()) {
        const auto text = CellFiles(results).read(cell);
        if (!text) continue;
        const auto result = nlohmann::json::parse(*text);
        csv += fmt::format(
            "{},{},{},{},{},{}\n", tasks_[cell.task].name, cell.split, result.at("sequences").get<std::size_t>(),
            result.at("steps").get<std::size_t>(), result.at("trials").get<std::size_t>(),
            result.contains("ideal_accuracy") ? fmt::format("{}", result.at("ideal_accuracy").get<double>()) : "");
    }
    write_file(results / "data.csv", csv);
}

}  // namespace repal
