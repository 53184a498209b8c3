module;
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
module repal.questions;

namespace repal {
namespace {

/// What findings of one question and metric have noted, each once, and which p of theirs could not be small.
std::string notes_of(std::span<const GroupFinding> findings) {
    constexpr std::string_view between = "; ";
    std::vector<std::string> notes;
    const auto add = [&](std::string_view all) {
        while (!all.empty()) {
            const std::string note(all.substr(0, all.find(between)));
            all.remove_prefix(std::min(all.size(), note.size() + between.size()));
            if (std::ranges::find(notes, note) == notes.end()) notes.push_back(note);
        }
    };
    constexpr double level = 0.05;
    for (const GroupFinding& one : findings) {
        add(one.note);
        if (one.least_p && *one.least_p > level && one.of.find(" | ") == std::string::npos)
            add(&one == &findings.front() || one.test == "permanova" || one.test == "trend"
                    ? fmt::format("no order gives p below {:.2g}", *one.least_p)
                    : fmt::format("nor p of {} below {:.2g}", one.test, *one.least_p));
    }
    return fmt::format("{}", fmt::join(notes, "; "));
}

}  // namespace

Table groups_table(const std::vector<GroupFinding>& findings) {
    Table rows = {{"question", "metric", "test", "of", "statistic", "low", "high", "chance", "df", "residual_df", "r2",
                   "p", "p_adjusted", "n", "orders", "least_p", "note"}};
    for (const GroupFinding& one : findings) {
        const auto end_of = [&](double Interval::* end) {
            return one.interval ? csv_number(*one.interval.*end) : std::string();
        };
        rows.push_back({one.question, one.metric, one.test, one.of, csv_number(one.statistic), end_of(&Interval::low),
                        end_of(&Interval::high), csv_number(one.chance), csv_number(one.df),
                        csv_number(one.residual_df), csv_number(one.r2), csv_number(one.p), csv_number(one.p_adjusted),
                        fmt::format("{}", one.n), csv_number(one.orders), csv_number(one.least_p), one.note});
    }
    return rows;
}

std::vector<Table> groups_overview(const std::vector<GroupFinding>& findings) {
    Table groups = {{"question", "metric", "n", "within", "across", "F", "R2", "p", "spread p", "nearest", "chance",
                     "nearest p", "note"}};
    Table orders = {{"question", "metric", "n", "trend r", "trend p", "drift F", "drift R2", "drift p", "note"}};
    for (std::size_t first = 0, end = 0; first < findings.size(); first = end) {
        const GroupFinding& one = findings[first];
        while (end < findings.size() && findings[end].question == one.question && findings[end].metric == one.metric)
            ++end;
        const std::span all(findings.begin() + static_cast<std::ptrdiff_t>(first), end - first);
        const auto of_test = [&](std::string_view test) {
            const auto found = std::ranges::find(all, test, &GroupFinding::test);
            return found == all.end() ? nullptr : &*found;
        };
        const auto number = [](const std::optional<double>& value) {
            return value && std::isfinite(*value) ? fmt::format("{:.3g}", *value) : "-";
        };
        const auto value_of = [&](std::string_view test, std::optional<double> GroupFinding::* value) {
            const GroupFinding* found = of_test(test);
            return found == nullptr ? "-" : number(found->*value);
        };
        const auto mean_text = [&](std::string_view test) {
            const GroupFinding* found = of_test(test);
            if (found == nullptr || !found->statistic) return std::string("-");
            std::string text = number(found->statistic);
            if (found->interval && std::isfinite(found->interval->low))
                text += fmt::format(" [{:.3g}, {:.3g}]", found->interval->low, found->interval->high);
            return text;
        };
        const auto n_of = [](const GroupFinding& finding) { return fmt::format("{}", finding.n); };
        if (const GroupFinding* trend = of_test("trend")) {
            orders.push_back({one.question, one.metric, n_of(*trend), value_of("trend", &GroupFinding::statistic),
                              value_of("trend", &GroupFinding::p), value_of("drift", &GroupFinding::statistic),
                              value_of("drift", &GroupFinding::r2), value_of("drift", &GroupFinding::p),
                              notes_of(all)});
            continue;
        }
        if (of_test("spread") != nullptr || one.test.empty()) {
            const GroupFinding* location = of_test("permanova");
            groups.push_back({one.question, one.metric, n_of(location == nullptr ? one : *location),
                              mean_text("mean_within"), mean_text("mean_across"),
                              value_of("permanova", &GroupFinding::statistic), value_of("permanova", &GroupFinding::r2),
                              value_of("permanova", &GroupFinding::p), value_of("spread", &GroupFinding::p),
                              value_of("nearest_neighbours", &GroupFinding::statistic),
                              value_of("nearest_neighbours", &GroupFinding::chance),
                              value_of("nearest_neighbours", &GroupFinding::p), notes_of(all)});
            continue;
        }
        for (const GroupFinding& factor : all)
            groups.push_back({one.question + ": " + factor.of, one.metric, n_of(factor), "-", "-",
                              number(factor.statistic), number(factor.r2), number(factor.p), "-", "-", "-", "-",
                              notes_of(std::span(&factor, 1))});
    }
    std::vector<Table> tables;
    for (Table* table : {&groups, &orders})
        if (table->size() > 1) tables.push_back(std::move(*table));
    return tables;
}

}  // namespace repal
