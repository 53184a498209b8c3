#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <charconv>
#include <cstddef>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "repal.h"

import library.calls;
import library.handles;
import repal.compared;
import repal.comparison_files;
import repal.config;
import repal.report;
import repal.table;
import repal.tuning_report;

struct repal_comparison {
    std::vector<repal::Comparison> comparisons;  ///< all pairs of the first metric, then of the next
    std::vector<repal::ChosenMetric> metrics;    ///< that have values
    std::vector<repal::NamedSystem> systems;
};

namespace {

using library::Json;

std::unique_ptr<repal_comparison> compared(const repal::Registry& registry, repal_system* const* handles, std::size_t n,
                                           const Json& options, library::Calls& calls) {
    const std::vector<repal::ChosenMetric> metrics = library::metrics_in(options, registry);
    if (n < 2) throw repal::InputError("systems", fmt::format("{} of them, and two are compared", n));
    const bool is_family_wise = library::answer_in(options, "family_wise", false);
    const bool is_calibrated = library::answer_in(options, "calibrate", false);
    if (is_family_wise && !is_calibrated) throw repal::InputError("family_wise", "it says how to calibrate");
    auto result = std::make_unique<repal_comparison>();
    const repal::Part part = repal::all_pairs(library::systems_of(handles, n, calls));
    constexpr std::size_t bytes_of_embeddings = std::size_t{3} << 27;
    repal::PreparedSystems prepared({}, bytes_of_embeddings);
    for (const repal::ChosenMetric& metric : metrics) {
        repal::Comparing asked{.metric = metric, .jobs = calls.threads()};
        if (is_calibrated) asked.calibration = repal::CalibrationOptions{.is_family_wise = is_family_wise};
        repal::KeptScores nothing_is_kept;
        repal::Compared found = repal::compared(asked, part, prepared, nothing_is_kept, calls);
        if (found.is_stopped) throw repal::Stopped();
        std::ranges::move(found.comparisons, std::back_inserter(result->comparisons));
        if (found.metric) result->metrics.push_back(*std::move(found.metric));
    }
    result->systems = part.systems;
    return result;
}

/// The values of options that are lists though the option is none: each is tried. They are taken out of `options`.
std::vector<repal::OptionAxis> axes_in(Json& options, const std::string& metric, const repal::Registry& registry) {
    std::vector<repal::OptionAxis> axes;
    Json& given = options["metrics"][metric];
    const std::string plugin = library::text_in(given, "metric", metric);
    for (const repal::OptionInfo& option : registry.metric(plugin).info.options) {
        if (!given.contains(option.name) || !given[option.name].is_array() ||
            std::holds_alternative<std::vector<double>>(option.default_value))
            continue;
        repal::OptionAxis axis{.option = option.name, .values = {}};
        for (const Json& value : given[option.name]) {
            const std::vector<std::string> one = {fmt::format("{}.{}={}", metric, option.name, value.dump())};
            axis.values.push_back(repal::Config::from_overrides(one).at(metric).option(option));
        }
        if (axis.values.empty()) throw repal::InputError(metric + "." + option.name, "an empty list has no value");
        given.erase(option.name);
        axes.push_back(std::move(axis));
    }
    return axes;
}

/// A cell of a table as JSON: a number, or null if it is empty, where it is one.
Json cell(const std::string& text) {
    if (text.empty()) return nullptr;
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return text;
    return number;
}

Json rows_of(const repal::Table& table) {
    Json rows = Json::array();
    for (std::size_t r = 1; r < table.size(); ++r) {
        Json row = Json::object();
        for (std::size_t c = 0; c < table[r].size(); ++c) row[table.front()[c]] = cell(table[r][c]);
        rows.push_back(std::move(row));
    }
    return rows;
}

Json tuned(const repal::Registry& registry, repal_system* const* handles, std::size_t n, Json options,
           library::Calls& calls) {
    if (!options.contains("metrics") || !options["metrics"].is_object() || options["metrics"].size() != 1)
        throw repal::InputError("metrics", "one metric is tuned", R"(e.g. {"metrics": {"dsa": {}}})");
    if (n == 0) throw repal::InputError("systems", "there are none, and their data choose");
    const std::string name = options["metrics"].begin().key();
    if (!options["metrics"][name].is_object()) throw repal::InputError(name, "expected an object of options");
    std::vector<repal::OptionAxis> axes = axes_in(options, name, registry);
    const repal::ChosenMetric metric = library::metrics_in(options, registry).front();
    axes = repal::with_default_axes(std::move(axes), metric);
    if (axes.empty())
        throw repal::InputError("metrics." + name, "it has no option that is chosen from data",
                                R"(list the values to try, e.g. {"metrics": {"cka": {"kernel": ["linear", "rbf"]}}})");
    const repal::Tuned found =
        repal::tuned(metric, std::move(axes), library::systems_of(handles, n, calls), calls.threads(), calls);
    const repal::Tuning& tuning = found.tuning;
    Json chosen = nullptr;
    if (tuning.chosen) {
        chosen = Json::object();
        for (const auto& [option, value] : tuning.settings[*tuning.chosen].options)
            chosen[option] = std::visit([](const auto& plain) { return Json(plain); }, value);
    }
    std::vector<std::string> sentences = sentences_of(tuning);
    std::ranges::copy(sentences_of(found.diagnostics), std::back_inserter(sentences));
    return {{"metric", name},
            {"chosen", std::move(chosen)},
            {"sentences", sentences},
            {"warnings", tuning.warnings},
            {"settings", rows_of(settings_table(tuning, name))},
            {"systems", rows_of(diagnostics_table(found.diagnostics))}};
}

}  // namespace

using library::guarded;
using library::require;

int repal_compare(const repal_host* host, repal_system* const* systems, size_t n_systems, const char* options,
                  const repal_calls* calls, repal_comparison** comparison) {
    return guarded([&] {
        require(host != nullptr, "host");
        require(comparison != nullptr, "comparison");
        library::Calls passed_on(calls);
        const Json given =
            library::options_in(options, {"metrics", "pca", "calibrate", "family_wise", "over_time", "across"});
        *comparison = compared(host->registry, systems, n_systems, given, passed_on).release();
    });
}

int repal_comparison_json(const repal_comparison* comparison, char** json) {
    return guarded([&] {
        require(comparison != nullptr, "comparison");
        library::give(repal::json_of(comparison->comparisons), json);
    });
}

int repal_comparison_csv(const repal_comparison* comparison, char** csv) {
    return guarded([&] {
        require(comparison != nullptr, "comparison");
        library::give(repal::csv_of(comparison->comparisons), csv);
    });
}

int repal_comparison_page(const repal_comparison* comparison, char** html) {
    return guarded([&] {
        require(comparison != nullptr, "comparison");
        repal::Report report =
            repal::comparison_report(comparison->comparisons, comparison->metrics, comparison->systems);
        report.provenance = {{"program", "repal " REPAL_VERSION}};
        library::give(repal::html(report, repal::plotting_library()), html);
    });
}

void repal_comparison_free(repal_comparison* comparison) {
    delete comparison;
}

int repal_tune(const repal_host* host, repal_system* const* systems, size_t n_systems, const char* options,
               const repal_calls* calls, char** json) {
    return guarded([&] {
        require(host != nullptr, "host");
        library::Calls passed_on(calls);
        const Json found =
            tuned(host->registry, systems, n_systems, library::options_in(options, {"metrics", "pca"}), passed_on);
        library::give(found.dump(1), json);
    });
}
