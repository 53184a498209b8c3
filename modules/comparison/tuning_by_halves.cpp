module;
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.tuning;

namespace repal {
namespace {

/// The systems with half of their trials, and with the other half.
using Parted = std::pair<std::vector<NamedSystem>, std::vector<NamedSystem>>;

NamedSystem with_units(const NamedSystem& system, const Observed& observed, const TrialWeights& weights,
                       const std::string& part) {
    return {system.name, given(system.system->identity() + " " + part, observed.of_units(weights)), system.content};
}

/// Largest of what both kinds of metrics are chosen by: their angles must tell systems apart, or come back.
struct Criterion {
    bool is_reliability = false;

    std::optional<double> of(TriedSetting& setting) const {
        if (is_reliability) return setting.reliability;
        if (!setting.separation || !std::isfinite(setting.separation->ratio)) return {};
        return setting.separation->ratio;
    }
};

}  // namespace

void choose_by_halves(Tuning& tuning, const ChosenMetric& metric, const std::vector<NamedSystem>& systems,
                      const Stream& stream, int jobs, Progress& progress) {
    constexpr Eigen::Index least_trials = 4;  // two for each half, of which halves are compared
    constexpr std::size_t splits = 5;
    tuning.is_by_halves = true;
    tuning.systems.clear();
    const Criterion criterion{.is_reliability = metric.compares_samples()};
    Parted parted;
    for (const NamedSystem& system : some_of(systems, stream.child("systems"))) {
        const Observed observed = system.system->observe({});
        const auto units = static_cast<Eigen::Index>(observed.n_units());
        if (units < least_trials) {
            tuning.cause = fmt::format(
                "{} has {} trials; {} predicts nothing, and is chosen by halves of half of the trials, so that {} are "
                "needed",
                system.name, units, metric.name, least_trials);
            return;
        }
        tuning.systems.push_back(system.name);
        const auto [choosing, confirming] =
            halves_of(units, criterion.is_reliability ? "all systems" : system.key(), stream.child("choosing"));
        parted.first.push_back(with_units(system, observed, choosing, "choosing"));
        parted.second.push_back(with_units(system, observed, confirming, "confirming"));
    }
    const std::size_t least_systems = criterion.is_reliability ? least_systems_for_reliability : 2;
    if (tuning.systems.size() < least_systems) {
        tuning.has_too_few_systems = true;
        tuning.cause =
            fmt::format("{} predicts nothing, and is chosen by {}, which needs {} systems", metric.name,
                        criterion.is_reliability ? "how well distances of two halves of the trials agree (reliability)"
                                                 : "how far halves of two systems are apart beside halves of one",
                        least_systems);
        return;
    }
    const auto look_at = [&](TriedSetting& setting, const std::vector<NamedSystem>& part) {
        const ChosenMetric tried = metric.with(setting.options);
        if (criterion.is_reliability)
            setting.reliability = reliability_of(tried, part, splits, stream, jobs);
        else
            setting.separation = separation_of(tried, part, splits, stream, jobs);
        return criterion.of(setting);
    };
    std::optional<double> best;
    progress.begin(metric.name + ": halves", tuning.settings.size());
    for (TriedSetting& setting : tuning.settings) {
        progress.stop_if_requested();
        if (const auto found = look_at(setting, parted.first))
            best = std::max(best.value_or(*found), *found);
        else
            setting.cause = "halves of the trials have no values to compare";
        progress.advance();
    }
    progress.end();
    if (!best || *best <= 0) {
        tuning.cause =
            best ? fmt::format("halves of the trials do not agree with any setting (reliability {:.2f})", *best)
                 : "halves of the trials have no values to compare with any setting";
        return;
    }
    const auto size_of = [&](std::size_t i) {
        const OptionValues& options = tuning.settings[i].options;
        return std::tuple(whole_number(options, "rank"), whole_number(options, "n_delays"), i);
    };
    constexpr double near = 0.95;
    for (std::size_t i = 0; i < tuning.settings.size(); ++i) {
        const auto found = criterion.of(tuning.settings[i]);
        tuning.settings[i].is_kept = found && *found >= near * *best;
        if (tuning.settings[i].is_kept && (!tuning.chosen || size_of(i) < size_of(*tuning.chosen))) tuning.chosen = i;
    }
    TriedSetting& chosen = tuning.settings[*tuning.chosen];
    TriedSetting other{.options = chosen.options};
    tuning.confirmed = look_at(other, parted.second);
    tuning.reason =
        criterion.is_reliability
            ? fmt::format("{}: distances of two halves of the trials correlate by {:.2f} (the best of all {:.2f})",
                          to_text(chosen.options), *chosen.reliability, *best)
            : fmt::format(
                  "{}: halves of two systems are {:.2f} times as far apart as halves of one (the best of all "
                  "{:.2f})",
                  to_text(chosen.options), chosen.separation->ratio, *best);
}

}  // namespace repal
