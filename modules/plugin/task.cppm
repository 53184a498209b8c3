module;
#include <memory>
#include <string>
#include <vector>
export module repal.task;

export import repal.abi;
export import repal.options;
export import repal.random;
export import repal.trajectories;

namespace repal {

export struct TaskInfo {
    std::string name;
    std::string version;
    std::string summary;
    std::string source;                 ///< paper and equation
    std::vector<std::string> channels;  ///< names of the columns of Trial::observations
    std::vector<OptionInfo> options;
};

export struct Trial {
    RowMatrix observations;  ///< (time, channel)
};

/// Something that makes trials. Every function may be called by several threads at once.
export class Task {
 public:
    virtual ~Task();

    /// One trial, drawn from `stream` alone: two tasks with the same stream start from the same random point.
    virtual Trial generate(const Stream& stream) const = 0;
};

/// What a task's shared object exports, as `extern "C" constinit const TaskPlugin repal_task`. The tag comes first
/// and is compared before anything else of the plugin is used.
export struct TaskPlugin {
    const char* abi;
    TaskInfo (*info)();
    std::unique_ptr<Task> (*make)(const OptionValues& options);
};

/// For a class with a nested Options, a static info() and a constructor from Options.
export template <class T>
inline constexpr TaskPlugin task_plugin{abi_tag, &T::info, [](const OptionValues& options) -> std::unique_ptr<Task> {
                                            return std::make_unique<T>(options_from<typename T::Options>(options));
                                        }};

}  // namespace repal
