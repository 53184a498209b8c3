module;
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
module repal.prepared_systems:stored_embedding;

import repal.experiment;
import repal.metric;

namespace repal {

/// What is kept on disk of a system that was prepared.
struct RestoredEmbedding {
    std::unique_ptr<Embedding> embedding;
    ObservedState state;
};

/// The file that keeps what a metric knows of a system, for metrics that can restore() it.
class StoredEmbedding {
 public:
    /// `key` determines the embedding.
    StoredEmbedding(const std::filesystem::path& results, std::string key);

    /// Nothing if there is none, it is damaged, or the metric cannot restore it.
    std::optional<RestoredEmbedding> read(const Metric& metric) const;

    /// Keeps the arrays of an embedding; writes no file if there are none, or the plugin throws when asked for them.
    /// Throws InputError if the place cannot be written.
    void write(const Embedding& embedding, const ObservedState& state) const;

 private:
    std::filesystem::path file_;
    std::string key_;
};

}  // namespace repal
