module;
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <map>
#include <numbers>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>
module repal.summary;

import repal.score_table;

namespace repal {
namespace {

SummaryRow summarise_group(const std::vector<const ScoredPair*>& pairs, const std::string& group,
                           const Bootstrap& bootstrap, const Stream& stream) {
    SummaryRow row{.experiment = pairs.front()->experiment->name,
                   .metric = pairs.front()->metric,
                   .group = group,
                   .n = 0,
                   .n_without = 0};
    std::vector<double> values;
    std::vector<Observation> observations;
    for (const ScoredPair* pair : pairs) {
        if (pair->result.score.status != Status::ok) {
            ++row.n_without;
            continue;
        }
        values.push_back(pair->result.score.dissimilarity());
        observations.push_back({values.back(), pair->pair->units});
    }
    row.n = values.size();
    row.mean = mean(values);
    row.median = median(values);
    row.standard_error = standard_error(values);
    row.interval = interval_of_mean(observations, bootstrap.resamples, bootstrap.confidence, stream);
    // What no dissimilarity can be.
    const double largest = pairs.front()->chosen->info.largest_rad / (std::numbers::pi / 2);
    if (row.interval.low < 0) row.interval.low = 0;
    if (row.interval.high > largest) row.interval.high = largest;
    return row;
}

}  // namespace

Bootstrap read_bootstrap(const Config& config) {
    config.require_keys({"resamples", "confidence"});
    return {.resamples = static_cast<int>(config.integer_or("resamples", Bootstrap{}.resamples, 1, 10'000'000)),
            .confidence = config.number_or("confidence", Bootstrap{}.confidence, 0.01, 0.9999)};
}

std::vector<std::string> ScoredPair::groups() const {
    std::vector<std::string> names = pair->groups;
    if (experiment->floor_has_other_trials && chosen->compares_samples())
        std::ranges::replace(names, std::string(noise_floor), std::string(other_trials));
    return names;
}

std::vector<ScoredPair> read_all_scores(const DissimilarityStage& stage, const std::filesystem::path& results) {
    const ItemFiles files(results);
    std::vector<ScoredPair> all;
    std::map<std::pair<const SystemSet*, const ChosenMetric*>, std::string> settings;
    for (const ComparisonItem& item : stage.items()) {
        const Experiment& experiment = stage.experiments()[item.experiment];
        const Part& part = experiment.parts[item.part];
        std::vector<PairResult> found = DissimilarityStage::read_results(files, item);
        const auto [place, is_new] = settings.try_emplace({experiment.set.get(), item.metric});
        if (is_new)
            if (const auto settled = stage.settled(item, results)) place->second = settled->metric.settings();
        for (std::size_t i = 0; i < found.size(); ++i)
            all.push_back({&experiment, &part, &part.pairs[item.first_pair + i], item.metric->name, std::move(found[i]),
                           item.metric, place->second});
    }
    return all;
}

std::vector<SummaryRow> summarise(const std::vector<ScoredPair>& pairs, const Bootstrap& bootstrap,
                                  const Stream& stream) {
    std::vector<std::pair<const Experiment*, std::string>> tables;  // of an experiment and a metric
    std::map<std::tuple<const Experiment*, std::string, std::string>, std::vector<const ScoredPair*>> members;
    for (const ScoredPair& pair : pairs) {
        const std::pair table(pair.experiment, pair.metric);
        if (std::ranges::find(tables, table) == tables.end()) tables.push_back(table);
        for (const std::string& group : pair.groups()) members[{pair.experiment, pair.metric, group}].push_back(&pair);
    }
    std::vector<SummaryRow> rows;
    for (const auto& [experiment, metric] : tables)
        for (const std::string& name : experiment->groups) {
            std::string group = name;
            auto found = members.find({experiment, metric, group});
            if (found == members.end() && group == noise_floor) {
                group = other_trials;
                found = members.find({experiment, metric, group});
            }
            if (found == members.end()) continue;
            // One stream for all metrics: they are judged on the same resamples.
            const Stream resampling = stream.child("bootstrap").child(experiment->name).child(group);
            rows.push_back(summarise_group(found->second, group, bootstrap, resampling));
        }
    return rows;
}

Table dissimilarity_table(const std::vector<ScoredPair>& pairs) {
    ValueColumns values;
    std::vector<const ChosenMetric*> metrics;
    for (const ScoredPair& pair : pairs)
        if (std::ranges::find(metrics, pair.chosen) == metrics.end()) metrics.push_back(pair.chosen);
    for (const ChosenMetric* metric : metrics) values.add(metric->name, metric->info.values);
    const bool is_calibrated =
        std::ranges::any_of(pairs, [](const ScoredPair& pair) { return pair.calibration.has_value(); });
    std::vector<std::string> head = joined({"experiment", "metric", "group", "system_a", "system_b"}, score_names());
    head = joined(std::move(head), {"state_a", "state_b", "performance_a", "performance_b", "settings"});
    if (is_calibrated)
        for (const CalibrationColumn& column : calibration_columns()) head.emplace_back(column.name);
    Table rows = {joined(joined(std::move(head), values.names()), {"note"})};
    for (const ScoredPair& pair : pairs) {
        const auto& [score, a, b] = pair.result;
        std::vector<std::string> row = {pair.experiment->name, pair.metric,
                                        fmt::format("{}", fmt::join(pair.groups(), ";")), pair.name_a(), pair.name_b()};
        row = joined(std::move(row), score_fields(score));
        row = joined(std::move(row),
                     {a.name, b.name, csv_number(a.performance), csv_number(b.performance), pair.settings});
        std::string note = note_of(score);
        if (is_calibrated) {
            const PairCalibration calibration = pair.calibration.value_or(PairCalibration{});
            for (const CalibrationColumn& column : calibration_columns())
                row.push_back(csv_number(calibration.*column.value));
            if (!calibration.note.empty()) note += (note.empty() ? "" : "; ") + calibration.note;
        }
        rows.push_back(
            joined(joined(std::move(row), values.fields(pair.metric, score, pair.chosen->info.values)), {note}));
    }
    return rows;
}

Table means_table(const std::vector<SummaryRow>& rows) {
    Table table = {
        {"experiment", "metric", "group", "n", "n_without_value", "mean", "median", "sem", "ci_low", "ci_high"}};
    for (const SummaryRow& row : rows)
        table.push_back({row.experiment, row.metric, row.group, fmt::format("{}", row.n),
                         fmt::format("{}", row.n_without), csv_number(row.mean), csv_number(row.median),
                         csv_number(row.standard_error), csv_number(row.interval.low), csv_number(row.interval.high)});
    return table;
}

Table summary_table(const std::vector<SummaryRow>& rows) {
    std::vector<std::string> head = {"mean dissimilarity (units of pi/2)"};
    std::vector<std::vector<std::string>> lines;
    std::map<std::string, std::size_t> places;
    for (const SummaryRow& row : rows) {
        const auto column = static_cast<std::size_t>(std::ranges::find(head, row.metric) - head.begin());
        if (column == head.size()) head.push_back(row.metric);
        const std::string name = row.experiment + ": " + row.group;
        const auto [place, is_new] = places.emplace(name, lines.size());
        if (is_new) lines.push_back({name});
        std::vector<std::string>& fields = lines[place->second];
        fields.resize(std::max(fields.size(), column + 1));
        fields[column] = row.n == 0 ? "-"
                         : std::isnan(row.interval.low)
                             ? fmt::format("{:.3f}", row.mean)
                             : fmt::format("{:.3f} [{:.3f}, {:.3f}]", row.mean, row.interval.low, row.interval.high);
    }
    for (std::vector<std::string>& fields : lines) fields.resize(head.size());
    lines.insert(lines.begin(), std::move(head));
    return lines;
}

Table failures_table(const std::vector<ScoredPair>& pairs) {
    Table rows = {{"experiment", "metric", "system_a", "system_b", "status", "detail"}};
    for (const ScoredPair& pair : pairs)
        if (pair.result.score.status != Status::ok)
            rows.push_back({pair.experiment->name, pair.metric, pair.name_a(), pair.name_b(),
                            std::string(to_string(pair.result.score.status)), pair.result.score.detail});
    return rows;
}

}  // namespace repal
