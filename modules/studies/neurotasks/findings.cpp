module;
#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.neurotask_findings;

import repal.dissimilarity_matrix;
import repal.group_tests;
import repal.scaling;

namespace repal {
namespace {

const NetworkItem& network_of(const ScoredPair& pair, std::size_t system) {
    return dynamic_cast<const Recorded&>(*pair.part->systems[system].system).network();
}
const NetworkItem& network_a(const ScoredPair& pair) {
    return network_of(pair, pair.pair->a);
}
const NetworkItem& network_b(const ScoredPair& pair) {
    return network_of(pair, pair.pair->b);
}

bool is_of(const ScoredPair& pair, Compared what, const NetworkComparisons& comparisons) {
    return comparisons.kinds.at(pair.experiment->name).compared == what;
}

bool has_value(const ScoredPair& pair) {
    return pair.result.score.status == Status::ok;
}

/// Pairs of one ruleset and one metric.
struct MetricPairs {
    const Ruleset* ruleset;
    std::string metric;
    std::vector<const ScoredPair*> pairs;
};

template <class Predicate>
std::vector<MetricPairs> tables_of(const std::vector<ScoredPair>& pairs, Predicate is_meant) {
    std::vector<MetricPairs> tables;
    for (const ScoredPair& pair : pairs) {
        if (!is_meant(pair)) continue;
        const Ruleset* ruleset = network_a(pair).ruleset;
        auto found = std::ranges::find_if(
            tables, [&](const MetricPairs& table) { return table.ruleset == ruleset && table.metric == pair.metric; });
        if (found == tables.end()) found = tables.insert(tables.end(), {ruleset, pair.metric, {}});
        found->pairs.push_back(&pair);
    }
    return tables;
}

/// Two different groups of one setting and replicate.
auto is_between_groups(const NetworkComparisons& comparisons) {
    return [&comparisons](const ScoredPair& pair) {
        return is_of(pair, Compared::groups, comparisons) && network_a(pair).group != network_b(pair).group;
    };
}

/// Dissimilarity to the reference: [group][setting and replicate], of all groups but the reference itself.
using ToReference = std::map<std::size_t, std::map<Unit, double>>;

ToReference to_reference(const MetricPairs& table, const std::string& reference) {
    ToReference values;
    for (std::size_t group = 0; group < table.ruleset->curricula.size(); ++group)
        if (table.ruleset->curricula[group].name != reference) values[group];
    for (const ScoredPair* pair : table.pairs) {
        const NetworkItem& a = network_a(*pair);
        const NetworkItem& b = network_b(*pair);
        if (!has_value(*pair) || (a.group != reference && b.group != reference)) continue;
        values[(a.group == reference ? b : a).curriculum->number][pair->pair->units.front()] =
            pair->result.score.dissimilarity();
    }
    return values;
}

/// Differences of two groups where both have values, by setting and then replicate.
std::map<std::size_t, std::vector<double>> differences_of(const std::map<Unit, double>& first,
                                                          const std::map<Unit, double>& second) {
    std::map<std::size_t, std::vector<double>> by_setting;
    for (const auto& [unit, value] : first)
        if (const auto other = second.find(unit); other != second.end())
            by_setting[unit.cluster].push_back(value - other->second);
    return by_setting;
}

std::vector<double> means_of(const std::map<std::size_t, std::vector<double>>& by_setting) {
    std::vector<double> means;
    for (const auto& entry : by_setting) means.push_back(mean(entry.second));
    return means;
}

/// Whether all pairs are of one setting.
bool has_one_setting(const MetricPairs& table) {
    return std::ranges::all_of(table.pairs, [&](const ScoredPair* pair) {
        return pair->pair->units.front().cluster == table.pairs.front()->pair->units.front().cluster;
    });
}

/// Share of pretraining tasks that two curricula have in common.
std::optional<double> pretraining_share(const Curriculum& a, const Curriculum& b) {
    const std::set<std::size_t> first(a.pretrain.begin(), a.pretrain.end());
    const std::set<std::size_t> second(b.pretrain.begin(), b.pretrain.end());
    std::set<std::size_t> all = first;
    all.insert(second.begin(), second.end());
    if (all.empty()) return {};
    const auto shared = std::ranges::count_if(first, [&](std::size_t rule) { return second.contains(rule); });
    return static_cast<double>(shared) / static_cast<double>(all.size());
}

/// Networks of one ruleset and metric, in the order of the study, and all their dissimilarities that there are.
struct Mapped {
    std::vector<const NetworkItem*> networks;
    DissimilarityMatrix matrix;
};

Mapped complete(const MetricPairs& table, const std::vector<std::string>& groups) {
    std::map<const NetworkItem*, std::map<const NetworkItem*, const ScoredPair*>> known;
    const auto is_mapped = [&](const NetworkItem& item) {
        return std::ranges::find(groups, item.group) != groups.end();
    };
    for (const ScoredPair* pair : table.pairs) {
        const NetworkItem& a = network_a(*pair);
        const NetworkItem& b = network_b(*pair);
        if (!is_mapped(a) || !is_mapped(b)) continue;
        known[&a][&b] = known[&b][&a] = pair;
    }
    Mapped mapped;
    for (const auto& entry : known) mapped.networks.push_back(entry.first);
    std::ranges::sort(mapped.networks);  // items of a study are one array
    mapped.matrix = complete_matrix(mapped.networks.size(), [&](std::size_t a, std::size_t b) -> const Score* {
        const auto& of_a = known.at(mapped.networks[a]);
        const auto pair = of_a.find(mapped.networks[b]);
        return pair == of_a.end() ? nullptr : &pair->second->result.score;
    });
    return mapped;
}

}  // namespace

std::vector<GroupTest> group_tests(const std::vector<ScoredPair>& pairs, const NetworkComparisons& comparisons,
                                   const Bootstrap& resampling, const Stream& stream) {
    std::vector<GroupTest> all;
    for (const MetricPairs& table : tables_of(pairs, is_between_groups(comparisons))) {
        const ToReference values = to_reference(table, comparisons.references.at(table.ruleset->name));
        const bool is_of_one_setting = has_one_setting(table);
        const std::string unit = is_of_one_setting ? "replicate" : "setting";
        const auto& groups = table.ruleset->curricula;
        std::vector<GroupTest> tests;
        std::vector<double> p;
        for (auto a = values.begin(); a != values.end(); ++a)
            for (auto b = std::next(a); b != values.end(); ++b) {
                const auto by_setting = differences_of(a->second, b->second);
                const std::vector<double> differences =
                    is_of_one_setting && !by_setting.empty() ? by_setting.begin()->second : means_of(by_setting);
                const std::string& first = groups[a->first].name;
                const std::string& second = groups[b->first].name;
                const Stream signs =
                    stream.child("test").child(table.ruleset->name).child(fmt::format("{},{},{}", first, second, unit));
                tests.push_back({table.ruleset, table.metric, first, second, unit,
                                 paired_test(differences, resampling.resamples, signs)});
                p.push_back(tests.back().test.p);
            }
        const std::vector<double> adjusted = benjamini_hochberg(p);
        for (std::size_t i = 0; i < tests.size(); ++i) tests[i].p_adjusted = adjusted[i];
        all.insert(all.end(), tests.begin(), tests.end());
    }
    return all;
}

std::vector<GroupRegression> group_regressions(const std::vector<ScoredPair>& pairs,
                                               const NetworkComparisons& comparisons, const Bootstrap& resampling,
                                               const Stream& stream) {
    std::vector<GroupRegression> regressions;
    for (const MetricPairs& table : tables_of(pairs, is_between_groups(comparisons))) {
        const std::vector<Curriculum>& groups = table.ruleset->curricula;
        std::vector<Dyad> dyads;
        std::map<Unit, std::vector<std::optional<double>>> performance;
        for (const ScoredPair* pair : table.pairs) {
            const std::size_t a = network_a(*pair).curriculum->number;
            const std::size_t b = network_b(*pair).curriculum->number;
            auto& of_unit = performance[pair->pair->units.front()];
            of_unit.resize(groups.size());
            if (pair->result.a.performance) of_unit[a] = pair->result.a.performance;
            if (pair->result.b.performance) of_unit[b] = pair->result.b.performance;
            if (has_value(*pair)) dyads.push_back({pair->result.score.dissimilarity(), a, b, pair->pair->units});
        }
        std::vector<std::vector<std::optional<double>>> shares(groups.size());
        for (std::size_t a = 0; a < groups.size(); ++a)
            for (const Curriculum& b : groups) shares[a].push_back(pretraining_share(groups[a], b));
        std::vector<std::size_t> as_it_is(groups.size());
        std::iota(as_it_is.begin(), as_it_is.end(), std::size_t{0});

        const auto share = [&](const Dyad& dyad, std::span<const std::size_t> order) {
            return shares[order[dyad.a]][order[dyad.b]];
        };
        const auto difference = [&](const Dyad& dyad, std::span<const std::size_t> order) -> std::optional<double> {
            const auto& of_unit = performance.at(dyad.units.front());
            const auto& a = of_unit[order[dyad.a]];
            const auto& b = of_unit[order[dyad.b]];
            if (!a || !b) return {};
            return std::abs(*a - *b);
        };
        const auto add = [&](const char* predictor, const DyadPredictor& x_of) {
            GroupRegression regression{table.ruleset,
                                       table.metric,
                                       predictor,
                                       regress(dyads, groups.size(), x_of, resampling.resamples, resampling.confidence,
                                               stream.child("regression").child(table.ruleset->name).child(predictor)),
                                       {},
                                       {},
                                       {}};
            for (const Dyad& dyad : dyads)
                if (const std::optional<double> x = x_of(dyad, as_it_is)) {
                    regression.x.push_back(*x);
                    regression.y.push_back(dyad.y);
                    regression.groups.push_back(CurriculumPair{&groups[dyad.a], &groups[dyad.b]}.label());
                }
            regressions.push_back(std::move(regression));
        };
        add("pretraining_share", share);
        add("performance_difference", difference);
    }
    return regressions;
}

std::vector<NetworkMap> network_maps(const std::vector<ScoredPair>& pairs, const NetworkComparisons& comparisons,
                                     const Bootstrap& resampling, const Stream& stream) {
    std::vector<NetworkMap> maps;
    const auto is_meant = [&](const ScoredPair& pair) {
        return (is_of(pair, Compared::groups, comparisons) || is_of(pair, Compared::settings, comparisons)) &&
               &network_a(pair) != &network_b(pair);
    };
    for (const MetricPairs& table : tables_of(pairs, is_meant)) {
        const auto [networks, matrix] = complete(table, comparisons.mapped.at(table.ruleset->name));
        const std::size_t n = matrix.things.size();
        if (networks.empty()) continue;  // no map is wanted
        NetworkMap map{table.ruleset, table.metric, {}, matrix.left_out.size()};
        for (const std::size_t thing : matrix.things) map.networks.push_back({.network = networks[thing]});
        if (n < 3) {
            for (MappedNetwork& network : map.networks) network.excluded_because = "fewer than three networks are left";
        } else {
            const PlaneMap plane = classical_scaling(matrix.values);
            std::vector<std::size_t> labels;
            std::vector<std::size_t> settings;  // networks of one are alike for other reasons than their curriculum
            for (const MappedNetwork& mapped : map.networks) {
                labels.push_back(mapped.network->curriculum->number);
                settings.push_back(mapped.network->setting->number);
            }
            const NearestNeighbours neighbours = nearest_neighbours(
                matrix.values.array().square(), labels, {}, Exchange::within(settings), resampling.resamples,
                stream.child("map").child(table.ruleset->name).child(table.metric));
            for (std::size_t i = 0; i < n; ++i) {
                map.networks[i].x = plane.points(static_cast<Eigen::Index>(i), 0);
                map.networks[i].y = plane.points(static_cast<Eigen::Index>(i), 1);
                map.networks[i].nearest = map.networks[neighbours.nearest[i]].network;
            }
            map.stress = plane.stress;
            map.accuracy = neighbours.test.statistic;
            map.chance = neighbours.chance;
            map.p = neighbours.test.p;
        }
        for (const auto& [thing, reason] : matrix.left_out)
            map.networks.push_back({.network = networks[thing], .excluded_because = reason});
        maps.push_back(std::move(map));
    }
    return maps;
}

void leave_out_repeated_states(std::vector<ScoredPair>& pairs) {
    std::set<std::tuple<const NetworkItem*, std::string, std::string, std::string>> seen;
    for (ScoredPair& pair : pairs) {
        if (!pair.part->needs_distinct_states || !has_value(pair)) continue;
        const std::string& a = pair.result.a.name;
        const std::string& b = pair.result.b.name;
        if (seen.emplace(&network_a(pair), pair.metric, a, b).second) continue;
        pair.result.score =
            Score::without_value(Status::not_applicable, fmt::format("{} and {} are compared already", a, b));
    }
}

std::vector<ScoredPair> pairs_of_trained(const std::vector<ScoredPair>& pairs,
                                         const std::vector<NetworkResult>& networks) {
    std::set<const NetworkItem*> trained;
    for (const NetworkResult& network : networks)
        if (network.is_trained) trained.insert(network.item);
    std::vector<ScoredPair> kept;
    std::ranges::copy_if(pairs, std::back_inserter(kept), [&](const ScoredPair& pair) {
        return trained.contains(&network_a(pair)) && trained.contains(&network_b(pair));
    });
    return kept;
}

Checks checks_of(const std::vector<ScoredPair>& pairs, const NetworkComparisons& comparisons,
                 const std::vector<ChosenMetric>& metrics) {
    Checks checks;
    // Rotation and decompositions of doubles, amplified by weak directions of an operator.
    constexpr double arithmetic = 1e-5;
    constexpr char above_floor[] = "above the noise floor";
    for (const MetricPairs& table :
         tables_of(pairs, [&](const ScoredPair& pair) { return is_of(pair, Compared::checks, comparisons); })) {
        const auto metric = std::ranges::find(metrics, table.metric, &ChosenMetric::name);
        const auto has_invariance = [&](Invariance invariance) { return has(metric->info.invariances, invariance); };
        double floor = std::numeric_limits<double>::quiet_NaN();
        for (const ScoredPair* pair : table.pairs)
            if (pair->pair->groups.front() == noise_floor && has_value(*pair))
                floor = pair->result.score.dissimilarity();
        for (const ScoredPair* pair : table.pairs) {
            const std::string& check = pair->pair->groups.front();
            const double value =
                has_value(*pair) ? pair->result.score.dissimilarity() : std::numeric_limits<double>::quiet_NaN();
            std::string expected;
            bool holds = true;
            if (check == to_string(Change::itself)) {
                expected = "0";
                holds = value == 0;
            } else if (check == to_string(Change::shuffled_time) && !has_invariance(Invariance::step_order)) {
                expected = above_floor;
                holds = value > floor;
            } else if (check != noise_floor && has_invariance(Invariance::orthogonal)) {
                expected = fmt::format("below {}", arithmetic);
                holds = value < arithmetic;
            }
            // Without a value nothing is known; why there is none is in failures.csv.
            const bool is_known =
                !std::isnan(value) && !expected.empty() && !(expected == above_floor && std::isnan(floor));
            checks.rows.push_back({table.ruleset->name, table.metric, check, csv_number(value), expected,
                                   !is_known ? ""
                                   : holds   ? "yes"
                                             : "no"});
            if (is_known && !holds)
                checks.broken.push_back(fmt::format("checks.csv: {} of {} and {} is {} where {} is expected",
                                                    table.metric, pair->name_a(), check, value, expected));
        }
    }
    return checks;
}

}  // namespace repal
