module;
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
module repal.cells;

import repal.archive;
import repal.store;

namespace repal {
namespace {

/// A client of NFS may remember for a minute that there was no such file; opening a folder makes it ask its server
/// again.
bool is_there(const std::filesystem::path& file) {
    std::error_code none;
    if (std::filesystem::is_regular_file(file, none)) return true;
    for (std::filesystem::path folder = file; folder.has_parent_path() && folder != folder.root_path();) {
        folder = folder.parent_path();
        const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (descriptor < 0) continue;
        ::close(descriptor);
        break;
    }
    return std::filesystem::is_regular_file(file, none);
}

/// The file's contents if they belong to this cell.
std::optional<nlohmann::json> contents(const std::filesystem::path& file, const Cell& cell) {
    if (!is_there(file)) return {};
    auto json = nlohmann::json::parse(read_file(file), nullptr, false);
    const auto is_text = [&](const char* name) { return json.contains(name) && json.at(name).is_string(); };
    if (!is_text("key") || !is_text("state") || json.at("key") != cell.key || !json.contains("result")) return {};
    return json;
}

}  // namespace

std::optional<std::string> key_in(const std::filesystem::path& file) {
    if (!is_there(file)) return {};
    try {
        const auto attributes = read_attributes(file);
        const auto key = attributes.find("key");
        return key == attributes.end() ? std::optional<std::string>() : key->second;
    } catch (const InputError&) {
        return {};
    }
}

std::string_view to_string(CellState state) {
    switch (state) {
        case CellState::missing:
            return "missing";
        case CellState::failed:
            return "failed";
        case CellState::done:
            return "done";
    }
    return "";
}

std::filesystem::path CellFiles::file(const Cell& cell) const {
    return folder_ / cell.stage / (cell.name + ".json");
}

CellState CellFiles::state(const Cell& cell) const {
    const auto found = contents(file(cell), cell);
    if (!found) return CellState::missing;
    return found->at("state") == "done" ? CellState::done : CellState::failed;
}

CellState CellFiles::state(const Cell& cell, const std::filesystem::path& file) const {
    const CellState of_cell = state(cell);
    return of_cell == CellState::done && key_in(file) != cell.key ? CellState::missing : of_cell;
}

std::optional<std::string> CellFiles::read(const Cell& cell) const {
    const auto found = contents(file(cell), cell);
    if (!found) return {};
    return found->at("result").dump();
}

void CellFiles::write(const Cell& cell, CellState state, const std::string& json) const {
    nlohmann::ordered_json content;
    content["key"] = cell.key;
    content["state"] = to_string(state);
    content["result"] = nlohmann::ordered_json::parse(json);
    write_file(file(cell), content.dump() + "\n");
}

}  // namespace repal
