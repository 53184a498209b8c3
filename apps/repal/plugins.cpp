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
import repal.description;

namespace command {

namespace {

using Json = nlohmann::ordered_json;

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
            const std::string all = repal::description_of(load_plugins(common));
            if (*is_json)
                fmt::print("{}", all);
            else
                print_text(Json::parse(all));
            return done;
        };
    });
}

}  // namespace command
