module;
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>
module repal.summary;

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
    row.interval = bootstrap_interval(observations, bootstrap.resamples, bootstrap.confidence, stream);
    return row;
}

}  // namespace

Bootstrap read_bootstrap(const Config& config) {
    config.require_keys({"resamples", "confidence"});
    return {.resamples = static_cast<int>(config.integer_or("resamples", Bootstrap{}.resamples, 1, 10'000'000)),
            .confidence = config.number_or("confidence", Bootstrap{}.confidence, 0.01, 0.9999)};
}

std::vector<ScoredPair> read_all_scores(const DissimilarityStage& stage, const CellFiles& files) {
    std::vector<ScoredPair> all;
    for (const DissimilarityCell& cell : stage.cells()) {
        const Experiment& experiment = stage.experiments()[cell.experiment];
        const Part& part = experiment.parts[cell.part];
        const std::vector<PairResult> results = DissimilarityStage::read_results(files, cell);
        for (std::size_t i = 0; i < results.size(); ++i)
            all.push_back(
                {&experiment, &part, &part.pairs[cell.first_pair + i], stage.metrics()[cell.metric].name, results[i]});
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
        for (const std::string& group : pair.pair->groups)
            members[{pair.experiment, pair.metric, group}].push_back(&pair);
    }
    std::vector<SummaryRow> rows;
    for (const auto& [experiment, metric] : tables)
        for (const std::string& group : experiment->groups) {
            const auto found = members.find({experiment, metric, group});
            if (found == members.end()) continue;
            // One stream for all metrics: they are judged on the same resamples.
            const Stream resampling = stream.child("bootstrap").child(experiment->name).child(group);
            rows.push_back(summarise_group(found->second, group, bootstrap, resampling));
        }
    return rows;
}

std::string dissimilarity_csv(const std::vector<ScoredPair>& pairs) {
    std::string text =
        "experiment,metric,group,system_a,system_b,angle_rad,dissimilarity,lower_bound_rad,status,state_a,state_b,"
        "performance_a,performance_b\n";
    for (const ScoredPair& pair : pairs) {
        const Score& score = pair.result.score;
        const bool has_value = score.status == Status::ok;
        text += fmt::format(
            "{},{},{},{},{},{},{},{},{},{},{},{},{}\n", csv_field(pair.experiment->name), csv_field(pair.metric),
            csv_field(fmt::format("{}", fmt::join(pair.pair->groups, ";"))), csv_field(pair.name_a()),
            csv_field(pair.name_b()), has_value ? csv_number(score.angle_rad) : "",
            has_value ? csv_number(score.dissimilarity()) : "", has_value ? csv_number(score.lower_bound_rad) : "",
            to_string(score.status), pair.result.a.name, pair.result.b.name, csv_number(pair.result.a.performance),
            csv_number(pair.result.b.performance));
    }
    return text;
}

std::string summary_csv(const std::vector<SummaryRow>& rows) {
    std::string text = "experiment,metric,group,n,n_without_value,mean,median,sem,ci_low,ci_high\n";
    for (const SummaryRow& row : rows)
        text +=
            fmt::format("{},{},{},{},{},{},{},{},{},{}\n", csv_field(row.experiment), csv_field(row.metric),
                        csv_field(row.group), row.n, row.n_without, csv_number(row.mean), csv_number(row.median),
                        csv_number(row.standard_error), csv_number(row.interval.low), csv_number(row.interval.high));
    return text;
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
        std::vector<std::string>& cells = lines[place->second];
        cells.resize(std::max(cells.size(), column + 1));
        cells[column] = row.n == 0 ? "-"
                        : std::isnan(row.interval.low)
                            ? fmt::format("{:.3f}", row.mean)
                            : fmt::format("{:.3f} [{:.3f}, {:.3f}]", row.mean, row.interval.low, row.interval.high);
    }
    lines.insert(lines.begin(), std::move(head));
    return lines;
}

std::string failures_csv(const std::vector<ScoredPair>& pairs) {
    std::string text = "experiment,metric,system_a,system_b,status,detail\n";
    for (const ScoredPair& pair : pairs)
        if (pair.result.score.status != Status::ok)
            text += fmt::format("{},{},{},{},{},{}\n", csv_field(pair.experiment->name), csv_field(pair.metric),
                                csv_field(pair.name_a()), csv_field(pair.name_b()), to_string(pair.result.score.status),
                                csv_field(pair.result.score.detail));
    return text;
}

std::string csv_number(std::optional<double> value) {
    return value && std::isfinite(*value) ? fmt::format("{}", *value) : "";
}

std::string csv_text(const Table& rows) {
    std::string text;
    for (const auto& row : rows) {
        std::string line;
        for (const std::string& field : row) line += (&field == &row.front() ? "" : ",") + csv_field(field);
        text += line + "\n";
    }
    return text;
}

std::string csv_field(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char character : text) {
        if (character == '"') quoted += '"';
        quoted += character;
    }
    return quoted + '"';
}

}  // namespace repal
