module;
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <initializer_list>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>
module repal.embeddings;

import repal.parallel;

namespace repal {
namespace {

std::size_t bytes_of(const Shape& shape) {
    return sizeof(double) * static_cast<std::size_t>(shape.trials * shape.steps * shape.channels);
}

std::shared_ptr<const Embedding> embedding_of(const Metric& metric, const Trajectories& x) {
    std::shared_ptr<const Embedding> embedding = metric.prepare(x);
    if (embedding == nullptr) throw SystemFailed("the metric gave no embedding");
    return embedding;
}

Embedded failed(std::string cause, NetworkState state = {}) {
    return {.embedding = nullptr, .cause = std::move(cause), .has_failed = true, .state = std::move(state)};
}

/// What is being handled, as what became of a system.
std::string failure_of(const std::string& system) {
    return fmt::format("{}: {}", system, text_of_exception());
}

}  // namespace

std::string text_of_exception() {
    try {
        throw;
    } catch (const std::exception& error) {
        return error.what();
    } catch (...) {
        return "what was thrown is not a std::exception";
    }
}

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
        metric.text += fmt::format(" pca-1(components={},variance={})", metric.pca->components, metric.pca->variance);
    }
}

std::vector<Embedded> Embeddings::of(const ChosenMetric& metric, std::span<const NamedSystem> systems, bool may_fail,
                                     int jobs) {
    std::vector<Embedded> embedded(systems.size());
    std::vector<std::string> keys;
    std::vector<std::size_t> missing;
    for (std::size_t i = 0; i < systems.size(); ++i) {
        keys.push_back(metric.text + "\n" + systems[i].source->text());
        const auto place = places_.find(keys[i]);
        if (place == places_.end()) {
            missing.push_back(i);
            continue;
        }
        kept_.splice(kept_.begin(), kept_, place->second);
        embedded[i] = place->second->embedded;
    }
    std::mutex keeping;
    for_each_index(missing.size(), jobs, [&](std::size_t m) {
        const std::size_t i = missing[m];
        std::size_t bytes = 0;
        // What is small is sooner made than read.
        const bool is_stored = systems[i].source->bytes() > 0;
        const StoredEmbedding stored(results_, keys[i]);
        if (auto found = is_stored ? stored.read(*metric.metric) : std::nullopt) {
            embedded[i] = *std::move(found);
            bytes = systems[i].source->bytes();
        } else {
            embedded[i] = prepared(metric, systems[i], may_fail, bytes);
            if (is_stored && embedded[i].embedding != nullptr) stored.write(embedded[i]);
        }
        if (embedded[i].embedding != nullptr && embedded[i].embedding->bytes > 0) bytes = embedded[i].embedding->bytes;
        const std::lock_guard lock(keeping);
        keep({keys[i], embedded[i], bytes});
    });
    return embedded;
}

Embedded Embeddings::prepared(const ChosenMetric& metric, const NamedSystem& system, bool may_fail,
                              std::size_t& bytes) const {
    Embedded embedded;
    try {
        const Observed observed = system.source->observe(results_);
        embedded.state = observed.state;
        const auto seen = metric.pca ? std::optional((*metric.pca)(observed.trajectories)) : std::nullopt;
        const Trajectories& x = seen ? *seen : observed.trajectories;
        embedded.embedding = embedding_of(*metric.metric, x);
        bytes = bytes_of(x.shape());
    } catch (const InvalidTrajectories& invalid) {
        if (!may_fail) throw invalid.at(system.name);
        embedded.cause = fmt::format("{}: {}", system.name, invalid.what());
    } catch (const InputError&) {
        if (!may_fail) throw;
        return failed(failure_of(system.name), embedded.state);
    } catch (...) {  // also whatever a plugin throws
        return failed(failure_of(system.name), embedded.state);
    }
    return embedded;
}

void Embeddings::keep(Kept kept) {
    if (places_.contains(kept.key)) return;
    bytes_ += kept.bytes;
    kept_.push_front(std::move(kept));
    places_[kept_.front().key] = kept_.begin();
    while (bytes_ > max_bytes_ && kept_.size() > 1) {
        bytes_ -= kept_.back().bytes;
        places_.erase(kept_.back().key);
        kept_.pop_back();
    }
}

Prepared prepare_all(const ChosenMetric& metric, std::span<const Trajectories> systems,
                     std::span<const std::string> names, int jobs, Reporter& reporter) {
    std::vector<Embedded> embedded(systems.size());
    reporter.begin(metric.name + ": embedding", systems.size());
    for_each_index(systems.size(), jobs, [&](std::size_t i) {
        try {
            embedded[i].embedding = embedding_of(*metric.metric, systems[i]);
        } catch (const InvalidTrajectories& invalid) {
            throw invalid.at(names[i]);
        } catch (...) {
            embedded[i] = failed(failure_of(names[i]));
        }
        reporter.advance();
    });
    reporter.end();
    const std::string warning = first_warning(embedded, names);
    harmonise(*metric.metric, embedded);
    return {std::move(embedded), warning};
}

void harmonise(const Metric& metric, std::span<Embedded> systems) {
    std::vector<std::shared_ptr<const Embedding>> embeddings;
    for (const Embedded& system : systems)
        if (system.embedding != nullptr) embeddings.push_back(system.embedding);
    const std::size_t n = embeddings.size();
    if (n < 2) return;
    std::string cause;
    try {
        embeddings = metric.harmonise(std::move(embeddings));
        if (embeddings.size() != n || std::ranges::find(embeddings, nullptr) != embeddings.end())
            cause = fmt::format("the metric did not give back {} embeddings", n);
    } catch (...) {
        cause = text_of_exception();
    }
    auto next = embeddings.begin();
    for (Embedded& system : systems) {
        if (system.embedding == nullptr) continue;
        if (cause.empty())
            system.embedding = *next++;
        else
            system = failed(cause, system.state);
    }
}

std::optional<Score> score_without_embedding(const Embedded& a, const Embedded& b) {
    for (const Embedded* system : {&a, &b})
        if (system->embedding == nullptr)
            return Score::without_value(system->has_failed ? Status::failed : Status::not_applicable, system->cause);
    return {};
}

std::string first_warning(std::span<const Embedded> systems, std::span<const std::string> names) {
    std::string text;
    std::size_t others = 0;
    for (std::size_t i = 0; i < systems.size(); ++i) {
        if (systems[i].embedding == nullptr || systems[i].embedding->warning.empty()) continue;
        if (text.empty())
            text = fmt::format("{}: {}", names[i], systems[i].embedding->warning);
        else
            ++others;
    }
    return others == 0 ? text : fmt::format("{} ({} of {} systems have a warning)", text, others + 1, systems.size());
}

}  // namespace repal
