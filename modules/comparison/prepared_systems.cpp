module;
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>
module repal.prepared_systems;

import :stored_embedding;
import repal.memory;
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

PreparedSystem failed(std::string cause, ObservedState state = {}) {
    return {.embedding = nullptr, .cause = std::move(cause), .has_failed = true, .state = std::move(state)};
}

/// What is being handled, as what became of a system.
std::string failure_of(const std::string& system) {
    return fmt::format("{}: {}", system, text_of_exception());
}

/// Why trials of these names do not correspond.
std::string difference_of(const std::vector<std::string>& a, const std::vector<std::string>& b) {
    const auto is_missing_in = [](const std::vector<std::string>& names) {
        return [&names](const std::string& name) { return std::ranges::find(names, name) == names.end(); };
    };
    const std::string rule = "trials correspond by the names that their files give them, and ";
    if (const auto one = std::ranges::find_if(a, is_missing_in(b)); one != a.end())
        return fmt::format("{}the second system has no trial '{}'", rule, *one);
    if (const auto one = std::ranges::find_if(b, is_missing_in(a)); one != b.end())
        return fmt::format("{}the first system has no trial '{}'", rule, *one);
    return rule + "those come in different orders";
}

}  // namespace

std::string text_of_exception() {
    try {
        throw;
    } catch (const std::bad_alloc&) {
        return fmt::format("there is not enough memory, {} are free", bytes_text(double(available_memory())));
    } catch (const std::exception& error) {
        return error.what();
    } catch (...) {
        return "what was thrown is not a std::exception";
    }
}

PreparedSystem prepare(const ChosenMetric& metric, const std::string& name, const Observed& observed,
                       Unsuitable unsuitable) {
    try {
        const auto reduced = metric.reduced(observed.trajectories());
        const Trajectories& seen = reduced ? reduced->x : observed.trajectories();
        if (observed.is_cut && metric.compares_samples())
            throw InvalidTrajectories(fmt::format(
                "steps or trials of it that are missing were taken out, so that what {} compares does not correspond",
                metric.name));
        if (metric.compares_conditions() && observed.are_steps_cut)
            throw InvalidTrajectories(fmt::format(
                "steps of it that are missing were taken out, so that those that {} compares do not correspond",
                metric.name));
        if (metric.compares_conditions() && observed.is_cut && seen.conditions().empty())
            throw InvalidTrajectories(fmt::format("trials of it that are missing were taken out, so that the others do "
                                                  "not tell {} which are repeats of one condition",
                                                  metric.name),
                                      "--conditions tells it for each trial of the file");
        if (metric.info.needs_equal_steps && !seen.has_equal_steps())
            throw InvalidTrajectories(
                fmt::format("its trials differ in their steps, and {} needs equal ones", metric.name));
        auto embedding = embedding_of(*metric.metric, seen);
        const std::size_t bytes = embedding->bytes > 0 ? embedding->bytes : bytes_of(seen.shape());
        return {.embedding = std::move(embedding),
                .state = observed.state,
                .trial_names = metric.compares_samples() ? observed.trial_names() : std::vector<std::string>(),
                .is_reordered = observed.is_reordered,
                .bytes = bytes};
    } catch (const InvalidTrajectories& invalid) {
        if (unsuitable == Unsuitable::throws) throw invalid.at(name);
        return {.embedding = nullptr, .cause = fmt::format("{}: {}", name, invalid.what()), .state = observed.state};
    } catch (...) {  // whatever a plugin throws
        return failed(failure_of(name), observed.state);
    }
}

std::vector<PreparedSystem> PreparedSystems::of(const ChosenMetric& metric, std::span<const NamedSystem> systems,
                                                Unsuitable unsuitable, int jobs, const std::function<void()>& advance) {
    std::vector<PreparedSystem> prepared(systems.size());
    std::vector<std::string> keys;
    std::vector<std::size_t> missing;
    for (std::size_t i = 0; i < systems.size(); ++i) {
        keys.push_back(metric.identity + "\n" + systems[i].system->identity());
        const auto place = places_.find(keys[i]);
        if (place == places_.end()) {
            missing.push_back(i);
            continue;
        }
        kept_.splice(kept_.begin(), kept_, place->second);
        prepared[i] = place->second->system;
    }
    std::mutex keeping;
    for_each_index(missing.size(), jobs, [&](std::size_t m) {
        const std::size_t i = missing[m];
        prepared[i] = read_or_prepare(metric, systems[i], keys[i], unsuitable);
        if (advance) advance();
        const std::lock_guard lock(keeping);
        keep({keys[i], prepared[i]});
    });
    return prepared;
}

PreparedSystem PreparedSystems::read_or_prepare(const ChosenMetric& metric, const NamedSystem& system,
                                                const std::string& key, Unsuitable unsuitable) const {
    // What is small is sooner made than read.
    const bool is_stored = system.system->bytes() > 0;
    const StoredEmbedding stored(results_, key);
    if (is_stored)
        if (auto found = stored.read(*metric.metric)) {
            const std::size_t bytes = found->embedding->bytes > 0 ? found->embedding->bytes : system.system->bytes();
            return {.embedding = std::move(found->embedding), .state = std::move(found->state), .bytes = bytes};
        }
    PreparedSystem made = observe_and_prepare(metric, system, unsuitable);
    if (is_stored && made.embedding != nullptr) stored.write(*made.embedding, made.state);
    return made;
}

PreparedSystem PreparedSystems::observe_and_prepare(const ChosenMetric& metric, const NamedSystem& system,
                                                    Unsuitable unsuitable) const {
    try {
        return prepare(metric, system.name, system.system->observe(results_), unsuitable);
    } catch (const InvalidTrajectories& invalid) {
        if (unsuitable == Unsuitable::throws) throw invalid.at(system.name);
        return {.embedding = nullptr, .cause = fmt::format("{}: {}", system.name, invalid.what())};
    } catch (const InputError&) {
        if (unsuitable == Unsuitable::throws) throw;
        return failed(failure_of(system.name));
    } catch (...) {
        return failed(failure_of(system.name));
    }
}

void PreparedSystems::keep(Kept kept) {
    if (places_.contains(kept.key)) return;
    bytes_ += kept.system.bytes;
    kept_.push_front(std::move(kept));
    places_[kept_.front().key] = kept_.begin();
    while (bytes_ > max_bytes_ && kept_.size() > 1) {
        bytes_ -= kept_.back().system.bytes;
        places_.erase(kept_.back().key);
        kept_.pop_back();
    }
}

void harmonise(const Metric& metric, std::span<PreparedSystem> systems) {
    std::vector<std::shared_ptr<const Embedding>> embeddings;
    for (const PreparedSystem& system : systems)
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
    for (PreparedSystem& system : systems) {
        if (system.embedding == nullptr) continue;
        if (cause.empty())
            system.embedding = *next++;
        else
            system = failed(cause, system.state);
    }
}

std::optional<Score> score_without_comparing(const PreparedSystem& a, const PreparedSystem& b) {
    for (const PreparedSystem* system : {&a, &b})
        if (system->embedding == nullptr)
            return Score::without_value(system->has_failed ? Status::failed : Status::not_applicable, system->cause);
    if (a.is_reordered != b.is_reordered && (a.trial_names.empty() || b.trial_names.empty()))
        return Score::without_value(
            Status::not_applicable,
            fmt::format("trials of the {} system have names, which do not rise, and those of the "
                        "{} have none, so that nothing tells which are the same",
                        a.is_reordered ? "first" : "second", a.is_reordered ? "second" : "first"));
    if (a.trial_names.empty() || b.trial_names.empty() || a.trial_names == b.trial_names) return {};
    return Score::without_value(Status::not_applicable, difference_of(a.trial_names, b.trial_names));
}

std::string first_warning(std::span<const PreparedSystem> systems, std::span<const NamedSystem> names) {
    std::string text;
    std::size_t others = 0;
    for (std::size_t i = 0; i < systems.size(); ++i) {
        if (systems[i].embedding == nullptr || systems[i].embedding->warning.empty()) continue;
        if (text.empty())
            text = fmt::format("{}: {}", names[i].name, systems[i].embedding->warning);
        else
            ++others;
    }
    return others == 0 ? text : fmt::format("{} ({} of {} systems have a warning)", text, others + 1, systems.size());
}

}  // namespace repal
