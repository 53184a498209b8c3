#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "commands.hpp"
#include "outputs.hpp"

import command.load_plugins;
import command.recordings;
import command.terminal;
import repal.compared;
import repal.config;
import repal.file;
import repal.progress;
import repal.registry;
import repal.table;
import repal.tuning_report;

namespace command {
namespace {

struct TuneOptions {
    RecordingOptions recordings;
    std::string metric = "dsa";
    std::string out;
    std::string report;
};

/// "dsa.rank=2,4,8" names the values of an axis.
struct Override {
    std::string option;
    std::vector<std::string> values;
};

std::optional<Override> axis_in(const std::string& text, const std::string& metric) {
    const std::size_t equals = text.find('=');
    const std::string prefix = metric + ".";
    if (equals == std::string::npos || !text.starts_with(prefix) || text.find(',') == std::string::npos) return {};
    Override found{.option = text.substr(prefix.size(), equals - prefix.size()), .values = {}};
    std::string values = text.substr(equals + 1);
    if (values.starts_with('[') && values.ends_with(']')) values = values.substr(1, values.size() - 2);
    for (std::size_t begin = 0; begin <= values.size();) {
        const std::size_t end = std::min(values.find(',', begin), values.size());
        found.values.push_back(values.substr(begin, end - begin));
        begin = end + 1;
    }
    return found;
}

/// The axes that --set names with several values; those are taken out of `overrides`.
std::vector<repal::OptionAxis> named_axes(const std::string& metric, const repal::Registry& registry,
                                          std::vector<std::string>& overrides) {
    const repal::Config own = repal::Config::from_overrides(overrides).at_or_empty(metric);
    const std::string plugin = own.has("metric") ? own.at("metric").text() : metric;
    std::vector<repal::OptionAxis> axes;
    std::vector<std::string> others;
    for (const std::string& text : overrides) {
        const auto found = axis_in(text, metric);
        const auto& known = registry.metric(plugin).info.options;
        const auto option = std::ranges::find(known, found ? found->option : "", &repal::OptionInfo::name);
        if (!found || option == known.end()) {
            others.push_back(text);
            continue;
        }
        if (std::ranges::find(axes, found->option, &repal::OptionAxis::option) != axes.end())
            throw repal::InputError("--set " + text, found->option + " is given twice");
        repal::OptionAxis axis{.option = found->option, .values = {}};
        for (const std::string& value : found->values) {
            if (value.empty()) throw repal::InputError("--set " + text, "a value is missing beside a comma");
            const std::vector<std::string> one = {fmt::format("{}.{}={}", metric, found->option, value)};
            axis.values.push_back(repal::Config::from_overrides(one).at(metric).option(*option));
        }
        axes.push_back(std::move(axis));
    }
    overrides = others;
    const repal::Config left = repal::Config::from_overrides(overrides).at_or_empty(metric);
    for (const repal::OptionAxis& axis : axes)
        if (left.has(axis.option)) throw left.at(axis.option).error(axis.option + " is given twice");
    return axes;
}

void print(const repal::Tuning& tuning, const std::vector<repal::SystemDiagnostics>& diagnostics,
           const repal::ChosenMetric& metric, const CommonOptions& common) {
    if (!common.is_quiet) fmt::print("{}\n", table(shown_settings(tuning, common.is_verbose)));
    if (common.is_verbose && !diagnostics.empty()) fmt::print("{}\n", table(diagnostics_table(diagnostics)));
    for (const std::string& warning : tuning.warnings)
        fmt::print("{}\n", toned(Tone::warning, "warning: " + warning, stdout));
    for (const std::string& sentence : sentences_of(tuning)) fmt::print("{}\n", sentence);
    for (const std::string& sentence : sentences_of(diagnostics)) fmt::print("{}\n", sentence);
    if (!tuning.chosen) {
        if (!metric.pca && !tuning.has_too_few_systems) fmt::print("try {}\n", components_to_try(metric));
        return;
    }
    std::string line;
    for (const auto& [name, value] : tuning.settings[*tuning.chosen].options)
        line += fmt::format(" --set {}.{}={}", metric.name, name, repal::to_string(value));
    fmt::print("to use it:{}\n", line);
}

int tune(const TuneOptions& options, const CommonOptions& common) {
    require_outputs({{"--out", options.out}, {"--report", options.report}}, options.recordings.locations);
    const auto registry = load_plugins(common);
    std::vector<std::string> overrides = common.overrides;
    std::vector<repal::OptionAxis> axes = named_axes(options.metric, registry, overrides);
    const auto config = repal::Config::from_overrides(overrides);
    std::vector<repal::ChosenMetric> metrics = {repal::choose_metric(options.metric, registry, config)};
    repal::require_metrics(config, {options.metric}, registry);
    repal::read_pca(config.at_or_empty("pca"), registry, metrics);
    axes = repal::with_default_axes(std::move(axes), metrics.front());
    if (axes.empty())
        throw repal::InputError("--metric " + options.metric, "it has no option that is chosen from data",
                                "name values to try, e.g. --set " + options.metric + ".option=a,b");

    TerminalProgress progress(common.is_quiet, common.is_verbose);
    std::vector<repal::NamedSystem> systems;
    for (repal::Recording& recording : read_recordings(options.recordings, progress).recordings)
        systems.push_back(std::move(recording.system));
    const auto [metric, seen, tuning, diagnostics] =
        repal::tuned(metrics.front(), std::move(axes), systems, common.jobs, progress);

    if (!options.out.empty()) repal::write_file(options.out, repal::csv_text(settings_table(tuning, metric.name)));
    if (!options.report.empty()) {
        repal::Report report = tuning_report(tuning, metric, seen, diagnostics);
        report.provenance = {{"program", "repal " REPAL_VERSION}, {"command", common.typed}};
        report.reproduce = common.typed;
        repal::write_file(options.report, repal::html(report, repal::plotting_library()));
    }
    print(tuning, diagnostics, metric, common);
    return tuning.chosen ? done : some_failed;
}

}  // namespace

void add_tune(CLI::App& app, const CommonOptions& common, Chosen& chosen) {
    auto options = std::make_shared<TuneOptions>();
    auto* sub = app.add_subcommand("tune", "which delays and which rank suit your files, and why");
    add_recordings(*sub, options->recordings, 1);
    sub->add_option("-m,--metric", options->metric, "of which settings are chosen")->capture_default_str();
    sub->add_option("--out", options->out, "write what was found of every setting to this file, as CSV");
    sub->add_option("--report", options->report, "write a page with figures to this file, e.g. tune.html");
    sub->callback([&common, &chosen, options] { chosen = [&common, options] { return tune(*options, common); }; });
}

}  // namespace command
