module;
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>
module repal.neurotasks;

import repal.hash;
import repal.parallel;
import repal.store;

namespace repal {
namespace {

std::vector<std::string> names_of(const std::vector<std::string>& tasks, const std::vector<std::size_t>& rules) {
    std::vector<std::string> names;
    for (const std::size_t rule : rules) names.push_back(tasks[rule]);
    return names;
}

std::filesystem::path network_folder(const std::filesystem::path& results, const Cell& cell) {
    return results / "networks" / cell.name;
}

}  // namespace

std::vector<NeurotaskStudy::NetworkCell> NeurotaskStudy::network_cells() const {
    std::vector<NetworkCell> cells;
    const auto add = [&](NetworkCell cell, const std::string& parent_key) {
        std::string tasks;
        for (const std::string& name : cell.ruleset->tasks) tasks += task(name).text + " ";
        const std::string key =
            tasks + fmt::format("network-2 seed={} rules=[{}] {} {} tau={} {} data=[{}] parent={}", seed_,
                                fmt::join(cell.ruleset->tasks, ","), cell.setting->name(), cell.replicate, tau_ms_,
                                text_of(options_of(cell)), data_keys(*cell.ruleset, cell.rules), parent_key);
        cell.stage = "train";
        cell.name = fmt::format("{}/{}/r{}/{}", cell.ruleset->name, cell.setting->name(), cell.replicate, cell.group);
        cell.key = hash_hex(key);
        cell.gflop = work_of(cell);
        cells.push_back(std::move(cell));
    };
    for (const Ruleset& ruleset : rulesets_)
        for (const Setting& setting : settings_)
            for (std::int64_t replicate = 0; replicate < replicates_; ++replicate) {
                std::map<std::vector<std::size_t>, std::size_t> pretrained;  // rules to the cell
                for (const Group& group : ruleset.groups) {
                    NetworkCell cell{{},        &ruleset,    &setting,        group.name,
                                     replicate, group.train, group.trainable, cells.size()};
                    std::string parent_key;
                    if (!group.pretrain.empty()) {
                        if (!pretrained.contains(group.pretrain)) {
                            pretrained[group.pretrain] = cells.size();
                            add({{},
                                 &ruleset,
                                 &setting,
                                 fmt::format("pretrained-{}", fmt::join(group.pretrain, "-")),
                                 replicate,
                                 group.pretrain,
                                 {},
                                 cells.size()},
                                "");
                        }
                        cell.parent = pretrained[group.pretrain];
                        parent_key = cells[cell.parent].key;
                    } else {
                        cell.parent = cells.size();
                    }
                    add(std::move(cell), parent_key);
                }
            }
    return cells;
}

std::string NeurotaskStudy::data_keys(const Ruleset& ruleset, const std::vector<std::size_t>& rules) const {
    std::string keys;
    for (const DataCell& cell : data_cells())
        for (const std::size_t rule : rules)
            if (tasks_[cell.task].name == ruleset.tasks[rule] && cell.split != "test") keys += cell.key + " ";
    return keys;
}

rnn::NetworkShape NeurotaskStudy::shape_of(const NetworkCell& cell) const {
    const NamedTask& any = task(cell.ruleset->tasks.front());
    const std::size_t inputs = any.info.channels.size() + cell.ruleset->tasks.size();
    const std::size_t outputs = any.info.actions.empty() ? any.info.outputs.size() : any.info.actions.size();
    return cell.setting->shape(inputs, outputs, std::exp(-any.task->step_ms() / tau_ms_));
}

TrainingOptions NeurotaskStudy::options_of(const NetworkCell& cell) const {
    TrainingOptions options = training_;
    options.learning_rate = cell.setting->learning_rate;
    options.batch_size = static_cast<std::size_t>(cell.setting->batch_size);
    options.trainable = cell.trainable;
    options.tau_in_steps = tau_ms_ / task(cell.ruleset->tasks.front()).task->step_ms();
    return options;
}

double NeurotaskStudy::work_of(const NetworkCell& cell) const {
    const rnn::NetworkShape shape = shape_of(cell);
    const double weights = static_cast<double>(shape.rows()) * (shape.hidden + shape.inputs) +
                           static_cast<double>(shape.outputs) * shape.hidden;
    const DatasetRecipe& recipe = splits_.front().second;
    double steps = 0;
    for (const std::size_t rule : cell.rules) {
        const Task& learned = *task(cell.ruleset->tasks[rule]).task;
        const auto of_sequence = recipe.packing == Packing::sequence
                                     ? recipe.sequence_steps
                                     : learned.generate(Phase::train, 0, Stream(0)).observations.rows();
        steps += static_cast<double>(of_sequence) * static_cast<double>(recipe.sequences);
    }
    // two operations for each weight, once forward and twice back
    return 6e-9 * weights * steps * training_.num_epochs;
}

std::vector<std::size_t> NeurotaskStudy::selected(const std::vector<NetworkCell>& cells,
                                                  const Selection& selection) const {
    std::set<std::string> groups;
    std::map<std::string, std::set<std::string>> values;
    for (const NetworkCell& cell : cells) {
        groups.insert(cell.group);
        for (const auto& [key, value] : cell.setting->values()) values[key].insert(value);
    }
    const auto require = [](const std::string& name, const auto& known, const std::string& what) {
        std::vector<std::string> names(known.begin(), known.end());
        if (std::ranges::find(names, name) == names.end())
            throw InputError(what, fmt::format("there is no '{}'", name), suggest(name, names));
    };
    for (const std::string& group : selection.groups) require(group, groups, "--group");
    std::map<std::string, std::set<std::string>> wanted;
    std::set<std::string> keys;
    for (const auto& entry : values) keys.insert(entry.first);
    for (const auto& [key, value] : selection.where) {
        require(key, keys, "--where");
        require(value, values.at(key), "--where " + key);
        wanted[key].insert(value);
    }

    std::set<std::size_t> chosen;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const bool is_meant = std::ranges::all_of(cells[i].setting->values(), [&](const auto& of_cell) {
            const auto found = wanted.find(of_cell.first);
            return found == wanted.end() || found->second.contains(of_cell.second);
        });
        const bool is_group =
            selection.groups.empty() || std::ranges::find(selection.groups, cells[i].group) != selection.groups.end();
        // The pretrained network that a network goes on from belongs to it.
        if (is_meant && is_group) chosen.insert({cells[i].parent, i});
    }
    return {chosen.begin(), chosen.end()};
}

std::set<std::string> NeurotaskStudy::learned_tasks(const std::vector<NetworkCell>& cells,
                                                    const std::vector<std::size_t>& chosen) {
    std::set<std::string> tasks;
    for (const std::size_t i : chosen)
        for (const std::size_t rule : cells[i].rules) tasks.insert(cells[i].ruleset->tasks[rule]);
    return tasks;
}

CellState NeurotaskStudy::state_of(const NetworkCell& cell, const std::filesystem::path& results) {
    return CellFiles(results).state(cell, network_folder(results, cell) / "final.h5");
}

void NeurotaskStudy::train(const RunOptions& options, Reporter& reporter) const {
    const std::vector<NetworkCell> cells = network_cells();
    std::vector<std::size_t> first;
    std::vector<std::size_t> then;
    const std::vector<std::size_t> meant = selected(cells, options.selection);
    for (std::size_t place = 0; place < meant.size(); ++place) {
        const NetworkCell& cell = cells[meant[place]];
        if (!options.shard.owns(place) || state_of(cell, options.results) == CellState::done) continue;
        const bool is_new = cell.parent == meant[place];
        (is_new ? first : then).push_back(meant[place]);
        // A pretrained network that is missing is trained here, too, whoever else may do so: it is the same bytes.
        if (!is_new && state_of(cells[cell.parent], options.results) != CellState::done) first.push_back(cell.parent);
    }
    std::ranges::sort(first);
    first.erase(std::unique(first.begin(), first.end()), first.end());
    if (first.empty() && then.empty()) return;

    std::vector<std::size_t> all = first;
    all.insert(all.end(), then.begin(), then.end());
    std::vector<DataCell> needed = data_cells(learned_tasks(cells, all));
    std::erase_if(needed, [](const DataCell& cell) { return cell.split == "test"; });
    generate(needed, options, reporter);
    const DataByTask data = load_data(needed, options.results);
    reporter.begin("training", all.size());
    train(cells, first, data, options, reporter);
    train(cells, then, data, options, reporter);
    reporter.end();
}

void NeurotaskStudy::train(const std::vector<NetworkCell>& cells, const std::vector<std::size_t>& chosen,
                           const DataByTask& data, const RunOptions& options, Reporter& reporter) const {
    for_each_index(chosen.size(), options.jobs, [&](std::size_t i) {
        const NetworkCell& cell = cells[chosen[i]];
        try {
            train(cells, cell, data, options.results, reporter);
        } catch (const TrainingFailed& failed) {
            CellFiles(options.results).write(cell, CellState::failed, nlohmann::json{{"cause", failed.what()}}.dump());
        }
        reporter.advance();
    });
}

NeurotaskStudy::DataByTask NeurotaskStudy::load_data(const std::vector<DataCell>& cells,
                                                     const std::filesystem::path& results) const {
    DataByTask data;
    for (const DataCell& cell : cells) {
        const std::string& name = tasks_[cell.task].name;
        const std::filesystem::path file = data_file(results, cell);
        const Archive archive = read_archive(file);
        if (archive.attribute("key") != cell.key)
            throw InputError(file.string(), "another configuration is being run in this folder");
        try {
            (cell.split == "train" ? data[name].first : data[name].second) = dataset_from(archive);
        } catch (const InputError& error) {
            throw error.at(file.string());
        }
    }
    return data;
}

void NeurotaskStudy::train(const std::vector<NetworkCell>& cells, const NetworkCell& cell, const DataByTask& data,
                           const std::filesystem::path& results, Reporter& reporter) const {
    const rnn::NetworkShape shape = shape_of(cell);
    const TrainingOptions options = options_of(cell);
    const std::size_t n_rules = cell.ruleset->tasks.size();
    std::vector<LearnedTask> learned;
    for (const std::size_t rule : cell.rules) {
        const std::string& name = cell.ruleset->tasks[rule];
        learned.push_back({name, &data.at(name).first, &data.at(name).second, rule});
    }
    const std::map<std::string, std::string> provenance = {
        {"program", "repal " REPAL_VERSION},
        {"study", "neurotasks"},
        {"network", cell.name},
        {"seed", fmt::format("{}", seed_)},
        {"cell", cell.setting->cell},
        {"activation", cell.setting->activation},
        {"decay", fmt::format("{}", shape.decay)},
        {"step_ms", fmt::format("{}", task(cell.ruleset->tasks.front()).task->step_ms())},
        {"rules", fmt::format("{}", fmt::join(cell.ruleset->tasks, ","))},
        {"learned", fmt::format("{}", fmt::join(names_of(cell.ruleset->tasks, cell.rules), ","))}};

    const CheckpointFolder folder(network_folder(results, cell), cell.key);
    const auto warn = [&](const std::string& text) { reporter.warn(cell.name, text); };
    // Groups of one replicate start from the same weights.
    const Stream draws = Stream(seed_)
                             .child("networks")
                             .child(cell.ruleset->name)
                             .child(cell.setting->name())
                             .child(static_cast<std::uint64_t>(cell.replicate));
    if (const std::size_t others = folder.remove_others(); others > 0)
        reporter.warn("networks", fmt::format("{}: {} files of another configuration are replaced", cell.name, others));
    std::optional<TrainingState> state = folder.latest(shape, warn);
    if (!state) {
        const NetworkCell& parent = cells[cell.parent];
        if (parent.key != cell.key && state_of(parent, results) == CellState::failed)
            throw TrainingFailed(fmt::format("the pretrained network {} failed", parent.name));
        rnn::Parameters parameters =
            parent.key == cell.key
                ? initial_parameters(shape, cell.setting->drawn_by(), draws.child("weights"))
                : CheckpointFolder(network_folder(results, parent), parent.key).final_parameters(shape);
        state = untrained_state(shape, std::move(parameters), learned, n_rules, options);
        folder.write(*state, shape, provenance);
    }
    while (!state->has_ended) {
        train_epoch(*state, shape, learned, n_rules, options, draws.child("training").child(cell.group));
        if (state->has_ended || state->history.back().epoch % checkpoint_every_ == 0)
            folder.write(*state, shape, provenance);
    }
    folder.write_final(*state, shape, provenance);

    const EpochRecord& last = state->history.back();
    CellFiles(results).write(cell, CellState::done,
                             nlohmann::json{{"epochs", last.epoch},
                                            {"updates", last.updates},
                                            {"smallest_fraction", last.smallest_fraction},
                                            {"performance", last.performance}}
                                 .dump());
}

std::vector<NeurotaskStudy::NetworkResult> NeurotaskStudy::network_results(const std::filesystem::path& results) const {
    std::vector<NetworkResult> all;
    const CellFiles files(results);
    for (const NetworkCell& cell : network_cells()) {
        NetworkResult result{.cell = cell, .is_done = state_of(cell, results) == CellState::done};
        const auto json = nlohmann::json::parse(files.read(cell).value_or("{}"));
        result.cause = json.value("cause", "");
        result.epochs = json.value("epochs", 0);
        result.updates = json.value("updates", std::int64_t{0});
        result.smallest_fraction = json.value("smallest_fraction", 0.0);
        all.push_back(std::move(result));
    }
    return all;
}

Outcome NeurotaskStudy::write_tables(const RunOptions& options) const {
    write_data_table(options.results);
    std::string csv = "network,ruleset,setting,replicate,group,status,epochs,updates,smallest_fraction\n";
    std::string failures = "network,cause\n";
    const std::vector<NetworkResult> results = network_results(options.results);
    for (const NetworkResult& result : results) {
        const NetworkCell& cell = result.cell;
        csv += fmt::format("{},{},{},{},{},{},", cell.name, cell.ruleset->name, cell.setting->name(), cell.replicate,
                           cell.group, result.is_done ? "ok" : "failed");
        if (result.is_done) csv += fmt::format("{},{}", result.epochs, result.updates);
        // What was never to be learned has no performance.
        csv += result.is_done && !cell.rules.empty() ? fmt::format(",{}\n", result.smallest_fraction) : ",\n";
        if (!result.is_done) failures += fmt::format("{},{}\n", cell.name, result.cause);
    }
    write_file(options.results / "networks.csv", csv);
    write_file(options.results / "failures.csv", failures);

    Outcome outcome{.table = table_of_groups(results)};
    const auto failed = std::ranges::count(results, false, &NetworkResult::is_done);
    if (failed > 0)
        outcome.failures = fmt::format("{} of {} networks failed; the causes are in {}", failed, results.size(),
                                       (options.results / "failures.csv").string());
    return outcome;
}

std::vector<std::vector<std::string>> NeurotaskStudy::table_of_groups(const std::vector<NetworkResult>& results) const {
    std::vector<std::string> order;
    std::map<std::string, std::vector<const NetworkResult*>> groups;
    for (const NetworkResult& result : results) {
        if (!result.is_done) continue;
        const std::string name = result.cell.ruleset->name + ": " + result.cell.group;
        if (groups[name].empty()) order.push_back(name);
        groups[name].push_back(&result);
    }
    std::vector<std::vector<std::string>> table = {
        {"group", "networks", "reached target", "mean epochs", "mean fraction of ideal"}};
    for (const std::string& name : order) {
        const auto& members = groups.at(name);
        const auto n = static_cast<double>(members.size());
        double epochs = 0;
        double fraction = 0;
        std::size_t reached = 0;
        for (const NetworkResult* result : members) {
            epochs += result->epochs / n;
            fraction += result->smallest_fraction / n;
            reached += result->smallest_fraction >= training_.target_fraction ? 1 : 0;
        }
        if (members.front()->cell.rules.empty())
            table.push_back({name, fmt::format("{}", members.size()), "-", "-", "-"});
        else
            table.push_back({name, fmt::format("{}", members.size()), fmt::format("{}", reached),
                             fmt::format("{:.1f}", epochs), fmt::format("{:.3f}", fraction)});
    }
    return table;
}

}  // namespace repal
