module;
#include <memory>
#include <optional>
#include <string>
#include <vector>
export module repal.chosen_metric;

import repal.config;
import repal.registry;
export import repal.linalg;
export import repal.metric;

namespace repal {

/// A metric plugin with its options, and what is done to systems before it sees them.
export struct ChosenMetric {
    std::string name;
    std::string identity;  ///< name, version and all options in one line, for keys
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

}  // namespace repal
