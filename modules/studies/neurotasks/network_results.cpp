module;
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
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
    const auto& performance = json.at("performance");
    for (std::size_t i = 0; i < result.item->rules.size(); ++i) {
        const auto& value = performance.at(i);
        const double nothing = std::numeric_limits<double>::quiet_NaN();
        result.learned.push_back({result.item->rules[i], value.is_null() ? nothing : value.get<double>(), {}});
    }
}

/// (performance - chance) / (ideal - chance); none where chance is as good as the ideal observer.
std::optional<double> corrected(double performance, const std::optional<PerformanceRange>& range) {
    if (!range || !(range->ideal > range->chance)) return {};
    return (performance - range->chance) / (range->ideal - range->chance);
}

}  // namespace

std::vector<NetworkResult> NeurotaskNetworks::results(const std::filesystem::path& results) const {
    std::vector<NetworkResult> all;
    const ItemFiles files(results);
    std::map<std::string, std::optional<PerformanceRange>> ranges;
    for (const std::string& task : learned_tasks(selected({}))) ranges[task] = data_.range(task, results);
    for (const NetworkItem& item : items_) {
        NetworkResult result{.item = &item, .is_done = state(item, results) == ItemState::done};
        try {
            if (const auto json = files.read(item)) read_into(result, *json);
        } catch (const nlohmann::json::exception&) {
            throw files.was_changed(item);
        }
        for (NetworkResult::OnTask& task : result.learned)
            task.corrected = corrected(task.performance, ranges[item.ruleset->tasks[task.rule]]);
        // A pretrained network comes before those that go on from it.
        const bool has_no_parent = &items_[item.parent] == &item;
        result.is_trained = result.is_done && (has_no_parent || all[item.parent].is_trained) &&
                            std::ranges::all_of(result.learned, [&](const NetworkResult::OnTask& task) {
                                return task.corrected && *task.corrected >= trained_fraction_;
                            });
        all.push_back(std::move(result));
    }
    return all;
}

Table networks_table(const std::vector<NetworkResult>& results) {
    Table rows = {{"network", "ruleset", "setting", "replicate", "group", "status", "epochs", "updates",
                   "smallest_fraction", "trained", "cause"}};
    for (const NetworkResult& result : results) {
        const NetworkItem& item = *result.item;
        // What was never to be learned has no performance.
        const bool has_learned = result.is_done && !item.rules.empty();
        rows.push_back({item.name, item.ruleset->name, item.setting->name(), fmt::format("{}", item.replicate),
                        item.group, result.is_done ? "ok" : "failed",
                        result.is_done ? fmt::format("{}", result.epochs) : "",
                        result.is_done ? fmt::format("{}", result.updates) : "",
                        has_learned ? fmt::format("{}", result.smallest_fraction) : "",
                        !has_learned        ? ""
                        : result.is_trained ? "yes"
                                            : "no",
                        result.cause});
    }
    return rows;
}

Table learned_table(const std::vector<NetworkResult>& results) {
    Table rows = {{"network", "ruleset", "setting", "replicate", "group", "task", "performance", "corrected"}};
    for (const NetworkResult& result : results)
        for (const NetworkResult::OnTask& task : result.learned) {
            const NetworkItem& item = *result.item;
            rows.push_back({item.name, item.ruleset->name, item.setting->name(), fmt::format("{}", item.replicate),
                            item.group, item.ruleset->tasks[task.rule], csv_number(task.performance),
                            csv_number(task.corrected)});
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
    Table table = {
        {"group", "networks", "reached target", "trained", "mean epochs", "mean fraction of ideal", "less chance"}};
    for (const std::string& name : order) {
        const auto& members = groups.at(name);
        const auto n = static_cast<double>(members.size());
        double epochs = 0;
        double fraction = 0;
        std::size_t reached = 0;
        std::size_t trained = 0;
        double above_chance = 0;  // NaN if it is not known of one
        for (const NetworkResult* result : members) {
            epochs += result->epochs / n;
            fraction += result->smallest_fraction / n;
            reached += result->smallest_fraction >= target_fraction ? 1 : 0;
            trained += result->is_trained ? 1 : 0;
            double least = std::numeric_limits<double>::infinity();
            for (const NetworkResult::OnTask& task : result->learned)
                least = std::min(least, task.corrected.value_or(std::numeric_limits<double>::quiet_NaN()));
            above_chance += least / n;
        }
        if (members.front()->item->rules.empty())
            table.push_back({name, fmt::format("{}", members.size()), "-", "-", "-", "-", "-"});
        else
            table.push_back({name, fmt::format("{}", members.size()), fmt::format("{}", reached),
                             fmt::format("{}", trained), fmt::format("{:.1f}", epochs), fmt::format("{:.3f}", fraction),
                             std::isfinite(above_chance) ? fmt::format("{:.3f}", above_chance) : "-"});
    }
    return table;
}

}  // namespace repal
