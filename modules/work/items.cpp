module;
#include <fmt/format.h>

#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
module repal.items;

import repal.file;
import repal.hash;
import repal.store;

namespace repal {
namespace {

/// A file is an object of JSON in one line: this, the result, and a hash of both. So a state is known without parsing a
/// result.
std::string header(const Item& item, ItemState state) {
    return fmt::format(R"({{"key":"{}","state":"{}","result":)", item.key, to_string(state));
}

constexpr std::size_t beginning_of_hash = std::string_view(",\"hash\":\"").size();
std::string ending(std::string_view header_and_result) {
    return fmt::format(",\"hash\":\"{}\"}}\n", hash_hex(header_and_result));
}

struct Contents {
    ItemState state = ItemState::missing;
    std::string result = {};  ///< JSON
    bool is_changed = false;  ///< since it was written
};

/// Missing: the file is not there, not whole, or of another item.
Contents contents(const std::filesystem::path& file, const Item& item) {
    if (!is_there(file)) return {};
    std::string text = read_file(file);
    const std::size_t length = ending("").size();
    if (text.size() < length) return {};
    const std::string end = text.substr(text.size() - length);
    text.resize(text.size() - length);
    const std::string written = ending(text);
    if (!end.starts_with(written.substr(0, beginning_of_hash)) || !end.ends_with("\"}\n")) return {};
    for (const ItemState state : {ItemState::done, ItemState::failed}) {
        const std::string begin = header(item, state);
        if (text.starts_with(begin) && text.size() > begin.size())
            return {state, text.substr(begin.size()), end != written};
    }
    return {};
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
    return contents(file(item), item).state;
}

ItemState ItemFiles::state(const Item& item, const std::filesystem::path& file) const {
    const ItemState of_item = state(item);
    return of_item == ItemState::done && key_in(file) != item.key ? ItemState::missing : of_item;
}

std::optional<nlohmann::json> ItemFiles::read(const Item& item) const {
    const auto [state, result, is_changed] = contents(file(item), item);
    if (state == ItemState::missing) return {};
    auto json = nlohmann::json::parse(result, nullptr, false);
    if (is_changed || json.is_discarded()) throw was_changed(item);
    return json;
}

InputError ItemFiles::was_changed(const Item& item) const {
    return {file(item).string(), "this file was changed since it was written", "remove it; then it is made again"};
}

void ItemFiles::write(const Item& item, ItemState state, const std::string& json) const {
    const std::string text = header(item, state) + json;
    write_file(file(item), text + ending(text));
}

}  // namespace repal
