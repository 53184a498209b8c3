module;
#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>
module repal.description;

import repal.metric;
import repal.options;

namespace repal {
namespace {

using Json = nlohmann::ordered_json;

Json options_json(const std::vector<OptionInfo>& options) {
    Json list = Json::array();
    for (const OptionInfo& option : options) {
        Json entry = {{"name", option.name}, {"type", type_name(option.default_value)}, {"unit", option.unit}};
        if (option.is_automatic)
            entry["default"] = automatic;
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
constexpr std::array families = {Family::geometry, Family::representational, Family::predictive, Family::single_channel,
                                 Family::dynamics};

Json metric_json(const LoadedMetric& metric) {
    Json entry = described(metric, "metric");
    entry["family"] = to_string(metric.info.family);
    entry["invariances"] = Json::array();
    for (const Invariance invariance : metric.info.invariances) entry["invariances"].push_back(to_string(invariance));
    entry["triangle_inequality"] = metric.info.has_triangle_inequality;
    entry["corresponding"] = Json::array();
    for (const Correspondence one : metric.info.corresponding) entry["corresponding"].push_back(to_string(one));
    entry["values"] = Json::array();
    for (const ValueInfo& value : metric.info.values)
        entry["values"].push_back({{"name", value.name}, {"summary", value.summary}, {"unit", value.unit}});
    entry["curves"] = Json::array();
    for (const CurveInfo& curve : metric.info.curves)
        entry["curves"].push_back({{"name", curve.name}, {"summary", curve.summary}});
    return entry;
}

}  // namespace

std::string description_of(const Registry& registry) {
    Json plugins = Json::array();
    for (const Family family : families)
        for (const auto& [name, metric] : registry.metrics())
            if (metric.info.family == family) plugins.push_back(metric_json(metric));
    for (const auto& [name, task] : registry.tasks()) {
        Json entry = described(task, "task");
        entry["channels"] = task.info.channels;
        plugins.push_back(std::move(entry));
    }
    Json refused = Json::array();
    for (const auto& [file, cause] : registry.refused()) refused.push_back({{"file", file.string()}, {"cause", cause}});
    const Json all = {{"plugins", std::move(plugins)}, {"refused", std::move(refused)}};
    return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace repal
