module;
#include <cstdint>
#include <string_view>
export module repal.protocol;

export import repal.message;

/// What is said between repal.isolated and the process that runs a plugin for it.
namespace repal {

export enum class PluginKind : std::uint8_t { metric, task };

export enum class Request : std::uint8_t {
    describe,      ///< of the file -> kind, info; loads it
    make,          ///< options -> info with them, least_steps; or step_ms, n_conditions
    prepare,       ///< id, trajectories -> warning
    harmonise,     ///< ids of systems; the set that it makes takes the place of the one before
    compare,       ///< twice: whether it is of the set, its index there or its id -> score
    held_out,      ///< arguments of Metric::held_out() -> what it gives
    generate,      ///< phase, condition, stream -> trial
    ideal_action,  ///< observations -> action, if any
    list_checks,   ///< options -> names of what can be checked
    check,         ///< index -> finding
};
export std::string_view to_string(Request request);

/// The values that were asked for. Throws what the plugin threw, as InvalidTrajectories, InputError or
/// std::runtime_error.
export Message answer_of(Message message);

/// The answer that says what the exception that is being handled is.
export Message refusal();
export Message answer(const Message& values);

/// "repal plugin-worker FILE"
export inline constexpr std::string_view worker_command = "plugin-worker";

}  // namespace repal
