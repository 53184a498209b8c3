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
#include <span>
#include <string>
#include <utility>
#include <vector>
module repal.neurotask_networks;

import repal.claims;
import repal.costs;
import repal.file;
import repal.hash;

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
    for (const DataItem& item : data.items(tasks))
        if (item.split == "train" || item.split == "validation") keys += item.key + " ";
    return keys;
}

Keep keep_in(const Config& checkpoints) {
    checkpoints.require_keys({"keep"});
    const std::vector<std::string> names(keep_names.begin(), keep_names.end());
    return static_cast<Keep>(std::ranges::find(names, checkpoints.text_or("keep", "all", names)) - names.begin());
}

std::set<std::string> tasks_of(const NetworkItem& item) {
    std::set<std::string> tasks;
    for (const std::size_t rule : item.rules) tasks.insert(item.ruleset->tasks[rule]);
    return tasks;
}

}  // namespace

NeurotaskNetworks::NeurotaskNetworks(const Config& study, std::uint64_t seed, const NeurotaskData& data,
                                     std::string whole_config)
    : data_(data),
      seed_(seed),
      whole_config_(std::move(whole_config)),
      rulesets_(read_rulesets(study.at("rulesets"), study.at_or_empty("curricula"))) {
    for (const Ruleset& ruleset : rulesets_)
        if (!ruleset.curricula.empty()) require_alike(ruleset, study.at("rulesets").at(ruleset.name), data_);

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
    trained_fraction_ = study.at_or_empty("training").number_or("trained_fraction", trained_fraction_, 0, 1);
    checkpoint_every_ = static_cast<int>(study.at_or_empty("training").integer_or("checkpoint_every", 1, 1, 1'000'000));
    keep_ = keep_in(study.at_or_empty("training").at_or_empty("checkpoints"));
    make_items();
}

void NeurotaskNetworks::make_items() {
    const auto add = [&](NetworkItem item, const std::string& parent_key) {
        std::string tasks;
        for (const std::string& name : item.ruleset->tasks) tasks += data_.task(name).identity + " ";
        const std::string key =
            tasks +
            fmt::format("network-4 seed={} {} {} rules=[{}] learned=[{}] {} {} tau={} every={} {} data=[{}] parent={}",
                        seed_, item.ruleset->name, item.group, fmt::join(item.ruleset->tasks, ","),
                        fmt::join(item.rules, ","), item.setting->name(), item.replicate, tau_ms_, checkpoint_every_,
                        text_of(options_of(item)), data_keys(data_, tasks_of(item)), parent_key);
        item.stage = "train";
        item.name = fmt::format("{}/{}/r{}/{}", item.ruleset->name, item.setting->name(), item.replicate, item.group);
        item.key = hash_hex(key);
        item.gflop = work_of(item);
        item.bytes = bytes_of(item);
        item.files = 3;  // its state, final.h5 and history.csv
        items_.push_back(std::move(item));
    };
    for (const Ruleset& ruleset : rulesets_)
        for (const Setting& setting : settings_)
            for (std::int64_t replicate = 0; replicate < replicates_; ++replicate) {
                std::map<std::vector<std::size_t>, std::size_t> pretrained;  // rules to the item
                for (const Curriculum& curriculum : ruleset.curricula) {
                    NetworkItem item{{},           &ruleset,  &setting,         curriculum.name,
                                     &curriculum,  replicate, curriculum.train, curriculum.trainable,
                                     items_.size()};
                    std::string parent_key;
                    if (!curriculum.pretrain.empty()) {
                        if (!pretrained.contains(curriculum.pretrain)) {
                            pretrained[curriculum.pretrain] = items_.size();
                            add({{},
                                 &ruleset,
                                 &setting,
                                 fmt::format("pretrained-{}", fmt::join(curriculum.pretrain, "-")),
                                 nullptr,
                                 replicate,
                                 curriculum.pretrain,
                                 {},
                                 items_.size()},
                                "");
                        }
                        item.parent = pretrained[curriculum.pretrain];
                        parent_key = items_[item.parent].key;
                    } else {
                        item.parent = items_.size();
                    }
                    add(std::move(item), parent_key);
                }
            }
}

rnn::NetworkShape NeurotaskNetworks::shape_of(const NetworkItem& item) const {
    const NamedTask& any = data_.task(item.ruleset->tasks.front());
    const std::size_t inputs = any.info.channels.size() + item.ruleset->tasks.size();
    const std::size_t outputs = any.info.actions.empty() ? any.info.outputs.size() : any.info.actions.size();
    return item.setting->shape(inputs, outputs, std::exp(-any.task->step_ms() / tau_ms_));
}

TrainingOptions NeurotaskNetworks::options_of(const NetworkItem& item) const {
    TrainingOptions options = training_;
    options.learning_rate = item.setting->learning_rate;
    options.batch_size = static_cast<std::size_t>(item.setting->batch_size);
    options.trainable = item.trainable;
    options.tau_in_steps = tau_ms_ / data_.task(item.ruleset->tasks.front()).task->step_ms();
    return options;
}

double NeurotaskNetworks::work_of(const NetworkItem& item) const {
    const rnn::NetworkShape shape = shape_of(item);
    const double weights = static_cast<double>(shape.rows()) * (shape.hidden + shape.inputs) +
                           static_cast<double>(shape.outputs) * shape.hidden;
    const DatasetRecipe& recipe = data_.training_recipe();
    double steps = 0;
    for (const std::size_t rule : item.rules) {
        const Task& learned = *data_.task(item.ruleset->tasks[rule]).task;
        const auto of_sequence = recipe.packing == Packing::sequence
                                     ? recipe.sequence_steps
                                     : learned.generate(Phase::train, 0, Stream(0)).observations.rows();
        steps += static_cast<double>(of_sequence) * static_cast<double>(recipe.sequences);
    }
    // two operations for each weight, once forward and twice back
    return 6e-9 * weights * steps * training_.num_epochs;
}

double NeurotaskNetworks::bytes_of(const NetworkItem& item) const {
    const rnn::NetworkShape shape = shape_of(item);
    const double weights = static_cast<double>(shape.rows()) * (shape.hidden + shape.inputs + 1) +
                           static_cast<double>(shape.outputs) * shape.hidden;
    const double epochs = std::ceil(static_cast<double>(training_.num_epochs) / checkpoint_every_) + 1;
    const double kept = keep_ == Keep::all ? epochs : std::min(epochs, keep_ == Keep::quarters ? 5.0 : 2.0);
    constexpr double around_weights = 3500;  // of HDF5
    return (kept + 1) * (sizeof(float) * weights + around_weights);
}

std::vector<std::pair<std::string, std::string>> NeurotaskNetworks::attributes(const NetworkItem& item) {
    std::vector<std::pair<std::string, std::string>> attributes = item.setting->values();
    attributes.emplace_back("group", item.group);
    return attributes;
}

std::vector<std::size_t> NeurotaskNetworks::selected(const Selection& selection) const {
    std::map<std::string, std::set<std::string>> values;
    for (const NetworkItem& item : items_)
        for (const auto& [key, value] : attributes(item)) values[key].insert(value);
    const auto require = [](const std::string& name, const auto& known, const std::string& what) {
        const std::vector<std::string> names(known.begin(), known.end());
        if (std::ranges::find(names, name) == names.end())
            throw InputError(what, fmt::format("there is no '{}'", name), suggest(name, names));
    };
    std::set<std::string> keys;
    for (const auto& entry : values) keys.insert(entry.first);
    std::map<std::string, std::set<std::string>> wanted;
    for (const auto& [key, value] : selection.where) {
        require(key, keys, "--where");
        require(value, values.at(key), key == "group" ? "--group" : "--where " + key);
        wanted[key].insert(value);
    }

    std::set<std::size_t> chosen;
    for (std::size_t i = 0; i < items_.size(); ++i) {
        const bool is_meant = std::ranges::all_of(attributes(items_[i]), [&](const auto& of_item) {
            const auto found = wanted.find(of_item.first);
            return found == wanted.end() || found->second.contains(of_item.second);
        });
        // The pretrained network that a network goes on from belongs to it.
        if (is_meant && selection.includes(items_[i])) chosen.insert({items_[i].parent, i});
    }
    return {chosen.begin(), chosen.end()};
}

PlannedItems NeurotaskNetworks::plan(const std::filesystem::path& results, const Selection& selection) const {
    PlannedItems planned;
    for (const std::size_t i : selected(selection)) planned.emplace_back(items_[i], state(items_[i], results));
    return planned;
}

std::set<std::string> NeurotaskNetworks::learned_tasks(const std::vector<std::size_t>& chosen) const {
    std::set<std::string> tasks;
    for (const std::size_t i : chosen) tasks.merge(tasks_of(items_[i]));
    return tasks;
}

std::filesystem::path NeurotaskNetworks::folder(const NetworkItem& item, const std::filesystem::path& results) {
    return results / "networks" / item.name;
}

ItemState NeurotaskNetworks::state(const NetworkItem& item, const std::filesystem::path& results) {
    return ItemFiles(results).state(item, folder(item, results) / "final.h5");
}

std::size_t NeurotaskNetworks::n_others(const std::filesystem::path& results) const {
    return static_cast<std::size_t>(std::ranges::count_if(items_, [&](const NetworkItem& item) {
        return !CheckpointFolder(folder(item, results), item.key).others().empty();
    }));
}

/// Whose networks they are, also when tables are those of another configuration.
void NeurotaskNetworks::record_config(const std::filesystem::path& results) const {
    const std::filesystem::path file = results / "networks.yaml";
    if (!std::filesystem::is_regular_file(file) || read_file(file) != whole_config_) write_file(file, whole_config_);
}

std::vector<std::size_t> NeurotaskNetworks::ToTrain::all() const {
    std::vector<std::size_t> all = first;
    all.insert(all.end(), then.begin(), then.end());
    return all;
}

NeurotaskNetworks::ToTrain NeurotaskNetworks::to_train(const RunOptions& options) const {
    ToTrain networks;
    auto& [first, then] = networks;
    const std::vector<std::size_t> meant = selected(options.selection);
    for (std::size_t place = 0; place < meant.size(); ++place) {
        const NetworkItem& item = items_[meant[place]];
        if (!options.shard.owns(place) || state(item, options.results) == ItemState::done) continue;
        const bool is_new = item.parent == meant[place];
        (is_new ? first : then).push_back(meant[place]);
        // A pretrained network that is missing is trained here, unless another process is doing so.
        if (!is_new && state(items_[item.parent], options.results) != ItemState::done) first.push_back(item.parent);
    }
    std::ranges::sort(first);
    const auto repeated = std::ranges::unique(first);
    first.erase(repeated.begin(), repeated.end());
    return networks;
}

std::vector<DataItem> NeurotaskNetworks::learned_data(const ToTrain& networks) const {
    std::vector<DataItem> needed = data_.items(learned_tasks(networks.all()));
    std::erase_if(needed, [](const DataItem& item) { return item.split != "train" && item.split != "validation"; });
    return needed;
}

std::set<std::string> NeurotaskNetworks::needed_data(const RunOptions& options) const {
    std::set<std::string> names;
    for (const DataItem& item : learned_data(to_train(options))) names.insert(item.name);
    return names;
}

void NeurotaskNetworks::train(const RunOptions& options, Progress& progress) const {
    const ToTrain networks = to_train(options);
    if (networks.all().empty()) return;
    const DataByTask data = load_data(networks, options.results);
    progress.begin("training", networks.all().size());
    train(networks.first, data, options, progress);
    train(networks.then, data, options, progress);
    progress.end();
}

void NeurotaskNetworks::train(const std::vector<std::size_t>& chosen, const DataByTask& data, const RunOptions& options,
                              Progress& progress) const {
    const auto item = [&](std::size_t i) -> const NetworkItem& { return items_[chosen[i]]; };
    const auto work = [&](std::size_t i) {
        const Stopwatch stopwatch(options.results, item(i));
        try {
            train(item(i), data, options.results, progress);
        } catch (const TrainingFailed& failed) {
            ItemFiles(options.results)
                .write(item(i), ItemState::failed, nlohmann::json{{"cause", failed.what()}}.dump());
        }
    };
    Claims claims(options.results, progress);
    do_shared({.n = chosen.size(),
               .item = item,
               .state = [&](std::size_t i) { return state(item(i), options.results); },
               .work = work},
              claims, options.jobs, progress);
}

NeurotaskNetworks::DataByTask NeurotaskNetworks::load_data(const ToTrain& networks,
                                                           const std::filesystem::path& results) const {
    DataByTask data;
    for (const DataItem& item : learned_data(networks)) {
        auto& of_task = data[data_.tasks()[item.task].name];
        (item.split == "train" ? of_task.first : of_task.second) = NeurotaskData::load(item, results);
    }
    return data;
}

void NeurotaskNetworks::train(const NetworkItem& item, const DataByTask& data, const std::filesystem::path& results,
                              Progress& progress) const {
    const rnn::NetworkShape shape = shape_of(item);
    const TrainingOptions options = options_of(item);
    const std::size_t n_rules = item.ruleset->tasks.size();
    std::vector<LearnedTask> learned;
    for (const std::size_t rule : item.rules) {
        const std::string& name = item.ruleset->tasks[rule];
        learned.push_back({name, &data.at(name).first, &data.at(name).second, rule});
    }
    const std::map<std::string, std::string> provenance = {
        {"program", "repal " REPAL_VERSION},
        {"study", "neurotasks"},
        {"network", item.name},
        {"seed", fmt::format("{}", seed_)},
        {"cell", item.setting->cell},
        {"activation", item.setting->activation},
        {"decay", fmt::format("{}", shape.decay)},
        {"step_ms", fmt::format("{}", data_.task(item.ruleset->tasks.front()).task->step_ms())},
        {"rules", fmt::format("{}", fmt::join(item.ruleset->tasks, ","))},
        {"learned", fmt::format("{}", fmt::join(names_of(item.ruleset->tasks, item.rules), ","))}};

    const CheckpointFolder checkpoints(folder(item, results), item.key);
    const auto warn = [&](const std::string& text) { progress.warn(item.name, text); };
    // Groups of one replicate start from the same weights.
    const Stream draws = Stream(seed_)
                             .child("networks")
                             .child(item.ruleset->name)
                             .child(item.setting->name())
                             .child(static_cast<std::uint64_t>(item.replicate));
    if (const std::size_t others = checkpoints.remove_others(); others > 0)
        progress.warn("networks", fmt::format("{}: {} files of another configuration are replaced", item.name, others));
    const auto tell_of_end = [&](const EpochRecord& last) {
        checkpoints.remove_states();
        ItemFiles(results).write(item, ItemState::done,
                                 nlohmann::json{{"epochs", last.epoch},
                                                {"updates", last.updates},
                                                {"smallest_fraction", last.smallest_fraction},
                                                {"performance", last.performance}}
                                     .dump());
    };
    // A process that ended before it said that it was done.
    if (checkpoints.has_final()) return tell_of_end(checkpoints.history().back());
    record_config(results);
    std::optional<TrainingState> trained = checkpoints.latest(shape, warn);
    if (!trained) {
        const NetworkItem& parent = items_[item.parent];
        if (parent.key != item.key && state(parent, results) == ItemState::failed)
            throw TrainingFailed(fmt::format("the pretrained network {} failed", parent.name));
        rnn::Parameters parameters =
            parent.key == item.key ? initial_parameters(shape, item.setting->drawn_by(), draws.child("weights"))
                                   : CheckpointFolder(folder(parent, results), parent.key).final_parameters(shape);
        trained = untrained_state(shape, std::move(parameters), learned, n_rules, options);
        checkpoints.write(*trained, shape, provenance);
    }
    while (!trained->has_ended) {
        if (!train_epoch(*trained, shape, learned, n_rules, options, draws.child("training").child(item.group),
                         [&] { return progress.is_stop_requested(); })) {
            checkpoints.write_interrupted(*trained, shape, provenance);
            throw Stopped();
        }
        if (trained->has_ended || trained->history.back().epoch % checkpoint_every_ == 0)
            checkpoints.write(*trained, shape, provenance);
    }
    if (!checkpoints.write_final(*trained, shape, provenance, keep_, checkpoint_every_)) {
        warn(
            "states of its training are missing or damaged, so that it is trained again; do two processes write them?");
        checkpoints.remove_states();
        return train(item, data, results, progress);
    }
    tell_of_end(trained->history.back());
}

}  // namespace repal
