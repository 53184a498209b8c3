module;
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>
module repal.attractor_experiments;

import repal.tuning;

namespace repal {
namespace {

/// Some trials of a system: from `first` up to but without `end`.
class SomeTrials final : public System {
 public:
    SomeTrials(std::shared_ptr<const System> all, Eigen::Index first, Eigen::Index end)
        : all_(std::move(all)), first_(first), end_(end) {}

    std::string identity() const override { return fmt::format("{} trials=[{},{})", all_->identity(), first_, end_); }
    Observed observe(const std::filesystem::path& results) const override {
        std::vector<Eigen::Index> trials(static_cast<std::size_t>(end_ - first_));
        std::iota(trials.begin(), trials.end(), first_);
        return {all_->observe(results).trajectories().of_trials(trials)};
    }

 private:
    std::shared_ptr<const System> all_;
    Eigen::Index first_;
    Eigen::Index end_;
};

/// The value of an option that a configuration writes as one text.
OptionValue value_of(const Config& text, const OptionInfo& option) {
    const std::vector<std::string> one = {fmt::format("grid.{}={}", option.name, text.text())};
    return Config::from_overrides(one).at("grid").option(option);
}

std::vector<OptionAxis> read_grid(const Config& grid, const ChosenMetric& metric) {
    std::vector<std::string> names;
    for (const OptionInfo& option : metric.info.options) names.push_back(option.name);
    grid.require_keys(names);
    std::vector<OptionAxis> axes;
    for (const auto& [name, values] : grid.items()) {
        const OptionInfo& option = *std::ranges::find(metric.info.options, name, &OptionInfo::name);
        OptionAxis axis{.option = name, .values = {}};
        for (const Config& value : values.is_text() ? std::vector<Config>{values} : values.elements(1))
            axis.values.push_back(value_of(value, option));
        axes.push_back(std::move(axis));
    }
    return axes;
}

/// "dsa-33-6-20": the metric with one setting, whose name has the values in the order of the axes.
ChosenMetric named(const ChosenMetric& metric, const OptionValues& options, const std::vector<OptionAxis>& axes) {
    ChosenMetric made = metric.with(options);
    for (const OptionAxis& axis : axes) made.name += "-" + to_string(made.options.at(axis.option));
    return made;
}

}  // namespace

Experiment search_experiment(const Config& config, const Simulations& simulations) {
    config.require_keys({"metric", "basis", "length", "grid", "beside"});
    const Compositions made(config, simulations);
    std::vector<std::string> names;
    for (const ChosenMetric& metric : simulations.metrics) names.push_back(metric.name);
    const std::string name = config.at("metric").text(names);
    ChosenMetric metric = *std::ranges::find(simulations.metrics, name, &ChosenMetric::name);
    if (metric.compares_samples())
        throw config.at("metric").error(fmt::format("{} compares sample by sample, so that half of a system has no "
                                                    "distance to its other half",
                                                    name),
                                        "name a metric of dynamics");
    // Settings that the data bear in part are compared with each other at what all systems bear.
    if (const auto option = std::ranges::find(metric.info.options, "common_rank", &OptionInfo::name);
        option != metric.info.options.end())
        metric = metric.with({{"common_rank", true}});
    const std::vector<OptionAxis> axes = read_grid(config.at("grid"), metric);

    constexpr std::int64_t least_trials = 8;
    const auto trials = static_cast<Eigen::Index>(simulations.sampling.trials);
    if (trials < least_trials)
        throw config.error(
            fmt::format("{} trials are too few: half of them choose, and halves of the others are compared", trials),
            fmt::format("simulation.trials: {} or more", least_trials));
    Part part{.name = "search"};
    SystemSet chooses{.name = "search", .systems = {}};
    for (std::size_t i = 0; i < made.names.size(); ++i) {
        const auto all = simulated(made.recipes[i], simulations.sampling);
        chooses.systems.push_back({made.names[i], std::make_shared<SomeTrials>(all, 0, trials / 2)});
        part.systems.push_back({made.names[i], std::make_shared<SomeTrials>(all, trials / 2, trials)});
    }
    const std::size_t n = made.names.size();
    for (std::size_t a = 0; a < n; ++a)
        for (std::size_t b = a + 1; b < n; ++b)
            part.pairs.push_back({a, b, {fmt::format("shared={}", made.shared_motifs(a, b))}, made.units(a, b)});
    const Eigen::Index quarter = trials / 4;
    for (std::size_t i = 0; i < n; ++i) {
        const auto all = simulated(made.recipes[i], simulations.sampling);
        const std::size_t first = part.systems.size();
        for (const Eigen::Index half : {0, 1}) {
            const Eigen::Index begin = trials / 2 + half * quarter;
            part.systems.push_back({fmt::format("{} half {}", made.names[i], half + 1),
                                    std::make_shared<SomeTrials>(all, begin, begin + quarter)});
        }
        part.pairs.push_back({first, first + 1, {noise_floor}, made.units(i, i)});
    }

    Sampling one_trial = simulations.sampling;
    one_trial.trials = 1;
    const Eigen::Index steps = made.recipes.front().simulate(one_trial).shape().steps;
    Experiment experiment{.name = "search", .parts = {std::move(part)}, .stored = {}, .groups = {}};
    const auto add = [&](ChosenMetric with_setting) {
        const bool is_there =
            std::ranges::find(experiment.metrics, with_setting.name, &ChosenMetric::name) != experiment.metrics.end();
        if (!is_there && with_setting.metric->least_steps() <= steps)
            experiment.metrics.push_back(std::move(with_setting));
    };
    for (const OptionValues& options : combinations_of(axes)) add(named(metric, options, axes));
    for (const Config& beside : config.has("beside") ? config.at("beside").elements() : std::vector<Config>{}) {
        OptionValues options;
        for (const OptionAxis& axis : read_grid(beside, metric)) options[axis.option] = axis.values.front();
        for (const OptionAxis& axis : axes)
            if (!options.contains(axis.option)) throw beside.error(fmt::format("{} is missing", axis.option));
        add(named(metric, options, axes));
    }
    if (experiment.metrics.empty())
        throw config.at("grid").error(fmt::format("no setting fits trials of {} steps", steps));
    for (const ChosenMetric& with_setting : experiment.metrics)
        if (!with_setting.automatic_options().empty())
            throw config.at("grid").error(fmt::format("{} is missing", with_setting.automatic_options().front()));
    for (std::size_t count = 0; count <= made.length; ++count)
        experiment.groups.push_back(fmt::format("shared={}", count));
    experiment.groups.emplace_back(noise_floor);
    experiment.set = std::make_shared<SystemSet>(std::move(chooses));
    experiment.search = SettingSearch{.metric = metric, .axes = axes};
    return experiment;
}

}  // namespace repal
