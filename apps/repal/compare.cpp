#include <fmt/format.h>
#include <fmt/ranges.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <map>
#include <memory>
#include <numbers>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "commands.hpp"
#include "outputs.hpp"
#include "print_error.hpp"
#include "signals.hpp"

import command.comparison_text;
import command.growing_scores;
import command.load_plugins;
import command.recordings;
import command.terminal;
import repal.compared;
import repal.comparison;
import repal.config;
import repal.figures;
import repal.file;
import repal.hash;
import repal.parallel;
import repal.progress;
import repal.questions;
import repal.random;
import repal.score_table;
import repal.table;
import repal.tuning;

namespace command {
namespace {

struct CompareOptions {
    RecordingOptions recordings;
    std::vector<std::string> metrics = {"dsa", "cka", "procrustes"};
    std::string format;
    std::string out;
    std::string report;
    bool resumes = false;
    bool is_calibrated = false;
    std::string over_time = {};  ///< windows
    bool is_across = false;
    std::string by;  ///< a label of the sheet
    repal::CalibrationOptions calibration;
};

using repal::Comparison;

struct Scores {
    std::vector<Comparison> comparisons;       ///< all pairs of the first metric, then of the next
    std::vector<repal::ChosenMetric> metrics;  ///< with what was chosen; without those that have no value
};

/// Everything that scores and what is said of them depend on.
std::string key_of(const std::vector<repal::ChosenMetric>& metrics, const std::vector<repal::Recording>& recordings,
                   const CompareOptions& options, const std::string& settings) {
    std::string text = fmt::format("repal {}\n{}\n{} {}\n", REPAL_VERSION, settings, options.is_calibrated,
                                   options.calibration.is_family_wise);
    for (const repal::ChosenMetric& metric : metrics) text += metric.identity + "\n";
    for (const repal::Recording& recording : recordings)
        text += fmt::format("{}\n{}\n{}\n{}\n", recording.system.name, recording.system.system->identity(),
                            recording.reading, fmt::join(recording.system.system->observe({}).trial_names(), ", "));
    return repal::hash_hex(text);
}

/// What a command that was stopped has done, and where that is.
void tell_of_stop(const Scores& scores, const GrowingScores& growing, std::size_t all, const CompareOptions& options) {
    if (!growing.file().empty()) {
        print_error("repal: {} of {} scores are in {}; the same command with --resume goes on from there\n",
                    growing.size(), all, growing.file());
        return;
    }
    if (!scores.comparisons.empty()) fmt::print("{}", text_of(scores.comparisons, options.format));
    std::fflush(stdout);
    print_error("repal: {} of {} scores are done{}; with --out, what is done is kept\n", growing.size(), all,
                growing.size() < all ? ", the others are missing" : "");
}

/// What the user says, or the name of the file.
std::string format_of(const CompareOptions& options) {
    if (!options.format.empty()) return options.format;
    return options.out.ends_with(".json") ? "json" : options.out.ends_with(".csv") ? "csv" : "table";
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

repal::Report report_of(Scores compared, const std::vector<repal::Recording>& recordings, const repal::Part& part,
                        const CompareOptions& options, const CommonOptions& common, const std::string& metric_options,
                        const TerminalProgress::Warnings& warned) {
    std::vector<repal::NamedSystem> systems = part.systems;
    make_distinct(systems);
    for (std::size_t i = 0; i < compared.comparisons.size(); ++i) {
        const repal::Pair& pair = part.pairs[i % part.pairs.size()];
        compared.comparisons[i].a = systems[pair.a].name;
        compared.comparisons[i].b = systems[pair.b].name;
    }
    // What was said on the terminal, too.
    repal::Table warnings = {{"of", "warning"}};
    for (const auto& [source, warning] : warned) warnings.push_back({source, warning});
    repal::Report report = repal::comparison_report(compared.comparisons, compared.metrics, systems);
    if (warnings.size() > 1)
        report.sections.front().figures.insert(report.sections.front().figures.begin(),
                                               repal::TableFigure{.id = "warnings",
                                                                  .title = "Warnings",
                                                                  .caption = "What to know before the numbers.",
                                                                  .rows = std::move(warnings)});
    repal::Table read = {{"system", "read as"}};
    for (std::size_t i = 0; i < systems.size(); ++i) {
        const std::vector<std::string> row = {systems[i].name, recordings[i].reading};
        read.push_back(row);
    }
    report.sections.front().figures.emplace_back(
        repal::TableFigure{.id = "files", .title = "Files", .caption = "How each was read.", .rows = std::move(read)});
    report.provenance = {{"program", "repal " REPAL_VERSION},
                         {"command", common.typed},
                         {"metrics", fmt::format("{}", fmt::join(options.metrics, ", "))}};
    report.reproduce = common.typed;
    report.configuration = common.overrides.empty() ? "" : metric_options;
    return report;
}

/// Whether systems of different labels differ, by each metric.
std::vector<repal::GroupFinding> ask_of(const std::string& label, const repal::Sheet& sheet,
                                        const std::vector<repal::Recording>& recordings,
                                        const std::vector<Comparison>& comparisons) {
    std::vector<std::string> names;
    std::map<std::string, std::vector<std::string>> labels;
    for (const repal::Recording& recording : recordings) {
        names.push_back(recording.system.name);
        for (const repal::Label& one : sheet.labels) labels[one.name].push_back(one.values[recording.location]);
    }
    const std::size_t n = names.size();
    const std::size_t n_pairs = n * (n - 1) / 2;
    std::vector<repal::GroupFinding> findings;
    for (std::size_t first = 0; first < comparisons.size(); first += n_pairs) {
        // Pairs (0, 1), (0, 2), ..., (1, 2), ...
        const auto score = [&](std::size_t a, std::size_t b) -> const repal::Score* {
            const auto [low, high] = std::minmax(a, b);
            return low == high ? nullptr : &comparisons[first + low * n - low * (low + 1) / 2 + high - low - 1].score;
        };
        const repal::LabelledSystems systems = repal::labelled_systems(comparisons[first].metric, names, labels, score);
        std::ranges::move(ask(repal::GroupQuestion{.factors = {label}}, systems, {}, repal::Stream(0).child("groups")),
                          std::back_inserter(findings));
    }
    return findings;
}

/// A line for each pair without a value, or one for all that have the same cause; whether there are any.
bool report_failures(const std::vector<Comparison>& comparisons) {
    using Cause = std::tuple<std::string, std::string, std::string>;  // metric, status, what is said
    std::vector<std::pair<Cause, std::vector<const Comparison*>>> failures;
    for (const Comparison& one : comparisons) {
        if (one.score.status == repal::Status::ok) continue;
        const Cause cause{one.metric, to_string(one.score.status), one.score.detail};
        auto place = std::ranges::find(failures, cause, &std::pair<Cause, std::vector<const Comparison*>>::first);
        if (place == failures.end()) place = failures.insert(failures.end(), {cause, {}});
        place->second.push_back(&one);
    }
    for (const auto& [cause, pairs] : failures) {
        const auto& [metric, status, text] = cause;
        const std::string which = pairs.size() == 1 ? fmt::format("{} and {}", pairs.front()->a, pairs.front()->b)
                                                    : fmt::format("{} pairs", pairs.size());
        print_error("repal: {}: {}: {}: {}\n", metric, which, status, text);
    }
    return !failures.empty();
}

/// Of trials that metrics compare by their order, though their labels are in different orders.
void warn_of_labels_apart(const std::vector<repal::ChosenMetric>& metrics,
                          const std::vector<repal::Recording>& recordings, repal::Progress& progress) {
    std::vector<std::string> by_order;
    for (const repal::ChosenMetric& metric : metrics)
        if (metric.compares_samples() && !metric.compares_conditions()) by_order.push_back(metric.name);
    if (by_order.empty()) return;
    const auto labels_of = [](const repal::Recording& recording) {
        return recording.system.system->observe({}).trajectories().conditions();
    };
    const auto first = labels_of(recordings.front());
    for (const repal::Recording& other : recordings) {
        const auto labels = labels_of(other);
        // Trials with names correspond by these.
        const bool has_names = !other.system.system->observe({}).trial_names().empty();
        if (has_names || first.empty() || labels.size() != first.size() || labels == first) continue;
        progress.warn(
            "--conditions",
            fmt::format("trials of {} and {} have other labels, or the same in another order, and {} compares "
                        "each trial with the one at its place: sort the trials of both by their labels",
                        recordings.front().system.name, other.system.name, fmt::join(by_order, ", ")));
        return;
    }
}

/// Of conditions and inputs that no metric looks at.
void warn_of_unused(const std::vector<repal::ChosenMetric>& metrics, const std::vector<repal::Recording>& recordings,
                    repal::Progress& progress) {
    const repal::Observed first = recordings.front().system.system->observe({});
    const auto compares_conditions = [](const repal::ChosenMetric& metric) { return metric.compares_conditions(); };
    if (!first.trajectories().conditions().empty() && std::ranges::none_of(metrics, compares_conditions))
        progress.warn("--conditions",
                      "no metric looks at them: rsa with distance crossnobis and stochastic_shape do; for "
                      "condition means, average the trials of each condition before");
    std::vector<std::string> blind;
    for (const repal::ChosenMetric& metric : metrics)
        if (!metric.compares_conditions()) blind.push_back(metric.name);
    if (!first.trajectories().conditions().empty() && !blind.empty() && blind.size() < metrics.size())
        progress.warn("--conditions", fmt::format("not looked at by {}", fmt::join(blind, ", ")));
    const auto takes_inputs = [](const repal::ChosenMetric& metric) { return metric.info.name == "input_dsa"; };
    if (first.trajectories().inputs().cols() > 0 && std::ranges::none_of(metrics, takes_inputs))
        progress.warn("--inputs", "no metric looks at them: input_dsa does");
}

int compare(const CompareOptions& options, const CommonOptions& common) {
    require_outputs({{"--out", options.out}, {"--report", options.report}}, options.recordings.locations);
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
    repal::require_metrics(config, options.metrics, registry);
    repal::read_pca(config.at_or_empty("pca"), registry, metrics);
    if (!options.over_time.empty())
        for (repal::ChosenMetric& metric : metrics) {
            try {
                repal::TimeWindows windows = repal::time_windows(options.over_time);
                windows.across = options.is_across;
                metric = metric.in_windows(windows);
            } catch (const repal::InputError& error) {
                throw error.where().empty() ? error.at("--over-time") : error;
            }
        }

    TerminalProgress progress(common.is_quiet, common.is_verbose);
    const auto [recordings, sheet] = read_recordings(options.recordings, progress);
    if (sheet) {
        std::vector<std::string> files;
        for (const repal::RecordingLocation& row : sheet->rows) files.push_back(row.folder + row.location);
        require_outputs({{"--out", options.out}, {"--report", options.report}}, files);
    }
    if (recordings.size() < 2)
        throw repal::InputError(options.recordings.locations.front(), "it means one system, and two are compared");
    if (!options.by.empty()) {
        if (!sheet) throw repal::InputError("--by " + options.by, "labels are in a sheet, and this is none");
        sheet->label(options.by);
    }
    warn_of_unused(metrics, recordings, progress);
    warn_of_labels_apart(metrics, recordings, progress);
    std::vector<repal::NamedSystem> systems;
    for (const repal::Recording& recording : recordings) systems.push_back(recording.system);
    const repal::Part part = repal::all_pairs(std::move(systems));
    stop_on_signals();
    GrowingScores growing(options.out, key_of(metrics, recordings, options, config.yaml()), options.resumes, progress);
    constexpr std::size_t bytes_of_embeddings = std::size_t{3} << 27;
    repal::PreparedSystems prepared({}, bytes_of_embeddings);
    Scores scores;
    for (const repal::ChosenMetric& metric : metrics) {
        repal::Comparing asked{.metric = metric, .jobs = common.jobs};
        if (options.is_calibrated) asked.calibration = options.calibration;
        repal::Compared found = compared(asked, part, prepared, growing, progress);
        std::ranges::move(found.comparisons, std::back_inserter(scores.comparisons));
        if (found.metric) scores.metrics.push_back(*std::move(found.metric));
        if (!found.is_stopped) continue;
        tell_of_stop(scores, growing, metrics.size() * part.pairs.size(), options);
        throw repal::Stopped();
    }
    for (std::size_t i = 0; i < scores.comparisons.size(); ++i) {
        const repal::Pair& pair = part.pairs[i % part.pairs.size()];
        scores.comparisons[i].read_a = recordings[pair.a].reading;
        scores.comparisons[i].read_b = recordings[pair.b].reading;
    }
    const std::vector<Comparison>& comparisons = scores.comparisons;

    if (!options.report.empty())
        repal::write_file(options.report, repal::html(report_of(scores, recordings, part, options, common,
                                                                config.yaml(), progress.warned()),
                                                      repal::plotting_library()));
    write_or_print(options.out, text_of(comparisons, format_of(options)));
    growing.finish();
    if (!options.by.empty())
        // Beside scores that another program reads they would be no CSV or JSON.
        for (const repal::Table& overview : repal::groups_overview(ask_of(options.by, *sheet, recordings, comparisons)))
            fmt::print(options.out.empty() && format_of(options) != "table" ? stderr : stdout, "\n{}", table(overview));
    return report_failures(comparisons) ? some_failed : done;
}

}  // namespace

void add_compare(CLI::App& app, const CommonOptions& common, Chosen& chosen) {
    auto options = std::make_shared<CompareOptions>();
    auto* sub = app.add_subcommand("compare", "compare files of your own, every pair of them");
    add_recordings(*sub, options->recordings, 1);
    sub->add_option("-m,--metric", options->metrics, "metrics, separated by commas")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->capture_default_str();
    sub->add_option("--format", options->format, "table, csv or json; by default what the name of --out says")
        ->check(CLI::IsMember({"table", "csv", "json"}));
    auto* out = sub->add_option("--out", options->out, "write to this file; scores are in FILE.part as they come");
    sub->add_flag("--resume", options->resumes, "go on with the scores that a stopped command left in FILE.part")
        ->needs(out);
    auto* calibrate =
        sub->add_flag("--calibrate", options->is_calibrated,
                      "beside every number: an interval, the noise floor, and p (from the trials; takes minutes)");
    sub->add_flag("--family-wise", options->calibration.is_family_wise,
                  "adjust p_relate so that one false positive among all pairs is unlikely, instead of their share")
        ->needs(calibrate);
    auto* over_time = sub->add_option("--over-time", options->over_time,
                                      "compare in windows of so many steps, WINDOW or WINDOW:STRIDE, e.g. 5 or 5:1; "
                                      "the value is the mean over the windows");
    sub->add_flag("--across", options->is_across, "compare each window of one system with each one of the other, too")
        ->needs(over_time);
    sub->add_option("--by", options->by, "a column of the sheet: do systems differ by it?");
    sub->add_option("--report", options->report, "write a page with figures to this file, e.g. report.html");
    sub->callback([&common, &chosen, options] { chosen = [&common, options] { return compare(*options, common); }; });
}

}  // namespace command
