module;
#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>
module repal.chosen_metric;

namespace repal {

ChosenMetric choose_metric(const LoadedMetric& loaded, const Config& config) {
    const OptionValues options = config.at_or_empty(loaded.info.name).options(loaded.info.options);
    std::unique_ptr<Metric> metric = loaded.make(options);
    std::vector<Invariance> invariances = metric->invariances().value_or(loaded.info.invariances);
    return {loaded.info.name,
            fmt::format("{}-{}({})", loaded.info.name, loaded.info.version, canonical(loaded.info.options, options)),
            std::move(metric), std::move(invariances)};
}

std::vector<ChosenMetric> read_metrics(const Config& config, const Registry& registry) {
    std::vector<ChosenMetric> metrics;
    for (const auto& [name, options] : config.items()) {
        try {
            metrics.push_back(choose_metric(registry.metric(name), config));
        } catch (const InputError& error) {
            if (!error.where().empty()) throw;
            throw options.error(error.problem(), error.hint());
        }
    }
    if (metrics.empty()) throw config.error("no metric is chosen");
    return metrics;
}

void read_pca(const Config& config, const Registry& registry, std::vector<ChosenMetric>& metrics) {
    std::vector<std::string> names;
    for (const auto& entry : registry.metrics()) names.push_back(entry.first);
    config.require_keys(names);
    for (ChosenMetric& metric : metrics) {
        if (!config.has(metric.name)) continue;
        const Config pca = config.at(metric.name);
        pca.require_keys({"components", "variance"});
        if (pca.has("components") == pca.has("variance"))
            throw pca.error("expected either components or variance, e.g. {components: 20}");
        metric.pca = pca.has("components") ? Pca{.components = pca.at("components").integer(1, 1'000'000)}
                                           : Pca{.variance = pca.at("variance").number(1e-6, 1)};
        metric.identity +=
            fmt::format(" pca-1(components={},variance={})", metric.pca->components, metric.pca->variance);
    }
}

}  // namespace repal
