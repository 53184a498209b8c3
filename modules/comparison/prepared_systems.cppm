module;
#include <cstddef>
#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>
export module repal.prepared_systems;

export import repal.chosen_metric;
export import repal.experiment;

namespace repal {

/// What a metric knows of a system that was observed.
export struct PreparedSystem {
    std::shared_ptr<const Embedding> embedding;  ///< null: there is none, see cause
    std::string cause = {};
    bool has_failed = false;  ///< then its pairs are failed; else, without an embedding, not_applicable
    ObservedState state = {};
    std::vector<std::string> trial_names = {};  ///< that have to correspond; empty: none have
    bool is_reordered = false;                  ///< by these names
    std::size_t bytes = 0;                      ///< of memory, about
};

/// What is done about a system that does not suit a metric, e.g. one with too few steps: an InputError is thrown, so
/// that the user mends it, or its pairs have no value.
export enum class Unsuitable { throws, has_no_value };

/// Prepares one system for a metric. If the system does not suit the metric, this throws an InputError that names the
/// system, or gives no embedding and the cause, as `unsuitable` says. Whatever else a plugin throws makes the result
/// failed, with the cause.
export PreparedSystem prepare(const ChosenMetric& metric, const std::string& name, const Observed& observed,
                              Unsuitable unsuitable);

/// Gives the systems that have embeddings the common form of the metric. If it cannot, none has one, and the cause.
export void harmonise(const Metric& metric, std::span<PreparedSystem> systems);

/// The score of a pair that cannot be compared: one has no embedding, or their trials do not correspond. Else nothing.
export std::optional<Score> score_without_comparing(const PreparedSystem& a, const PreparedSystem& b);

/// The first warning, and how many more there are; empty if none.
export std::string first_warning(std::span<const PreparedSystem> systems, std::span<const NamedSystem> names);

/// What the exception that is being handled says; a plugin may throw anything.
export std::string text_of_exception();

/// Prepares every system once for each metric and keeps it in memory, about `max_bytes` of them, those used last. The
/// embeddings of large systems are kept on disk, too, if the metric can restore() them.
export class PreparedSystems {
 public:
    PreparedSystems(std::filesystem::path results, std::size_t max_bytes)
        : results_(std::move(results)), max_bytes_(max_bytes) {}

    std::size_t max_bytes() const { return max_bytes_; }

    /// The prepared systems, in the order of `systems`, made on `jobs` threads. `advance` is called, by any thread, for
    /// each that was not in memory. With Unsuitable::throws, what the user can mend is an InputError.
    std::vector<PreparedSystem> of(const ChosenMetric& metric, std::span<const NamedSystem> systems,
                                   Unsuitable unsuitable, int jobs, const std::function<void()>& advance = {});

 private:
    struct Kept {
        std::string key;
        PreparedSystem system;
    };
    void keep(Kept kept);
    PreparedSystem read_or_prepare(const ChosenMetric& metric, const NamedSystem& system, const std::string& key,
                                   Unsuitable unsuitable) const;
    PreparedSystem observe_and_prepare(const ChosenMetric& metric, const NamedSystem& system,
                                       Unsuitable unsuitable) const;

    std::filesystem::path results_;
    std::size_t max_bytes_;
    std::size_t bytes_ = 0;
    std::list<Kept> kept_;  ///< the latest used first
    std::map<std::string, std::list<Kept>::iterator> places_;
};

}  // namespace repal
