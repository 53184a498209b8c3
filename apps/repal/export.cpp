#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "commands.hpp"

import repal.npz;
import repal.training;

namespace command {
namespace {

struct ExportOptions {
    std::string network;
    std::string data;
    std::string out;
};

std::vector<std::string> split(const std::string& list) {
    std::vector<std::string> names;
    std::istringstream stream(list);
    for (std::string name; std::getline(stream, name, ',');) names.push_back(name);
    return names;
}

/// What the network does on the sequences of a dataset, whose task must be one of its rules.
void add_recording(repal::Archive& exported, const repal::Network& network, const std::vector<std::string>& rules,
                   const std::string& data_file) {
    const repal::Archive data = repal::read_archive(data_file);
    const std::string& task = data.attribute("task");
    const auto rule = static_cast<std::size_t>(std::ranges::find(rules, task) - rules.begin());
    if (rule == rules.size())
        throw repal::InputError(data_file, fmt::format("the network has no rule for the task '{}'", task),
                                repal::suggest(task, rules));
    const repal::Dataset dataset = repal::dataset_from(data);
    repal::Recording recording = repal::record(dataset, rule, rules.size(), network);
    const auto add = [&](const char* name, std::size_t width, std::vector<float> values) {
        exported.arrays[name] = {.shape = {dataset.sequences, static_cast<std::size_t>(dataset.steps), width},
                                 .values = std::move(values)};
    };
    add("inputs", static_cast<std::size_t>(network.shape.inputs), std::move(recording.inputs));
    add("states", static_cast<std::size_t>(network.shape.hidden), std::move(recording.responses.states));
    add("outputs", static_cast<std::size_t>(network.shape.outputs), std::move(recording.responses.outputs));
}

int export_network(const ExportOptions& options) {
    const repal::Archive checkpoint = repal::read_archive(options.network);
    repal::Network network;
    try {
        network = repal::network_from(checkpoint);
    } catch (const repal::InputError& error) {
        throw repal::InputError(options.network, error.problem(), error.hint());
    }
    repal::Archive exported{.arrays = {}, .attributes = {}};
    for (const char* name : {"cell", "activation", "decay", "rules", "network", "seed"})
        exported.attributes[name] = checkpoint.attribute(name);
    repal::add_parameters(exported, "weights", network.shape, network.parameters);
    if (!options.data.empty()) add_recording(exported, network, split(checkpoint.attribute("rules")), options.data);
    repal::write_npz(options.out, exported);
    return done;
}

}  // namespace

void add_export(CLI::App& app, const CommonOptions& /*common*/, Chosen& chosen) {
    auto options = std::make_shared<ExportOptions>();
    auto* sub = app.add_subcommand("export", "a network, and what it does on a dataset, as an .npz file for NumPy");
    sub->add_option("network", options->network, "final.h5 or a checkpoint of a network")->required();
    sub->add_option("--data", options->data,
                    "a dataset of one of its tasks: inputs, states and outputs are exported, too");
    sub->add_option("--out", options->out, "the .npz file")->required();
    sub->callback([&chosen, options] { chosen = [options] { return export_network(*options); }; });
}

}  // namespace command
