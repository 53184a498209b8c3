#include <fmt/format.h>

#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "commands.hpp"

import command.load_plugins;
import repal.metric;
import repal.options;
import repal.registry;

namespace command {

namespace {

using Json = nlohmann::ordered_json;

Json options_json(const std::vector<repal::OptionInfo>& options) {
    Json list = Json::array();
    for (const repal::OptionInfo& option : options) {
        Json entry = {{"name", option.name}, {"type", repal::type_name(option.default_value)}, {"unit", option.unit}};
        if (option.is_automatic)
            entry["default"] = repal::automatic;
        else
            std::visit([&](const auto& value) { entry["default"] = value; }, option.default_value);
        entry["summary"] = option.summary;
        if (!option.choices.empty()) entry["choices"] = option.choices;
        list.push_back(std::move(entry));
    }
    return list;
}

template <class Loaded>
Json described(const Loaded& loaded, const char* kind) {
    return {{"kind", kind},
            {"name", loaded.info.name},
            {"version", loaded.info.version},
            {"summary", loaded.info.summary},
            {"source", loaded.info.source},
            {"file", loaded.file.string()},
            {"options", options_json(loaded.info.options)}};
}

/// The order in which they are listed.
constexpr std::array families = {repal::Family::geometry, repal::Family::representational, repal::Family::predictive,
                                 repal::Family::single_channel, repal::Family::dynamics};

Json metric_json(const repal::LoadedMetric& metric) {
    Json entry = described(metric, "metric");
    entry["family"] = to_string(metric.info.family);
    entry["invariances"] = Json::array();
    for (const repal::Invariance invariance : metric.info.invariances)
        entry["invariances"].push_back(to_string(invariance));
    entry["triangle_inequality"] = metric.info.has_triangle_inequality;
    entry["corresponding"] = Json::array();
    for (const repal::Correspondence one : metric.info.corresponding) entry["corresponding"].push_back(to_string(one));
    entry["values"] = Json::array();
    for (const repal::ValueInfo& value : metric.info.values)
        entry["values"].push_back({{"name", value.name}, {"summary", value.summary}, {"unit", value.unit}});
    entry["curves"] = Json::array();
    for (const repal::CurveInfo& curve : metric.info.curves)
        entry["curves"].push_back({{"name", curve.name}, {"summary", curve.summary}});
    return entry;
}

Json all_json(const repal::Registry& registry) {
    Json plugins = Json::array();
    for (const repal::Family family : families)
        for (const auto& [name, metric] : registry.metrics())
            if (metric.info.family == family) plugins.push_back(metric_json(metric));
    for (const auto& [name, task] : registry.tasks()) {
        Json entry = described(task, "task");
        entry["channels"] = task.info.channels;
        plugins.push_back(std::move(entry));
    }
    Json refused = Json::array();
    for (const auto& [file, cause] : registry.refused()) refused.push_back({{"file", file.string()}, {"cause", cause}});
    return {{"plugins", std::move(plugins)}, {"refused", std::move(refused)}};
}

void print_text(const Json& all) {
    std::string family;
    for (const Json& plugin : all["plugins"]) {
        if (const std::string own = plugin.value("family", "tasks"); own != family) {
            fmt::print("{}{}\n", family.empty() ? "" : "\n", own == "tasks" ? own : "metrics: " + own);
            family = own;
        }
        fmt::print("{} {} {}: {}\n", plugin["kind"].get<std::string>(), plugin["name"].get<std::string>(),
                   plugin["version"].get<std::string>(), plugin["summary"].get<std::string>());
        fmt::print("    source: {}\n", plugin["source"].get<std::string>());
        if (plugin.contains("invariances")) {
            std::string list;
            for (const Json& invariance : plugin["invariances"])
                list += (list.empty() ? "" : ", ") + invariance.get<std::string>();
            fmt::print("    invariant to: {}\n", list.empty() ? "nothing declared" : list);
        }
        if (plugin.contains("values") && !plugin["values"].empty()) {
            std::string list;
            for (const Json& value : plugin["values"])
                list += (list.empty() ? "" : ", ") + value["name"].get<std::string>();
            fmt::print("    values: {}\n", list);
        }
        for (const Json& option : plugin["options"]) {
            const std::string unit = option["unit"].get<std::string>();
            const Json& value = option["default"];
            fmt::print("    {}: {}, default {}{}: {}{}\n", option["name"].get<std::string>(),
                       option["type"].get<std::string>(), value.is_string() ? value.get<std::string>() : value.dump(),
                       unit.empty() ? "" : " " + unit, option["summary"].get<std::string>(),
                       option.contains("choices") ? " " + option["choices"].dump() : "");
        }
    }
    for (const Json& refused : all["refused"])
        fmt::print("refused {}: {}\n", refused["file"].get<std::string>(), refused["cause"].get<std::string>());
    if (all["plugins"].empty()) fmt::print("no plugins found; name their folder with --plugin-path DIR\n");
}

}  // namespace

void add_plugins(CLI::App& app, const CommonOptions& common, Chosen& chosen) {
    auto* plugins = app.add_subcommand("plugins", "what is loaded: tasks, metrics, their options and sources");
    auto is_json = std::make_shared<bool>(false);
    plugins->add_flag("--json", *is_json, "print JSON");
    plugins->callback([&common, &chosen, is_json] {
        chosen = [&common, is_json] {
            const Json all = all_json(load_plugins(common));
            if (*is_json)
                fmt::print("{}\n", all.dump(2, ' ', false, Json::error_handler_t::replace));
            else
                print_text(all);
            return done;
        };
    });
}

}  // namespace command
