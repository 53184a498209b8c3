module;
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "core/eigen.hpp"
module repal.tuning;

import repal.parallel;

namespace repal {
namespace {

using Eigen::Index;

/// Settings that differ in their rank alone, so that they share one fit.
struct Fit {
    ChosenMetric metric;  ///< with the options of all but the rank
    Index window = 0;     ///< steps of the delays
    std::vector<Index> ranks = {};
    std::vector<std::size_t> settings = {};  ///< indices, one for each rank
};

std::vector<Fit> fits_of(const ChosenMetric& metric, const std::vector<TriedSetting>& settings) {
    std::vector<Fit> fits;
    std::map<std::string, std::size_t> places;
    for (std::size_t i = 0; i < settings.size(); ++i) {
        OptionValues shared = settings[i].options;
        shared.erase("rank");
        const auto [place, is_new] = places.emplace(to_text(shared), fits.size());
        if (is_new) {
            ChosenMetric of_fit = metric.with(shared);
            const Index window = of_fit.metric->least_steps() - 2;
            fits.push_back({.metric = std::move(of_fit), .window = window});
        }
        fits[place->second].ranks.push_back(whole_number(settings[i].options, "rank"));
        fits[place->second].settings.push_back(i);
    }
    return fits;
}

/// A system with the trials of its two folds.
struct Halved {
    std::string name;
    Trajectories x;
    std::vector<bool> is_first;
};

/// The trials that have at least so many steps hold four fifths of all steps, so that a few short pieces, as gaps leave
/// them, decide nothing.
Index usual_steps(const Trajectories& x) {
    std::vector<Index> lengths;
    for (Index k = 0; k < x.shape().trials; ++k) lengths.push_back(x.steps(k));
    std::ranges::sort(lengths, std::ranges::greater());
    Index held = 0;
    for (const Index steps : lengths) {
        held += steps;
        if (5 * held >= 4 * x.rows().rows()) return steps;
    }
    return lengths.back();
}

/// Whether windows of a fit leave enough of the trials: a quarter of a trial, a tenth of a single one.
bool leaves_enough(const Fit& fit, const Trajectories& x) {
    return fit.window * (x.shape().trials == 1 ? 10 : 4) <= usual_steps(x);
}

/// Systems of so few steps choose nothing, since they would leave no delays to the others; unless all are so.
void leave_out_short(Tuning& tuning, const std::vector<Fit>& fits, std::vector<NamedSystem>& systems,
                     std::vector<Observed>& whole, std::vector<Trajectories>& observed) {
    constexpr Index few = 10;
    const Index least = fits.size() == 1 ? fits.front().window + 2 : few;
    // Of one trial, two parts are needed and the delays between them.
    const auto is_short = [&](const Trajectories& x) {
        return usual_steps(x) < (x.shape().trials == 1 ? 2 * std::max(least, few) + least : least);
    };
    if (std::ranges::all_of(observed, is_short) || std::ranges::none_of(observed, is_short)) return;
    std::vector<NamedSystem> some_systems;
    std::vector<Observed> some;
    std::vector<Trajectories> some_observed;
    tuning.systems.clear();
    for (std::size_t i = 0; i < observed.size(); ++i) {
        if (is_short(observed[i])) {
            tuning.warnings.push_back(fmt::format("{}: trials of {} steps are too short to choose by", systems[i].name,
                                                  usual_steps(observed[i])));
            continue;
        }
        tuning.systems.push_back(systems[i].name);
        some_systems.push_back(systems[i]);
        some.push_back(whole[i]);
        some_observed.push_back(observed[i]);
    }
    systems = std::move(some_systems);
    whole = std::move(some);
    observed = std::move(some_observed);
}

/// Throws what the metric has to say of a system that its options do not suit.
void require_use(const Fit& fit, const std::vector<Trajectories>& systems, const std::vector<std::string>& names) {
    for (std::size_t i = 0; i < systems.size(); ++i) {
        if (usual_steps(systems[i]) >= fit.window + 2) continue;
        try {
            fit.metric.metric->prepare(systems[i]);
        } catch (const InvalidTrajectories& invalid) {
            throw invalid.at(names[i]);
        }
    }
}

/// Throws InvalidTrajectories, with the name, if one trial is too short for two parts.
Halved halved_of(const NamedSystem& system, const Observed& observed, Index gap, const Stream& stream) {
    const Trajectories& x = observed.trajectories();
    if (x.shape().trials == 1) {
        constexpr Index least = 10;  // of so few steps little can be said
        try {
            return {system.name, in_two_parts(x, gap, std::max(gap + 1, least)), {true, false}};
        } catch (const InvalidTrajectories& invalid) {
            throw invalid.at(system.name);
        }
    }
    const auto [first, second] = halves_of(static_cast<Index>(observed.n_units()), system.key(), stream);
    std::vector<bool> is_first;
    for (const std::size_t unit : observed.units()) is_first.push_back(first[unit] > 0);
    return {system.name, x, std::move(is_first)};
}

HeldOut mean_of(std::span<const HeldOut> all) {
    HeldOut mean{.gain = 0, .residual = 0, .mase = 0, .free_error = std::vector<double>(horizons.size(), 0)};
    const auto n = static_cast<double>(all.size());
    for (const HeldOut& one : all) {
        mean.gain += one.gain / n;
        mean.residual += one.residual / n;
        mean.mase += one.mase / n;
        for (std::size_t h = 0; h < mean.free_error.size(); ++h)
            mean.free_error[h] +=
                (h < one.free_error.size() ? one.free_error[h] : std::numeric_limits<double>::quiet_NaN()) / n;
    }
    return mean;
}

/// Keeps what predicts at least half as well as the best, and chooses among it. What was predicted begins at step
/// `first_target`.
void choose(Tuning& tuning, Index first_target) {
    double best = -std::numeric_limits<double>::infinity();
    for (const TriedSetting& setting : tuning.settings)
        if (setting.found) best = std::max(best, setting.found->gain);
    if (!std::isfinite(best)) {
        const std::string& first = tuning.settings.front().cause;
        tuning.cause = "the data bear none of the settings that were tried" + (first.empty() ? "" : ": " + first);
        return;
    }
    if (best < least_gain) {
        tuning.cause = fmt::format(
            "no setting predicts held-out samples better than their mean or the sample before (gain {:.3f}): no "
            "dynamics are seen{}",
            best,
            first_target <= 2
                ? ""
                : fmt::format(" from step {} on, the first that the longest delays leave to be told; with "
                              "fewer (n_delays) what trials do before counts, too",
                              first_target));
        return;
    }
    double least = std::numeric_limits<double>::infinity();
    for (TriedSetting& setting : tuning.settings) {
        setting.is_kept = setting.found && setting.found->gain >= best / 2;
        if (setting.is_kept) least = std::min(least, setting.found->residual);
    }
    // Modes of data without noise are found to rounding.
    const double near = std::max(1.05 * least, 1e-6);
    const auto size_of = [&](std::size_t i) {
        const OptionValues& options = tuning.settings[i].options;
        return std::tuple(whole_number(options, "rank"), whole_number(options, "n_delays"), i);
    };
    for (std::size_t i = 0; i < tuning.settings.size(); ++i) {
        const TriedSetting& setting = tuning.settings[i];
        if (!setting.is_kept || setting.found->residual > near) continue;
        if (!tuning.chosen || size_of(i) < size_of(*tuning.chosen)) tuning.chosen = i;
    }
    const TriedSetting& chosen = tuning.settings[*tuning.chosen];
    tuning.reason = fmt::format(
        "{}: it predicts {:.2f} nats for each scalar better than the sample before or the mean (the best of all "
        "{:.2f}, "
        "and half of that is asked), and its modes come back in the other half of the trials to {:.2g} (0: exactly, 1: "
        "noise), as nearly as of any that is kept",
        to_text(chosen.options), chosen.found->gain, best, chosen.found->residual);
}

bool is_beside(const Tuning& tuning, std::size_t a, std::size_t b) {
    std::size_t steps = 0;
    for (const OptionAxis& axis : tuning.axes) {
        const auto place = [&](std::size_t i) {
            return std::ranges::find(axis.values, tuning.settings[i].options.at(axis.option)) - axis.values.begin();
        };
        steps += static_cast<std::size_t>(std::abs(place(a) - place(b)));
    }
    return steps == 1;
}

/// Mean rank correlation of the angles of the choice with those of the settings beside it; none of fewer systems than
/// reliability needs.
std::optional<double> stability_of(const Tuning& tuning) {
    const std::vector<double>& own = tuning.settings[*tuning.chosen].separation->of_pairs;
    constexpr std::size_t n = least_systems_for_reliability;
    if (own.size() < n * (n - 1) / 2) return {};
    std::vector<double> correlations;
    for (std::size_t i = 0; i < tuning.settings.size(); ++i) {
        const auto& beside = tuning.settings[i].separation;
        if (i == *tuning.chosen || !beside || beside->of_pairs.size() != own.size()) continue;
        std::vector<double> x;
        std::vector<double> y;
        for (std::size_t p = 0; p < own.size(); ++p) {
            if (!std::isfinite(own[p]) || !std::isfinite(beside->of_pairs[p])) continue;
            x.push_back(own[p]);
            y.push_back(beside->of_pairs[p]);
        }
        if (const double found = rank_correlation(x, y); std::isfinite(found)) correlations.push_back(found);
    }
    if (correlations.empty()) return {};
    return mean(correlations);
}

std::string warning_of_few(const std::vector<Halved>& systems) {
    constexpr Index few = 8;
    for (const Halved& system : systems)
        if (const Index trials = system.x.shape().trials; trials > 2 && trials < few)
            return fmt::format("{}: of {} trials, the choice is not to be relied on", system.name, trials);
    return {};
}

/// What of a channel that holds nearly all of the variance the user should know.
std::string warning_of_units(const std::vector<Halved>& systems) {
    for (const Halved& system : systems) {
        const auto& x = system.x.rows();
        const double scale = scale_into_range(x.cwiseAbs().maxCoeff());
        const RowMatrix rows = (x * scale).rowwise() - (x * scale).colwise().mean().eval();
        Index largest = 0;
        const Eigen::RowVectorXd variances = rows.colwise().squaredNorm();
        constexpr double nearly_all = 0.9;
        constexpr Index least_channels = 4;
        if (x.cols() >= least_channels && variances.maxCoeff(&largest) > nearly_all * variances.sum())
            return fmt::format(
                "{}: channel {} of {} holds {:.0f} % of the variance, so that its units decide; if they should not, "
                "divide each channel by its standard deviation",
                system.name, largest + 1, x.cols(), 100 * variances[largest] / variances.sum());
    }
    return {};
}

}  // namespace

std::int64_t whole_number(const OptionValues& options, const std::string& name) {
    const auto found = options.find(name);
    const auto* number = found == options.end() ? nullptr : std::get_if<std::int64_t>(&found->second);
    return number == nullptr ? 0 : *number;
}

std::string to_text(const OptionValues& options) {
    std::string text;
    for (const auto& [name, value] : options) text += (text.empty() ? "" : " ") + name + "=" + to_string(value);
    return text;
}

std::vector<OptionValues> combinations_of(const std::vector<OptionAxis>& axes) {
    std::vector<OptionValues> all = {{}};
    for (const OptionAxis& axis : axes) {
        std::vector<OptionValues> longer;
        for (const OptionValues& some : all)
            for (const OptionValue& value : axis.values) {
                longer.push_back(some);
                longer.back()[axis.option] = value;
            }
        all = std::move(longer);
    }
    return all;
}

std::string components_to_try(const ChosenMetric& metric) {
    return fmt::format(
        "the leading components, e.g. --set pca.{}.components=5 (of counts also coarser bins, not smoothed)",
        metric.name);
}

SettledMetric settled(const ChosenMetric& metric, const Tuning& tuning, const std::string& path) {
    const std::vector<std::string> missing = metric.automatic_options();
    if (missing.empty()) return {metric};
    if (tuning.chosen) return {metric.with(tuning.settings[*tuning.chosen].options)};
    std::vector<std::string> wanted;
    for (const std::string& option : missing)
        wanted.push_back(fmt::format("--set {}{}.{}=N", path, metric.name, option));
    std::string ways;
    for (const OptionInfo& option : metric.info.options)
        if (option.is_automatic && std::ranges::find(missing, option.name) == missing.end())
            ways += fmt::format("leave out {}{}.{}, or ", path, metric.name, option.name);
    if (!metric.pca && !tuning.has_too_few_systems)
        ways += fmt::format("try {}, or ", path.empty() ? components_to_try(metric)
                                                        : fmt::format("the leading components, e.g. pca: {{{}: "
                                                                      "{{components: 5}}}} of the study",
                                                                      metric.name));
    return {metric, fmt::format("{}; {}set by hand what is chosen from the data: {}", tuning.cause, ways,
                                fmt::join(wanted, " "))};
}

std::vector<OptionAxis> default_axes(const ChosenMetric& metric) {
    const std::map<std::string, std::vector<std::int64_t>> tried = {{"n_delays", {1, 2, 4, 10, 20}},
                                                                    {"rank", {1, 2, 3, 4, 5, 6, 8, 10, 14, 20}}};
    std::vector<OptionAxis> axes;
    for (const OptionInfo& option : metric.info.options) {
        if (!option.is_automatic) continue;
        const auto values = tried.find(option.name);
        OptionAxis axis{.option = option.name, .values = {}};
        const auto is_allowed = [&](std::int64_t value) {
            return static_cast<double>(value) >= option.minimum && static_cast<double>(value) <= option.maximum;
        };
        if (const auto given = metric.options.find(option.name); given != metric.options.end())
            axis.values.push_back(given->second);
        else if (values == tried.end())
            throw InputError("", fmt::format("{} of '{}' is not given, and there is no rule to choose it", option.name,
                                             metric.name));
        else
            std::ranges::copy_if(values->second, std::back_inserter(axis.values), is_allowed);
        axes.push_back(std::move(axis));
    }
    return axes;
}

Tuning tune(const ChosenMetric& metric, const std::vector<NamedSystem>& systems, std::vector<OptionAxis> axes,
            const Stream& stream, int jobs, Progress& progress) {
    Tuning tuning{.axes = std::move(axes)};
    for (OptionValues& options : combinations_of(tuning.axes))
        tuning.settings.push_back({.options = std::move(options)});
    if (metric.compares_conditions())
        throw InputError("", metric.name + " compares conditions, and halves of their repeats are no systems",
                         "set its options by hand");
    if (metric.compares_samples()) {
        choose_by_halves(tuning, metric, systems, stream, jobs, progress);
        return tuning;
    }
    std::vector<Fit> fits = fits_of(metric, tuning.settings);

    std::vector<NamedSystem> some;
    std::vector<Observed> whole;
    std::vector<Trajectories> observed;
    std::vector<std::optional<double>> variance_kept;
    for (const NamedSystem& system : some_of(systems, stream.child("systems"))) {
        const Observed all = system.system->observe({});
        const auto reduced = metric.reduced(all.trajectories());
        whole.push_back(reduced ? all.with(reduced->x) : all);
        observed.push_back(whole.back().trajectories());
        if (reduced) variance_kept.emplace_back(reduced->variance_kept);
        tuning.systems.push_back(system.name);
        some.push_back(system);
    }
    if (std::string warning = warning_of_components(metric, variance_kept); !warning.empty())
        tuning.warnings.push_back(std::move(warning));
    if (std::string warning = warning_of_mean(metric, systems, shares_of_mean(metric, systems, jobs)); !warning.empty())
        tuning.warnings.push_back(std::move(warning));
    leave_out_short(tuning, fits, some, whole, observed);
    // An axis of one value is what the user wants; of several, those that fit.
    for (Fit& fit : fits) {
        const bool is_wanted = fits.size() == 1;
        const bool fits_all =
            std::ranges::all_of(observed, [&](const Trajectories& x) { return leaves_enough(fit, x); });
        if (is_wanted) require_use(fit, observed, tuning.systems);
        if (is_wanted || fits_all) continue;
        for (const std::size_t i : fit.settings)
            tuning.settings[i].cause = "its delays are longer than a quarter of most trials";
        fit.settings.clear();
    }
    std::erase_if(fits, [](const Fit& fit) { return fit.settings.empty(); });
    if (fits.empty()) {
        tuning.cause = "no delays fit the trials";
        return tuning;
    }
    Index window = 0;
    for (const Fit& fit : fits) window = std::max(window, fit.window);
    Index shortest = std::numeric_limits<Index>::max();
    for (const Trajectories& x : observed)
        shortest = std::min(shortest, x.shape().trials == 1 ? (usual_steps(x) - window) / 2 : usual_steps(x));
    Index farthest = 1;
    for (const Index h : horizons)
        if (window + h <= shortest / 2) farthest = h;
    // The first that all settings tell: what a trial does before is not seen.
    const Index first_target = window + 1;

    std::vector<Halved> halved;
    for (std::size_t i = 0; i < observed.size(); ++i)
        halved.push_back(halved_of(some[i], whole[i], window + farthest, stream.child("folds")));
    if (std::string warning = warning_of_few(halved); !warning.empty()) tuning.warnings.push_back(std::move(warning));
    if (std::string warning =
            metric.sees_components || !variance_kept.empty() ? std::string() : warning_of_units(halved);
        !warning.empty())
        tuning.warnings.push_back(std::move(warning));

    // Results by (fit, system, fold), each for all ranks of the fit.
    constexpr std::size_t folds = 2;
    const std::size_t n = halved.size() * folds;
    std::vector<std::vector<std::optional<HeldOut>>> results(fits.size() * n);
    std::vector<std::string> causes(results.size());  // of what failed
    progress.begin(metric.name + ": held-out prediction", results.size());
    for_each_index(results.size(), jobs, [&](std::size_t i) {
        progress.stop_if_requested();
        const Fit& fit = fits[i / n];
        const Halved& system = halved[i % n / folds];
        std::vector<bool> is_training = system.is_first;
        if (i % folds == 1) is_training.flip();
        try {
            results[i] = fit.metric.metric->held_out(system.x, is_training, fit.ranks, first_target);
        } catch (...) {  // whatever a plugin throws
            causes[i] = fmt::format("{}: {}", system.name, text_of_exception());
        }
        progress.advance();
    });
    progress.end();
    const auto is_empty = [](const auto& one) { return one.empty(); };
    if (std::ranges::all_of(results, is_empty) && std::ranges::all_of(causes, is_empty)) {
        choose_by_halves(tuning, metric, systems, stream, jobs, progress);
        return tuning;
    }
    // One that bears no setting, e.g. a network that is silent, would leave none for the others, and one in which
    // nothing is predicted, e.g. noise, would choose for them.
    const auto best_gain_of = [&](std::size_t system) -> std::optional<double> {
        std::optional<double> best;
        for (std::size_t f = 0; f < fits.size(); ++f)
            for (std::size_t r = 0; r < fits[f].ranks.size(); ++r) {
                const auto of_fold = [&](std::size_t fold) -> const std::optional<HeldOut>* {
                    const auto& of_ranks = results[f * n + folds * system + fold];
                    return r < of_ranks.size() && of_ranks[r] ? &of_ranks[r] : nullptr;
                };
                if (of_fold(0) == nullptr || of_fold(1) == nullptr) continue;
                const double gain = ((*of_fold(0))->gain + (*of_fold(1))->gain) / 2;
                best = std::max(best.value_or(gain), gain);
            }
        return best;
    };
    std::vector<bool> chooses(halved.size());
    for (std::size_t s = 0; s < halved.size(); ++s) chooses[s] = best_gain_of(s).value_or(0) >= least_gain;
    const bool has_some = std::ranges::find(chooses, true) != chooses.end();
    if (has_some) tuning.systems.clear();
    for (std::size_t s = 0; s < halved.size() && has_some; ++s)
        if (chooses[s]) tuning.systems.push_back(halved[s].name);
    for (std::size_t s = 0; s < halved.size() && has_some; ++s) {
        if (chooses[s]) continue;
        const auto best = best_gain_of(s);
        tuning.warnings.push_back(
            best ? fmt::format("{}: no setting predicts it better than its mean or the sample before (gain {:.3f}), so "
                               "that it does not choose: what is seen of it may be noise",
                               halved[s].name, *best)
                 : fmt::format("{}: its data bear none of the settings, so that it does not choose", halved[s].name));
    }
    for (std::size_t f = 0; f < fits.size(); ++f)
        for (std::size_t r = 0; r < fits[f].ranks.size(); ++r) {
            TriedSetting& setting = tuning.settings[fits[f].settings[r]];
            std::vector<HeldOut> all;
            for (std::size_t i = 0; i < n && setting.cause.empty(); ++i) {
                if (has_some && !chooses[i / folds]) continue;
                const auto& of_ranks = results[f * n + i];
                if (!causes[f * n + i].empty())
                    setting.cause = causes[f * n + i];
                else if (of_ranks.empty())
                    setting.cause = "the metric predicts nothing";
                else if (!of_ranks[r])
                    setting.cause = fmt::format("half of {} does not determine so much", halved[i / folds].name);
                else
                    all.push_back(*of_ranks[r]);
            }
            if (setting.cause.empty()) setting.found = mean_of(all);
        }
    choose(tuning, first_target);
    return tuning;
}

std::vector<double> shares_of_mean(const ChosenMetric& metric, const std::vector<NamedSystem>& systems, int jobs) {
    const auto centre = metric.options.find("centre");
    if (centre == metric.options.end() || centre->second != OptionValue(std::string("none"))) return {};
    std::vector<double> shares(systems.size());
    for_each_index(shares.size(), jobs, [&](std::size_t i) {
        const Observed observed = systems[i].system->observe({});
        RowMatrix rows = observed.trajectories().rows();
        rows *= scale_into_range(rows.cwiseAbs().maxCoeff());
        const double all = rows.squaredNorm();
        if (all > 0) shares[i] = rows.colwise().mean().squaredNorm() * static_cast<double>(rows.rows()) / all;
    });
    return shares;
}

std::string warning_of_mean(const ChosenMetric& metric, const std::vector<NamedSystem>& systems,
                            const std::vector<double>& shares) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < shares.size(); ++i)
        if (shares[i] > 0.5) names.push_back(systems[i].name);
    if (const auto [least, most] = std::ranges::minmax_element(shares);
        names.empty() && !shares.empty() && *most - *least > shares_that_differ)
        return fmt::format(
            "the mean of the samples holds {:.0f} % of the energy of {}, and {:.0f} % of that of {}: baselines are "
            "compared with the dynamics; --set {}.centre=mean (in config.yaml centre: mean) takes them off",
            100 * *most, systems[static_cast<std::size_t>(most - shares.begin())].name, 100 * *least,
            systems[static_cast<std::size_t>(least - shares.begin())].name, metric.name);
    if (names.empty()) return {};
    return fmt::format(
        "{}{}: the mean of the samples holds more than half of their energy, and takes a rank for itself; "
        "--set {}.centre=mean (in config.yaml centre: mean) takes it off",
        names.front(), names.size() == 1 ? "" : fmt::format(" and {} more of {}", names.size() - 1, systems.size()),
        metric.name);
}

std::vector<std::optional<double>> gains_of(const ChosenMetric& metric, const std::vector<NamedSystem>& systems,
                                            const Stream& stream, int jobs) {
    std::vector<std::optional<double>> gains(systems.size());
    const std::vector<Index> rank = {whole_number(metric.options, "rank")};
    if (rank.front() < 1 || metric.compares_samples()) return gains;
    const Index first_target = metric.metric->least_steps() - 1;
    for_each_index(systems.size(), jobs, [&](std::size_t i) {
        try {
            const Observed all = systems[i].system->observe({});
            const auto reduced = metric.reduced(all.trajectories());
            Halved halved =
                halved_of(systems[i], reduced ? all.with(reduced->x) : all, first_target, stream.child("folds"));
            double sum = 0;
            for (int fold = 0; fold < 2; ++fold) {
                const auto found = metric.metric->held_out(halved.x, halved.is_first, rank, first_target);
                if (found.empty() || !found.front()) return;
                sum += found.front()->gain;
                halved.is_first.flip();
            }
            gains[i] = sum / 2;
        } catch (...) {  // whatever a plugin throws; pairs say what is wrong with a system
            gains[i].reset();
        }
    });
    return gains;
}

void add_separations(Tuning& tuning, const ChosenMetric& metric, const std::vector<NamedSystem>& systems,
                     Separated which, std::size_t splits, const Stream& stream, int jobs) {
    if (tuning.is_by_halves) return;
    const auto is_wanted = [&](std::size_t i) {
        if (which == Separated::all) return true;
        if (!tuning.chosen) return false;
        return i == *tuning.chosen || (which == Separated::with_neighbours && tuning.settings[i].found.has_value() &&
                                       is_beside(tuning, i, *tuning.chosen));
    };
    for (std::size_t i = 0; i < tuning.settings.size(); ++i)
        if (is_wanted(i))
            tuning.settings[i].separation =
                separation_of(metric.with(tuning.settings[i].options), systems, splits, stream, jobs);
    if (which == Separated::all || !tuning.chosen) return;
    TriedSetting& chosen = tuning.settings[*tuning.chosen];
    chosen.reliability = reliability_of(metric.with(chosen.options), systems, splits, stream, jobs);
    chosen.stability = stability_of(tuning);
}

}  // namespace repal
