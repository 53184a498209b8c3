module;
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>
module repal.compared;

import repal.progress;
import repal.random;

namespace repal {

KeptScores::~KeptScores() = default;

KeptPairs KeptScores::of(const std::string& /*metric*/) {
    return {};
}

const std::vector<PairCalibration>* KeptScores::calibration_of(const std::string& /*metric*/,
                                                               std::size_t /*pairs*/) const {
    return nullptr;
}

void KeptScores::add_calibration(const std::string& /*metric*/, const std::vector<PairCalibration>& /*calibration*/) {}

Part all_pairs(std::vector<NamedSystem> systems) {
    Part part{.name = "files", .systems = std::move(systems), .pairs = {}, .keeps_unsuitable = true};
    for (std::size_t a = 0; a < part.systems.size(); ++a)
        for (std::size_t b = a + 1; b < part.systems.size(); ++b) part.pairs.push_back({a, b, {}, {}});
    return part;
}

namespace {

/// Chooses what the user has not.
SettledMetric settle(const ChosenMetric& metric, const Part& part, int jobs, Progress& progress) {
    if (metric.automatic_options().empty()) return {metric};
    Tuning tuning{.axes = default_axes(metric), .settings = {}};
    try {
        tuning = tune(metric, part.systems, tuning.axes, Stream(0).child("tuning"), jobs, progress);
    } catch (const InputError& error) {
        return {metric, error.what()};  // no system suits it
    }
    for (const std::string& warning : tuning.warnings) progress.warn("settings of " + metric.name, warning);
    if (tuning.chosen)
        progress.say(fmt::format("{}: {} for all, chosen from the data of {}; `repal tune` shows how", metric.name,
                                 to_text(tuning.settings[*tuning.chosen].options),
                                 counted(tuning.systems.size(), "system")));
    return settled(metric, tuning, "");
}

/// "dsa with n_delays=10,rank=4", for warnings.
std::string with_settings(const ChosenMetric& metric) {
    return metric.settings().empty() ? metric.name : metric.name + " with " + metric.settings();
}

/// Notes pairs of systems in which nothing is predicted.
void warn_of_noise(std::span<Comparison> comparisons, const ChosenMetric& metric, const Part& part, int jobs,
                   Progress& progress) {
    const std::vector<std::optional<double>> gains = gains_of(metric, part.systems, Stream(0).child("tuning"), jobs);
    std::vector<std::string> named;
    for (std::size_t i = 0; i < gains.size(); ++i) {
        if (!gains[i] || *gains[i] >= least_gain) continue;
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
void warn_of_baselines(std::span<Comparison> comparisons, const ChosenMetric& metric, bool is_told, const Part& part,
                       int jobs, Progress& progress) {
    const std::vector<double> shares = shares_of_mean(metric, part.systems, jobs);
    if (shares.empty()) return;
    for (std::size_t p = 0; p < comparisons.size(); ++p) {
        const auto [a, b] = std::pair(shares[part.pairs[p].a], shares[part.pairs[p].b]);
        if (std::abs(a - b) > shares_that_differ)
            comparisons[p].score.warnings.push_back(
                fmt::format("baselines differ: the mean holds {:.0f} % and {:.0f} % of the energy", 100 * a, 100 * b));
    }
    if (const std::string warning = warning_of_mean(metric, part.systems, shares); !is_told && !warning.empty())
        progress.warn(with_settings(metric), warning);
}

/// Whether halves of one system are as far apart as halves of two: then a number means nothing.
void warn_of_halves(std::span<Comparison> comparisons, const ChosenMetric& metric, const Part& part, int jobs,
                    Progress& progress) {
    constexpr std::size_t least_trials = 4;
    if (metric.compares_samples() || metric.compares_conditions() || part.systems.size() < 2) return;
    for (const NamedSystem& system : part.systems)
        if (system.system->observe({}).n_units() < least_trials) return;
    const Separation found = separation_of(metric, part.systems, 1, Stream(0).child("tuning"), jobs);
    if (!(found.ratio < least_separation)) return;
    progress.warn(with_settings(metric),
                  fmt::format("halves of one system are as far apart as halves of two ({:.2g}, {:.2g}): these numbers "
                              "tell nothing apart. Either the systems are alike, or other settings are needed; "
                              "--calibrate tells each pair, repal tune tries settings",
                              found.within, found.between));
    for (Comparison& one : comparisons)
        one.score.warnings.emplace_back("halves of one system are as far apart as halves of two");
}

/// Intervals, floors and p of the comparisons of one metric, in the order of Part::pairs.
void add_calibration(std::span<Comparison> comparisons, const ChosenMetric& metric, const Part& part,
                     const CalibrationOptions& options, int jobs, KeptScores& kept, Progress& progress) {
    const auto add = [&](const std::vector<PairCalibration>& found) {
        for (std::size_t i = 0; i < comparisons.size(); ++i) comparisons[i].calibration = found[i];
    };
    if (const auto* found = kept.calibration_of(metric.name, comparisons.size())) return add(*found);
    std::vector<std::optional<double>> angles;
    for (const Comparison& one : comparisons)
        angles.push_back(one.score.status == Status::ok ? std::optional(one.score.angle_rad) : std::nullopt);
    const auto found = calibrate(metric, part, angles, options, Stream(0).child("calibration"), jobs, progress);
    kept.add_calibration(metric.name, found);
    add(found);
}

/// How many each system has: looked at once, since what is observed may be made anew.
std::vector<Eigen::Index> trials_of(const std::vector<NamedSystem>& systems) {
    std::vector<Eigen::Index> trials;
    for (const NamedSystem& system : systems)
        trials.push_back(system.system->observe({}).trajectories().shape().trials);
    return trials;
}

/// The comparison of a pair of which there is a result.
Comparison comparison_of(const ChosenMetric& metric, const SeenSystems& seen, const Part& part,
                         const std::vector<Eigen::Index>& trials, std::size_t pair, const Score& score) {
    const auto [a, b] = std::pair(part.pairs[pair].a, part.pairs[pair].b);
    return {.metric = metric.name,
            .a = part.systems[a].name,
            .b = part.systems[b].name,
            .score = score,
            .settings = metric.settings(),
            .trials_a = trials[a],
            .trials_b = trials[b],
            .read_a = {},
            .read_b = {},
            .variance_kept_a = seen.variance_kept[a],
            .variance_kept_b = seen.variance_kept[b],
            .calibration = {},
            .values = metric.info.values,
            .curves = metric.info.curves};
}

void compare_into(Compared& compared, const Comparing& asked, const Part& systems, PreparedSystems& prepared,
                  KeptScores& kept, Progress& progress) {
    const auto& [given, calibration, jobs] = asked;
    const SeenSystems seen = seen_by(given, systems.systems, jobs);
    Part part = systems;
    part.systems = seen.systems;
    if (const std::string warning = warning_of_components(given, seen.variance_kept); !warning.empty())
        progress.warn(given.name, warning);
    const auto [metric, cause] = settle(seen.metric, part, jobs, progress);
    const std::vector<Eigen::Index> trials = trials_of(systems.systems);
    const auto add = [&, &used = metric](std::size_t pair, const Score& score) {
        compared.comparisons.push_back(comparison_of(used, seen, systems, trials, pair, score));
    };
    if (!cause.empty()) {
        const Score none = Score::without_value(Status::not_applicable, cause);
        for (std::size_t pair = 0; pair < part.pairs.size(); ++pair) add(pair, none);
        return;
    }
    const KeptPairs pairs = kept.of(metric.name);
    std::vector<PairResult> results;
    try {
        results = compare_all(metric, part, prepared, jobs, progress, pairs);
    } catch (const Stopped&) {
        for (std::size_t pair = 0; pairs.find && pair < part.pairs.size(); ++pair)
            if (const auto done = pairs.find(pair)) add(pair, done->score);
        throw;
    }
    for (std::size_t pair = 0; pair < part.pairs.size(); ++pair) add(pair, results[pair].score);
    compared.metric = given.with(metric.options);
    const ChosenMetric used = at_common_rank(metric, results);
    if (calibration) add_calibration(compared.comparisons, used, part, *calibration, jobs, kept, progress);
    warn_of_noise(compared.comparisons, used, part, jobs, progress);
    warn_of_baselines(compared.comparisons, used, !given.automatic_options().empty(), part, jobs, progress);
    warn_of_halves(compared.comparisons, used, part, jobs, progress);
}

}  // namespace

Compared compared(const Comparing& asked, const Part& systems, PreparedSystems& prepared, KeptScores& kept,
                  Progress& progress) {
    Compared found;
    try {
        compare_into(found, asked, systems, prepared, kept, progress);
    } catch (const Stopped&) {
        found.is_stopped = true;
    }
    return found;
}

std::vector<OptionAxis> with_default_axes(std::vector<OptionAxis> axes, const ChosenMetric& metric) {
    for (OptionAxis& axis : default_axes(metric))
        if (std::ranges::find(axes, axis.option, &OptionAxis::option) == axes.end()) axes.push_back(std::move(axis));
    return axes;
}

Tuned tuned(const ChosenMetric& metric, std::vector<OptionAxis> axes, const std::vector<NamedSystem>& systems, int jobs,
            Progress& progress) {
    SeenSystems seen = seen_by(metric, systems, jobs);
    const Stream stream = Stream(0).child("tuning");
    Tuning tuning = tune(seen.metric, seen.systems, std::move(axes), stream, jobs, progress);
    if (std::string warning = warning_of_components(seen.metric, seen.variance_kept); !warning.empty())
        tuning.warnings.push_back(std::move(warning));
    constexpr std::size_t splits = 5;
    add_separations(tuning, seen.metric, seen.systems, Separated::with_neighbours, splits, stream, jobs);
    std::vector<SystemDiagnostics> diagnostics;
    if (tuning.chosen && !tuning.is_by_halves)
        diagnostics =
            diagnostics_of(seen.metric.with(tuning.settings[*tuning.chosen].options), seen.systems, stream, jobs);
    return {std::move(seen.metric), std::move(seen.systems), std::move(tuning), std::move(diagnostics)};
}

}  // namespace repal
