module;
#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <map>
#include <ranges>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>
module repal.registry;

import repal.error;
import repal.file;

namespace repal {
namespace {

std::vector<std::filesystem::path> shared_objects(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    std::error_code no_such_folder;
    for (const auto& entry : std::filesystem::directory_iterator(folder, no_such_folder))
        if (entry.path().extension() == ".so") files.push_back(entry.path());
    std::ranges::sort(files);
    return files;
}

/// What a library exports under this name; null if it does not.
template <class Plugin>
const Plugin* exported(void* library, const char* symbol) {
    const auto* found = static_cast<const Plugin*>(dlsym(library, symbol));
    if (found == nullptr) return nullptr;
    const Plugin& plugin = *found;
    if (plugin.abi == nullptr || std::string_view(plugin.abi) != abi_tag)
        throw InputError("",
                         fmt::format("ABI tag does not match: it has '{}', this program has '{}'",
                                     plugin.abi == nullptr ? "none" : plugin.abi, abi_tag),
                         "build the plugin again with this version of repal");
    return found;
}

template <class Loaded>
void insert_once(std::map<std::string, Loaded>& known, const char* kind, Loaded loaded) {
    const std::string name = loaded.info.name;
    const bool is_valid = !name.empty() && name.front() >= 'a' && name.front() <= 'z' &&
                          name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
    if (!is_valid)
        throw InputError("", fmt::format("its {} has the name '{}'", kind, name),
                         "a name is of lower-case letters, digits and _, and begins with a letter");
    if (const auto found = known.find(name); found != known.end())
        throw InputError("", fmt::format("there is a {} '{}' already{}", kind, name,
                                         found->second.file.empty() ? "" : ", in " + found->second.file.string()));
    known.emplace(name, std::move(loaded));
}

template <class Loaded>
const Loaded& find(const std::map<std::string, Loaded>& known, const char* kind, const std::string& name) {
    if (const auto found = known.find(name); found != known.end()) return found->second;
    std::vector<std::string> names;
    for (const auto& entry : known) names.push_back(entry.first);
    std::string hint = suggest(name, names);
    if (!hint.starts_with("did you mean")) hint += "; a plugin of your own needs --plugin-path";
    throw InputError("", fmt::format("unknown {} '{}'", kind, name), hint);
}

}  // namespace

Registry Registry::load(std::span<const std::filesystem::path> folders, const Isolation& isolation) {
    Registry registry;
    std::set<std::filesystem::path> seen;  // one folder may be in the path twice
    for (const auto& folder : folders) {
        std::error_code other_folder;
        const bool is_isolated = isolation.is_on && !std::filesystem::equivalent(folder, own_plugins(), other_folder);
        for (const auto& file : shared_objects(folder)) {
            std::error_code unresolved;
            const auto real = std::filesystem::canonical(file, unresolved);
            if (!seen.insert(unresolved ? file : real).second) continue;
            try {
                if (is_isolated)
                    registry.add_isolated(file, isolation);
                else
                    registry.add(file);
            } catch (const std::exception& error) {
                registry.refused_.push_back({file, error.what()});
            } catch (...) {
                registry.refused_.push_back({file, "it throws something that is not a std::exception"});
            }
        }
    }
    return registry;
}

void Registry::add(const std::filesystem::path& file) {
    // Never closed: objects, vtables and messages of a plugin may outlive any owner that could be named.
    void* library = dlopen(std::filesystem::absolute(file).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw InputError("", dlerror());
    if (const auto* metric = exported<MetricPlugin>(library, "repal_metric"))
        insert_once(metrics_, "metric", LoadedMetric{metric->info(), file, metric->make});
    else if (const auto* task = exported<TaskPlugin>(library, "repal_task"))
        insert_once(tasks_, "task", LoadedTask{task->info(), file, task->make});
    else
        throw InputError("", "it exports neither repal_metric nor repal_task, so it is not a plugin");
}

void Registry::add_isolated(const std::filesystem::path& file, const Isolation& isolation) {
    auto plugin = isolated(file, isolation);
    if (auto* metric = std::get_if<IsolatedMetric>(&plugin))
        insert_once(metrics_, "metric", LoadedMetric{std::move(metric->info), file, std::move(metric->make)});
    else if (auto* task = std::get_if<IsolatedTask>(&plugin))
        insert_once(tasks_, "task", LoadedTask{std::move(task->info), file, std::move(task->make)});
}

Registry Registry::of_file(const std::filesystem::path& file) {
    Registry registry;
    registry.add(file);
    return registry;
}

void Registry::add(LoadedMetric metric) {
    insert_once(metrics_, "metric", std::move(metric));
}

const LoadedMetric& Registry::metric(const std::string& name) const {
    return find(metrics_, "metric", name);
}

const LoadedTask& Registry::task(const std::string& name) const {
    return find(tasks_, "task", name);
}

std::filesystem::path own_plugins() {
    return installation() / "lib" / "repal";
}

std::vector<std::filesystem::path> plugin_path(std::span<const std::filesystem::path> given) {
    std::vector<std::filesystem::path> folders(given.begin(), given.end());
    if (const char* variable = std::getenv("REPAL_PLUGIN_PATH")) {
        std::istringstream list(variable);
        for (std::string folder; std::getline(list, folder, ':');)
            if (!folder.empty()) folders.emplace_back(folder);
    }
    folders.push_back(own_plugins());
    return folders;
}

}  // namespace repal
