module;
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>
export module repal.registry;

export import repal.isolated;
export import repal.metric;
export import repal.task;

namespace repal {

export struct LoadedMetric {
    MetricInfo info;
    std::filesystem::path file;  ///< empty: it is in none, see Registry::add()
    MakeMetric make;
};

export struct LoadedTask {
    TaskInfo info;
    std::filesystem::path file;
    MakeTask make;
};

/// A file that was meant to be a plugin and is not used.
export struct RefusedPlugin {
    std::filesystem::path file;
    std::string cause;
};

/// The plugins that were found. They stay loaded until the program ends, so that no object outlives its code.
export class Registry {
 public:
    /// Loads every .so of the folders, in their order and by name. A folder that does not exist is skipped. The first
    /// plugin of a name is kept; what cannot be used is listed in refused() and does not stop the others.
    /// `isolation` is for the files outside own_plugins().
    static Registry load(std::span<const std::filesystem::path> folders, const Isolation& isolation = {});

    /// The plugin of one file, in this process. Throws whatever loading it throws.
    static Registry of_file(const std::filesystem::path& file);

    /// A metric that is in no file, e.g. one of Python. Throws InputError if its name is taken or is none.
    void add(LoadedMetric metric);

    const std::map<std::string, LoadedMetric>& metrics() const { return metrics_; }
    const std::map<std::string, LoadedTask>& tasks() const { return tasks_; }
    const std::vector<RefusedPlugin>& refused() const { return refused_; }

    /// Throws InputError with the nearest name if there is none of this name.
    const LoadedMetric& metric(const std::string& name) const;
    const LoadedTask& task(const std::string& name) const;

 private:
    void add(const std::filesystem::path& file);
    void add_isolated(const std::filesystem::path& file, const Isolation& isolation);

    std::map<std::string, LoadedMetric> metrics_;
    std::map<std::string, LoadedTask> tasks_;
    std::vector<RefusedPlugin> refused_;
};

/// The folder of the plugins that come with the program: lib/repal beside its own, in a build tree as in an installed
/// one.
export std::filesystem::path own_plugins();

/// The plugin path: `given` (the command line), then the folders of REPAL_PLUGIN_PATH (separated by colons), then
/// own_plugins().
export std::vector<std::filesystem::path> plugin_path(std::span<const std::filesystem::path> given);

}  // namespace repal
