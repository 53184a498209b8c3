module;
#include <Eigen/Core>
#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "repal.h"
export module library.handles;

export import repal.chosen_metric;
export import repal.experiment;
export import repal.progress;
export import repal.registry;

/// What the handles hold that several sources look into. They are of the header, not of this module.
export extern "C++" {
    struct repal_host {
        repal::Registry registry;
    };

    struct repal_system {
        repal::NamedSystem system;
    };
}

/// What the functions of repal.h share.
namespace library {

export using Json = nlohmann::ordered_json;

/// Runs the work of a function; nothing that is thrown leaves it, but is its code and the text of repal_error().
export int guarded(const std::function<void()>& work) noexcept;

/// What was wrong in the last work of this thread that was not done.
export const char* error_text();

/// Throws InputError about `what` unless the pointer to it is given.
export inline void require(bool is_given, const char* what) {
    if (!is_given) throw repal::InputError(what, "it is a null pointer");
}

/// A copy for the caller, who frees it.
export void give(const std::string& text, char** target);

/// A trial where it lies.
export repal_trial view_of(const repal::Trajectories& x, Eigen::Index trial);

/// The object of a JSON text; an empty one if there is no text. Throws InputError if it is none, or absurdly deep.
export Json json_in(const char* text);

/// An answer, or a text, of options; or what it is unless it is given. Throw InputError if it is something else.
export bool answer_in(const Json& options, const char* key, bool otherwise);
export std::string text_in(const Json& options, const char* key, const std::string& otherwise);

/// The same as json_in(); throws InputError if a key is not known.
export Json options_in(const char* text, const std::vector<std::string>& known);

/// The metrics that `metrics` names, with what `pca`, `over_time` and `across` say.
export std::vector<repal::ChosenMetric> metrics_in(const Json& options, const repal::Registry& registry);

/// Systems by their handles. Throws InputError if they cannot be compared in time.
export std::vector<repal::NamedSystem> systems_of(repal_system* const* handles, std::size_t n,
                                                  repal::Progress& progress);

}  // namespace library
