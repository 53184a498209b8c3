#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "commands.hpp"

import command.load_plugins;
import command.terminal;
import repal.config;
import repal.dissimilarity;
import repal.figures;
import repal.parallel;
import repal.reporter;
import repal.store;
import repal.summary;

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

std::vector<Comparison> compare_all_pairs(const repal::ChosenMetric& metric,
                                          const std::vector<repal::Trajectories>& systems,
                                          const std::vector<std::string>& names, int jobs, repal::Reporter& reporter) {
    const repal::Prepared prepared = repal::prepare_all(metric, systems, names, jobs, reporter);
    if (!prepared.warning.empty()) reporter.warn(metric.name, prepared.warning);

    std::vector<Comparison> comparisons;
    std::vector<repal::EmbeddingPair> pairs;
    std::vector<std::size_t> places;  // in comparisons, of what is compared
    for (std::size_t i = 0; i < names.size(); ++i)
        for (std::size_t j = i + 1; j < names.size(); ++j) {
            const repal::Embedded& a = prepared.systems[i];
            const repal::Embedded& b = prepared.systems[j];
            const auto score = repal::score_without_embedding(a, b);
            comparisons.push_back({metric.name, names[i], names[j], score.value_or(repal::Score{})});
            if (score) continue;
            pairs.push_back({*a.embedding, *b.embedding});
            places.push_back(comparisons.size() - 1);
        }
    reporter.begin(metric.name + ": comparing", pairs.size());
    const std::size_t batch = std::max<std::size_t>(1, metric.metric->pairs_per_batch());
    repal::for_each_index((pairs.size() + batch - 1) / batch, jobs, [&](std::size_t block) {
        const std::size_t first = block * batch;
        const auto some = std::span(pairs).subspan(first, std::min(batch, pairs.size() - first));
        std::vector<repal::Score> scores = repal::compare_safely(*metric.metric, some);
        for (std::size_t i = 0; i < scores.size(); ++i) {
            comparisons[places[first + i]].score = std::move(scores[i]);
            reporter.advance();
        }
    });
    reporter.end();
    return comparisons;
}

std::string as_json(const std::vector<Comparison>& comparisons) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& [metric, a, b, score] : comparisons) {
        nlohmann::ordered_json entry = {
            {"metric", metric},          {"a", a}, {"b", b}, {"angle_rad", nullptr}, {"dissimilarity", nullptr},
            {"lower_bound_rad", nullptr}};
        if (score.status == repal::Status::ok) {
            entry["angle_rad"] = score.angle_rad;
            entry["dissimilarity"] = score.dissimilarity();
            if (score.lower_bound_rad) entry["lower_bound_rad"] = *score.lower_bound_rad;
        }
        entry["status"] = to_string(score.status);
        list.push_back(std::move(entry));
    }
    return list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

/// The numbers of a line; `digits` of 0 gives the shortest text that reads back as the same double.
std::vector<std::string> fields(const Comparison& comparison, int digits) {
    const auto& [metric, a, b, score] = comparison;
    const auto number = [&](double value) {
        return digits == 0 ? fmt::format("{}", value) : fmt::format("{:.{}f}", value, digits);
    };
    const bool has_value = score.status == repal::Status::ok;
    return {metric,
            a,
            b,
            has_value ? number(score.angle_rad) : "",
            has_value ? number(score.dissimilarity()) : "",
            has_value && score.lower_bound_rad ? number(*score.lower_bound_rad) : "",
            std::string(to_string(score.status))};
}

std::string as_csv(const std::vector<Comparison>& comparisons) {
    std::string text = "metric,a,b,angle_rad,dissimilarity,lower_bound_rad,status\n";
    for (const Comparison& comparison : comparisons) {
        std::string line;
        for (const std::string& field : fields(comparison, 0))
            line += (line.empty() ? "" : ",") + repal::csv_field(field);
        text += line + "\n";
    }
    return text;
}

std::string as_table(const std::vector<Comparison>& comparisons) {
    std::vector<std::vector<std::string>> rows = {
        {"metric", "a", "b", "angle (rad)", "dissimilarity", "lower bound (rad)", "status"}};
    for (const Comparison& comparison : comparisons) rows.push_back(fields(comparison, 6));
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
std::vector<std::string> distinct(const std::vector<std::string>& names) {
    std::vector<std::string> all;
    for (const std::string& name : names) {
        std::string free = name;
        for (int copy = 2; std::ranges::find(all, free) != all.end(); ++copy) free = fmt::format("{} ({})", name, copy);
        all.push_back(free);
    }
    return all;
}

/// `comparisons` has all pairs of the first metric, then of the next.
repal::Report report_of(std::vector<Comparison> comparisons, const std::vector<repal::Trajectories>& systems,
                        const CompareOptions& options, const CommonOptions& common, const std::string& metric_options) {
    const std::vector<std::string> names = distinct(options.systems);
    for (auto next = comparisons.begin(); next != comparisons.end();)
        for (std::size_t a = 0; a < names.size(); ++a)
            for (std::size_t b = a + 1; b < names.size(); ++b, ++next) {
                next->a = names[a];
                next->b = names[b];
            }
    repal::Report report = repal::comparison_report(comparisons, systems, names);
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
        try {
            metrics.push_back(repal::choose_metric(registry.metric(name), config));
        } catch (const repal::InputError& error) {
            throw error.where().empty() ? error.at("--metric") : error;
        }
    }
    config.require_keys(options.metrics);

    std::vector<repal::Trajectories> systems;
    for (const std::string& location : options.systems)
        systems.push_back(repal::read_trajectories(location, options.axes));

    TerminalReporter reporter(common.is_quiet, common.is_verbose);
    std::vector<Comparison> comparisons;
    for (const repal::ChosenMetric& metric : metrics)
        for (Comparison& comparison : compare_all_pairs(metric, systems, options.systems, common.jobs, reporter))
            comparisons.push_back(std::move(comparison));

    if (!options.report.empty())
        repal::write_file(options.report, repal::html(report_of(comparisons, systems, options, common, config.yaml()),
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
