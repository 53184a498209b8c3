module;
#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>
module repal.neurotask_networks;

namespace repal {

namespace {

/// Throws a nlohmann::json::exception if somebody changed it.
void read_into(NetworkResult& result, const nlohmann::json& json) {
    if (!result.is_done) {
        result.cause = json.contains("cause") ? json.at("cause").get<std::string>() : "";
        return;
    }
    result.epochs = json.at("epochs").get<int>();
    result.updates = json.at("updates").get<std::int64_t>();
    // null: infinite or NaN, of what was never to be learned
    if (!json.at("smallest_fraction").is_null()) result.smallest_fraction = json.at("smallest_fraction").get<double>();
}

}  // namespace

std::vector<NetworkResult> NeurotaskNetworks::results(const std::filesystem::path& results) const {
    std::vector<NetworkResult> all;
    const ItemFiles files(results);
    for (const NetworkItem& item : items_) {
        NetworkResult result{.item = &item, .is_done = state(item, results) == ItemState::done};
        try {
            if (const auto json = files.read(item)) read_into(result, *json);
        } catch (const nlohmann::json::exception&) {
            throw files.was_changed(item);
        }
        all.push_back(std::move(result));
    }
    return all;
}

Table networks_table(const std::vector<NetworkResult>& results) {
    Table rows = {{"network", "ruleset", "setting", "replicate", "group", "status", "epochs", "updates",
                   "smallest_fraction", "cause"}};
    for (const NetworkResult& result : results) {
        const NetworkItem& item = *result.item;
        // What was never to be learned has no performance.
        const bool has_learned = result.is_done && !item.rules.empty();
        rows.push_back({item.name, item.ruleset->name, item.setting->name(), fmt::format("{}", item.replicate),
                        item.group, result.is_done ? "ok" : "failed",
                        result.is_done ? fmt::format("{}", result.epochs) : "",
                        result.is_done ? fmt::format("{}", result.updates) : "",
                        has_learned ? fmt::format("{}", result.smallest_fraction) : "", result.cause});
    }
    return rows;
}

Table training_table(std::span<const NetworkResult> results, double target_fraction) {
    std::vector<std::string> order;
    std::map<std::string, std::vector<const NetworkResult*>> groups;
    for (const NetworkResult& result : results) {
        if (!result.is_done) continue;
        const std::string name = result.item->ruleset->name + ": " + result.item->group;
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
        if (members.front()->item->rules.empty())
            table.push_back({name, fmt::format("{}", members.size()), "-", "-", "-"});
        else
            table.push_back({name, fmt::format("{}", members.size()), fmt::format("{}", reached),
                             fmt::format("{:.1f}", epochs), fmt::format("{:.3f}", fraction)});
    }
    return table;
}

}  // namespace repal
