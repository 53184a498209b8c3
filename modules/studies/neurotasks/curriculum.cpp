module;
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <range/v3/range/conversion.hpp>
#include <range/v3/view/cartesian_product.hpp>
#include <range/v3/view/transform.hpp>
#include <string>
#include <tuple>
#include <utility>
#include <vector>
module repal.curriculum;

namespace repal {
namespace {

std::size_t place_of(const std::string& name, const std::vector<std::string>& names) {
    return static_cast<std::size_t>(std::ranges::find(names, name) - names.begin());
}

/// A value alone is a list of one.
std::vector<Config> values_of(const Config& networks, const std::string& key) {
    const Config value = networks.at(key);
    if (value.is_text()) return {value};
    return value.elements(1);
}

/// What is read of every value of a list; equal ones would be the same networks.
template <class Read>
auto distinct(const Config& networks, const std::string& key, Read read) {
    std::vector<decltype(read(networks))> values;
    for (const Config& value : values_of(networks, key)) {
        auto next = read(value);
        if (std::ranges::find(values, next) != values.end()) throw value.error("this value is here twice");
        values.push_back(std::move(next));
    }
    return values;
}

std::vector<std::size_t> read_rules(const Config& curriculum, const std::string& key,
                                    const std::vector<std::string>& tasks) {
    std::vector<std::size_t> rules;
    if (!curriculum.has(key)) return rules;
    for (const Config& task : curriculum.at(key).elements()) {
        const std::size_t rule = place_of(task.text(), tasks);
        if (rule == tasks.size())
            throw task.error(fmt::format("the task '{}' is not in the ruleset", task.text()),
                             suggest(task.text(), tasks));
        if (std::ranges::find(rules, rule) != rules.end()) throw task.error("this task is here twice");
        rules.push_back(rule);
    }
    return rules;
}

/// Names of folders and of columns.
void require_plain(const std::string& name, const Config& where) {
    const bool is_plain = !name.empty() && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
    if (!is_plain) throw where.error(fmt::format("'{}' is not a name of letters, digits and underscores", name));
}

rnn::Wanted read_trainable(const Config& curriculum) {
    if (!curriculum.has("trainable")) return {};
    const Config value = curriculum.at("trainable");
    const std::vector<std::string> parts = {"input", "recurrent", "bias", "readout"};
    if (value.is_text()) {
        const std::vector<std::string> words = {"all", "input", "recurrent", "bias", "readout"};
        if (value.text(words) == "all") return {};
    }
    rnn::Wanted trainable{.input = false, .recurrent = false, .bias = false, .readout = false};
    const std::vector<Config> named = value.is_text() ? std::vector<Config>{value} : value.elements(1);
    for (const Config& part : named) {
        const std::string name = part.text(parts);
        trainable.input = trainable.input || name == "input";
        trainable.recurrent = trainable.recurrent || name == "recurrent";
        trainable.bias = trainable.bias || name == "bias";
        trainable.readout = trainable.readout || name == "readout";
    }
    return trainable;
}

}  // namespace

std::string Setting::name() const {
    return fmt::format("{}_{}_{}_{}_{}_{}", cell, activation, n_rnn, learning_rate, batch_size, initialiser);
}

std::vector<std::pair<std::string, std::string>> Setting::values() const {
    return {{"cell", cell},
            {"activation", activation},
            {"n_rnn", fmt::format("{}", n_rnn)},
            {"learning_rate", fmt::format("{}", learning_rate)},
            {"batch_size", fmt::format("{}", batch_size)},
            {"initialiser", initialiser}};
}

rnn::NetworkShape Setting::shape(std::size_t inputs, std::size_t outputs, double decay) const {
    return {.cell = value_of(cell_names, cell),
            .activation = value_of(activation_names, activation),
            .inputs = static_cast<int>(inputs),
            .hidden = static_cast<int>(n_rnn),
            .outputs = static_cast<int>(outputs),
            .decay = static_cast<float>(decay)};
}

Initialiser Setting::drawn_by() const {
    return value_of(initialiser_names, initialiser);
}

std::vector<Setting> read_settings(const Config& networks) {
    const auto names = [&](const std::string& key, const std::vector<std::string>& choices) {
        return distinct(networks, key, [&](const Config& value) { return value.text(choices); });
    };
    const auto counts = [&](const std::string& key, std::int64_t maximum) {
        return distinct(networks, key, [&](const Config& value) { return value.integer(1, maximum); });
    };
    const auto cells = names("cell", texts_of(cell_names));
    const auto activations = names("activation", texts_of(activation_names));
    const auto sizes = counts("n_rnn", 4096);
    const auto rates =
        distinct(networks, "learning_rate", [](const Config& value) { return value.number(1e-12, 1e6); });
    const auto batch_sizes = counts("batch_size", 1'000'000);
    const auto initialisers = names("initialiser", texts_of(initialiser_names));
    const auto setting = [](const auto& values) {
        return std::apply([](const auto&... value) { return Setting{value...}; }, values);
    };
    auto settings = ranges::views::cartesian_product(cells, activations, sizes, rates, batch_sizes, initialisers) |
                    ranges::views::transform(setting) | ranges::to<std::vector>();
    for (std::size_t number = 0; number < settings.size(); ++number) settings[number].number = number;
    return settings;
}

std::vector<Ruleset> read_rulesets(const Config& rulesets, const Config& curricula) {
    std::vector<Ruleset> read;
    std::vector<std::string> names;
    for (const auto& [name, tasks] : rulesets.items()) {
        require_plain(name, tasks);
        Ruleset ruleset{.name = name, .tasks = {}, .curricula = {}};
        for (const Config& task : tasks.elements(1)) {
            if (std::ranges::find(ruleset.tasks, task.text()) != ruleset.tasks.end())
                throw task.error("this task is here twice");
            require_plain(task.text(), task);
            ruleset.tasks.push_back(task.text());
        }
        for (const auto& [curriculum_name, curriculum] : curricula.at_or_empty(name).items()) {
            curriculum.require_keys({"pretrain", "train", "trainable"});
            require_plain(curriculum_name, curriculum);
            ruleset.curricula.push_back({.name = curriculum_name,
                                         .pretrain = read_rules(curriculum, "pretrain", ruleset.tasks),
                                         .train = read_rules(curriculum, "train", ruleset.tasks),
                                         .trainable = read_trainable(curriculum),
                                         .number = ruleset.curricula.size()});
        }
        names.push_back(name);
        read.push_back(std::move(ruleset));
    }
    if (read.empty()) throw rulesets.error("there is no ruleset");
    curricula.require_keys(names);
    return read;
}

TrainingOptions read_training(const Config& training) {
    training.require_keys({"num_epochs", "target_fraction", "trained_fraction", "checkpoint_every", "checkpoints",
                           "schedule", "l1_h", "l2_h", "l1_weight", "l2_weight", "legacy_norms", "gradient_clip",
                           "sigma_rec", "sigma_x"});
    const std::vector<std::string> schedules = {"interleaved", "blocked"};
    TrainingOptions options;
    options.num_epochs = static_cast<int>(training.integer_or("num_epochs", options.num_epochs, 0, 1'000'000));
    options.target_fraction = training.number_or("target_fraction", options.target_fraction, 0, 2);
    options.schedule =
        training.text_or("schedule", "interleaved", schedules) == "blocked" ? Schedule::blocked : Schedule::interleaved;
    const auto amount = [&](const char* key) { return training.number_or(key, 0, 0, 1e6); };
    options.l1_h = amount("l1_h");
    options.l2_h = amount("l2_h");
    options.l1_weight = amount("l1_weight");
    options.l2_weight = amount("l2_weight");
    options.gradient_clip = amount("gradient_clip");
    options.sigma_rec = amount("sigma_rec");
    options.sigma_x = amount("sigma_x");
    options.legacy_norms = training.has("legacy_norms") && training.at("legacy_norms").boolean();
    return options;
}

std::string text_of(const rnn::Wanted& trainable) {
    return fmt::format("input={} recurrent={} bias={} readout={}", trainable.input, trainable.recurrent, trainable.bias,
                       trainable.readout);
}

std::string text_of(const TrainingOptions& options) {
    return fmt::format(
        "lr={} batch={} epochs={} target={} schedule={} trainable=({}) l1_h={} l2_h={} l1_w={} l2_w={} legacy={} "
        "clip={} "
        "sigma_rec={} sigma_x={} tau={}",
        options.learning_rate, options.batch_size, options.num_epochs, options.target_fraction,
        static_cast<int>(options.schedule), text_of(options.trainable), options.l1_h, options.l2_h, options.l1_weight,
        options.l2_weight, options.legacy_norms, options.gradient_clip, options.sigma_rec, options.sigma_x,
        options.tau_in_steps);
}

}  // namespace repal
