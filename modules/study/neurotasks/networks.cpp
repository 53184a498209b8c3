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
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>
module repal.neurotask_networks;

import repal.checkpoint;
import repal.claims;
import repal.costs;
import repal.hash;
import repal.summary;

namespace repal {
namespace {

std::vector<std::string> names_of(const std::vector<std::string>& tasks, const std::vector<std::size_t>& rules) {
    std::vector<std::string> names;
    for (const std::size_t rule : rules) names.push_back(tasks[rule]);
    return names;
}

/// One network learns all tasks of a ruleset, so they need the same inputs, outputs and steps.
void require_alike(const Ruleset& ruleset, const Config& where, const NeurotaskData& data) {
    const NamedTask& first = data.task(ruleset.tasks.front());
    for (const std::string& name : ruleset.tasks) {
        const NamedTask& other = data.task(name);
        if (other.info.channels.size() != first.info.channels.size() || other.info.actions != first.info.actions ||
            other.info.outputs != first.info.outputs || other.task->step_ms() != first.task->step_ms())
            throw where.error(
                fmt::format("'{}' and '{}' differ in channels, actions, outputs or dt, so one network "
                            "cannot learn both",
                            first.name, name));
    }
}

std::string data_keys(const NeurotaskData& data, const std::set<std::string>& tasks) {
    std::string keys;
    for (const DataCell& cell : data.cells(tasks))
        if (cell.split == "train" || cell.split == "validation") keys += cell.key + " ";
    return keys;
}

std::set<std::string> tasks_of(const NetworkCell& cell) {
    std::set<std::string> tasks;
    for (const std::size_t rule : cell.rules) tasks.insert(cell.ruleset->tasks[rule]);
    return tasks;
}

}  // namespace

NeurotaskNetworks::NeurotaskNetworks(const Config& study, std::uint64_t seed, const NeurotaskData& data)
    : data_(data), seed_(seed), rulesets_(read_rulesets(study.at("rulesets"), study.at_or_empty("groups"))) {
    for (const Ruleset& ruleset : rulesets_)
        if (!ruleset.groups.empty()) require_alike(ruleset, study.at("rulesets").at(ruleset.name), data_);

    const Config networks = study.at("networks");
    networks.require_keys(
        {"cell", "activation", "n_rnn", "learning_rate", "batch_size", "initialiser", "replicates", "tau"});
    settings_ = read_settings(networks);
    const std::size_t sequences = data_.training_recipe().sequences;
    for (const Setting& setting : settings_)
        if (static_cast<std::size_t>(setting.batch_size) > sequences)
            throw networks.at("batch_size")
                .error(fmt::format("a batch of {} is larger than the {} training sequences", setting.batch_size,
                                   sequences));
    replicates_ = networks.integer_or("replicates", 1, 1, 1'000'000);
    tau_ms_ = networks.number_or("tau", 100, 1e-3, 1e9);
    training_ = read_training(study.at_or_empty("training"));
    checkpoint_every_ = static_cast<int>(study.at_or_empty("training").integer_or("checkpoint_every", 1, 1, 1'000'000));
    make_cells();
}

void NeurotaskNetworks::make_cells() {
    const auto add = [&](NetworkCell cell, const std::string& parent_key) {
        std::string tasks;
        for (const std::string& name : cell.ruleset->tasks) tasks += data_.task(name).text + " ";
        const std::string key =
            tasks +
            fmt::format("network-3 seed={} {} {} rules=[{}] learned=[{}] {} {} tau={} every={} {} data=[{}] parent={}",
                        seed_, cell.ruleset->name, cell.group, fmt::join(cell.ruleset->tasks, ","),
                        fmt::join(cell.rules, ","), cell.setting->name(), cell.replicate, tau_ms_, checkpoint_every_,
                        text_of(options_of(cell)), data_keys(data_, tasks_of(cell)), parent_key);
        cell.stage = "train";
        cell.name = fmt::format("{}/{}/r{}/{}", cell.ruleset->name, cell.setting->name(), cell.replicate, cell.group);
        cell.key = hash_hex(key);
        cell.gflop = work_of(cell);
        cells_.push_back(std::move(cell));
    };
    for (const Ruleset& ruleset : rulesets_)
        for (const Setting& setting : settings_)
            for (std::int64_t replicate = 0; replicate < replicates_; ++replicate) {
                std::map<std::vector<std::size_t>, std::size_t> pretrained;  // rules to the cell
                for (const Group& group : ruleset.groups) {
                    NetworkCell cell{{},        &ruleset,    &setting,        group.name,   &group,
                                     replicate, group.train, group.trainable, cells_.size()};
                    std::string parent_key;
                    if (!group.pretrain.empty()) {
                        if (!pretrained.contains(group.pretrain)) {
                            pretrained[group.pretrain] = cells_.size();
                            add({{},
                                 &ruleset,
                                 &setting,
                                 fmt::format("pretrained-{}", fmt::join(group.pretrain, "-")),
                                 nullptr,
                                 replicate,
                                 group.pretrain,
                                 {},
                                 cells_.size()},
                                "");
                        }
                        cell.parent = pretrained[group.pretrain];
                        parent_key = cells_[cell.parent].key;
                    } else {
                        cell.parent = cells_.size();
                    }
                    add(std::move(cell), parent_key);
                }
            }
}

rnn::NetworkShape NeurotaskNetworks::shape_of(const NetworkCell& cell) const {
    const NamedTask& any = data_.task(cell.ruleset->tasks.front());
    const std::size_t inputs = any.info.channels.size() + cell.ruleset->tasks.size();
    const std::size_t outputs = any.info.actions.empty() ? any.info.outputs.size() : any.info.actions.size();
    return cell.setting->shape(inputs, outputs, std::exp(-any.task->step_ms() / tau_ms_));
}

TrainingOptions NeurotaskNetworks::options_of(const NetworkCell& cell) const {
    TrainingOptions options = training_;
    options.learning_rate = cell.setting->learning_rate;
    options.batch_size = static_cast<std::size_t>(cell.setting->batch_size);
    options.trainable = cell.trainable;
    options.tau_in_steps = tau_ms_ / data_.task(cell.ruleset->tasks.front()).task->step_ms();
    return options;
}

double NeurotaskNetworks::work_of(const NetworkCell& cell) const {
    const rnn::NetworkShape shape = shape_of(cell);
    const double weights = static_cast<double>(shape.rows()) * (shape.hidden + shape.inputs) +
                           static_cast<double>(shape.outputs) * shape.hidden;
    const DatasetRecipe& recipe = data_.training_recipe();
    double steps = 0;
    for (const std::size_t rule : cell.rules) {
        const Task& learned = *data_.task(cell.ruleset->tasks[rule]).task;
        const auto of_sequence = recipe.packing == Packing::sequence
                                     ? recipe.sequence_steps
                                     : learned.generate(Phase::train, 0, Stream(0)).observations.rows();
        steps += static_cast<double>(of_sequence) * static_cast<double>(recipe.sequences);
    }
    // two operations for each weight, once forward and twice back
    return 6e-9 * weights * steps * training_.num_epochs;
}

std::vector<std::size_t> NeurotaskNetworks::selected(const Selection& selection) const {
    std::set<std::string> groups;
    std::map<std::string, std::set<std::string>> values;
    for (const NetworkCell& cell : cells_) {
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
    for (std::size_t i = 0; i < cells_.size(); ++i) {
        const bool is_meant = std::ranges::all_of(cells_[i].setting->values(), [&](const auto& of_cell) {
            const auto found = wanted.find(of_cell.first);
            return found == wanted.end() || found->second.contains(of_cell.second);
        });
        const bool is_group =
            selection.groups.empty() || std::ranges::find(selection.groups, cells_[i].group) != selection.groups.end();
        // The pretrained network that a network goes on from belongs to it.
        if (is_meant && is_group) chosen.insert({cells_[i].parent, i});
    }
    return {chosen.begin(), chosen.end()};
}

std::set<std::string> NeurotaskNetworks::learned_tasks(const std::vector<std::size_t>& chosen) const {
    std::set<std::string> tasks;
    for (const std::size_t i : chosen) tasks.merge(tasks_of(cells_[i]));
    return tasks;
}

std::filesystem::path NeurotaskNetworks::folder(const NetworkCell& cell, const std::filesystem::path& results) {
    return results / "networks" / cell.name;
}

CellState NeurotaskNetworks::state(const NetworkCell& cell, const std::filesystem::path& results) {
    return CellFiles(results).state(cell, folder(cell, results) / "final.h5");
}

void NeurotaskNetworks::train(const RunOptions& options, Reporter& reporter) const {
    std::vector<std::size_t> first;
    std::vector<std::size_t> then;
    const std::vector<std::size_t> meant = selected(options.selection);
    for (std::size_t place = 0; place < meant.size(); ++place) {
        const NetworkCell& cell = cells_[meant[place]];
        if (!options.shard.owns(place) || state(cell, options.results) == CellState::done) continue;
        const bool is_new = cell.parent == meant[place];
        (is_new ? first : then).push_back(meant[place]);
        // A pretrained network that is missing is trained here, unless another process is doing so.
        if (!is_new && state(cells_[cell.parent], options.results) != CellState::done) first.push_back(cell.parent);
    }
    std::ranges::sort(first);
    first.erase(std::unique(first.begin(), first.end()), first.end());
    if (first.empty() && then.empty()) return;

    std::vector<std::size_t> all = first;
    all.insert(all.end(), then.begin(), then.end());
    const DataByTask data = load_data(learned_tasks(all), options, reporter);
    reporter.begin("training", all.size());
    train(first, data, options, reporter);
    train(then, data, options, reporter);
    reporter.end();
}

void NeurotaskNetworks::train(const std::vector<std::size_t>& chosen, const DataByTask& data, const RunOptions& options,
                              Reporter& reporter) const {
    const auto cell = [&](std::size_t i) -> const NetworkCell& { return cells_[chosen[i]]; };
    const auto work = [&](std::size_t i) {
        const Stopwatch stopwatch(options.results, cell(i));
        try {
            train(cell(i), data, options.results, reporter);
        } catch (const TrainingFailed& failed) {
            CellFiles(options.results)
                .write(cell(i), CellState::failed, nlohmann::json{{"cause", failed.what()}}.dump());
        }
    };
    Claims claims(options.results, reporter);
    do_shared({.n = chosen.size(),
               .cell = cell,
               .state = [&](std::size_t i) { return state(cell(i), options.results); },
               .work = work},
              claims, options.jobs, reporter);
}

NeurotaskNetworks::DataByTask NeurotaskNetworks::load_data(const std::set<std::string>& tasks,
                                                           const RunOptions& options, Reporter& reporter) const {
    std::vector<DataCell> needed = data_.cells(tasks);
    std::erase_if(needed, [](const DataCell& cell) { return cell.split != "train" && cell.split != "validation"; });
    data_.generate(needed, options, reporter);
    DataByTask data;
    for (const DataCell& cell : needed) {
        auto& of_task = data[data_.tasks()[cell.task].name];
        (cell.split == "train" ? of_task.first : of_task.second) = NeurotaskData::load(cell, options.results);
    }
    return data;
}

void NeurotaskNetworks::train(const NetworkCell& cell, const DataByTask& data, const std::filesystem::path& results,
                              Reporter& reporter) const {
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
        {"step_ms", fmt::format("{}", data_.task(cell.ruleset->tasks.front()).task->step_ms())},
        {"rules", fmt::format("{}", fmt::join(cell.ruleset->tasks, ","))},
        {"learned", fmt::format("{}", fmt::join(names_of(cell.ruleset->tasks, cell.rules), ","))}};

    const CheckpointFolder checkpoints(folder(cell, results), cell.key);
    const auto warn = [&](const std::string& text) { reporter.warn(cell.name, text); };
    // Groups of one replicate start from the same weights.
    const Stream draws = Stream(seed_)
                             .child("networks")
                             .child(cell.ruleset->name)
                             .child(cell.setting->name())
                             .child(static_cast<std::uint64_t>(cell.replicate));
    if (const std::size_t others = checkpoints.remove_others(); others > 0)
        reporter.warn("networks", fmt::format("{}: {} files of another configuration are replaced", cell.name, others));
    std::optional<TrainingState> trained = checkpoints.latest(shape, warn);
    if (!trained) {
        const NetworkCell& parent = cells_[cell.parent];
        if (parent.key != cell.key && state(parent, results) == CellState::failed)
            throw TrainingFailed(fmt::format("the pretrained network {} failed", parent.name));
        rnn::Parameters parameters =
            parent.key == cell.key ? initial_parameters(shape, cell.setting->drawn_by(), draws.child("weights"))
                                   : CheckpointFolder(folder(parent, results), parent.key).final_parameters(shape);
        trained = untrained_state(shape, std::move(parameters), learned, n_rules, options);
        checkpoints.write(*trained, shape, provenance);
    }
    while (!trained->has_ended) {
        if (!train_epoch(*trained, shape, learned, n_rules, options, draws.child("training").child(cell.group),
                         [&] { return reporter.is_stop_requested(); })) {
            checkpoints.write_interrupted(*trained, shape, provenance);
            throw Stopped();
        }
        if (trained->has_ended || trained->history.back().epoch % checkpoint_every_ == 0)
            checkpoints.write(*trained, shape, provenance);
    }
    checkpoints.write_final(*trained, shape, provenance);

    const EpochRecord& last = trained->history.back();
    CellFiles(results).write(cell, CellState::done,
                             nlohmann::json{{"epochs", last.epoch},
                                            {"updates", last.updates},
                                            {"smallest_fraction", last.smallest_fraction},
                                            {"performance", last.performance}}
                                 .dump());
}

std::vector<NetworkResult> NeurotaskNetworks::results(const std::filesystem::path& results) const {
    std::vector<NetworkResult> all;
    const CellFiles files(results);
    for (const NetworkCell& cell : cells_) {
        NetworkResult result{.cell = &cell, .is_done = state(cell, results) == CellState::done};
        const auto json = nlohmann::json::parse(files.read(cell).value_or("{}"));
        result.cause = json.value("cause", "");
        result.epochs = json.value("epochs", 0);
        result.updates = json.value("updates", std::int64_t{0});
        if (json.contains("smallest_fraction") && json.at("smallest_fraction").is_number())
            result.smallest_fraction = json.at("smallest_fraction").get<double>();
        all.push_back(std::move(result));
    }
    return all;
}

std::string networks_csv(const std::vector<NetworkResult>& results) {
    std::string csv = "network,ruleset,setting,replicate,group,status,epochs,updates,smallest_fraction,cause\n";
    for (const NetworkResult& result : results) {
        const NetworkCell& cell = *result.cell;
        csv += fmt::format("{},{},{},{},{},{},", cell.name, cell.ruleset->name, cell.setting->name(), cell.replicate,
                           cell.group, result.is_done ? "ok" : "failed");
        // What was never to be learned has no performance.
        const bool has_learned = result.is_done && !cell.rules.empty();
        csv += fmt::format("{},{},{},{}\n", result.is_done ? fmt::format("{}", result.epochs) : "",
                           result.is_done ? fmt::format("{}", result.updates) : "",
                           has_learned ? fmt::format("{}", result.smallest_fraction) : "", csv_field(result.cause));
    }
    return csv;
}

Table networks_table(const std::vector<NetworkResult>& results, double target_fraction) {
    std::vector<std::string> order;
    std::map<std::string, std::vector<const NetworkResult*>> groups;
    for (const NetworkResult& result : results) {
        if (!result.is_done) continue;
        const std::string name = result.cell->ruleset->name + ": " + result.cell->group;
        if (groups[name].empty()) order.push_back(name);
        groups[name].push_back(&result);
    }
    Table table = {{"group", "networks", "reached target", "mean epochs", "mean fraction of ideal"}};
    for (const std::string& name : order) {
        const auto& members = groups.at(name);
        const auto n = static_cast<double>(members.size());
        double epochs = 0;
        double fraction = 0;
        std::size_t reached = 0;
        for (const NetworkResult* result : members) {
            epochs += result->epochs / n;
            fraction += result->smallest_fraction / n;
            reached += result->smallest_fraction >= target_fraction ? 1 : 0;
        }
        if (members.front()->cell->rules.empty())
            table.push_back({name, fmt::format("{}", members.size()), "-", "-", "-"});
        else
            table.push_back({name, fmt::format("{}", members.size()), fmt::format("{}", reached),
                             fmt::format("{:.1f}", epochs), fmt::format("{:.3f}", fraction)});
    }
    return table;
}

}  // namespace repal
