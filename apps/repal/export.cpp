#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "commands.hpp"

import repal.checkpoint;
import repal.store;
import repal.training;

namespace command {
namespace {

struct ExportOptions {
    std::string network;
    std::optional<int> epoch;
    std::string data;
    std::string out;
};

/// The rule input of the network for the task of the data, which must have the channels and steps that it was made for.
std::size_t rule_for(const repal::Archive& data, const repal::Dataset& dataset, const repal::Archive& checkpoint,
                     const repal::Network& network) {
    const std::vector<std::string> rules = checkpoint.names("rules");
    const std::string& task = data.attribute("task");
    const auto rule = static_cast<std::size_t>(std::ranges::find(rules, task) - rules.begin());
    if (rule == rules.size())
        throw repal::InputError("", fmt::format("the network has no rule for the task '{}'", task),
                                repal::suggest(task, rules));
    const std::size_t outputs = dataset.actions.empty() ? dataset.outputs.size() : dataset.actions.size();
    if (dataset.channels.size() + rules.size() != static_cast<std::size_t>(network.shape.inputs) ||
        outputs != static_cast<std::size_t>(network.shape.outputs))
        throw repal::InputError(
            "",
            fmt::format("{} channels, {} rules and {} outputs do not fit the network of {} inputs and {} outputs",
                        dataset.channels.size(), rules.size(), outputs, network.shape.inputs, network.shape.outputs));
    if (dataset.step_ms != checkpoint.number("step_ms"))
        throw repal::InputError("", fmt::format("a step is {} ms here and {} ms in the network", dataset.step_ms,
                                                checkpoint.attribute("step_ms")));
    return rule;
}

/// What the network does on the sequences of a dataset.
void add_recording(repal::Archive& exported, const repal::Network& network, const repal::Archive& checkpoint,
                   const repal::Archive& data) {
    const repal::Dataset dataset = repal::dataset_from(data);
    const std::size_t rule = rule_for(data, dataset, checkpoint, network);
    repal::NetworkAtWork recording = repal::record(dataset, rule, checkpoint.names("rules").size(), network);
    const auto add = [&](const char* name, std::size_t width, std::vector<float> values) {
        exported.arrays[name] = {.shape = {dataset.sequences, static_cast<std::size_t>(dataset.steps), width},
                                 .values = std::move(values)};
    };
    add("inputs", static_cast<std::size_t>(network.shape.inputs), std::move(recording.inputs));
    add("states", static_cast<std::size_t>(network.shape.hidden), std::move(recording.responses.states));
    add("outputs", static_cast<std::size_t>(network.shape.outputs), std::move(recording.responses.outputs));
}

/// Runs a function; its errors are about the file.
template <class Function>
auto about(const std::string& file, Function function) {
    try {
        return function();
    } catch (const repal::InputError& error) {
        throw error.at(file);
    }
}

int export_network(const ExportOptions& options) {
    const repal::Archive checkpoint = repal::read_state(options.network, options.epoch);
    repal::Archive exported{.arrays = {}, .attributes = {}};
    const repal::Network network = about(options.network, [&] {
        for (const char* name : {"cell", "activation", "decay", "step_ms", "rules", "network", "seed"})
            exported.attributes[name] = checkpoint.attribute(name);
        exported.attributes["epoch"] =
            options.epoch ? fmt::format("{}", *options.epoch) : checkpoint.attribute("epoch");
        return repal::network_from(checkpoint);
    });
    repal::add_parameters(exported, "weights", network.shape, network.parameters);
    if (!options.data.empty()) {
        const repal::Archive data = repal::read_archive(options.data);
        about(options.data, [&] { add_recording(exported, network, checkpoint, data); });
    }
    repal::write_npz(options.out, exported);
    return done;
}

}  // namespace

void add_export(CLI::App& app, const CommonOptions& /*common*/, Chosen& chosen) {
    auto options = std::make_shared<ExportOptions>();
    auto* sub = app.add_subcommand("export", "a network, and what it does on a dataset, as an .npz file for NumPy");
    sub->add_option("network", options->network,
                    "the folder of a network, its final.h5, or the states.part of one that is still trained")
        ->required();
    sub->add_option("--epoch", options->epoch, "a checkpoint; by default the last one")->check(CLI::NonNegativeNumber);
    sub->add_option("--data", options->data,
                    "a dataset of one of its tasks: inputs, states and outputs are exported, too");
    sub->add_option("--out", options->out, "the .npz file")->required();
    sub->callback([&chosen, options] { chosen = [options] { return export_network(*options); }; });
}

}  // namespace command
