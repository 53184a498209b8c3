module;
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>
module repal.dissimilarity;

import repal.claims;
import repal.costs;
import repal.hash;
import repal.pair_results;

namespace repal {

/// What run() works with.
struct DissimilarityStage::Run {
    const std::filesystem::path& results;
    int jobs;
    PreparedSystems prepared;
    Claims claims;
    Progress& progress;
};

namespace {

// Small enough that an interruption loses seconds, large enough that files are some thousands at most.
constexpr std::size_t pairs_per_item = 32;
constexpr std::size_t items_of_part = 1000;

// Bytes for the systems of independent pairs that are compared together, and as many for those that are kept of earlier
// ones: 24 networks of 256 units in 200 trials of 200 steps.
constexpr std::size_t bytes_at_once = std::size_t{1} << 31;
constexpr std::size_t systems_per_item = 24;

std::string block_name(const Experiment& experiment, const Part& part, const ChosenMetric& metric, std::size_t block) {
    return fmt::format("{}/{}/{}-{:04}", experiment.name, metric.name, part.name, block);
}

std::size_t bytes_of(const Part& part, const std::set<std::size_t>& systems) {
    std::size_t bytes = 0;
    for (const std::size_t system : systems) bytes += part.systems[system].system->bytes();
    return bytes;
}

/// The blocks of a part's pairs, each with few pairs and few systems, as [first, end).
std::vector<std::pair<std::size_t, std::size_t>> blocks_of(const Part& part) {
    std::vector<std::pair<std::size_t, std::size_t>> blocks;
    std::set<std::size_t> systems;
    std::size_t first = 0;
    const std::size_t most_pairs = std::max(pairs_per_item, part.pairs.size() / items_of_part);
    for (std::size_t pair = 0; pair < part.pairs.size(); ++pair) {
        systems.insert({part.pairs[pair].a, part.pairs[pair].b});
        const bool are_too_many = part.has_independent_pairs && pair > first &&
                                  (systems.size() > systems_per_item || bytes_of(part, systems) > bytes_at_once);
        if (pair - first < most_pairs && !are_too_many) continue;
        blocks.emplace_back(first, pair);
        systems = {part.pairs[pair].a, part.pairs[pair].b};
        first = pair;
    }
    if (first < part.pairs.size()) blocks.emplace_back(first, part.pairs.size());
    return blocks;
}

/// A metric that harmonises a part sees all its systems, so all of them determine every pair.
std::string text_of(const Part& part) {
    std::string text = part.needs_distinct_states ? "distinct" : "";
    if (part.has_independent_pairs) return text;
    for (const NamedSystem& system : part.systems) text += "\n" + system.name + " " + system.system->identity();
    return text;
}

std::vector<std::string> texts_of_pairs(const Part& part) {
    std::vector<std::string> systems;
    for (const NamedSystem& system : part.systems) systems.push_back(system.system->identity());
    std::vector<std::string> texts;
    for (const Pair& pair : part.pairs)
        texts.push_back(part.has_independent_pairs ? systems[pair.a] + " | " + systems[pair.b]
                                                   : fmt::format("{} {}", pair.a, pair.b));
    return texts;
}

constexpr double bytes_of_pair = 300;  // its score as JSON

std::vector<ComparisonItem> cut_into_items(const std::vector<Experiment>& experiments,
                                           const std::vector<ChosenMetric>& metrics, const TuningStage& settings) {
    std::vector<ComparisonItem> items;
    for (std::size_t e = 0; e < experiments.size(); ++e)
        for (std::size_t p = 0; p < experiments[e].parts.size(); ++p) {
            const Part& part = experiments[e].parts[p];
            const std::string systems = text_of(part);
            const std::vector<std::string> pairs = texts_of_pairs(part);
            const auto blocks = blocks_of(part);
            for (const ChosenMetric& metric : experiments[e].metrics.empty() ? metrics : experiments[e].metrics)
                for (std::size_t block = 0; block < blocks.size(); ++block) {
                    const auto [first, end] = blocks[block];
                    std::string determined_by = metric.identity + "\n" + systems;
                    for (std::size_t pair = first; pair < end; ++pair) determined_by += "\n" + pairs[pair];
                    // What is chosen follows from what the choice is made of.
                    if (const TuningItem* choice = settings.item(experiments[e], metric);
                        choice != nullptr && !metric.automatic_options().empty())
                        determined_by += "\n" + choice->key;
                    const std::string name = block_name(experiments[e], part, metric, block);
                    items.push_back({{.stage = "dissimilarity",
                                      .name = name,
                                      .key = hash_hex(determined_by),
                                      .bytes = bytes_of_pair * static_cast<double>(end - first),
                                      .job = experiments[e].job},
                                     e,
                                     p,
                                     &metric,
                                     first,
                                     end});
                }
        }
    return items;
}

}  // namespace

DissimilarityStage::DissimilarityStage(std::vector<Experiment> experiments, std::vector<ChosenMetric> metrics)
    : experiments_(std::move(experiments)),
      metrics_(std::move(metrics)),
      settings_(experiments_, metrics_),
      items_(cut_into_items(experiments_, metrics_, settings_)) {}

DissimilarityStage::ItemList DissimilarityStage::selected(const Selection& selection,
                                                          const std::vector<std::string>& may_be_absent) const {
    const std::vector<std::string>& names = selection.experiments;
    const auto short_name = [](const std::string& name) { return name.substr(name.rfind('/') + 1); };
    std::vector<std::string> known = may_be_absent;
    for (const Experiment& experiment : experiments_) {
        known.push_back(experiment.name);
        if (std::ranges::find(known, short_name(experiment.name)) == known.end())
            known.push_back(short_name(experiment.name));
    }
    for (const std::string& name : names)
        if (std::ranges::find(known, name) == known.end())
            throw InputError("--experiment", fmt::format("there is no '{}'", name), suggest(name, known));

    ItemList chosen;
    for (const ComparisonItem& item : items_) {
        const std::string& name = experiments_[item.experiment].name;
        const bool is_meant = names.empty() || std::ranges::find(names, name) != names.end() ||
                              std::ranges::find(names, short_name(name)) != names.end();
        if (is_meant && selection.includes(item)) chosen.push_back(&item);
    }
    return chosen;
}

PlannedItems DissimilarityStage::plan(const std::filesystem::path& results, const Selection& selection,
                                      const std::vector<std::string>& may_be_absent) const {
    const ItemFiles files(results);
    PlannedItems planned;
    for (const Item* item : selected(selection, may_be_absent)) planned.emplace_back(*item, files.state(*item));
    return planned;
}

void DissimilarityStage::run(const ItemList& items, const std::filesystem::path& results, const Shard& shard, int jobs,
                             Progress& progress) const {
    const ItemList missing = items_to_do(items, results, shard, progress);
    if (missing.empty()) return;
    Run run{.results = results,
            .jobs = jobs,
            .prepared = PreparedSystems(results, bytes_at_once),
            .claims = Claims(results, progress),
            .progress = progress};
    progress.begin("comparing", missing.size());
    ItemList left = missing;
    const auto run_the_free = [&](ItemState settled) {
        left = run_free(left, settled, run);
        return left.size();
    };
    repeat_until_settled(run_the_free, progress);
    progress.end();
}

/// Does the items that no other process has claimed and whose state is below `settled`; gives back those that others
/// have claimed.
DissimilarityStage::ItemList DissimilarityStage::run_free(const ItemList& items, ItemState settled, Run& run) const {
    const ItemFiles files(run.results);
    ItemList elsewhere;
    for (auto rest = std::span(items); !rest.empty();) {
        const auto together = rest.first(n_together(rest));
        rest = rest.subspan(together.size());
        ItemList taken;
        ItemList to_do;
        for (const ComparisonItem* item : together) {
            if (!run.claims.take(*item)) {
                elsewhere.push_back(item);
                continue;
            }
            taken.push_back(item);
            if (files.state(*item) < settled)
                to_do.push_back(item);
            else
                run.progress.drop();
        }
        if (!to_do.empty()) run_together(to_do, run);
        for (const ComparisonItem* item : taken) run.claims.release(*item);
    }
    return elsewhere;
}

/// How many of the first items are done together: all that have the metric and the part of the first one; if pairs are
/// independent, only as many as have systems that fit into bytes_at_once.
std::size_t DissimilarityStage::n_together(std::span<const ComparisonItem* const> items) const {
    const ComparisonItem& first = *items.front();
    const Part& part = experiments_[first.experiment].parts[first.part];
    std::set<std::size_t> systems;
    std::size_t n = 0;
    for (const ComparisonItem* item : items) {
        if (item->experiment != first.experiment || item->part != first.part || item->metric != first.metric) break;
        systems.merge(systems_of({item}));
        if (part.has_independent_pairs && n > 0 && bytes_of(part, systems) > bytes_at_once) break;
        ++n;
    }
    return n;
}

DissimilarityStage::ItemList DissimilarityStage::items_to_do(const ItemList& items,
                                                             const std::filesystem::path& results, const Shard& shard,
                                                             Progress& progress) const {
    const ItemFiles files(results);
    std::map<const TuningItem*, bool> is_settled;
    const auto has_settings = [&](const ComparisonItem& item) {
        if (item.metric->automatic_options().empty()) return true;
        const TuningItem* choice = settings_.item(experiments_[item.experiment], *item.metric);
        const auto place = is_settled.find(choice);
        if (place != is_settled.end()) return place->second;
        return is_settled[choice] = choice != nullptr && files.state(*choice) == ItemState::done;
    };
    std::map<const System*, bool> is_ready;
    const auto knows = [&](const System* system) {
        const auto place = is_ready.find(system);
        return place != is_ready.end() ? place->second : is_ready[system] = system->is_ready(results);
    };
    ItemList to_do;
    std::size_t waiting = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
        const ComparisonItem& item = *items[i];
        if (!shard.owns(i) || files.state(item) == ItemState::done) continue;
        const Part& part = experiments_[item.experiment].parts[item.part];
        const bool can_be_done =
            has_settings(item) && std::ranges::all_of(systems_of({&item}), [&](std::size_t system) {
                return knows(part.systems[system].system.get());
            });
        if (can_be_done)
            to_do.push_back(&item);
        else
            ++waiting;
    }
    if (waiting > 0)
        progress.warn(
            "dissimilarity",
            fmt::format("{} items wait for networks that are not trained yet, or for settings that are chosen of "
                        "them; run this again",
                        waiting));
    return to_do;
}

/// The systems that items of one part need, as indices: those of their pairs, or all if pairs are not independent.
std::set<std::size_t> DissimilarityStage::systems_of(const ItemList& items) const {
    const Part& part = experiments_[items.front()->experiment].parts[items.front()->part];
    std::set<std::size_t> systems;
    for (std::size_t i = 0; i < part.systems.size() && !part.has_independent_pairs; ++i) systems.insert(i);
    if (part.has_independent_pairs)
        for (const ComparisonItem* item : items)
            for (std::size_t pair = item->first_pair; pair < item->end_pair; ++pair)
                systems.insert({part.pairs[pair].a, part.pairs[pair].b});
    return systems;
}

void DissimilarityStage::run_together(const ItemList& items, Run& run) const {
    const Stopwatch preparing;
    const Part& part = experiments_[items.front()->experiment].parts[items.front()->part];
    const std::optional<SettledMetric> with_settings = settled(*items.front(), run.results);
    if (!with_settings || !with_settings->cause.empty()) {
        if (with_settings) write_without_values(items, with_settings->cause, run);
        return;
    }
    const ChosenMetric& metric = with_settings->metric;
    const std::set<std::size_t> of_items = systems_of(items);
    const std::vector<std::size_t> needed(of_items.begin(), of_items.end());
    const std::vector<PreparedSystem> prepared = prepare(metric, part, needed, run.prepared, run.jobs, run.progress);
    // The common form lacks the systems that have failed, so that no score is final before they are there.
    const bool is_final = part.has_independent_pairs || std::ranges::none_of(prepared, &PreparedSystem::has_failed);
    const double preparation = preparing.seconds() * run.jobs / static_cast<double>(items.size());

    const ItemFiles files(run.results);
    std::vector<PairRange> ranges;
    for (const ComparisonItem* item : items) ranges.push_back({item->first_pair, item->end_pair});
    compare(metric, part, prepared, ranges, run.jobs, run.progress,
            [&](std::size_t i, const std::vector<PairResult>& results, double seconds) {
                const bool has_failed = !is_final || std::ranges::any_of(results, [](const PairResult& result) {
                    return result.score.status == Status::failed;
                });
                files.write(*items[i], has_failed ? ItemState::failed : ItemState::done, to_json(results));
                record_cost(run.results, *items[i], preparation + seconds);
                run.progress.advance();
            });
}

/// Results of items whose metric has no settings, with the cause.
void DissimilarityStage::write_without_values(const ItemList& items, const std::string& cause, const Run& run) {
    const ItemFiles files(run.results);
    for (const ComparisonItem* item : items) {
        const std::vector<PairResult> results(item->end_pair - item->first_pair,
                                              {.score = Score::without_value(Status::not_applicable, cause)});
        files.write(*item, ItemState::done, to_json(results));
        run.progress.advance();
    }
}

std::vector<Stage> DissimilarityStage::stages(const std::vector<Need>& needs,
                                              const std::function<void(const Selection&)>& require,
                                              const std::vector<std::string>& may_be_absent) const {
    const auto experiments = [this, may_be_absent](const Selection& selection) {
        std::set<std::string> names;
        for (const ComparisonItem* item : selected({.where = {}, .experiments = selection.experiments}, may_be_absent))
            names.insert(experiments_[item->experiment].name);
        return names;
    };
    const auto settings = [this, experiments](const RunOptions& options) {
        std::set<std::string> names;
        for (const auto& planned : settings_.plan(options.results, experiments(options.selection), {}))
            names.insert(planned.first.name);
        return names;
    };
    std::vector<Need> needs_and_settings = needs;
    needs_and_settings.push_back({TuningStage::name, settings});
    return {{.name = TuningStage::name,
             .needs = needs,
             .plan =
                 [=, this](const auto& results, const Selection& selection) {
                     require(selection);
                     return settings_.plan(results, experiments(selection), selection);
                 },
             .run =
                 [=, this](const RunOptions& options, Progress& progress) {
                     require(options.selection);
                     settings_.run(experiments(options.selection), options, progress);
                 }},
            {.name = "dissimilarity",
             .needs = std::move(needs_and_settings),
             .plan =
                 [=, this](const auto& results, const Selection& selection) {
                     require(selection);
                     return plan(results, selection, may_be_absent);
                 },
             .run =
                 [=, this](const RunOptions& options, Progress& progress) {
                     require(options.selection);
                     run(selected(options.selection, may_be_absent), options.results, options.shard, options.jobs,
                         progress);
                 }}};
}

std::optional<SettledMetric> DissimilarityStage::settled(const ComparisonItem& item,
                                                         const std::filesystem::path& results) const {
    if (item.metric->automatic_options().empty()) return SettledMetric{*item.metric};
    const TuningItem* choice = settings_.item(experiments_[item.experiment], *item.metric);
    const std::optional<Tuning> tuning = choice == nullptr ? std::nullopt : TuningStage::read(results, *choice);
    if (!tuning) return {};
    return repal::settled(*item.metric, *tuning, "metrics.");
}

std::vector<PairResult> DissimilarityStage::read_results(const ItemFiles& files, const ComparisonItem& item) {
    const auto json = files.read(item);
    if (!json) return {};
    auto results = results_from(*json);
    if (!results || results->size() != item.end_pair - item.first_pair) throw files.was_changed(item);
    return *std::move(results);
}

}  // namespace repal
