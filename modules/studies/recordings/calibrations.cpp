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

/// Systems that are drawn for one item, at most twice as many.
constexpr std::size_t systems_of_group = 32;

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

CalibrationStage::CalibrationStage(const DissimilarityStage& dissimilarity, const CalibrationOptions& options,
                                   const Stream& stream)
    : dissimilarity_(dissimilarity), options_(options), stream_(stream) {
    std::map<std::size_t, std::string> keys;  // of what was compared in each experiment
    for (const ComparisonItem& item : dissimilarity_.items()) keys[item.experiment] += item.key;
    for (std::size_t e = 0; e < dissimilarity_.experiments().size(); ++e) {
        const Experiment& experiment = dissimilarity_.experiments()[e];
        const ChosenMetric& metric = experiment.metrics.front();
        std::map<std::pair<std::size_t, std::size_t>, std::vector<std::size_t>> blocks;  // by the groups of a and b
        const std::vector<Pair>& pairs = experiment.parts.front().pairs;
        for (std::size_t pair = 0; pair < pairs.size(); ++pair)
            blocks[std::minmax(pairs[pair].a / systems_of_group, pairs[pair].b / systems_of_group)].push_back(pair);
        std::size_t block = 0;
        for (auto& [groups, of_block] : blocks) {
            CalibrationItem item{
                {.stage = name, .name = fmt::format("{}/{}/{:04}", experiment.name, metric.name, block++), .key = {}},
                e,
                std::move(of_block)};
            item.key = hash_hex(fmt::format("calibration-1 {} {} {}", text_of(options_), keys[e], item.name));
            items_.push_back(std::move(item));
        }
    }
}

Stage CalibrationStage::stage() const {
    return {.name = name,
            .needs = {{"dissimilarity",
                       [this](const RunOptions& /*options*/) {
                           std::set<std::string> names;
                           for (const ComparisonItem& item : dissimilarity_.items()) names.insert(item.name);
                           return names;
                       }}},
            .plan = [this](const auto& results, const Selection& selection) { return plan(results, selection); },
            .run = [this](const RunOptions& options, Progress& progress) { run(options, progress); }};
}

PlannedItems CalibrationStage::plan(const std::filesystem::path& results, const Selection& selection) const {
    const ItemFiles files(results);
    PlannedItems planned;
    for (const CalibrationItem& item : items_)
        if (selection.includes(item)) planned.emplace_back(item, files.state(item));
    return planned;
}

/// The results of all pairs; nothing while some are missing.
std::optional<std::vector<PairResult>> CalibrationStage::compared(std::size_t experiment,
                                                                  const std::filesystem::path& results) const {
    const ItemFiles files(results);
    std::vector<PairResult> all(dissimilarity_.experiments()[experiment].parts.front().pairs.size());
    for (const ComparisonItem& item : dissimilarity_.items()) {
        if (item.experiment != experiment) continue;
        std::vector<PairResult> of_item = DissimilarityStage::read_results(files, item);
        if (of_item.size() != item.end_pair - item.first_pair) return {};
        std::ranges::move(of_item, all.begin() + static_cast<std::ptrdiff_t>(item.first_pair));
    }
    return all;
}

std::vector<PairCalibration> CalibrationStage::calibrated(const CalibrationItem& item,
                                                          const std::vector<PairResult>& results,
                                                          const std::filesystem::path& folder,
                                                          Progress& progress) const {
    const Part& whole = dissimilarity_.experiments()[item.experiment].parts.front();
    const auto of_experiment = std::ranges::find(dissimilarity_.items(), item.experiment, &ComparisonItem::experiment);
    const std::optional<SettledMetric> settled = dissimilarity_.settled(*of_experiment, folder);
    if (!settled || !settled->cause.empty()) return std::vector<PairCalibration>(item.pairs.size());
    // The systems of these pairs, and no others.
    Part part{.name = whole.name, .systems = {}, .pairs = {}, .keeps_unsuitable = true};
    std::map<std::size_t, std::size_t> places;
    std::vector<std::optional<double>> angles;
    for (const std::size_t pair : item.pairs) {
        const auto place_of = [&](std::size_t system) {
            const auto [place, is_new] = places.try_emplace(system, part.systems.size());
            if (is_new) part.systems.push_back(whole.systems[system]);
            return place->second;
        };
        part.pairs.push_back({place_of(whole.pairs[pair].a), place_of(whole.pairs[pair].b), {}, {}});
        const Score& score = results[pair].score;
        angles.push_back(score.status == Status::ok ? std::optional(score.angle_rad) : std::nullopt);
    }
    return calibrate(at_common_rank(settled->metric, results), part, angles, options_, stream_, 1, progress).pairs;
}

void CalibrationStage::run(const RunOptions& options, Progress& progress) const {
    const PlannedItems planned = plan(options.results, options.selection);
    std::map<std::size_t, std::optional<std::vector<PairResult>>> results;
    std::vector<const CalibrationItem*> missing;
    std::size_t waiting = 0;
    for (const std::size_t i : unfinished(planned, options.shard)) {
        const CalibrationItem& item = *std::ranges::find(items_, planned[i].first.name, &CalibrationItem::name);
        const auto [place, is_new] = results.try_emplace(item.experiment);
        if (is_new) place->second = compared(item.experiment, options.results);
        if (place->second)
            missing.push_back(&item);
        else
            ++waiting;
    }
    if (waiting > 0)
        progress.warn(name, fmt::format("{} items wait for pairs that are not compared yet; run this again", waiting));
    if (missing.empty()) return;
    const ItemFiles files(options.results);
    ProgressOfItem within(progress);
    Claims claims(options.results, progress);
    progress.begin("calibrating", missing.size());
    do_shared({.n = missing.size(),
               .item = [&](std::size_t i) -> const Item& { return *missing[i]; },
               .state = [&](std::size_t i) { return files.state(*missing[i]); },
               .work =
                   [&](std::size_t i) {
                       const CalibrationItem& item = *missing[i];
                       const Stopwatch stopwatch(options.results, item);
                       files.write(item, ItemState::done,
                                   to_json(calibrated(item, *results.at(item.experiment), options.results, within)));
                   }},
              claims, options.jobs, progress);
    progress.end();
}

std::vector<std::optional<PairCalibration>> CalibrationStage::found(std::size_t experiment,
                                                                    const std::filesystem::path& results) const {
    const ItemFiles files(results);
    std::vector<std::optional<PairCalibration>> all(
        dissimilarity_.experiments()[experiment].parts.front().pairs.size());
    for (const CalibrationItem& item : items_) {
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
    adjust(known);
    std::size_t next = 0;
    for (auto& one : all)
        if (one) one = known[next++];
    return all;
}

}  // namespace repal
