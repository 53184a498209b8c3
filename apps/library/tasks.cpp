#include <fmt/format.h>
#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "repal.h"

import library.calls;
import library.handles;
import repal.config;
import repal.dataset;
import repal.recipe;
import repal.recordings;

struct repal_dataset {
    repal::Archive archive;
};

namespace {

using library::Json;

constexpr std::int64_t most_trials = 100'000'000;

/// `{"trials": 200}` as a number from a minimum on.
std::int64_t number(const Json& options, const char* key, std::int64_t otherwise, std::int64_t minimum,
                    std::int64_t maximum) {
    if (!options.contains(key)) return otherwise;
    const Json& given = options[key];
    if (!given.is_number_integer() || given.get<std::int64_t>() < minimum || given.get<std::int64_t>() > maximum)
        throw repal::InputError(
            key, fmt::format("expected a whole number of {} to {}, got {}", minimum, maximum, given.dump()));
    return given.get<std::int64_t>();
}

repal::Config config_of(const std::string& key, const Json& value) {
    const std::vector<std::string> one = {key + "=" + value.dump()};
    return repal::Config::from_overrides(one);
}

repal::NamedSystem simulated(const std::string& name, const Json& options, const repal::Registry& registry) {
    if (!options.contains("system"))
        throw repal::InputError("system", "which one?", R"(e.g. {"system": {"task": "lorenz", "r": 28}})");
    const repal::Config config = config_of("system", options["system"]);
    const repal::RecipeCatalogue catalogue(config.at_or_empty("systems"), config.at_or_empty("defaults"), registry);
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    const repal::Sampling sampling{.trials = number(options, "trials", 200, 1, most_trials),
                                   .is_shared = library::answer_in(options, "shared", true),
                                   .seed = static_cast<std::uint64_t>(number(options, "seed", 1, 0, most)),
                                   .draw = static_cast<std::uint64_t>(number(options, "draw", 0, 0, most))};
    repal::Trajectories x = catalogue.read(config.at("system")).simulate(sampling);
    std::string reading = to_string(x.shape());
    return repal::recorded({.name = name, .x = std::move(x), .reading = std::move(reading)});
}

repal::Archive generated(const std::string& name, const Json& options, const repal::Registry& registry) {
    const repal::LoadedTask& task = registry.task(name);
    if (task.info.actions.empty() && task.info.outputs.empty())
        throw repal::InputError(name, "nothing is to be done in it, so that it has no trials for networks",
                                "it can be simulated");
    const repal::Config config = config_of("task", options.value("task", Json::object()));
    const auto plugin = task.make(config.at_or_empty("task").options(task.info.options));
    const std::string phase = library::text_in(options, "phase", "test");
    if (phase != "train" && phase != "test") throw repal::InputError("phase", "expected train or test, got " + phase);
    const repal::DatasetRecipe recipe{
        .phase = phase == "train" ? repal::Phase::train : repal::Phase::test,
        .sequences = static_cast<std::size_t>(number(options, "trials", 200, 1, most_trials)),
        .is_balanced = library::answer_in(options, "balanced", true)};
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    // As a study draws those of its data.
    const auto seed = static_cast<std::uint64_t>(number(options, "seed", 1, 0, most));
    const repal::Stream of_task = repal::Stream(seed).child("data").child(name);
    const repal::Stream of_split = of_task.child(library::text_in(options, "split", phase));
    const repal_calls calls{.threads = static_cast<int>(number(options, "threads", 0, 0, 4096)),
                            .user = nullptr,
                            .progress = nullptr,
                            .warn = nullptr};
    const repal::Dataset dataset =
        make_dataset(*plugin, task.info, recipe, {of_split, of_split}, library::Calls(&calls).threads());
    repal::Archive archive = to_archive(dataset);
    archive.attributes["task"] = name;
    if (const auto ideal = ideal_accuracy(dataset)) archive.attributes["ideal_accuracy"] = fmt::format("{}", *ideal);
    if (const auto chance = chance_performance(dataset))
        archive.attributes["chance_performance"] = fmt::format("{}", *chance);
    return archive;
}

std::string_view type_of(const repal::Array::Values& values) {
    return std::visit(
        [](const auto& of_type) -> std::string_view {
            using Value = typename std::remove_cvref_t<decltype(of_type)>::value_type;
            if constexpr (std::is_same_v<Value, float>)
                return "float32";
            else if constexpr (std::is_same_v<Value, double>)
                return "float64";
            else
                return "int32";
        },
        values);
}

}  // namespace

using library::guarded;
using library::require;

int repal_simulate(const repal_host* host, const char* name, const char* options, repal_system** system) {
    return guarded([&] {
        require(host != nullptr, "host");
        require(system != nullptr, "system");
        const Json given = library::options_in(options, {"system", "trials", "shared", "seed", "draw"});
        *system = new repal_system{simulated(name == nullptr ? "" : name, given, host->registry)};
    });
}

int repal_dataset_create(const repal_host* host, const char* task, const char* options, repal_dataset** dataset) {
    return guarded([&] {
        require(host != nullptr, "host");
        require(task != nullptr, "task");
        require(dataset != nullptr, "dataset");
        const Json given =
            library::options_in(options, {"task", "phase", "split", "trials", "balanced", "seed", "threads"});
        *dataset = new repal_dataset{generated(task, given, host->registry)};
    });
}

int repal_dataset_json(const repal_dataset* dataset, char** json) {
    return guarded([&] {
        require(dataset != nullptr, "dataset");
        Json arrays = Json::object();
        for (const auto& [name, array] : dataset->archive.arrays)
            arrays[name] = {{"shape", array.shape}, {"type", type_of(array.values)}, {"attributes", array.attributes}};
        library::give(Json{{"arrays", arrays}, {"attributes", dataset->archive.attributes}}.dump(1), json);
    });
}

int repal_dataset_array(const repal_dataset* dataset, const char* name, const void** values) {
    return guarded([&] {
        require(dataset != nullptr, "dataset");
        require(name != nullptr, "name");
        require(values != nullptr, "values");
        const auto found = dataset->archive.arrays.find(name);
        if (found == dataset->archive.arrays.end())
            throw repal::InputError("", fmt::format("there is no array '{}'", name));
        *values = std::visit([](const auto& of_type) -> const void* { return of_type.data(); }, found->second.values);
    });
}

void repal_dataset_free(repal_dataset* dataset) {
    delete dataset;
}
