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

/// The recordings, and every pair of them.
repal::Part part_of(const std::vector<repal::Recording>& recordings) {
    repal::Part part{.name = "files", .systems = {}, .pairs = {}, .keeps_unsuitable = true};
    for (const repal::Recording& recording : recordings) part.systems.push_back(recording.system);
    for (std::size_t a = 0; a < part.systems.size(); ++a)
        for (std::size_t b = a + 1; b < part.systems.size(); ++b) part.pairs.push_back({a, b, {}, {}});
    return part;
}

/// Chooses what the user has not.
repal::SettledMetric settled(const repal::ChosenMetric& metric, const repal::Part& part, const CommonOptions& common,
                             repal::Progress& progress) {
    if (metric.automatic_options().empty()) return {metric};
    repal::Tuning tuning{.axes = default_axes(metric), .settings = {}};
    try {
        tuning = tune(metric, part.systems, tuning.axes, repal::Stream(0).child("tuning"), common.jobs, progress);
    } catch (const repal::InputError& error) {
        return {metric, error.what()};  // no system suits it
    }
    for (const std::string& warning : tuning.warnings) progress.warn("settings of " + metric.name, warning);
    if (tuning.chosen)
        progress.say(fmt::format("{}: {} for all, chosen from the data of {}; `repal tune` shows how", metric.name,
                                 repal::to_text(tuning.settings[*tuning.chosen].options),
                                 repal::counted(tuning.systems.size(), "system")));
    return repal::settled(metric, tuning, "");
}

/// "dsa with n_delays=10,rank=4", for warnings.
std::string with_settings(const repal::ChosenMetric& metric) {
    return metric.settings().empty() ? metric.name : metric.name + " with " + metric.settings();
}

/// Notes pairs of systems in which nothing is predicted.
void warn_of_noise(std::span<Comparison> comparisons, const repal::ChosenMetric& metric, const repal::Part& part,
                   const CommonOptions& common, repal::Progress& progress) {
    const std::vector<std::optional<double>> gains =
        gains_of(metric, part.systems, repal::Stream(0).child("tuning"), common.jobs);
    std::vector<std::string> named;
    for (std::size_t i = 0; i < gains.size(); ++i) {
        if (!gains[i] || *gains[i] >= repal::least_gain) continue;
        named.push_back(part.systems[i].name);
        for (std::size_t p = 0; p < comparisons.size(); ++p)
            if (part.pairs[p].a == i || part.pairs[p].b == i)
                comparisons[p].score.warnings.push_back(
                    fmt::format("{}: nothing is predicted (gain {:.3f})", part.systems[i].name, *gains[i]));
    }
    constexpr std::size_t shown = 5;
    if (!named.empty())
        progress.warn(with_settings(metric),
                      fmt::format("{} of {} systems are predicted no better than by their mean or the sample before "
                                  "({}{}): what is seen of them may be noise",
                                  named.size(), gains.size(),
                                  fmt::join(std::span(named).first(std::min(shown, named.size())), ", "),
                                  named.size() > shown ? ", ..." : ""));
}

/// Notes pairs whose baselines differ; says so where the choice of settings has not.
void warn_of_baselines(std::span<Comparison> comparisons, const repal::ChosenMetric& metric, bool is_told,
                       const repal::Part& part, const CommonOptions& common, repal::Progress& progress) {
    const std::vector<double> shares = shares_of_mean(metric, part.systems, common.jobs);
    if (shares.empty()) return;
    for (std::size_t p = 0; p < comparisons.size(); ++p) {
        const auto [a, b] = std::pair(shares[part.pairs[p].a], shares[part.pairs[p].b]);
        if (std::abs(a - b) > repal::shares_that_differ)
            comparisons[p].score.warnings.push_back(
                fmt::format("baselines differ: the mean holds {:.0f} % and {:.0f} % of the energy", 100 * a, 100 * b));
    }
    if (std::string warning = warning_of_mean(metric, part.systems, shares); !is_told && !warning.empty())
        progress.warn(with_settings(metric), warning);
}

/// Whether halves of one system are as far apart as halves of two: then a number means nothing.
void warn_of_halves(std::span<Comparison> comparisons, const repal::ChosenMetric& metric, const repal::Part& part,
                    const CommonOptions& common, repal::Progress& progress) {
    constexpr std::size_t least_trials = 4;
    if (metric.compares_samples() || metric.compares_conditions() || part.systems.size() < 2) return;
    for (const repal::NamedSystem& system : part.systems)
        if (system.system->observe({}).n_units() < least_trials) return;
    const repal::Separation found =
        separation_of(metric, part.systems, 1, repal::Stream(0).child("tuning"), common.jobs);
    if (!(found.ratio < repal::least_separation)) return;
    progress.warn(with_settings(metric),
                  fmt::format("halves of one system are as far apart as halves of two ({:.2g}, {:.2g}): these numbers "
                              "tell nothing apart. Either the systems are alike, or other settings are needed; "
                              "--calibrate tells each pair, repal tune tries settings",
                              found.within, found.between));
    for (Comparison& one : comparisons)
        one.score.warnings.emplace_back("halves of one system are as far apart as halves of two");
}

/// Intervals, floors and p of the comparisons of one metric, in the order of Part::pairs.
void add_calibration(std::span<Comparison> comparisons, const repal::ChosenMetric& metric, const repal::Part& part,
                     const repal::CalibrationOptions& options, const CommonOptions& common, GrowingScores& growing,
                     repal::Progress& progress) {
    if (growing.calibration_of(metric.name, comparisons.size()) == nullptr) {
        std::vector<std::optional<double>> angles;
        for (const Comparison& one : comparisons)
            angles.push_back(one.score.status == repal::Status::ok ? std::optional(one.score.angle_rad) : std::nullopt);
        const repal::Stream stream = repal::Stream(0).child("calibration");
        growing.add_calibration(metric.name, calibrate(metric, part, angles, options, stream, common.jobs, progress));
    }
    const auto& found = *growing.calibration_of(metric.name, comparisons.size());
    for (std::size_t i = 0; i < comparisons.size(); ++i) comparisons[i].calibration = found[i];
}

struct Compared {
    std::vector<Comparison> comparisons;       ///< all pairs of the first metric, then of the next
    std::vector<repal::ChosenMetric> metrics;  ///< with what was chosen; without those that have no value
};

/// The scores of one metric among `compared`. Throws Stopped, and then those that are done are among them, too.
void compare_with(const repal::ChosenMetric& given, const repal::Part& files, const CompareOptions& options,
                  const CommonOptions& common, repal::PreparedSystems& prepared, GrowingScores& growing,
                  Compared& compared, repal::Progress& progress) {
    const repal::SeenSystems seen = seen_by(given, files.systems, common.jobs);
    repal::Part part = files;
    part.systems = seen.systems;
    if (const std::string warning = warning_of_components(given, seen.variance_kept); !warning.empty())
        progress.warn(given.name, warning);
    const auto [metric, cause] = settled(seen.metric, part, common, progress);
    std::vector<Eigen::Index> trials;
    for (const repal::NamedSystem& system : files.systems)
        trials.push_back(system.system->observe({}).trajectories().shape().trials);
    const auto add = [&, &used = metric](std::size_t pair, const repal::PairResult& result) {
        const auto [a, b] = std::pair(part.pairs[pair].a, part.pairs[pair].b);
        compared.comparisons.push_back({.metric = used.name,
                                        .a = part.systems[a].name,
                                        .b = part.systems[b].name,
                                        .score = result.score,
                                        .settings = used.settings(),
                                        .trials_a = trials[a],
                                        .trials_b = trials[b],
                                        .read_a = {},
                                        .read_b = {},
                                        .variance_kept_a = seen.variance_kept[a],
                                        .variance_kept_b = seen.variance_kept[b],
                                        .calibration = {},
                                        .values = used.info.values,
                                        .curves = used.info.curves});
    };
    if (!cause.empty()) {
        const repal::Score none = repal::Score::without_value(repal::Status::not_applicable, cause);
        for (std::size_t pair = 0; pair < part.pairs.size(); ++pair) add(pair, {none});
        return;
    }
    const repal::KeptPairs kept = growing.of(metric.name);
    std::vector<repal::PairResult> results;
    try {
        results = compare_all(metric, part, prepared, common.jobs, progress, kept);
    } catch (const repal::Stopped&) {
        for (std::size_t pair = 0; pair < part.pairs.size(); ++pair)
            if (const auto done = kept.find(pair)) add(pair, *done);
        throw;
    }
    for (std::size_t pair = 0; pair < part.pairs.size(); ++pair) add(pair, results[pair]);
    compared.metrics.push_back(given.with(metric.options));
    const repal::ChosenMetric used = repal::at_common_rank(metric, results);
    const auto added = std::span(compared.comparisons).last(part.pairs.size());
    if (options.is_calibrated) add_calibration(added, used, part, options.calibration, common, growing, progress);
    warn_of_noise(added, used, part, common, progress);
    warn_of_baselines(added, used, !given.automatic_options().empty(), part, common, progress);
    warn_of_halves(added, used, part, common, progress);
}

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
void tell_of_stop(const Compared& compared, const GrowingScores& growing, std::size_t all,
                  const CompareOptions& options) {
    if (!growing.file().empty()) {
        print_error("repal: {} of {} scores are in {}; the same command with --resume goes on from there\n",
                    growing.size(), all, growing.file());
        return;
    }
    if (!compared.comparisons.empty()) fmt::print("{}", text_of(compared.comparisons, options.format));
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

repal::Report report_of(Compared compared, const std::vector<repal::Recording>& recordings, const repal::Part& part,
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
    for (std::size_t i = 0; i < systems.size(); ++i) read.push_back({systems[i].name, recordings[i].reading});
    report.sections.front().figures.push_back(
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
    const repal::Part part = part_of(recordings);
    stop_on_signals();
    GrowingScores growing(options.out, key_of(metrics, recordings, options, config.yaml()), options.resumes, progress);
    constexpr std::size_t bytes_of_embeddings = std::size_t{3} << 27;
    repal::PreparedSystems prepared({}, bytes_of_embeddings);
    Compared compared;
    try {
        for (const repal::ChosenMetric& metric : metrics)
            compare_with(metric, part, options, common, prepared, growing, compared, progress);
    } catch (const repal::Stopped&) {
        tell_of_stop(compared, growing, metrics.size() * part.pairs.size(), options);
        throw;
    }
    for (std::size_t i = 0; i < compared.comparisons.size(); ++i) {
        const repal::Pair& pair = part.pairs[i % part.pairs.size()];
        compared.comparisons[i].read_a = recordings[pair.a].reading;
        compared.comparisons[i].read_b = recordings[pair.b].reading;
    }
    const std::vector<Comparison>& comparisons = compared.comparisons;

    if (!options.report.empty())
        repal::write_file(options.report, repal::html(report_of(compared, recordings, part, options, common,
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
