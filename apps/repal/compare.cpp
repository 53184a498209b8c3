#include <fmt/format.h>
#include <fmt/ranges.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <nlohmann/json.hpp>
#include <numbers>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "commands.hpp"

import command.load_plugins;
import command.terminal;
import repal.comparison;
import repal.config;
import repal.figures;
import repal.file;
import repal.progress;
import repal.random;
import repal.score_table;
import repal.store;
import repal.table;
import repal.tuning;

namespace command {
namespace {

struct CompareOptions {
    std::vector<std::string> systems;
    std::vector<std::string> metrics = {"dsa", "cka", "procrustes"};
    std::string axes;
    std::string format;
    std::string out;
    std::string report;
    bool is_calibrated = false;
};

using repal::Comparison;

/// What is said of a pair, in one line.
std::string note_of(const Comparison& comparison) {
    std::string note = repal::note_of(comparison.score);
    if (comparison.calibration && !comparison.calibration->note.empty())
        note += (note.empty() ? "" : "; ") + comparison.calibration->note;
    return note;
}

/// The files, and every pair of them.
repal::Part part_of(const CompareOptions& options) {
    repal::Part part{.name = "files"};
    for (const std::string& location : options.systems)
        part.systems.push_back({location, repal::given(fmt::format("{} {}", part.systems.size(), location),
                                                       repal::read_trajectories(location, options.axes))});
    for (std::size_t a = 0; a < part.systems.size(); ++a)
        for (std::size_t b = a + 1; b < part.systems.size(); ++b) part.pairs.push_back({a, b, {}, {}});
    return part;
}

/// Chooses what the user has not.
repal::SettledMetric settled(const repal::ChosenMetric& metric, const repal::Part& part, const CommonOptions& common,
                             repal::Progress& progress) {
    if (metric.automatic_options().empty()) return {metric};
    const repal::Tuning tuning =
        tune(metric, part.systems, default_axes(metric), repal::Stream(0).child("tuning"), common.jobs, progress);
    for (const std::string& warning : tuning.warnings) progress.warn("settings of " + metric.name, warning);
    if (tuning.chosen)
        progress.say(fmt::format("{}: {} for all, chosen from the data of {}; `repal tune` shows how", metric.name,
                                 repal::to_text(tuning.settings[*tuning.chosen].options),
                                 repal::counted(tuning.systems.size(), "system")));
    return repal::settled(metric, tuning, "");
}

/// Whether halves of one system are as far apart as halves of two: then a number means nothing.
void warn_of_halves(const repal::ChosenMetric& metric, const repal::Part& part, const CommonOptions& common,
                    repal::Progress& progress) {
    constexpr Eigen::Index least_trials = 4;
    if (metric.compares_samples() || part.systems.size() < 2) return;
    for (const repal::NamedSystem& system : part.systems)
        if (system.system->observe({}).trajectories().shape().trials < least_trials) return;
    const repal::Separation found =
        separation_of(metric, part.systems, 1, repal::Stream(0).child("tuning"), common.jobs);
    if (found.ratio < repal::least_separation)
        progress.warn(metric.name + " with " + metric.settings(),
                      fmt::format("halves of one system are as far apart as halves of two ({:.2g}, {:.2g}): these "
                                  "numbers tell nothing apart; try repal tune",
                                  found.within, found.between));
}

/// Intervals, floors and p of the comparisons of one metric, in the order of Part::pairs.
void add_calibration(std::span<Comparison> comparisons, const repal::ChosenMetric& metric, const repal::Part& part,
                     const CommonOptions& common, repal::Progress& progress) {
    std::vector<std::optional<double>> angles;
    for (const Comparison& one : comparisons)
        angles.push_back(one.score.status == repal::Status::ok ? std::optional(one.score.angle_rad) : std::nullopt);
    const repal::Calibration found =
        calibrate(metric, part, angles, {}, repal::Stream(0).child("calibration"), common.jobs, progress);
    for (const std::string& warning : found.warnings) progress.warn(metric.name, warning);
    for (std::size_t i = 0; i < comparisons.size(); ++i) comparisons[i].calibration = found.pairs[i];
}

/// All pairs of the first metric, then of the next.
std::vector<Comparison> compare_all_pairs(const std::vector<repal::ChosenMetric>& metrics, const repal::Part& part,
                                          const CompareOptions& options, const CommonOptions& common,
                                          repal::Progress& progress) {
    std::vector<Comparison> comparisons;
    repal::PreparedSystems prepared({}, 0);
    std::vector<Eigen::Index> trials;
    for (const repal::NamedSystem& system : part.systems)
        trials.push_back(system.system->observe({}).trajectories().shape().trials);
    for (const repal::ChosenMetric& chosen : metrics) {
        const auto [metric, cause] = settled(chosen, part, common, progress);
        std::vector<repal::PairResult> results;
        if (cause.empty())
            results = compare_all(metric, part, prepared, common.jobs, progress);
        else
            results.assign(part.pairs.size(), {repal::Score::without_value(repal::Status::not_applicable, cause)});
        for (std::size_t i = 0; i < results.size(); ++i) {
            const auto [a, b] = std::pair(part.pairs[i].a, part.pairs[i].b);
            comparisons.push_back({.metric = metric.name,
                                   .a = part.systems[a].name,
                                   .b = part.systems[b].name,
                                   .score = std::move(results[i].score),
                                   .settings = metric.settings(),
                                   .trials_a = trials[a],
                                   .trials_b = trials[b],
                                   .calibration = {},
                                   .values = metric.info.values});
        }
        if (!cause.empty()) continue;
        warn_of_halves(metric, part, common, progress);
        if (options.is_calibrated)
            add_calibration(std::span(comparisons).last(part.pairs.size()), metric, part, common, progress);
    }
    return comparisons;
}

std::string as_json(const std::vector<Comparison>& comparisons) {
    auto list = nlohmann::ordered_json::array();
    for (const Comparison& one : comparisons) {
        nlohmann::ordered_json entry = {{"metric", one.metric}, {"a", one.a}, {"b", one.b}};
        for (const repal::ScoreColumn& column : repal::score_columns()) {
            if (column.title.empty()) continue;
            const repal::ScoreValue value = column.get(one.score);
            const double* number = std::get_if<double>(&value);
            const std::string* text = std::get_if<std::string>(&value);
            auto& field = entry[column.name] = nullptr;
            if (number != nullptr) field = *number;
            if (text != nullptr) field = *text;
        }
        entry["settings"] = one.settings;
        entry["trials_a"] = one.trials_a;
        entry["trials_b"] = one.trials_b;
        if (one.calibration)
            for (const repal::CalibrationColumn& column : repal::calibration_columns()) {
                auto& field = entry[column.name] = nullptr;
                if (const auto& value = (*one.calibration).*column.value) field = *value;
            }
        auto& values = entry["values"] = nlohmann::ordered_json::object();
        for (std::size_t i = 0; i < std::min(one.values.size(), one.score.values.size()); ++i)
            values[one.values[i].name] = one.score.values[i];
        entry["note"] = note_of(one);
        list.push_back(std::move(entry));
    }
    return list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string as_csv(const std::vector<Comparison>& comparisons) {
    using repal::joined;
    repal::Table rows = {
        joined(joined({"metric", "a", "b"}, repal::score_names()), {"settings", "trials_a", "trials_b"})};
    const bool is_calibrated =
        std::ranges::any_of(comparisons, [](const Comparison& one) { return one.calibration.has_value(); });
    for (const repal::CalibrationColumn& column : repal::calibration_columns())
        if (is_calibrated) rows[0].emplace_back(column.name);
    repal::ValueColumns values;
    for (const Comparison& one : comparisons) values.add(one.values);
    rows[0] = joined(joined(rows[0], values.names()), {"note"});
    for (const Comparison& one : comparisons) {
        std::vector<std::string> row =
            joined(joined({one.metric, one.a, one.b}, repal::score_fields(one.score)),
                   {one.settings, fmt::format("{}", one.trials_a), fmt::format("{}", one.trials_b)});
        for (const repal::CalibrationColumn& column : repal::calibration_columns())
            if (is_calibrated)
                row.push_back(one.calibration ? repal::csv_number((*one.calibration).*column.value) : "");
        rows.push_back(joined(joined(row, values.fields(one.score, one.values)), {note_of(one)}));
    }
    return repal::csv_text(rows);
}

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
    if (has_equal) text += "=: not told from two recordings of one system (p adjusted over all pairs of the metric)\n";
    if (has_near) text += "~: within what recordings of other channels of one system may give\n";
    return text;
}

std::string as_table(const std::vector<Comparison>& comparisons) {
    if (std::ranges::any_of(comparisons, [](const Comparison& one) { return one.calibration.has_value(); }))
        return as_calibrated_table(comparisons);
    using repal::joined;
    repal::Table rows = {joined(joined({"metric", "a", "b"}, repal::score_titles()), {"settings"})};
    constexpr int digits = 6;
    for (const Comparison& one : comparisons)
        rows.push_back(
            joined(joined({one.metric, one.a, one.b}, repal::score_fields(one.score, digits)), {one.settings}));
    return table(rows);
}

std::string formatted(const std::vector<Comparison>& comparisons, const CompareOptions& options) {
    std::string format = options.format;
    if (format.empty())
        format = options.out.ends_with(".json") ? "json" : options.out.ends_with(".csv") ? "csv" : "table";
    if (format == "json") return as_json(comparisons);
    return format == "csv" ? as_csv(comparisons) : as_table(comparisons);
}

/// "a.npy", "a.npy (2)": a file may be given twice.
void make_distinct(std::vector<repal::NamedSystem>& systems) {
    std::vector<std::string> all;
    for (repal::NamedSystem& system : systems) {
        std::string free = system.name;
        for (int copy = 2; std::ranges::find(all, free) != all.end(); ++copy)
            free = fmt::format("{} ({})", system.name, copy);
        all.push_back(free);
        system.name = std::move(free);
    }
}

repal::Report report_of(std::vector<Comparison> comparisons, const repal::Part& part, const CompareOptions& options,
                        const CommonOptions& common, const std::string& metric_options) {
    std::vector<repal::NamedSystem> systems = part.systems;
    make_distinct(systems);
    for (std::size_t i = 0; i < comparisons.size(); ++i) {
        const repal::Pair& pair = part.pairs[i % part.pairs.size()];
        comparisons[i].a = systems[pair.a].name;
        comparisons[i].b = systems[pair.b].name;
    }
    repal::Report report = repal::comparison_report(comparisons, systems);
    report.provenance = {{"program", "repal " REPAL_VERSION},
                         {"command", common.typed},
                         {"metrics", fmt::format("{}", fmt::join(options.metrics, ", "))}};
    report.reproduce = common.typed;
    report.configuration = common.overrides.empty() ? "" : metric_options;
    return report;
}

int compare(const CompareOptions& options, const CommonOptions& common) {
    const auto registry = load_plugins(common);
    const auto config = repal::Config::from_overrides(common.overrides);
    std::vector<repal::ChosenMetric> metrics;
    for (const std::string& name : options.metrics) {
        if (std::ranges::find(metrics, name, &repal::ChosenMetric::name) != metrics.end())
            throw repal::InputError("--metric", fmt::format("'{}' is named twice", name));
        try {
            metrics.push_back(repal::choose_metric(name, registry, config));
        } catch (const repal::InputError& error) {
            throw error.where().empty() ? error.at("--metric") : error;
        }
    }
    std::vector<std::string> keys = options.metrics;
    keys.emplace_back("pca");
    config.require_keys(keys);
    repal::read_pca(config.at_or_empty("pca"), registry, metrics);

    const repal::Part part = part_of(options);
    TerminalProgress progress(common.is_quiet, common.is_verbose);
    const std::vector<Comparison> comparisons = compare_all_pairs(metrics, part, options, common, progress);

    if (!options.report.empty())
        repal::write_file(options.report, repal::html(report_of(comparisons, part, options, common, config.yaml()),
                                                      repal::plotting_library()));
    const std::string text = formatted(comparisons, options);
    if (options.out.empty())
        fmt::print("{}", text);
    else
        repal::write_file(options.out, text);

    int code = done;
    for (const Comparison& one : comparisons) {
        if (one.score.status == repal::Status::ok) continue;
        fmt::print(stderr, "repal: {}: {} and {}: {}: {}\n", one.metric, one.a, one.b, to_string(one.score.status),
                   one.score.detail);
        code = some_failed;
    }
    return code;
}

}  // namespace

void add_compare(CLI::App& app, const CommonOptions& common, Chosen& chosen) {
    auto options = std::make_shared<CompareOptions>();
    auto* sub = app.add_subcommand("compare", "compare files of your own, every pair of them");
    sub->add_option("systems", options->systems,
                    "file.npy, file.npz:member or file.h5:/dataset; 2-D is (time, channel), 3-D (trial, time, channel)")
        ->required()
        ->expected(2, 1'000'000);
    sub->add_option("-m,--metric", options->metrics, "metrics, separated by commas")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->capture_default_str();
    sub->add_option("--axes", options->axes, "another order of the axes, e.g. time,trial,channel");
    sub->add_option("--format", options->format, "table, csv or json; by default what the name of --out says")
        ->check(CLI::IsMember({"table", "csv", "json"}));
    sub->add_option("--out", options->out, "write to this file");
    sub->add_flag("--calibrate", options->is_calibrated,
                  "beside every number: an interval, the noise floor, and p (from the trials; takes minutes)");
    sub->add_option("--report", options->report, "write a page with figures to this file, e.g. report.html");
    sub->callback([&common, &chosen, options] { chosen = [&common, options] { return compare(*options, common); }; });
}

}  // namespace command
