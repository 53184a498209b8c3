module;
#include <cstddef>
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>
export module repal.embeddings;

import repal.config;
import repal.linalg;
import repal.registry;
import repal.reporter;
export import repal.experiment;
export import repal.metric;

namespace repal {

/// A metric plugin with its options, and what is done to systems before it sees them.
export struct ChosenMetric {
    std::string name;
    std::string text;  ///< name, version and all options in one line, for keys
    std::shared_ptr<const Metric> metric;
    std::vector<Invariance> invariances = {};
    std::optional<Pca> pca = {};
};

/// The metrics of a map from name to options, in its order.
export std::vector<ChosenMetric> read_metrics(const Config& config, const Registry& registry);

/// One metric of the registry, with the options that `config` has for it, if any.
export ChosenMetric choose_metric(const LoadedMetric& loaded, const Config& config);

/// `pca: {dsa: {components: 20}, cka: {variance: 0.99}}`: what each metric sees of a system.
/// A metric that is not chosen may be named, too.
export void read_pca(const Config& config, const Registry& registry, std::vector<ChosenMetric>& metrics);

/// What a metric knows of a system that was observed.
export struct Embedded {
    std::shared_ptr<const Embedding> embedding;  ///< null: there is none, see cause
    std::string cause = {};
    bool has_failed = false;  ///< the system, for whatever metric
    NetworkState state = {};
};

/// The score of a pair of which one has no embedding; nothing if both have one.
export std::optional<Score> score_without_embedding(const Embedded& a, const Embedded& b);

/// Systems as a metric sees them, and what the user should know of that in one line; empty if nothing.
export struct Prepared {
    std::vector<Embedded> systems;
    std::string warning;
};

/// Embeddings of systems that are compared with each other. Throws InputError naming the system that the metric
/// refuses; whatever else a plugin throws is the cause of its systems.
export Prepared prepare_all(const ChosenMetric& metric, std::span<const Trajectories> systems,
                            std::span<const std::string> names, int jobs, Reporter& reporter);

/// Gives the systems that have embeddings the common form of the metric. If it cannot, none has one, and the cause.
export void harmonise(const Metric& metric, std::span<Embedded> systems);

/// The file that keeps what a metric knows of a system, for metrics that can restore() it.
class StoredEmbedding {
 public:
    /// `key` determines the embedding.
    StoredEmbedding(const std::filesystem::path& results, std::string key);

    /// Nothing if there is none, it is damaged, or the metric cannot restore it.
    std::optional<Embedded> read(const Metric& metric) const;

    /// Nothing is written of an embedding that has no arrays, or cannot say them. Throws InputError if the place cannot
    /// be written.
    void write(const Embedded& embedded) const;

 private:
    std::filesystem::path file_;
    std::string key_;
};

/// Embeddings of systems, prepared once and kept while there is room for them; those of large systems on disk, too,
/// where the metric has that ability.
export class Embeddings {
 public:
    Embeddings(std::filesystem::path results, std::size_t max_bytes)
        : results_(std::move(results)), max_bytes_(max_bytes) {}

    /// Of these systems, in their order. A system without an embedding has a cause. Throws InputError, naming the
    /// system, for what the user can mend, e.g. too few steps, unless that may be so (`may_fail`).
    std::vector<Embedded> of(const ChosenMetric& metric, std::span<const NamedSystem> systems, bool may_fail, int jobs);

 private:
    struct Kept {
        std::string key;
        Embedded embedded;
        std::size_t bytes;
    };
    void keep(Kept kept);
    Embedded prepared(const ChosenMetric& metric, const NamedSystem& system, bool may_fail, std::size_t& bytes) const;

    std::filesystem::path results_;
    std::size_t max_bytes_;
    std::size_t bytes_ = 0;
    std::list<Kept> kept_;  ///< the latest used first
    std::map<std::string, std::list<Kept>::iterator> places_;
};

/// What the exception that is being handled says; a plugin may throw anything.
export std::string text_of_exception();

/// The first warning, and how many more there are; empty if none.
export std::string first_warning(std::span<const Embedded> systems, std::span<const std::string> names);

}  // namespace repal
