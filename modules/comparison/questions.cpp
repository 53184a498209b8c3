module;
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/eigen.hpp"
module repal.questions;

import repal.exchanged;
import repal.group_tests;
import repal.inference;
import repal.mantel;
import repal.sheet;

namespace repal {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;

/// Nothing if one of them is no number.
std::optional<std::vector<double>> numbers_in(const std::vector<std::string>& texts) {
    std::vector<double> numbers;
    for (const std::string& text : texts) {
        const std::optional<double> number = number_in(text);
        if (!number) return {};
        numbers.push_back(*number);
    }
    return numbers;
}

/// The numbers of things from their labels, which stand for the same numbers as those of systems.
std::vector<double> numbers_of(const std::vector<std::size_t>& things, const std::vector<std::size_t>& labels,
                               const std::vector<double>& numbers) {
    std::map<std::size_t, double> number_of;
    for (std::size_t i = 0; i < labels.size(); ++i) number_of[labels[i]] = numbers[i];
    std::vector<double> found;
    for (const std::size_t label : things) found.push_back(number_of.at(label));
    return found;
}

MatrixXd column_of(const std::vector<double>& numbers) {
    return Eigen::Map<const Eigen::VectorXd>(numbers.data(), static_cast<Index>(numbers.size()));
}

bool is_constant_within(const std::vector<std::size_t>& subjects, const std::vector<std::size_t>& labels) {
    std::map<std::size_t, std::size_t> of_subject;
    for (std::size_t i = 0; i < subjects.size(); ++i)
        if (of_subject.try_emplace(subjects[i], labels[i]).first->second != labels[i]) return false;
    return true;
}

void add_test(GroupFinding& finding, const PermutationTest& test) {
    finding.statistic = test.statistic;
    finding.p = test.p;
    finding.orders = test.orders;
    finding.least_p = test.least_p;
}

void add_note(GroupFinding& finding, const std::string& note) {
    if (note.empty()) return;
    if (!finding.note.empty()) finding.note += "; ";
    finding.note += note;
}

GroupFinding finding_of(const ExplainedVariance& explained) {
    GroupFinding finding{.test = "permanova", .of = {}};
    add_test(finding, explained.test);
    finding.df = explained.df;
    finding.residual_df = explained.residual_df;
    finding.r2 = explained.r2;
    if (std::isnan(explained.test.statistic))
        finding.note = explained.df < 1            ? "it says the same as others"
                       : explained.residual_df < 1 ? "too few systems for so many labels"
                                                   : "nothing is left to tell by: those of one label are 0 apart";
    return finding;
}

/// Both systems of a pair, for intervals: a subject is a cluster of its systems.
std::vector<Unit> units_of(std::size_t a, std::size_t b, const std::vector<std::size_t>& subjects) {
    if (subjects.empty()) return {{a}, {b}};
    return {{subjects[a], a}, {subjects[b], b}};
}

GroupFinding mean_of(const std::string& test, const std::string& of, const std::vector<Observation>& observations,
                     const Bootstrap& bootstrap, const Stream& stream) {
    GroupFinding finding{.test = test, .of = of};
    std::set<Unit> units;
    std::vector<double> values;
    for (const Observation& one : observations) {
        values.push_back(one.value);
        units.insert(one.units.begin(), one.units.end());
    }
    finding.n = units.size();
    if (values.empty()) {
        finding.note = "there are no such pairs";
        return finding;
    }
    finding.statistic = mean(values);
    finding.interval = interval_of_mean(observations, bootstrap.resamples, bootstrap.confidence, stream);
    if (finding.interval->low < 0) finding.interval->low = 0;  // no dissimilarity is less
    return finding;
}

/// Means within and across groups.
void add_means(std::vector<GroupFinding>& findings, const LabelledSystems& systems, const Groups& groups,
               const std::vector<std::size_t>& subjects, const std::string& factor, const Bootstrap& bootstrap,
               const Stream& stream) {
    std::vector<Observation> within;
    std::vector<Observation> across;
    for (std::size_t a = 0; a < groups.of.size(); ++a)
        for (std::size_t b = a + 1; b < groups.of.size(); ++b)
            (groups.of[a] == groups.of[b] ? within : across)
                .push_back({systems.values(static_cast<Index>(a), static_cast<Index>(b)), units_of(a, b, subjects)});
    findings.push_back(mean_of("mean_within", factor, within, bootstrap, stream.child("within")));
    findings.push_back(mean_of("mean_across", factor, across, bootstrap, stream.child("across")));
}

/// PERMANOVA of each two groups.
void add_pairs(std::vector<GroupFinding>& findings, const Exchanged& all, const Groups& groups, int orders,
               const Stream& stream) {
    const std::vector<std::size_t>& labels = all.labels.front();
    std::vector<double> p;
    const std::size_t first = findings.size();
    for (std::size_t a = 0; a < groups.names.size(); ++a)
        for (std::size_t b = a + 1; b < groups.names.size(); ++b) {
            std::vector<Index> things;
            std::vector<std::size_t> of_pair;
            std::map<std::size_t, std::size_t> places;
            for (std::size_t i = 0; i < labels.size(); ++i) {
                if (labels[i] != a && labels[i] != b) continue;
                places[i] = things.size();
                things.push_back(static_cast<Index>(i));
                of_pair.push_back(labels[i] == a ? 0 : 1);
            }
            Exchange exchange;
            for (const Exchange::Block& block : all.exchange.blocks) {
                Exchange::Block left;
                for (const Exchange::Slot& slot : block) {
                    Exchange::Slot of_slot;
                    for (const std::size_t thing : slot)
                        if (places.contains(thing)) of_slot.push_back(places.at(thing));
                    if (!of_slot.empty()) left.push_back(std::move(of_slot));
                }
                if (!left.empty()) exchange.blocks.push_back(std::move(left));
            }
            const std::string of = groups.names[a] + " | " + groups.names[b];
            const std::vector<MatrixXd> terms = {indicators(of_pair)};
            findings.push_back(
                finding_of(permanova(all.squares(things, things), terms, exchange, orders, stream.child(of)).front()));
            findings.back().of = of;
            findings.back().n = things.size();
            p.push_back(*findings.back().p);
        }
    const std::vector<double> adjusted = benjamini_hochberg(p);
    for (std::size_t i = 0; i < adjusted.size(); ++i) findings[first + i].p_adjusted = adjusted[i];
}

void add_tests_of_groups(std::vector<GroupFinding>& findings, const Exchanged& things, const Groups& groups,
                         const std::string& factor, bool has_anosim, int orders, const Stream& stream) {
    const std::vector<std::size_t>& labels = things.labels.front();
    const std::vector<MatrixXd> terms = {indicators(labels)};
    GroupFinding location =
        finding_of(permanova(things.squares, terms, things.exchange, orders, stream.child("permanova")).front());
    GroupFinding spread{.test = "spread", .of = factor};
    add_test(spread, spread_of_groups(things.squares, labels, things.exchange, orders, stream.child("spread")).test);
    spread.df = static_cast<double>(groups.names.size() - 1);
    spread.residual_df = static_cast<double>(labels.size() - groups.names.size());
    if (std::isnan(*spread.statistic)) spread.note = "no group has a spread of its own";
    std::vector<std::ptrdiff_t> sizes;
    for (std::size_t group = 0; group < groups.names.size(); ++group)
        sizes.push_back(std::ranges::count(labels, group));
    constexpr std::ptrdiff_t small_group = 8;
    const bool has_wholes = std::ranges::any_of(things.exchange.blocks, [](const Exchange::Block& block) {
        return std::ranges::any_of(block, [](const Exchange::Slot& slot) { return slot.size() > 1; });
    });
    if (has_wholes) {
        spread.p = spread.least_p = spread.orders = std::nullopt;
        spread.note = "no p of spread where subjects are exchanged as wholes beside systems";
    } else if (!std::isnan(*spread.statistic) && std::ranges::min(sizes) < small_group) {
        spread.note = "p of spread is too small in groups of fewer than eight";
    }
    constexpr double level = 0.05;
    if (spread.p && *spread.p < level && std::ranges::adjacent_find(sizes, std::ranges::not_equal_to()) != sizes.end())
        add_note(location, "groups differ in spread; with unequal sizes F may follow it");
    constexpr double many = 0.1;
    if (const double share = negative_share(things.squares); share > many)
        add_note(location, fmt::format("{:.0f} % of what the dissimilarities span is not that of points", 100 * share));
    for (std::size_t group = 0; group < sizes.size(); ++group)
        if (sizes[group] == 1) add_note(location, fmt::format("'{}' is one alone", groups.names[group]));

    const NearestNeighbours neighbours = nearest_neighbours(things.squares, labels, things.subjects, things.exchange,
                                                            orders, stream.child("neighbours"));
    GroupFinding nearest{.test = "nearest_neighbours", .of = factor};
    add_test(nearest, neighbours.test);
    if (std::isnan(neighbours.test.statistic))
        nearest.note = "all are of one subject";
    else
        nearest.chance = neighbours.chance;
    for (GroupFinding* finding : {&location, &spread, &nearest}) {
        finding->of = factor;
        finding->n = labels.size();
        add_note(*finding, things.note);
        findings.push_back(std::move(*finding));
    }
    if (has_anosim) {
        GroupFinding anosim_finding{.test = "anosim", .of = factor};
        add_test(anosim_finding, anosim(things.squares, labels, things.exchange, orders, stream.child("anosim")));
        anosim_finding.n = labels.size();
        findings.push_back(std::move(anosim_finding));
    }
    if (groups.names.size() > 2) add_pairs(findings, things, groups, orders, stream.child("pairs"));
}

/// Each finding is of this question and metric.
std::vector<GroupFinding> labelled(std::vector<GroupFinding> findings, const Question& question,
                                   const std::string& metric) {
    for (GroupFinding& finding : findings) {
        finding.question = text_of(question);
        finding.metric = metric;
    }
    return findings;
}

GroupFinding unanswered(const std::string& of, std::size_t n, const std::string& note) {
    return {.test = {}, .of = of, .n = n, .note = note};
}

std::vector<std::string> with_subject(std::vector<std::string> labels, const std::string& subject) {
    if (!subject.empty()) labels.push_back(subject);
    return labels;
}

std::vector<std::size_t> subjects_of(const LabelledSystems& systems, const std::string& subject) {
    return subject.empty() ? std::vector<std::size_t>{} : Groups(systems.labels.at(subject)).of;
}

/// That a factor never varies within another label, e.g. area within animal, whose systems may not be independent: the
/// coarsest such label. Empty: there is none.
std::string note_of_nesting(const LabelledSystems& systems, const std::string& factor, const char* question) {
    const Groups groups(systems.labels.at(factor));
    const std::string* coarsest = nullptr;
    std::size_t least = systems.names.size();
    for (const auto& [label, values] : systems.labels) {
        const Groups parts(values);
        if (label == factor || parts.names.size() <= groups.names.size() || parts.names.size() >= least ||
            std::ranges::find(values, "") != values.end() || !is_constant_within(parts.of, groups.of))
            continue;
        coarsest = &label;
        least = parts.names.size();
    }
    if (coarsest == nullptr) return {};
    return fmt::format(
        "{0} never varies within {1}: if systems of one {1} are not independent, p is too small; in a study of "
        "recordings {{{2}: {0}, subject: {1}}} asks rightly",
        factor, *coarsest, question);
}

/// The systems that others of their subject are compared with: those at `to`, or at the first of their numbers.
std::vector<bool> references(const std::vector<double>& numbers, const std::vector<std::size_t>& subjects,
                             const std::string& to) {
    const auto given = numbers_in({to});
    std::map<std::size_t, double> of_subject;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const std::size_t subject = subjects.empty() ? 0 : subjects[i];
        const auto place = of_subject.try_emplace(subject, given ? given->front() : numbers[i]).first;
        if (!given) place->second = std::min(place->second, numbers[i]);
    }
    std::vector<bool> are(numbers.size());
    for (std::size_t i = 0; i < numbers.size(); ++i)
        are[i] = numbers[i] == of_subject.at(subjects.empty() ? 0 : subjects[i]);
    return are;
}

}  // namespace

std::string text_of(const Question& question) {
    const auto subject_of = [](const std::string& subject) {
        return subject.empty() ? std::string() : ", subject: " + subject;
    };
    if (const auto* groups = std::get_if<GroupQuestion>(&question))
        return fmt::format("groups: {}{}", fmt::join(groups->factors, " + "), subject_of(groups->subject));
    if (const auto* order = std::get_if<OrderQuestion>(&question))
        return fmt::format("order: {}{}{}", order->label, subject_of(order->subject),
                           order->to == "first" ? "" : ", to: " + order->to);
    const auto& mantel = std::get<MantelQuestion>(question);
    return fmt::format("mantel: {}, {}{}{}", mantel.a, mantel.b, mantel.given.empty() ? "" : ", given: " + mantel.given,
                       subject_of(mantel.subject));
}

LabelledSystems LabelledSystems::with(const std::vector<std::string>& known) const {
    std::vector<Index> kept;
    for (std::size_t i = 0; i < names.size(); ++i)
        if (std::ranges::none_of(known, [&](const std::string& label) { return labels.at(label)[i].empty(); }))
            kept.push_back(static_cast<Index>(i));
    LabelledSystems found{
        .metric = metric, .names = {}, .labels = {}, .values = values(kept, kept), .left_out = left_out};
    for (const Index i : kept) found.names.push_back(names[static_cast<std::size_t>(i)]);
    for (const auto& [label, all] : labels)
        for (const Index i : kept) found.labels[label].push_back(all[static_cast<std::size_t>(i)]);
    return found;
}

LabelledSystems labelled_systems(const std::string& metric, const std::vector<std::string>& names,
                                 const std::map<std::string, std::vector<std::string>>& labels,
                                 const std::function<const Score*(std::size_t, std::size_t)>& score) {
    std::vector<std::size_t> order(names.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, {}, [&](std::size_t i) { return names[i]; });
    const DissimilarityMatrix matrix =
        complete_matrix(names.size(), [&](std::size_t a, std::size_t b) { return score(order[a], order[b]); });
    LabelledSystems systems{.metric = metric, .names = {}, .labels = {}, .values = matrix.values};
    for (const std::size_t thing : matrix.things) systems.names.push_back(names[order[thing]]);
    for (const auto& [label, values] : labels) {
        std::vector<std::string>& of = systems.labels[label];
        for (const std::size_t thing : matrix.things) of.push_back(values[order[thing]]);
    }
    for (const auto& [thing, cause] : matrix.left_out) systems.left_out.emplace_back(names[order[thing]], cause);
    return systems;
}

std::vector<GroupFinding> ask(const GroupQuestion& question, const LabelledSystems& all, const QuestionOptions& options,
                              const Stream& root) {
    const LabelledSystems systems = all.with(with_subject(question.factors, question.subject));
    const Stream stream = root.child(text_of(question)).child(all.metric);
    const std::vector<std::size_t> subjects = subjects_of(systems, question.subject);
    std::vector<GroupFinding> findings;
    if (systems.names.size() < 3)
        return labelled({unanswered(question.factors.front(), systems.names.size(),
                                    "fewer than three systems have this label and values")},
                        question, all.metric);
    if (question.factors.size() == 1) {
        const std::string& factor = question.factors.front();
        const Groups groups(systems.labels.at(factor));
        if (groups.names.size() < 2)
            return labelled(
                {unanswered(factor, systems.names.size(), fmt::format("all are '{}'", groups.names.front()))}, question,
                all.metric);
        add_means(findings, systems, groups, subjects, factor, options.bootstrap, stream);
        if (const std::size_t out = all.names.size() - systems.names.size(); out > 0)
            add_note(findings.front(),
                     fmt::format("the label of {} of {} systems is not known", out, all.names.size()));
        if (!all.left_out.empty())
            add_note(findings.front(), fmt::format("{} systems without all values are left out", all.left_out.size()));
        Exchanged things = exchanged(systems.values, {groups.of}, subjects);
        if (subjects.empty()) things.note = note_of_nesting(systems, factor, "groups");
        add_tests_of_groups(findings, things, groups, factor, question.has_anosim, options.orders, stream);
        return labelled(std::move(findings), question, all.metric);
    }
    std::vector<std::vector<std::size_t>> labels;
    std::vector<std::vector<double>> numbers(question.factors.size());
    for (std::size_t i = 0; i < question.factors.size(); ++i) {
        const std::vector<std::string>& values = systems.labels.at(question.factors[i]);
        labels.push_back(Groups(values).of);
        if (const auto found = numbers_in(values)) {
            numbers[i] = *found;
            labels.back() = labels_of(*found);
        }
    }
    const Exchanged things = exchanged(systems.values, labels, subjects);
    std::vector<MatrixXd> terms;
    for (std::size_t i = 0; i < labels.size(); ++i)
        terms.push_back(numbers[i].empty() ? indicators(things.labels[i])
                                           : column_of(numbers_of(things.labels[i], labels[i], numbers[i])));
    const auto explained = permanova(things.squares, terms, things.exchange, options.orders, stream.child("permanova"));
    for (std::size_t i = 0; i < explained.size(); ++i) {
        findings.push_back(finding_of(explained[i]));
        findings.back().of = question.factors[i];
        findings.back().n = things.labels.front().size();
        // Orders within subjects leave such a label where it is, so that they say nothing of it.
        if (!things.subjects.empty() && is_constant_within(things.subjects, things.labels[i])) {
            findings.back().p = findings.back().least_p = findings.back().orders = std::nullopt;
            add_note(findings.back(),
                     "the same throughout each subject, and others are not: its p is that of a question "
                     "about it alone");
        } else {
            add_note(findings.back(), things.note);
        }
        if (!numbers[i].empty()) add_note(findings.back(), "taken as a number");
    }
    return labelled(std::move(findings), question, all.metric);
}

std::vector<GroupFinding> ask(const OrderQuestion& question, const LabelledSystems& all, const QuestionOptions& options,
                              const Stream& root) {
    const LabelledSystems systems = all.with(with_subject({question.label}, question.subject));
    const Stream stream = root.child(text_of(question)).child(all.metric);
    const std::size_t n = systems.names.size();
    const std::optional<std::vector<double>> numbers =
        n == 0 ? std::vector<double>{} : numbers_in(systems.labels.at(question.label));
    if (n < 3 || !numbers || std::set<double>(numbers->begin(), numbers->end()).size() < 2)
        return labelled({unanswered(question.label, n,
                                    n < 3      ? "fewer than three systems have this label and values"
                                    : !numbers ? "its values are no numbers"
                                               : "all have the same number")},
                        question, all.metric);
    const std::vector<std::size_t> subjects = subjects_of(systems, question.subject);
    const std::vector<std::size_t> labels = labels_of(*numbers);
    Exchanged things = exchanged(systems.values, {labels}, subjects);
    if (!subjects.empty() && std::ranges::max(subjects) == 0) {
        std::vector<std::size_t> order(n);
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair((*numbers)[i], i); });
        things.exchange = Exchange::shifts(order);
        things.note = "one subject: its numbers are only shifted";
    }
    if (subjects.empty()) things.note = note_of_nesting(systems, question.label, "order");
    std::set<std::pair<std::size_t, double>> seen;
    for (std::size_t i = 0; i < things.subjects.size(); ++i) seen.emplace(subjects[i], (*numbers)[i]);
    const std::string several =
        seen.size() < things.subjects.size()
            ? "a subject has several systems of one number: a subject that tells them apart, e.g. animal and area in "
              "one column, compares like with like"
            : "";
    if (!several.empty()) things.note += "; " + several;
    const std::vector<double> of_things = numbers_of(things.labels.front(), labels, *numbers);
    const MatrixXd column = column_of(of_things);
    const auto n_things = column.rows();
    const MatrixXd apart = (column.replicate(1, n_things) - column.transpose().replicate(n_things, 1)).cwiseAbs();
    std::vector<GroupFinding> findings;
    GroupFinding trend{.test = "trend", .of = question.label};
    add_test(trend, mantel(apart, things.squares.cwiseMax(0).cwiseSqrt(), Correlation::pearson, things.labels.front(),
                           things.exchange, options.orders, stream.child("trend")));
    const std::vector<MatrixXd> terms = {column};
    GroupFinding drift =
        finding_of(permanova(things.squares, terms, things.exchange, options.orders, stream.child("drift")).front());
    drift.test = "drift";
    drift.of = question.label;
    for (GroupFinding* finding : {&trend, &drift}) {
        finding->n = of_things.size();
        add_note(*finding, things.note);
        findings.push_back(std::move(*finding));
    }
    const std::vector<bool> is_reference = references(*numbers, subjects, question.to);
    std::map<double, std::vector<Observation>> curve;
    for (std::size_t a = 0; a < n; ++a)
        for (std::size_t b = 0; b < n; ++b) {
            const bool is_same_subject = subjects.empty() || subjects[a] == subjects[b];
            if (a == b || !is_reference[b] || !is_same_subject || (is_reference[a] && a > b)) continue;
            curve[(*numbers)[a]].push_back(
                {systems.values(static_cast<Index>(a), static_cast<Index>(b)), units_of(a, b, subjects)});
        }
    for (const auto& [number, observations] : curve) {
        findings.push_back(mean_of("curve", fmt::format("{}", number), observations, options.bootstrap,
                                   stream.child("curve").child(fmt::format("{}", number))));
        add_note(findings.back(), several);
    }
    return labelled(std::move(findings), question, all.metric);
}

}  // namespace repal
