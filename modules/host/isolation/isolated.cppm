module;
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <variant>
export module repal.isolated;

export import repal.metric;
export import repal.task;

/// Plugins that are not trusted, in processes of their own: what crashes, ends its process or hangs there is an
/// exception here.
namespace repal {

export struct Isolation {
    bool is_on = false;
    double timeout_s = 300;  ///< of one call to the plugin; with its data sent and its answer read
};

export using MakeMetric = std::function<std::unique_ptr<Metric>(const OptionValues& options)>;
export using MakeTask = std::function<std::unique_ptr<Task>(const OptionValues& options)>;

export struct IsolatedMetric {
    MetricInfo info;
    MakeMetric make;
};
export struct IsolatedTask {
    TaskInfo info;
    MakeTask make;
};

/// The plugin of a file, which only other processes load. Its objects start one for every thread that calls them at the
/// same time. Where one has ended, the next call starts another, and sends it again the systems that it needs.
/// Throws InputError if the file is no plugin that fits.
export std::variant<IsolatedMetric, IsolatedTask> isolated(const std::filesystem::path& file,
                                                           const Isolation& isolation);

}  // namespace repal
