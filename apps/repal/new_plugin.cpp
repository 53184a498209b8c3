#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "commands.hpp"
#include "new_folder.hpp"

import command.load_plugins;
import repal.error;
import repal.file;
import repal.registry;
import repal.template_text;

namespace command {
namespace {

// The files that a new plugin begins with; #embed is C++26, which clang has had since version 19.
// NOLINTBEGIN(modernize-avoid-c-arrays): their size is that of the file
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc23-extensions"
constexpr char cmake_lists[] = {
#embed "plugin_template/CMakeLists.txt.in" suffix(, 0)
};
constexpr char cmake_presets[] = {
#embed "plugin_template/CMakePresets.json.in" suffix(, 0)
};
constexpr char git_ignore[] = {
#embed "plugin_template/gitignore.in" suffix(, 0)
};
constexpr char metric_source[] = {
#embed "plugin_template/metric/plugin.cpp.in" suffix(, 0)
};
constexpr char metric_test[] = {
#embed "plugin_template/metric/test.cpp.in" suffix(, 0)
};
constexpr char metric_readme[] = {
#embed "plugin_template/metric/README.md.in" suffix(, 0)
};
constexpr char task_source[] = {
#embed "plugin_template/task/plugin.cpp.in" suffix(, 0)
};
constexpr char task_test[] = {
#embed "plugin_template/task/test.cpp.in" suffix(, 0)
};
constexpr char task_readme[] = {
#embed "plugin_template/task/README.md.in" suffix(, 0)
};
#pragma clang diagnostic pop
// NOLINTEND(modernize-avoid-c-arrays)

struct NewPlugin {
    std::string kind;
    std::string name;
    std::string folder;
};

bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}

bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_valid(std::string_view name) {
    return !name.empty() && is_lower(name.front()) &&
           std::ranges::all_of(name, [](char c) { return is_lower(c) || is_digit(c) || c == '_'; });
}

/// "MeanLag 2" -> "mean_lag_2"; empty if nothing of the name can stay.
std::string nearest_valid(const std::string& name, const std::string& kind) {
    std::string valid;
    bool is_new_word = false;
    char before = '_';
    for (const char c : name) {
        const bool is_inside_word = is_lower(before) || is_digit(before);
        if (!is_lower(c) && !is_upper(c) && !is_digit(c)) {
            is_new_word = true;
        } else {
            if ((is_new_word || (is_upper(c) && is_inside_word)) && !valid.empty()) valid += '_';
            valid += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            is_new_word = false;
        }
        before = c;
    }
    return valid.empty() || is_lower(valid.front()) ? valid : kind + "_" + valid;
}

void require_valid_name(const NewPlugin& plugin) {
    if (is_valid(plugin.name)) return;
    const std::string valid = nearest_valid(plugin.name, plugin.kind);
    throw repal::InputError(
        fmt::format("'{}'", plugin.name),
        fmt::format("a {} has a name of lower-case letters, digits and _, beginning with a letter", plugin.kind),
        valid.empty() ? fmt::format("e.g. my_{}", plugin.kind) : fmt::format("did you mean '{}'?", valid));
}

template <class Loaded>
void require_new(const std::map<std::string, Loaded>& known, const char* kind, const std::string& name) {
    if (const auto found = known.find(name); found != known.end())
        throw repal::InputError(
            "", fmt::format("there is a {} '{}' already, in {}", kind, name, quoted(found->second.file.string())),
            "take another name");
}

/// "mean_lag" -> "MeanLag"; another one where the sources have something of that name.
std::string class_name(const std::string& name) {
    std::string text;
    bool is_first = true;
    for (const char c : name) {
        if (c != '_') text += is_first ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
        is_first = c == '_';
    }
    const auto taken = {"Eigen", "Option", "Options", "Profile"};
    return std::ranges::find(taken, text) != taken.end() ? text + "Plugin" : text;
}

/// As it stands between the quotes of a string in CMakePresets.json.
std::string in_presets(const std::string& path) {
    std::string text;
    for (const char c : path)
        if (c == '$')
            text += "${dollar}";
        else if (c == '"' || c == '\\')
            text += {'\\', c};
        else
            text += c;
    return text;
}

struct GeneratedFile {
    std::string name;
    std::string what;
    std::string content;
};

std::vector<GeneratedFile> files_of(const NewPlugin& plugin) {
    const bool is_metric = plugin.kind == "metric";
    std::vector<GeneratedFile> files = {
        {"README.md", "how to build, test and use it", is_metric ? metric_readme : task_readme},
        {plugin.name + ".cpp", fmt::format("the {}: begin here", plugin.kind), is_metric ? metric_source : task_source},
        {plugin.name + "_test.cpp", "values that are known", is_metric ? metric_test : task_test},
        {"CMakeLists.txt", "how it is built", cmake_lists},
        {"CMakePresets.json", "with which compiler, against which repal", cmake_presets},
        {".gitignore", "build", git_ignore}};
    for (GeneratedFile& file : files)
        file.content = repal::filled(file.content, {{"name", plugin.name},
                                                    {"Class", class_name(plugin.name)},
                                                    {"kind", plugin.kind},
                                                    {"version", REPAL_VERSION},
                                                    {"clang", fmt::format("{}", __clang_major__)},
                                                    {"prefix", in_presets(repal::installation().string())}});
    return files;
}

void print_next_steps(const NewPlugin& plugin, const std::vector<GeneratedFile>& files) {
    fmt::print("{} has the {} {}:\n\n", quoted(plugin.folder), plugin.kind, plugin.name);
    for (const GeneratedFile& file : files) fmt::print("    {:<22} {}\n", file.name, file.what);
    const std::string program = quoted((repal::installation() / "bin" / "repal").string());
    const bool is_installed = std::filesystem::exists(repal::installation() / "lib" / "cmake" / "repal");
    fmt::print("\nNext:\n\n");
    if (!is_installed)
        fmt::print("    install repal (cmake --install): {} is no installation; name its prefix in {}\n",
                   quoted(repal::installation().string()), quoted(plugin.folder + "/CMakePresets.json"));
    fmt::print(
        "    cd {}\n    cmake --preset default && cmake --build --preset default && ctest --preset "
        "default\n",
        quoted(plugin.folder));
    fmt::print("    {} plugins --plugin-path build\n", program);
}

int new_plugin(const NewPlugin& plugin, const CommonOptions& common) {
    const std::vector<std::string> kinds = {"metric", "task"};
    if (std::ranges::find(kinds, plugin.kind) == kinds.end())
        throw repal::InputError("", fmt::format("unknown kind of plugin '{}'", plugin.kind),
                                repal::suggest(plugin.kind, kinds));
    require_valid_name(plugin);
    const auto registry = load_plugins(common);
    require_new(registry.metrics(), "metric", plugin.name);
    require_new(registry.tasks(), "task", plugin.name);

    const std::vector<GeneratedFile> files = files_of(plugin);
    make_folder(plugin.folder, [&](const std::filesystem::path& folder) {
        for (const GeneratedFile& file : files) repal::write_file(folder / file.name, file.content);
    });
    print_next_steps(plugin, files);
    return done;
}

}  // namespace

void add_new_plugin(CLI::App& app, const CommonOptions& common, Chosen& chosen) {
    auto plugin = std::make_shared<NewPlugin>();
    auto* sub = app.add_subcommand("new-plugin", "begin a metric or task of your own: a folder that builds");
    sub->add_option("kind", plugin->kind, "metric or task")->required();
    sub->add_option("name", plugin->name, "its name in configurations, e.g. my_metric")->required();
    sub->add_option("folder", plugin->folder, "a new folder; by default ./NAME");
    sub->callback([&common, &chosen, plugin] {
        if (plugin->folder.empty()) plugin->folder = plugin->name;
        chosen = [&common, plugin] { return new_plugin(*plugin, common); };
    });
}

}  // namespace command
