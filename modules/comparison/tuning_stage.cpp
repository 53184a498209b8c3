module;
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>
module repal.tuning_stage;

import repal.claims;
import repal.costs;
import repal.hash;
import repal.random;

namespace repal {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const OptionValue& value) {
    return std::visit([](const auto& held) { return Json(held); }, value);
}

OptionValue option_from(const nlohmann::json& json) {
    if (json.is_boolean()) return json.get<bool>();
    if (json.is_number_integer()) return json.get<std::int64_t>();
    if (json.is_number()) return json.get<double>();
    if (json.is_string()) return json.get<std::string>();
    return json.get<std::vector<double>>();
}

double number_from(const nlohmann::json& json) {
    return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();  // as NaN is written
}

Json to_json(const TriedSetting& setting) {
    Json json = {{"options", Json::object()}, {"cause", setting.cause}, {"is_kept", setting.is_kept}};
    for (const auto& [option, value] : setting.options) json["options"][option] = to_json(value);
    if (setting.found)
        json["found"] = {{"gain", setting.found->gain},
                         {"residual", setting.found->residual},
                         {"mase", setting.found->mase},
                         {"free_error", setting.found->free_error}};
    if (setting.separation)
        json["separation"] = {{"within", setting.separation->within},
                              {"between", setting.separation->between},
                              {"ratio", setting.separation->ratio},
                              {"n_within", setting.separation->n_within},
                              {"n_between", setting.separation->n_between}};
    if (setting.reliability) json["reliability"] = *setting.reliability;
    return json;
}

TriedSetting setting_from(const nlohmann::json& json) {
    TriedSetting setting{
        .options = {}, .cause = json.at("cause").get<std::string>(), .is_kept = json.at("is_kept").get<bool>()};
    for (const auto& [option, value] : json.at("options").items()) setting.options[option] = option_from(value);
    if (json.contains("found")) {
        const auto& found = json.at("found");
        HeldOut held_out{.gain = number_from(found.at("gain")),
                         .residual = number_from(found.at("residual")),
                         .mase = number_from(found.at("mase")),
                         .free_error = {}};
        for (const auto& error : found.at("free_error")) held_out.free_error.push_back(number_from(error));
        setting.found = std::move(held_out);
    }
    if (json.contains("separation")) {
        const auto& separation = json.at("separation");
        setting.separation = {.within = number_from(separation.at("within")),
                              .between = number_from(separation.at("between")),
                              .ratio = number_from(separation.at("ratio")),
                              .n_within = separation.at("n_within").get<std::size_t>(),
                              .n_between = separation.at("n_between").get<std::size_t>()};
    }
    if (json.contains("reliability")) setting.reliability = json.at("reliability").get<double>();
    return setting;
}

std::string to_json(const Tuning& tuning) {
    Json json = {{"axes", Json::array()},   {"settings", Json::array()}, {"cause", tuning.cause},
                 {"reason", tuning.reason}, {"systems", tuning.systems}, {"warnings", tuning.warnings}};
    for (const OptionAxis& axis : tuning.axes) {
        auto values = Json::array();
        for (const OptionValue& value : axis.values) values.push_back(to_json(value));
        json["axes"].push_back({{"option", axis.option}, {"values", std::move(values)}});
    }
    for (const TriedSetting& setting : tuning.settings) json["settings"].push_back(to_json(setting));
    if (tuning.chosen) json["chosen"] = *tuning.chosen;
    if (tuning.is_by_halves) json["is_by_halves"] = true;
    if (tuning.confirmed) json["confirmed"] = *tuning.confirmed;
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);  // causes are the text of plugins
}

/// Throws an exception if this is not what to_json() wrote.
Tuning tuning_from(const nlohmann::json& json) {
    Tuning tuning{.axes = {},
                  .settings = {},
                  .cause = json.at("cause").get<std::string>(),
                  .reason = json.at("reason").get<std::string>(),
                  .systems = json.at("systems").get<std::vector<std::string>>(),
                  .warnings = json.at("warnings").get<std::vector<std::string>>()};
    for (const auto& entry : json.at("axes")) {
        OptionAxis axis{.option = entry.at("option").get<std::string>(), .values = {}};
        for (const auto& value : entry.at("values")) axis.values.push_back(option_from(value));
        tuning.axes.push_back(std::move(axis));
    }
    for (const auto& setting : json.at("settings")) tuning.settings.push_back(setting_from(setting));
    tuning.is_by_halves = json.contains("is_by_halves");
    if (json.contains("confirmed")) tuning.confirmed = json.at("confirmed").get<double>();
    if (json.contains("chosen")) {
        tuning.chosen = json.at("chosen").get<std::size_t>();
        if (*tuning.chosen >= tuning.settings.size()) throw std::out_of_range("the chosen setting");
    }
    return tuning;
}

/// Throws an exception if the metric has no such option.
const OptionInfo& option_of(const ChosenMetric& metric, const std::string& name) {
    const auto option = std::ranges::find(metric.info.options, name, &OptionInfo::name);
    if (option == metric.info.options.end()) throw InputError("", fmt::format("there is no option '{}'", name));
    return *option;
}

const Stream& tuning_stream() {
    static const Stream stream = Stream(0).child("tuning");
    return stream;
}

/// The systems that choose, or nothing while one of them has still to be made. What cannot be observed does not choose.
/// Throws InputError if a file is missing or damaged: what the others choose would stay when it is there again.
std::optional<std::vector<NamedSystem>> observed_of(const SystemSet& set, const std::filesystem::path& results) {
    std::vector<NamedSystem> observed;
    for (const NamedSystem& system : in_drawn_order(set.systems, tuning_stream().child("systems"))) {
        if (observed.size() == most_systems_that_choose) break;
        if (!system.system->is_ready(results)) return {};
        try {
            observed.push_back(
                {system.name, given(system.system->identity(), system.system->observe(results)), system.content});
        } catch (const InvalidTrajectories&) {  // NOLINT(bugprone-empty-catch): its pairs say why
        } catch (const InputError&) {
            throw;
        } catch (...) {  // NOLINT(bugprone-empty-catch): whatever a plugin throws, its pairs say why
        }
    }
    return observed;
}

/// Whether those are there that observed_of() begins with.
bool can_be_observed(const SystemSet& set, const std::filesystem::path& results) {
    return std::ranges::all_of(some_of(set.systems, tuning_stream().child("systems")),
                               [&](const NamedSystem& system) { return system.system->is_ready(results); });
}

Tuning tuning_of(const TuningItem& item, const std::vector<NamedSystem>& systems, int jobs, Progress& progress) {
    const ChosenMetric& metric = *item.metric;
    Tuning tuning{.axes = item.search != nullptr ? item.search->axes : default_axes(metric)};
    try {
        tuning = tune(metric, systems, tuning.axes, tuning_stream(), jobs, progress);
    } catch (const Stopped&) {
        throw;
    } catch (const InputError& error) {  // what does not suit one system does not end a study
        tuning.cause = error.problem();
    } catch (...) {
        tuning.cause = text_of_exception();
    }
    if (tuning.is_given()) tuning.chosen = 0;  // whatever the data say of it
    const bool is_choice = item.search == nullptr && !tuning.is_given();
    constexpr std::size_t splits = 5;
    add_separations(tuning, metric, systems, item.search != nullptr ? Separated::all : Separated::choice,
                    is_choice ? splits : 1, tuning_stream(), jobs);
    return tuning;
}

}  // namespace

TuningStage::TuningStage(const std::vector<Experiment>& experiments, const std::vector<ChosenMetric>& metrics) {
    for (const Experiment& experiment : experiments) {
        if (experiment.set == nullptr) continue;
        const SystemSet& set = *experiment.set;
        std::string systems;
        for (const NamedSystem& system : set.systems) systems += "\n" + system.name + " " + system.system->identity();
        const auto add = [&](const ChosenMetric& metric, const SettingSearch* search) {
            const auto [place, is_new] = places_.emplace(std::pair(&set, &metric), items_.size());
            std::string tried;
            for (const OptionAxis& axis : search != nullptr ? search->axes : std::vector<OptionAxis>{})
                for (const OptionValue& value : axis.values) tried += " " + axis.option + "=" + to_string(value);
            if (is_new)
                items_.push_back({{.stage = name,
                                   .name = set.name + "/" + metric.name,
                                   .key = hash_hex(fmt::format("tuning-2 {}{}{}", metric.identity, tried, systems))},
                                  &set,
                                  &metric,
                                  search});
            of_experiments_[experiment.name].insert(place->second);
        };
        if (experiment.search) {
            add(experiment.search->metric, &*experiment.search);
            continue;
        }
        for (const ChosenMetric& metric : experiment.metrics.empty() ? metrics : experiment.metrics)
            if (!default_axes(metric).empty()) add(metric, nullptr);
    }
}

const TuningItem* TuningStage::item(const Experiment& experiment, const ChosenMetric& metric) const {
    const auto place = places_.find({experiment.set.get(), &metric});
    return place == places_.end() ? nullptr : &items_[place->second];
}

TuningStage::ItemList TuningStage::selected(const std::set<std::string>& experiments,
                                            const Selection& selection) const {
    std::set<std::size_t> chosen;
    for (const std::string& experiment : experiments)
        if (const auto places = of_experiments_.find(experiment); places != of_experiments_.end())
            chosen.insert(places->second.begin(), places->second.end());
    ItemList items;
    for (const std::size_t i : chosen)
        if (selection.includes(items_[i])) items.push_back(&items_[i]);
    return items;
}

PlannedItems TuningStage::plan(const std::filesystem::path& results, const std::set<std::string>& experiments,
                               const Selection& selection) const {
    const ItemFiles files(results);
    PlannedItems planned;
    for (const TuningItem* item : selected(experiments, selection)) planned.emplace_back(*item, files.state(*item));
    return planned;
}

void TuningStage::run(const std::set<std::string>& experiments, const RunOptions& options, Progress& progress) const {
    const ItemList items = selected(experiments, options.selection);
    const ItemFiles files(options.results);
    ItemList missing;
    for (const std::size_t i : unfinished(plan(options.results, experiments, options.selection), options.shard))
        missing.push_back(items[i]);
    std::size_t waiting =
        std::erase_if(missing, [&](const TuningItem* item) { return !can_be_observed(*item->set, options.results); });
    const auto tell_of_waiting = [&] {
        if (waiting > 0)
            progress.warn(name,
                          fmt::format("{} items wait for networks that are not trained yet; run this again", waiting));
    };
    if (missing.empty()) return tell_of_waiting();

    ProgressOfItem within(progress);
    const auto work = [&](std::size_t i) {
        const TuningItem& item = *missing[i];
        const auto systems = observed_of(*item.set, options.results);
        if (!systems) {
            ++waiting;
            return;
        }
        const Stopwatch stopwatch(options.results, item, options.jobs);
        const Tuning tuning = tuning_of(item, *systems, options.jobs, within);
        for (const std::string& warning : tuning.warnings) progress.warn("settings of " + item.name, warning);
        files.write(item, ItemState::done, to_json(tuning));
    };
    Claims claims(options.results, progress);
    progress.begin("choosing settings", missing.size());
    do_shared({.n = missing.size(),
               .item = [&](std::size_t i) -> const Item& { return *missing[i]; },
               .state = [&](std::size_t i) { return files.state(*missing[i]); },
               .work = work},
              claims, 1, progress);
    progress.end();
    tell_of_waiting();
}

std::vector<TunedSet> TuningStage::found(const std::filesystem::path& results) const {
    std::vector<TunedSet> all;
    for (const TuningItem& item : items_) all.push_back({&item, read(results, item)});
    return all;
}

std::optional<Tuning> TuningStage::read(const std::filesystem::path& results, const TuningItem& item) {
    const ItemFiles files(results);
    const auto json = files.read(item);
    if (!json) return {};
    try {
        Tuning tuning = tuning_from(*json);
        for (const TriedSetting& setting : tuning.settings)
            for (const auto& [option, value] : setting.options) require_valid(option_of(*item.metric, option), value);
        return tuning;
    } catch (const std::exception&) {
        throw files.was_changed(item);
    }
}

}  // namespace repal
