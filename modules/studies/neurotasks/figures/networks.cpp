module;
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/eigen.hpp"
module repal.neurotask_figures;

import repal.checkpoint;
import repal.linalg;

namespace repal {
namespace {

using Histories = std::vector<std::pair<const NetworkItem*, std::vector<EpochRecord>>>;

Histories histories_of(const NeurotaskNetworks& networks, const std::filesystem::path& results) {
    Histories histories;
    for (const NetworkItem& item : networks.items())
        if (!item.rules.empty() && NeurotaskNetworks::state(item, results) == ItemState::done)
            histories.emplace_back(&item,
                                   CheckpointFolder(NeurotaskNetworks::folder(item, results), item.key).history());
    return histories;
}

std::string group_name(const NetworkItem& item) {
    return item.curriculum == nullptr ? "pretraining" : item.group;
}

std::size_t group_colour(const NetworkItem& item) {
    return item.curriculum == nullptr ? grey : item.curriculum->number;
}

/// The performance of every network that learned the task, one series for each group with gaps between networks.
std::vector<Series> learning_curves(const Histories& histories, const Ruleset& ruleset, std::size_t rule) {
    constexpr std::size_t labelled_points = 5000;  // beyond, names of networks would be most of the page
    constexpr double gap = std::numeric_limits<double>::quiet_NaN();
    std::size_t points = 0;
    for (const auto& entry : histories) points += entry.second.size();

    std::vector<Series> curves;
    for (const auto& [item, history] : histories) {
        const auto place = std::ranges::find(item->rules, rule) - item->rules.begin();
        if (item->ruleset != &ruleset || place == std::ssize(item->rules)) continue;
        auto curve = std::ranges::find(curves, group_name(*item), &Series::name);
        if (curve == curves.end())
            curve = curves.insert(curves.end(),
                                  {.name = group_name(*item), .mark = Mark::line, .colour = group_colour(*item)});
        const auto add = [&](double x, double y, const std::string& label) {
            curve->x.push_back(x);
            curve->y.push_back(y);
            curve->labels.push_back(label);
        };
        if (!curve->x.empty()) add(gap, gap, "");
        for (const EpochRecord& record : history) {
            const bool is_labelled = points <= labelled_points || &record == &history.back();
            add(record.epoch, record.performance[static_cast<std::size_t>(place)], is_labelled ? item->name : "");
        }
    }
    return curves;
}

/// What the ideal observer reaches on the validation trials; none if they are not there.
std::optional<double> ideal_of(const NeurotaskData& data, const std::string& task,
                               const std::filesystem::path& results) {
    const DataItem item = data.item(task, "validation");
    if (NeurotaskData::state(item, results) != ItemState::done) return {};
    return ideal_performance(NeurotaskData::load(item, results));
}

Series horizontal(const std::string& name, double y, double last_x) {
    return {.name = name, .mark = Mark::line, .colour = black, .x = {0, last_x}, .y = {y, y}, .is_dashed = true};
}

PanelChart training_chart(const NeurotaskData& data, const std::string& task, std::vector<Series> curves,
                          const std::filesystem::path& results) {
    double last = 1;
    for (const Series& curve : curves)
        for (const double epoch : curve.x) last = std::max(last, epoch);  // NaN, a gap, is never larger
    if (const auto ideal = ideal_of(data, task, results)) curves.push_back(horizontal("ideal observer", *ideal, last));
    return {.panels = {{.title = task,
                        .x = {.title = "epoch"},
                        .y = {.title = "performance", .starts_at_zero = true},
                        .series = std::move(curves)}},
            .columns = 1};
}

/// A group's network in the setting and replicate that come first.
struct ShownNetwork {
    std::string name;
    const Recorded* recorded;
};

std::vector<ShownNetwork> one_of_each_group(std::span<const Experiment> experiments) {
    std::vector<ShownNetwork> shown;
    for (const Experiment& experiment : experiments)
        for (const Part& part : experiment.parts)
            for (const NamedSystem& system : part.systems) {
                const auto& recorded = dynamic_cast<const Recorded&>(*system.system);
                const NetworkItem& item = recorded.network();
                const std::string name = item.ruleset->name + ": " + item.group;
                if (!recorded.is_trained_network() || recorded.window().data.split != "test" ||
                    std::ranges::find(shown, name, &ShownNetwork::name) != shown.end())
                    continue;
                shown.push_back({name, &recorded});
            }
    return shown;
}

/// "PC 1 (45 %)": with the share of all variance.
std::vector<std::string> component_titles(const Trajectories& x, const Trajectories& components) {
    const auto variances = [](const RowMatrix& rows) {
        return Eigen::RowVectorXd((rows.rowwise() - rows.colwise().mean()).colwise().squaredNorm());
    };
    const double total = variances(x.rows()).sum();
    const Eigen::RowVectorXd of_components = variances(components.rows());
    std::vector<std::string> titles;
    for (Eigen::Index i = 0; i < of_components.size(); ++i)
        titles.push_back(fmt::format("PC {} ({:.0f} %)", i + 1, total > 0 ? 100 * of_components(i) / total : 0));
    return titles;
}

PathChart condition_paths(const Recorded& recorded, const std::filesystem::path& results) {
    constexpr std::size_t most_conditions = 24;
    const Trajectories x = recorded.observe(results).trajectories();
    const Trajectories components = Pca{.components = 3}(x);
    const Dataset dataset = leading(NeurotaskData::load(recorded.window().data, results), recorded.window().trials);

    std::map<std::vector<double>, std::pair<RowMatrix, int>> sums;
    for (Eigen::Index k = 0; k < x.shape().trials; ++k) {
        const auto& condition = dataset.trials[static_cast<std::size_t>(k)].condition;
        if (!sums.contains(condition) && sums.size() == most_conditions) continue;
        auto& [sum, n] = sums[condition];
        if (n++ == 0)
            sum = components.trial(k);
        else
            sum += components.trial(k);
    }
    PathChart chart{.axes = component_titles(x, components), .paths = {}};
    for (const auto& [condition, mean_of] : sums) {
        std::vector<std::string> values;
        for (std::size_t i = 0; i < condition.size(); ++i)
            values.push_back(fmt::format("{} {:.3g}", dataset.condition[i], condition[i]));
        chart.paths.push_back({.name = fmt::format("{} (n = {})", fmt::join(values, ", "), mean_of.second),
                               .colour = chart.paths.size(),
                               .is_mean = true,
                               .points = thinned(mean_of.first / mean_of.second)});
    }
    return chart;
}

}  // namespace

Section training_section(const NeurotaskData& data, const NeurotaskNetworks& networks,
                         std::span<const NetworkResult> network_results, const std::filesystem::path& results) {
    Section section{.id = "training", .title = "Training"};
    const Histories histories = histories_of(networks, results);
    if (histories.empty()) {
        section.text = "No network has been trained.";
        return section;
    }
    Figure figure{.id = "training-curves",
                  .title = "Learning curves",
                  .caption = fmt::format("Share of right actions on decision steps of the validation trials (for "
                                         "continuous outputs 1 - mean error) after each epoch, a line for each network "
                                         "(n = {} networks in all); dashed: the ideal observer. Training ends at "
                                         "{:g} of that.",
                                         histories.size(), networks.target_fraction()),
                  .choice = "task",
                  .variants = {}};
    for (const Ruleset& ruleset : networks.rulesets())
        for (std::size_t rule = 0; rule < ruleset.tasks.size(); ++rule)
            if (std::vector<Series> curves = learning_curves(histories, ruleset, rule); !curves.empty())
                figure.variants.push_back({ruleset.name + ": " + ruleset.tasks[rule],
                                           training_chart(data, ruleset.tasks[rule], std::move(curves), results)});
    // What most networks learned comes first.
    std::ranges::sort(figure.variants, std::ranges::greater(), [](const Figure::Variant& variant) {
        std::size_t points = 0;
        for (const Series& series : std::get<PanelChart>(variant.chart).panels.front().series)
            points += series.x.size();
        return std::pair(points, variant.name);
    });
    section.figures.emplace_back(std::move(figure));
    section.figures.emplace_back(TableFigure{
        .id = "training-table",
        .title = "Networks of each group",
        .caption = fmt::format(
            "Performance is given as the share of what the ideal observer reaches, the smallest over the tasks that a "
            "network learns, in the mean over the networks of the group; less chance: as the share of the way from the "
            "best constant answer to the ideal observer. Trained: at least {} of that way on every task, and so was "
            "the "
            "pretrained network.",
            networks.trained_fraction()),
        .rows = training_table(network_results, networks.target_fraction())});
    return section;
}

Section activity_section(std::span<const Experiment> experiments, const std::filesystem::path& results) {
    Section section{.id = "activity", .title = "Activity"};
    Figure figure{.id = "activity-components",
                  .title = "Trajectories by condition",
                  .caption =
                      "The first three principal components of all units of one network of the group (first "
                      "setting and replicate), in the period that is compared, on the stored test trials: mean "
                      "over the n trials of each condition, without units; in brackets the share of variance.",
                  .choice = "group",
                  .variants = {}};
    for (const auto& [name, recorded] : one_of_each_group(experiments)) {
        if (!recorded->is_ready(results) || NeurotaskData::state(recorded->window().data, results) != ItemState::done)
            continue;
        try {
            figure.variants.push_back({name, condition_paths(*recorded, results)});
        } catch (const SystemFailed&) {
            continue;  // listed with the failures
        } catch (const InvalidTrajectories&) {
            continue;  // so is a network whose activity is not finite
        }
    }
    if (figure.variants.empty())
        section.text = "No network that is compared has been trained, or its test data are not there.";
    else
        section.figures.emplace_back(std::move(figure));
    return section;
}

}  // namespace repal
