module;
#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/eigen.hpp"
module repal.answers;

import repal.exchanged;
import repal.mantel;

namespace repal {
namespace {

std::string label_in(const Config& config, const Sheet& sheet) {
    const std::string name = config.text();
    try {
        sheet.label(name);
    } catch (const InputError& error) {
        throw config.error(error.problem(), error.hint());
    }
    return name;
}

/// The label of `key`, empty if it is not there.
std::string label_or_empty(const Config& question, const std::string& key, const Sheet& sheet) {
    return question.has(key) ? label_in(question.at(key), sheet) : std::string();
}

std::string metric_or_label(const Config& config, const Sheet& sheet, const std::vector<std::string>& metrics) {
    const std::string name = config.text();
    const bool is_metric = std::ranges::find(metrics, name) != metrics.end();
    if (is_metric && std::ranges::find(sheet.labels, name, &Label::name) != sheet.labels.end())
        throw config.error(fmt::format("'{}' is a metric and a column of the sheet", name), "rename the column");
    if (is_metric) return name;
    std::vector<std::string> known = metrics;
    for (const Label& label : sheet.labels) known.push_back(label.name);
    if (std::ranges::find(known, name) == known.end())
        throw config.error(fmt::format("'{}' is neither a metric of this study nor a column of the sheet", name),
                           suggest(name, known));
    return name;
}

Question read_question(const Config& config, const Sheet& sheet, const std::vector<std::string>& metrics) {
    if (config.has("groups")) {
        config.require_keys({"groups", "subject", "anosim"});
        GroupQuestion question{.factors = {}, .subject = label_or_empty(config, "subject", sheet)};
        const Config groups = config.at("groups");
        if (groups.is_text())
            question.factors.push_back(label_in(groups, sheet));
        else
            for (const Config& factor : groups.elements(1)) question.factors.push_back(label_in(factor, sheet));
        if (config.has("anosim")) question.has_anosim = config.at("anosim").boolean();
        return question;
    }
    if (config.has("order")) {
        config.require_keys({"order", "subject", "to"});
        OrderQuestion question{.label = label_in(config.at("order"), sheet),
                               .subject = label_or_empty(config, "subject", sheet)};
        if (!sheet.label(question.label).numbers())
            throw config.at("order").error(fmt::format("not all values of '{}' are numbers", question.label));
        if (config.has("to")) {
            question.to = config.at("to").text();
            const std::vector<std::string>& values = sheet.label(question.label).values;
            const auto is_it = [&](const std::string& value) {
                return number_in(value) && number_in(value) == number_in(question.to);
            };
            if (question.to != "first" && std::ranges::none_of(values, is_it))
                throw config.at("to").error(fmt::format("no system has the {} '{}'", question.label, question.to),
                                            "`first`, or a number of that column");
        }
        return question;
    }
    if (config.has("mantel")) {
        config.require_keys({"mantel", "given", "subject"});
        const std::vector<Config> two = config.at("mantel").elements(2);
        if (two.size() != 2) throw config.at("mantel").error("two of metrics and labels are compared");
        return MantelQuestion{
            .a = metric_or_label(two[0], sheet, metrics),
            .b = metric_or_label(two[1], sheet, metrics),
            .given = config.has("given") ? metric_or_label(config.at("given"), sheet, metrics) : std::string(),
            .subject = label_or_empty(config, "subject", sheet)};
    }
    throw config.error("a question is one of groups, order and mantel");
}

/// Labels that name groups: at least two, of which one has two systems.
bool names_groups(const Label& label) {
    std::map<std::string, std::size_t> sizes;
    for (const std::string& value : label.values)
        if (!value.empty()) ++sizes[value];
    return sizes.size() > 1 && std::ranges::any_of(sizes, [](const auto& size) { return size.second > 1; });
}

constexpr std::size_t least_for_mantel = 4;  // systems, or subjects

/// Labels that are numbers, at least three different ones.
bool is_order(const Label& label) {
    const auto numbers = label.numbers();
    constexpr std::size_t enough = 3;
    std::set<double> distinct;
    for (const auto& number : numbers.value_or(std::vector<std::optional<double>>{}))
        if (number) distinct.insert(*number);
    return distinct.size() >= enough;
}

/// How far systems are apart by a label: the difference of numbers, else 0 or 1.
Eigen::MatrixXd apart(const std::vector<std::string>& values) {
    const auto n = static_cast<Eigen::Index>(values.size());
    const bool are_numbers =
        std::ranges::all_of(values, [](const auto& value) { return number_in(value).has_value(); });
    Eigen::MatrixXd matrix(n, n);
    for (Eigen::Index a = 0; a < n; ++a)
        for (Eigen::Index b = 0; b < n; ++b) {
            const std::string& one = values[static_cast<std::size_t>(a)];
            const std::string& other = values[static_cast<std::size_t>(b)];
            matrix(a, b) = are_numbers ? std::abs(*number_in(one) - *number_in(other)) : one == other ? 0 : 1;
        }
    return matrix;
}

/// Some systems, seen by a metric or a label.
struct Seen {
    Eigen::MatrixXd values = {};          ///< (system, system) by a metric
    std::vector<std::string> label = {};  ///< of each system; empty: it is a metric
    bool is_label() const { return !label.empty(); }
};

/// The systems of which all these metrics have values and all these labels are known, by each of the names.
std::vector<Seen> same_systems(const std::vector<std::string>& names, std::span<const LabelledSystems> metrics) {
    const auto metric_of = [&](const std::string& name) {
        const auto found = std::ranges::find(metrics, name, &LabelledSystems::metric);
        return found == metrics.end() ? nullptr : &*found;
    };
    // Labels are the same whichever metric they are beside.
    std::map<std::string, std::size_t> times;
    std::size_t wanted = 0;
    const auto most = std::ranges::max_element(metrics, {}, [](const auto& metric) { return metric.names.size(); });
    const LabelledSystems* any = metrics.empty() ? nullptr : &*most;
    for (const std::string& name : names)
        if (const LabelledSystems* metric = metric_of(name)) {
            any = metric;
            ++wanted;
            for (const std::string& system : metric->names) ++times[system];
        }
    std::vector<Seen> seen(names.size());
    if (any == nullptr) return seen;
    std::vector<std::string> systems;
    for (std::size_t i = 0; i < any->names.size(); ++i) {
        const bool has_labels = std::ranges::all_of(names, [&](const std::string& name) {
            return metric_of(name) != nullptr || !any->labels.at(name)[i].empty();
        });
        if (has_labels && (wanted == 0 || times[any->names[i]] == wanted)) systems.push_back(any->names[i]);
    }
    for (std::size_t k = 0; k < names.size(); ++k) {
        const LabelledSystems* metric = metric_of(names[k]);
        const LabelledSystems& from = metric == nullptr ? *any : *metric;
        std::vector<Eigen::Index> places;
        for (const std::string& system : systems) {
            const auto place = std::ranges::find(from.names, system) - from.names.begin();
            places.push_back(place);
            if (metric == nullptr) seen[k].label.push_back(from.labels.at(names[k])[static_cast<std::size_t>(place)]);
        }
        if (metric != nullptr) seen[k].values = metric->values(places, places);
    }
    return seen;
}

/// What a Mantel test compares: systems, or subjects as wholes.
struct Compared {
    std::vector<Eigen::MatrixXd> distances;  ///< (thing, thing) of each name; the first is exchanged
    std::vector<std::size_t> alike;          ///< by the first, if it is a label
    Exchange exchange;
    std::string note;
};

/// `seen`: two, and what is given, if it is. Nothing if what is given varies within subjects that are wholes.
std::optional<Compared> compared(std::vector<Seen> seen, const std::vector<std::size_t>& subjects, std::size_t n) {
    // Of a label and a metric the label is exchanged, within subjects where it varies in these.
    if (!seen[0].is_label() && seen[1].is_label()) std::swap(seen[0], seen[1]);
    std::vector<std::vector<std::size_t>> labels;
    for (const Seen& one : std::span(seen).first(2))
        if (one.is_label()) labels.push_back(Groups(one.label).of);
    if (labels.empty() && !subjects.empty()) labels.push_back(subjects);
    if (labels.empty()) labels.emplace_back(n);
    Compared found;
    for (const Seen& one : seen) {
        Exchanged things = exchanged(one.is_label() ? Eigen::MatrixXd(Eigen::MatrixXd::Zero(
                                                          static_cast<Eigen::Index>(n), static_cast<Eigen::Index>(n)))
                                                    : one.values,
                                     labels, subjects);
        std::vector<std::string> label = one.label;
        if (one.is_label() && things.exchange.n_things() < n) {
            std::map<std::size_t, std::string> of_subjects;
            for (std::size_t i = 0; i < n; ++i)
                if (of_subjects.try_emplace(subjects[i], one.label[i]).first->second != one.label[i]) return {};
            label.clear();
            for (const auto& [subject, value] : of_subjects) label.push_back(value);
        }
        if (one.is_label() && found.distances.empty()) found.alike = Groups(label).of;
        found.distances.push_back(one.is_label() ? apart(label)
                                                 : Eigen::MatrixXd(things.squares.cwiseMax(0).cwiseSqrt()));
        found.exchange = std::move(things.exchange);
        found.note = std::move(things.note);
    }
    return found;
}

std::vector<MantelFinding> ask(const MantelQuestion& question, std::span<const LabelledSystems> metrics, int orders,
                               const Stream& root) {
    std::vector<std::string> names = {question.a, question.b};
    for (const std::string& name : {question.given, question.subject})
        if (!name.empty()) names.push_back(name);
    std::vector<Seen> seen = same_systems(names, metrics);
    const auto size_of = [](const Seen& one) {
        return one.is_label() ? one.label.size() : static_cast<std::size_t>(one.values.rows());
    };
    const std::size_t n = size_of(seen.front());
    MantelFinding finding{.a = question.a,
                          .b = question.b,
                          .given = question.given,
                          .subject = question.subject,
                          .correlation = "pearson",
                          .n = n};
    if (n < least_for_mantel) {
        finding.note = "fewer than four systems have both";
        return {finding};
    }
    std::vector<std::size_t> subjects;
    if (!question.subject.empty()) {
        subjects = Groups(seen.back().label).of;
        seen.pop_back();
    }
    const auto all = compared(std::move(seen), subjects, n);
    if (!all) {
        finding.n = 0;
        finding.note = fmt::format("subjects are compared as wholes, and {} varies within them", question.given);
        return {finding};
    }
    finding.n = all->exchange.n_things();
    finding.note = all->note;
    const auto note = [&](MantelFinding& one, const char* text) {
        one.note += (one.note.empty() ? "" : "; ") + std::string(text);
    };
    if (finding.n < least_for_mantel) {
        note(finding, "fewer than four of these have both");
        return {finding};
    }
    const Stream stream = root.child(text_of(question));
    const Eigen::MatrixXd& x = all->distances[0];
    const Eigen::MatrixXd& y = all->distances[1];
    if (!question.given.empty()) {
        finding.test = partial_mantel(x, y, all->distances[2], all->alike, all->exchange, orders, stream);
        note(finding, std::isnan(finding.test.statistic)
                          ? "what is given tells one of both wholly, so that nothing is left"
                          : "liberal where both depend on what is given in other ways, too");
        return {finding};
    }
    MantelFinding by_ranks = finding;
    by_ranks.correlation = "spearman";
    const auto test_by = [&](Correlation correlation, const std::string& name) {
        return mantel(x, y, correlation, all->alike, all->exchange, orders, stream.child(name));
    };
    finding.test = test_by(Correlation::pearson, finding.correlation);
    by_ranks.test = test_by(Correlation::spearman, by_ranks.correlation);
    if (std::isnan(finding.test.statistic)) note(finding, "all of one are equally far apart");
    return {finding, by_ranks};
}

/// What noise leaves of a correlation of two metrics. Source: Spearman 1904.
void add_reliabilities(MantelFinding& finding, const std::map<std::string, double>& reliabilities) {
    const auto a = reliabilities.find(finding.a);
    const auto b = reliabilities.find(finding.b);
    if (a == reliabilities.end() || b == reliabilities.end() || !finding.given.empty()) return;
    if (finding.correlation != "pearson") return;
    finding.reliability_a = a->second;
    finding.reliability_b = b->second;
    finding.largest_r = std::sqrt(std::max(0.0, a->second) * std::max(0.0, b->second));
    constexpr double enough = 0.5;
    if (finding.test.statistic > *finding.largest_r)
        finding.note +=
            (finding.note.empty() ? "" : "; ") +
            std::string("more than metrics of independent noise show: both see the noise of the same trials");
    else if (a->second > enough && b->second > enough)
        finding.disattenuated_r = finding.test.statistic / *finding.largest_r;
}

}  // namespace

std::vector<Question> read_questions(const Config& study, const Sheet& sheet, const std::vector<std::string>& metrics) {
    std::vector<Question> questions;
    if (study.has("questions")) {
        std::set<std::string> asked;
        for (const Config& question : study.at("questions").elements()) {
            questions.push_back(read_question(question, sheet, metrics));
            if (!asked.insert(text_of(questions.back())).second)
                throw question.error(fmt::format("it is asked twice: {}", text_of(questions.back())));
        }
        return questions;
    }
    for (const Label& label : sheet.labels) {
        if (names_groups(label)) questions.emplace_back(GroupQuestion{.factors = {label.name}});
        if (is_order(label)) questions.emplace_back(OrderQuestion{.label = label.name});
    }
    for (std::size_t a = 0; a < metrics.size(); ++a)
        for (std::size_t b = a + 1; b < metrics.size(); ++b)
            questions.emplace_back(MantelQuestion{.a = metrics[a], .b = metrics[b]});
    return questions;
}

Answers answers_to(const std::vector<Question>& questions, std::vector<LabelledSystems> systems,
                   const std::map<std::string, double>& reliabilities, const QuestionOptions& options,
                   const Stream& stream) {
    Answers answers;
    for (const Question& question : questions) {
        if (const auto* of_metrics = std::get_if<MantelQuestion>(&question)) {
            for (MantelFinding& finding : ask(*of_metrics, systems, options.orders, stream)) {
                add_reliabilities(finding, reliabilities);
                answers.mantel.push_back(std::move(finding));
            }
            continue;
        }
        for (const LabelledSystems& of_metric : systems) {
            const auto* groups = std::get_if<GroupQuestion>(&question);
            std::ranges::move(groups != nullptr
                                  ? repal::ask(*groups, of_metric, options, stream)
                                  : repal::ask(std::get<OrderQuestion>(question), of_metric, options, stream),
                              std::back_inserter(answers.groups));
        }
    }
    for (LabelledSystems& of_metric : systems) {
        MetricAnswers found{.systems = std::move(of_metric), .map = {}, .tree = {}};
        if (found.systems.names.size() >= 3) found.map = classical_scaling(found.systems.values);
        if (found.systems.names.size() >= 2) found.tree = average_linkage(found.systems.values);
        answers.metrics.push_back(std::move(found));
    }
    return answers;
}

Table mantel_table(std::span<const MantelFinding> findings) {
    Table rows = {{"a", "b", "given", "subject", "correlation", "r", "p", "n", "orders", "least_p", "reliability_a",
                   "reliability_b", "largest_r", "disattenuated_r", "note"}};
    for (const MantelFinding& one : findings) {
        const bool is_there = one.n >= least_for_mantel;
        const auto number = [&](double value) { return is_there ? csv_number(value) : std::string(); };
        rows.push_back({one.a, one.b, one.given, one.subject, one.correlation, number(one.test.statistic),
                        number(one.test.p), fmt::format("{}", one.n), number(one.test.orders), number(one.test.least_p),
                        csv_number(one.reliability_a), csv_number(one.reliability_b), csv_number(one.largest_r),
                        csv_number(one.disattenuated_r), one.note});
    }
    return rows;
}

Table mantel_overview(std::span<const MantelFinding> findings) {
    Table rows = {{"mantel", "given", "n", "r", "reliabilities", "p", "note"}};
    for (const MantelFinding& one : findings) {
        if (one.correlation != "pearson") continue;
        const bool is_there = one.n >= least_for_mantel;
        rows.push_back({one.a + ", " + one.b + (one.subject.empty() ? "" : ", subject: " + one.subject),
                        one.given.empty() ? "-" : one.given, fmt::format("{}", one.n),
                        is_there ? fmt::format("{:.3g}", one.test.statistic) : "-",
                        one.reliability_a ? fmt::format("{:.2f}, {:.2f}", *one.reliability_a, *one.reliability_b) : "-",
                        is_there ? fmt::format("{:.3g}", one.test.p) : "-", one.note});
    }
    return rows;
}

Table tree_table(std::span<const MetricAnswers> metrics) {
    Table rows = {{"metric", "merge", "first", "second", "height", "systems", "cophenetic_correlation"}};
    for (const MetricAnswers& metric : metrics) {
        const std::size_t n = metric.systems.names.size();
        const auto name = [&](std::size_t branch) {
            return branch < n ? metric.systems.names[branch] : fmt::format("merge {}", branch - n + 1);
        };
        for (std::size_t i = 0; i < metric.tree.merges.size(); ++i) {
            const Merge& merge = metric.tree.merges[i];
            rows.push_back({metric.systems.metric, fmt::format("{}", i + 1), name(merge.first), name(merge.second),
                            csv_number(merge.height), fmt::format("{}", merge.size),
                            csv_number(metric.tree.cophenetic)});
        }
    }
    return rows;
}

Table map_table(std::span<const MetricAnswers> metrics) {
    Table rows = {{"metric", "system", "x", "y", "stress", "left_out"}};
    for (const MetricAnswers& metric : metrics) {
        for (Eigen::Index i = 0; i < metric.map.points.rows(); ++i)
            rows.push_back({metric.systems.metric, metric.systems.names[static_cast<std::size_t>(i)],
                            csv_number(metric.map.points(i, 0)), csv_number(metric.map.points(i, 1)),
                            csv_number(metric.map.stress), ""});
        for (const auto& [name, cause] : metric.systems.left_out)
            rows.push_back({metric.systems.metric, name, "", "", "", cause});
    }
    return rows;
}

Table matrix_table(const LabelledSystems& systems) {
    std::vector<std::string> head = {""};
    head.insert(head.end(), systems.names.begin(), systems.names.end());
    Table rows = {head};
    for (Eigen::Index i = 0; i < systems.values.rows(); ++i) {
        std::vector<std::string> row = {systems.names[static_cast<std::size_t>(i)]};
        for (Eigen::Index j = 0; j < systems.values.cols(); ++j) row.push_back(csv_number(systems.values(i, j)));
        rows.push_back(std::move(row));
    }
    return rows;
}

}  // namespace repal
