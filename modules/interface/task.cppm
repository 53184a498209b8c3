module;
#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
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
    std::string source;                       ///< paper and equation
    std::vector<std::string> channels;        ///< names of the columns of Trial::observations
    std::vector<std::string> actions = {};    ///< between which a network decides; or
    std::vector<std::string> outputs = {};    ///< continuous outputs; neither: nothing is to be done (a simulation)
    std::vector<std::string> condition = {};  ///< names of the values of Trial::condition
    std::vector<OptionInfo> options;
};

/// A part of a trial: steps from first_step up to but without end_step.
export struct Period {
    std::string name;
    Eigen::Index first_step;
    Eigen::Index end_step;
};

/// The period of a name; null if there is none.
export const Period* find_period(const std::vector<Period>& periods, const std::string& name);

export struct Trial {
    RowMatrix observations;              ///< (time, channel)
    RowMatrix targets = {};              ///< (time, 1): index of the action; or (time, output); empty without a task
    std::vector<Period> periods = {};    ///< in order, together all steps; empty without a task
    std::vector<double> condition = {};  ///< what was drawn, e.g. side and coherence
};

/// Training may draw the timing of every trial; in tests it is fixed.
export enum class Phase : std::uint8_t { train, test };

/// Something that makes trials. Every function may be called by several threads at once.
export class Task {
 public:
    virtual ~Task();

    /// Time of one step in ms; 0 if time has no unit.
    virtual double step_ms() const;

    /// How many discrete conditions there are, e.g. 10 of 2 sides and 5 coherences; 1 if there is nothing to balance.
    virtual std::size_t n_conditions() const;

    /// One trial of a condition below n_conditions(), drawn from `stream` alone: two simulations with the same stream
    /// start from the same random point.
    virtual Trial generate(Phase phase, std::size_t condition, const Stream& stream) const = 0;

    /// The action that is most probably right, given the observations of one trial and nothing else: what no network
    /// can beat on average. None for continuous outputs.
    virtual std::optional<std::size_t> ideal_action(const RowMatrix& observations) const;
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
