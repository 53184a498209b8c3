module;
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <numbers>
#include <optional>
#include <string>
#include <utility>
#include <vector>
module command.comparison_text;

import command.terminal;
import repal.comparison_files;
import repal.score_table;
import repal.table;

namespace command {
namespace {

using repal::Comparison;

/// "=": not told from the noise floor, "~": within what other channels give, "": neither, or not known.
std::string mark_of(const Comparison& one) {
    constexpr double level = 0.05;
    if (!one.calibration || one.score.status != repal::Status::ok) return "";
    const auto& [calibration, angle] = std::pair(*one.calibration, one.score.angle_rad);
    if (calibration.p_differ_adjusted && *calibration.p_differ_adjusted > level) return "=";
    if (calibration.floor_channels_rad && angle <= *calibration.floor_channels_rad) return "~";
    return "";
}

/// Value, interval, floor and p of each pair, with marks; angles in units of pi/2, as the dissimilarity.
std::string as_calibrated_table(const std::vector<Comparison>& comparisons) {
    repal::Table rows = {{"metric", "a", "b", "dissimilarity", "corrected", "interval", "floor", "p differ", "p relate",
                          "", "settings"}};
    constexpr double unit = std::numbers::pi / 2;
    const auto angle = [&](const std::optional<double>& value) {
        return value ? fmt::format("{:.4f}", *value / unit) : std::string("-");
    };
    const auto number = [](const std::optional<double>& value) {
        return value ? fmt::format("{:.3f}", *value) : std::string("-");
    };
    bool has_equal = false;
    bool has_near = false;
    for (const Comparison& one : comparisons) {
        const repal::PairCalibration found = one.calibration.value_or(repal::PairCalibration{});
        const std::string mark = mark_of(one);
        has_equal |= mark == "=";
        has_near |= mark == "~";
        rows.push_back({one.metric, one.a, one.b,
                        one.score.status == repal::Status::ok ? angle(one.score.angle_rad)
                                                              : std::string(to_string(one.score.status)),
                        angle(found.corrected_rad),
                        found.low_rad ? fmt::format("{} to {}", angle(found.low_rad), angle(found.high_rad)) : "-",
                        angle(found.floor_rad), number(found.p_differ_adjusted), number(found.p_relate_adjusted), mark,
                        one.settings});
    }
    std::string text = table(rows);
    const auto has_p = [](const Comparison& one) {
        return one.calibration && (one.calibration->p_differ || one.calibration->p_relate);
    };
    if (std::ranges::any_of(comparisons, has_p)) text += "p: adjusted over all pairs of the metric\n";
    if (has_equal) text += "=: not told from two recordings of one system\n";
    if (has_near) text += "~: within what recordings of other channels of one system may give\n";
    std::vector<std::pair<std::string, std::vector<const Comparison*>>> notes;  // and the pairs that they are of
    for (const Comparison& one : comparisons) {
        if (!one.calibration || one.calibration->note.empty()) continue;
        const std::string& note = one.calibration->note;
        auto place = std::ranges::find(notes, note, &std::pair<std::string, std::vector<const Comparison*>>::first);
        if (place == notes.end()) place = notes.insert(notes.end(), {note, {}});
        place->second.push_back(&one);
    }
    constexpr std::size_t shown = 5;
    for (std::size_t i = 0; i < std::min(shown, notes.size()); ++i) {
        const auto& [note, pairs] = notes[i];
        const Comparison& first = *pairs.front();
        text += fmt::format("{}, {} and {}{}: {}\n", first.metric, first.a, first.b,
                            pairs.size() == 1 ? "" : fmt::format(", and {} more", pairs.size() - 1), note);
    }
    if (notes.size() > shown) text += fmt::format("{} more notes are in the files of --out\n", notes.size() - shown);
    return text;
}

/// What the field reports, e.g. "cka 0.91": the first value that is neither a setting nor an angle.
std::string value_of(const Comparison& one) {
    for (std::size_t i = 0; i < std::min(one.values.size(), one.score.values.size()); ++i)
        if (one.values[i].name != "rank" && one.values[i].unit != "rad" && one.score.status == repal::Status::ok)
            return fmt::format("{} {:.4g}", one.values[i].name, one.score.values[i]);
    return "";
}

std::string as_table(const std::vector<Comparison>& comparisons) {
    if (std::ranges::any_of(comparisons, [](const Comparison& one) { return one.calibration.has_value(); }))
        return as_calibrated_table(comparisons);
    using repal::joined;
    repal::Table rows = {joined(joined({"metric", "a", "b"}, repal::score_titles()), {"value", "settings"})};
    constexpr int digits = 6;
    for (const Comparison& one : comparisons)
        rows.push_back(joined(joined({one.metric, one.a, one.b}, repal::score_fields(one.score, digits)),
                              {value_of(one), one.settings}));
    return table(rows);
}

}  // namespace

std::string text_of(const std::vector<Comparison>& comparisons, const std::string& format) {
    if (format == "json") return json_of(comparisons);
    return format == "csv" ? csv_of(comparisons) : as_table(comparisons);
}

}  // namespace command
