module;
#include <fmt/format.h>

#include <set>
#include <string>
#include <vector>
module repal.neurotask_findings;

namespace repal {

Table tests_table(const std::vector<GroupTest>& tests) {
    Table rows = {{"ruleset", "metric", "group_a", "group_b", "unit", "n", "mean_difference", "t", "p", "p_adjusted",
                   "effect_size"}};
    for (const GroupTest& found : tests) {
        const PairedTest& test = found.test;
        rows.push_back({found.ruleset->name, found.metric, found.group_a, found.group_b, found.unit,
                        fmt::format("{}", test.n), csv_number(test.mean_difference), csv_number(test.t),
                        csv_number(test.p), csv_number(found.p_adjusted), csv_number(test.effect_size)});
    }
    return rows;
}

Table regressions_table(const std::vector<GroupRegression>& regressions) {
    Table rows = {{"ruleset", "metric", "predictor", "n", "n_excluded", "slope", "ci_low", "ci_high", "intercept",
                   "r_squared", "p"}};
    for (const GroupRegression& regression : regressions) {
        const Regression& found = regression.found;
        rows.push_back({regression.ruleset->name, regression.metric, regression.predictor, fmt::format("{}", found.n),
                        fmt::format("{}", found.n_excluded), csv_number(found.slope), csv_number(found.interval.low),
                        csv_number(found.interval.high), csv_number(found.intercept), csv_number(found.r_squared),
                        csv_number(found.p)});
    }
    return rows;
}

Table map_table(const std::vector<NetworkMap>& maps) {
    Table rows = {
        {"ruleset", "metric", "network", "group", "setting", "replicate", "x", "y", "nearest", "excluded_because"}};
    for (const NetworkMap& map : maps)
        for (const MappedNetwork& mapped : map.networks) {
            const NetworkItem& network = *mapped.network;
            const bool is_there = mapped.nearest != nullptr;
            rows.push_back({map.ruleset->name, map.metric, network.name, network.group, network.setting->name(),
                            fmt::format("{}", network.replicate), is_there ? csv_number(mapped.x) : "",
                            is_there ? csv_number(mapped.y) : "", is_there ? mapped.nearest->name : "",
                            is_there ? "" : mapped.excluded_because});
        }
    return rows;
}

Table maps_table(const std::vector<NetworkMap>& maps) {
    Table rows = {{"ruleset", "metric", "networks", "excluded", "stress", "nearest_neighbour_accuracy", "chance", "p"}};
    for (const NetworkMap& map : maps)
        rows.push_back({map.ruleset->name, map.metric, fmt::format("{}", map.networks.size() - map.n_excluded),
                        fmt::format("{}", map.n_excluded), csv_number(map.stress),
                        map.stress ? csv_number(map.accuracy) : "", map.stress ? csv_number(map.chance) : "",
                        map.stress ? csv_number(map.p) : ""});
    return rows;
}

Table groups_table(const std::vector<SummaryRow>& summary, const NetworkComparisons& comparisons) {
    std::vector<SummaryRow> rows;
    for (const auto& [experiment, kind] : comparisons.kinds) {
        if (kind.compared != Compared::groups) continue;
        std::set<std::string> shown = {noise_floor};
        for (const CurriculumPair& pair : curriculum_pairs(*kind.ruleset))
            if (pair.has(comparisons.references.at(kind.ruleset->name))) shown.insert(pair.label());
        for (const SummaryRow& row : summary)
            if (row.experiment == experiment && row.n > 0 && shown.contains(row.group)) rows.push_back(row);
    }
    return summary_table(rows);
}

}  // namespace repal
