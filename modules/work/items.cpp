module;
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
module repal.items;

import repal.file;
import repal.store;

namespace repal {
namespace {

/// The file's contents if they belong to this item.
std::optional<nlohmann::json> contents(const std::filesystem::path& file, const Item& item) {
    if (!is_there(file)) return {};
    auto json = nlohmann::json::parse(read_file(file), nullptr, false);
    const auto is_text = [&](const char* name) { return json.contains(name) && json.at(name).is_string(); };
    if (!is_text("key") || !is_text("state") || json.at("key") != item.key || !json.contains("result")) return {};
    return json;
}

}  // namespace

std::string_view to_string(ItemState state) {
    switch (state) {
        case ItemState::missing:
            return "missing";
        case ItemState::failed:
            return "failed";
        case ItemState::done:
            return "done";
    }
    return "";
}

std::filesystem::path ItemFiles::file(const Item& item) const {
    return folder_ / item.stage / (item.name + ".json");
}

ItemState ItemFiles::state(const Item& item) const {
    const auto found = contents(file(item), item);
    if (!found) return ItemState::missing;
    return found->at("state") == "done" ? ItemState::done : ItemState::failed;
}

ItemState ItemFiles::state(const Item& item, const std::filesystem::path& file) const {
    const ItemState of_item = state(item);
    return of_item == ItemState::done && key_in(file) != item.key ? ItemState::missing : of_item;
}

std::optional<std::string> ItemFiles::read(const Item& item) const {
    const auto found = contents(file(item), item);
    if (!found) return {};
    return found->at("result").dump();
}

void ItemFiles::write(const Item& item, ItemState state, const std::string& json) const {
    nlohmann::ordered_json content;
    content["key"] = item.key;
    content["state"] = to_string(state);
    content["result"] = nlohmann::ordered_json::parse(json);
    write_file(file(item), content.dump() + "\n");
}

}  // namespace repal
