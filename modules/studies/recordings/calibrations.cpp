module;
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>
module repal.recording_calibrations;

import repal.claims;
import repal.costs;
import repal.hash;
import repal.pair_results;

namespace repal {
namespace {

/// Pairs of one item are of at most twice as many systems.
constexpr std::size_t systems_of_group = 16;

std::string text_of(const CalibrationOptions& options) {
    return fmt::format("splits={} groups={} resamples={} permutations={} confidence={}", options.splits, options.groups,
                       options.resamples, options.permutations, options.confidence);
}

}  // namespace

std::optional<CalibrationOptions> read_calibration(const Config& study) {
    if (!study.has("calibrate")) return {};
    const Config given = study.at("calibrate");
    given.require_keys({"splits", "groups", "resamples", "permutations", "confidence"});
    CalibrationOptions options{.permutations = 99};
    constexpr std::int64_t most = 1'000'000;
    const auto count = [&](const char* key, std::size_t& value, std::int64_t least) {
        value = static_cast<std::size_t>(given.integer_or(key, static_cast<std::int64_t>(value), least, most));
    };
    count("splits", options.splits, 1);
    count("groups", options.groups, 2);
    count("resamples", options.resamples, 2);
    count("permutations", options.permutations, 1);
    options.confidence = given.number_or("confidence", options.confidence, 0.5, 0.9999);
    return options;
}

/// What was compared in an experiment: how, and what came of it.
struct Calibrations::Compared {
    std::optional<ChosenMetric> metric;  ///< nothing if no pair could be compared
    std::string cause;
    std::vector<std::optional<double>> angles;  ///< of all pairs
};

Calibrations::Calibrations(const DissimilarityStage& dissimilarity, const CalibrationOptions& options,
                           const Stream& stream)
    : dissimilarity_(dissimilarity), options_(options), stream_(stream) {
    std::map<std::size_t, std::string> keys;  // of what was compared in each experiment
    for (const ComparisonItem& item : dissimilarity_.items()) keys[item.experiment] += item.key;
    const std::uint64_t draws = Stream(stream_).bits();  // other ones of another seed
    const auto add = [&](auto& items, auto item) {
        item.key = hash_hex(
            fmt::format("calibration-3 {} {} {} {}", text_of(options_), draws, keys[item.experiment], item.name));
        items.push_back(std::move(item));
    };
    for (std::size_t e = 0; e < dissimilarity_.experiments().size(); ++e) {
        const Experiment& experiment = dissimilarity_.experiments()[e];
        const ChosenMetric& metric = experiment.metrics.front();
        const Part& part = experiment.parts.front();
        const std::string folder = experiment.name + "/" + metric.name;
        add(systems_, SystemItem{{.stage = "floors", .name = folder + "/reliability", .key = {}}, e, {}});
        for (std::size_t i = 0; i < part.systems.size() && !metric.compares_samples(); ++i)
            add(systems_, SystemItem{{.stage = "floors", .name = fmt::format("{}/{:04}", folder, i), .key = {}}, e, i});
        std::map<std::pair<std::size_t, std::size_t>, std::vector<std::size_t>> blocks;  // by the groups of a and b
        for (std::size_t pair = 0; pair < part.pairs.size(); ++pair)
            blocks[std::minmax(part.pairs[pair].a / systems_of_group, part.pairs[pair].b / systems_of_group)].push_back(
                pair);
        std::size_t block = 0;
        for (auto& [groups, pairs] : blocks)
            add(pairs_, PairsItem{{.stage = "calibrate", .name = fmt::format("{}/{:04}", folder, block++), .key = {}},
                                  e,
                                  std::move(pairs)});
    }
}

/// How an experiment was compared; nothing while pairs are missing.
std::optional<Calibrations::Compared> Calibrations::compared(std::size_t experiment,
                                                             const std::filesystem::path& results) const {
    const ItemFiles files(results);
    std::vector<PairResult> all(dissimilarity_.experiments()[experiment].parts.front().pairs.size());
    const ComparisonItem* any = nullptr;
    for (const ComparisonItem& item : dissimilarity_.items()) {
        if (item.experiment != experiment) continue;
        std::vector<PairResult> of_item = DissimilarityStage::read_results(files, item);
        if (of_item.size() != item.end_pair - item.first_pair) return {};
        std::ranges::move(of_item, all.begin() + static_cast<std::ptrdiff_t>(item.first_pair));
        any = &item;
    }
    const std::optional<SettledMetric> settled = dissimilarity_.settled(*any, results);
    if (!settled) return {};
    Compared found{.metric = {}, .cause = settled->cause, .angles = {}};
    if (settled->cause.empty()) found.metric = at_common_rank(settled->metric, all);
    for (const PairResult& result : all)
        found.angles.push_back(result.score.status == Status::ok ? std::optional(result.score.angle_rad)
                                                                 : std::nullopt);
    return found;
}

/// The systems of its pairs, rising.
std::vector<std::size_t> Calibrations::systems_of(const PairsItem& item) const {
    const std::vector<Pair>& pairs = dissimilarity_.experiments()[item.experiment].parts.front().pairs;
    std::set<std::size_t> systems;
    for (const std::size_t pair : item.pairs) systems.insert({pairs[pair].a, pairs[pair].b});
    return {systems.begin(), systems.end()};
}

const Calibrations::SystemItem& Calibrations::item_of(std::size_t experiment, std::optional<std::size_t> system) const {
    return *std::ranges::find_if(
        systems_, [&](const SystemItem& item) { return item.experiment == experiment && item.system == system; });
}

/// Whether its systems were drawn, where they have to be.
bool Calibrations::is_ready(const PairsItem& item, const ItemFiles& files) const {
    return dissimilarity_.experiments()[item.experiment].metrics.front().compares_samples() ||
           std::ranges::all_of(systems_of(item), [&](std::size_t system) {
               return files.state(item_of(item.experiment, system)) == ItemState::done;
           });
}

std::string Calibrations::result_of(const SystemItem& item, const Compared& compared, const ItemFiles& /*files*/,
                                    Progress& /*progress*/) const {
    const std::vector<NamedSystem>& systems = dissimilarity_.experiments()[item.experiment].parts.front().systems;
    if (item.system)
        return to_json(compared.metric ? calibrate_system(*compared.metric, systems[*item.system], options_, stream_)
                                       : SystemCalibration{.units = compared.cause});
    const auto found = compared.metric
                           ? reliability_of(*compared.metric, systems, options_.splits, stream_.child("reliability"), 1)
                           : std::nullopt;
    return found ? fmt::format("{}", *found) : "null";
}

std::string Calibrations::result_of(const PairsItem& item, const Compared& compared, const ItemFiles& files,
                                    Progress& progress) const {
    if (!compared.metric) return to_json(std::vector<PairCalibration>(item.pairs.size()));
    const Part& whole = dissimilarity_.experiments()[item.experiment].parts.front();
    // The systems of these pairs, and no others.
    Part part{.name = whole.name, .systems = {}, .pairs = {}, .keeps_unsuitable = true};
    std::vector<SystemCalibration> systems;
    std::map<std::size_t, std::size_t> places;
    for (const std::size_t system : systems_of(item)) {
        places[system] = part.systems.size();
        part.systems.push_back(whole.systems[system]);
        if (compared.metric->compares_samples()) continue;
        const SystemItem& drawn = item_of(item.experiment, system);
        const auto json = files.read(drawn);
        auto found = json ? system_calibration_from(*json) : std::nullopt;
        if (!found) throw files.was_changed(drawn);
        systems.push_back(*std::move(found));
    }
    std::vector<std::optional<double>> angles;
    for (const std::size_t pair : item.pairs) {
        part.pairs.push_back({places.at(whole.pairs[pair].a), places.at(whole.pairs[pair].b), {}, {}});
        angles.push_back(compared.angles[pair]);
    }
    return to_json(calibrate_pairs(*compared.metric, part, systems, angles, options_, stream_, 1, progress));
}

template <class SomeItem>
Stage Calibrations::stage(const char* name, const std::vector<Need>& needs, const std::vector<SomeItem>& items) const {
    const auto plan = [&items](const std::filesystem::path& results, const Selection& selection) {
        const ItemFiles files(results);
        PlannedItems planned;
        for (const SomeItem& item : items)
            if (selection.includes(item)) planned.emplace_back(item, files.state(item));
        return planned;
    };
    const auto run = [this, name, &items, plan](const RunOptions& options, Progress& progress) {
        const ItemFiles files(options.results);
        const PlannedItems planned = plan(options.results, options.selection);
        std::map<std::size_t, std::optional<Compared>> of_experiments;
        std::vector<const SomeItem*> ready;
        const std::vector<std::size_t> to_do = unfinished(planned, options.shard);
        for (const std::size_t i : to_do) {
            const SomeItem& item = *std::ranges::find(items, planned[i].first.name, &Item::name);
            const auto [place, is_new] = of_experiments.try_emplace(item.experiment);
            if (is_new) place->second = compared(item.experiment, options.results);
            if (place->second && is_ready(item, files)) ready.push_back(&item);
        }
        if (ready.size() < to_do.size())
            progress.warn(name, fmt::format("{} items wait for what is not there yet; run this again",
                                            to_do.size() - ready.size()));
        if (ready.empty()) return;
        ProgressOfItem within(progress);
        Claims claims(options.results, progress);
        progress.begin(name, ready.size());
        do_shared({.n = ready.size(),
                   .item = [&](std::size_t i) -> const Item& { return *ready[i]; },
                   .state = [&](std::size_t i) { return files.state(*ready[i]); },
                   .work =
                       [&](std::size_t i) {
                           const SomeItem& item = *ready[i];
                           const Stopwatch stopwatch(options.results, item);
                           files.write(item, ItemState::done,
                                       result_of(item, *of_experiments.at(item.experiment), files, within));
                       }},
                  claims, options.jobs, progress);
        progress.end();
    };
    return {.name = name, .needs = needs, .plan = plan, .run = run};
}

std::vector<Stage> Calibrations::stages() const {
    const auto all_of = [](const auto& items) {
        return [&items](const RunOptions& /*options*/) {
            std::set<std::string> names;
            for (const auto& item : items) names.insert(item.name);
            return names;
        };
    };
    const Need comparisons = {"dissimilarity", all_of(dissimilarity_.items())};
    return {stage("floors", {comparisons}, systems_),
            stage("calibrate", {comparisons, {"floors", all_of(systems_)}}, pairs_)};
}

std::optional<double> Calibrations::reliability(std::size_t experiment, const std::filesystem::path& results) const {
    const ItemFiles files(results);
    const SystemItem& item = item_of(experiment, {});
    const auto json = files.read(item);
    if (!json || json->is_null()) return {};
    if (!json->is_number()) throw files.was_changed(item);
    // From halves to all trials. Source: Spearman 1910; Brown 1910.
    const auto of_halves = json->get<double>();
    return of_halves > 0 ? 2 * of_halves / (1 + of_halves) : of_halves;
}

std::vector<std::optional<PairCalibration>> Calibrations::found(std::size_t experiment,
                                                                const std::filesystem::path& results) const {
    const ItemFiles files(results);
    std::vector<std::optional<PairCalibration>> all(
        dissimilarity_.experiments()[experiment].parts.front().pairs.size());
    for (const PairsItem& item : pairs_) {
        if (item.experiment != experiment) continue;
        const auto json = files.read(item);
        if (!json) continue;
        const auto calibrations = calibrations_from(*json);
        if (!calibrations || calibrations->size() != item.pairs.size()) throw files.was_changed(item);
        for (std::size_t i = 0; i < item.pairs.size(); ++i) all[item.pairs[i]] = (*calibrations)[i];
    }
    std::vector<PairCalibration> known;
    for (const auto& one : all)
        if (one) known.push_back(*one);
    adjust(known, options_);
    std::size_t next = 0;
    for (auto& one : all)
        if (one) one = known[next++];
    return all;
}

}  // namespace repal
