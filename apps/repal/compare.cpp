#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
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
import repal.score_table;
import repal.store;
import repal.table;

namespace command {
namespace {

struct CompareOptions {
    std::vector<std::string> systems;
    std::vector<std::string> metrics = {"dsa", "cka", "procrustes"};
    std::string axes;
    std::string format;
    std::string out;
    std::string report;
};

using repal::Comparison;

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

/// All pairs of the first metric, then of the next.
std::vector<Comparison> compare_all_pairs(const std::vector<repal::ChosenMetric>& metrics, const repal::Part& part,
                                          int jobs, repal::Progress& progress) {
    std::vector<Comparison> comparisons;
    repal::PreparedSystems prepared({}, 0);
    for (const repal::ChosenMetric& metric : metrics) {
        std::vector<repal::PairResult> results = compare_all(metric, part, prepared, jobs, progress);
        for (std::size_t i = 0; i < results.size(); ++i)
            comparisons.push_back({metric.name, part.systems[part.pairs[i].a].name, part.systems[part.pairs[i].b].name,
                                   std::move(results[i].score)});
    }
    return comparisons;
}

std::string as_json(const std::vector<Comparison>& comparisons) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& [metric, a, b, score] : comparisons) {
        nlohmann::ordered_json entry = {{"metric", metric}, {"a", a}, {"b", b}};
        for (const repal::ScoreColumn& column : repal::score_columns()) {
            if (column.title.empty()) continue;
            const repal::ScoreValue value = column.get(score);
            const double* number = std::get_if<double>(&value);
            const std::string* text = std::get_if<std::string>(&value);
            auto& field = entry[column.name] = nullptr;
            if (number != nullptr) field = *number;
            if (text != nullptr) field = *text;
        }
        list.push_back(std::move(entry));
    }
    return list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string as_csv(const std::vector<Comparison>& comparisons) {
    repal::Table rows = {repal::joined({"metric", "a", "b"}, repal::score_names())};
    for (const auto& [metric, a, b, score] : comparisons)
        rows.push_back(repal::joined({metric, a, b}, repal::score_fields(score)));
    return repal::csv_text(rows);
}

std::string as_table(const std::vector<Comparison>& comparisons) {
    repal::Table rows = {repal::joined({"metric", "a", "b"}, repal::score_titles())};
    constexpr int digits = 6;
    for (const auto& [metric, a, b, score] : comparisons)
        rows.push_back(repal::joined({metric, a, b}, repal::score_fields(score, digits)));
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
            metrics.push_back(repal::choose_metric(registry.metric(name), config));
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
    const std::vector<Comparison> comparisons = compare_all_pairs(metrics, part, common.jobs, progress);

    if (!options.report.empty())
        repal::write_file(options.report, repal::html(report_of(comparisons, part, options, common, config.yaml()),
                                                      repal::plotting_library()));
    const std::string text = formatted(comparisons, options);
    if (options.out.empty())
        fmt::print("{}", text);
    else
        repal::write_file(options.out, text);

    int code = done;
    for (const auto& [metric, a, b, score] : comparisons) {
        if (score.status == repal::Status::ok) continue;
        fmt::print(stderr, "repal: {}: {} and {}: {}: {}\n", metric, a, b, to_string(score.status), score.detail);
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
    sub->add_option("--report", options->report, "write a page with figures to this file, e.g. report.html");
    sub->callback([&common, &chosen, options] { chosen = [&common, options] { return compare(*options, common); }; });
}

}  // namespace command
