module;
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.neurotask_comparisons;

namespace repal {
namespace {

/// Networks in training are many more than trained ones: a cluster compares them in a job of their own.
constexpr char learning_job[] = "dissimilarity_learning";

/// The networks of one ruleset that are compared, and what is seen of them.
struct ComparedNetworks {
    const NeurotaskNetworks& networks;
    const Ruleset& ruleset;
    std::string reference;
    Window test;
    Window retest;
    std::vector<const NetworkItem*> items;  ///< of all groups, by setting, replicate and group

    Unit unit(const NetworkItem& item) const {
        return {item.setting->number, static_cast<std::size_t>(item.replicate)};
    }

    std::shared_ptr<const System> at(const NetworkItem& item, TrainingPoint point) const {
        return std::make_shared<const Recorded>(networks, item, test, point);
    }
};

/// Systems of a part, each once.
class Systems {
 public:
    std::size_t add(const std::string& name, std::shared_ptr<const System> system) {
        const auto [place, is_new] = places_.emplace(system->identity(), systems_.size());
        if (is_new) systems_.push_back({name, std::move(system)});
        return place->second;
    }
    std::size_t add(const ComparedNetworks& compared, const NetworkItem& item, TrainingPoint point = {}) {
        const std::string name =
            point.fraction < 1 ? fmt::format("{} at {:.3g}", item.name, point.fraction) : item.name;
        return add(name, compared.at(item, point));
    }
    std::vector<NamedSystem> take() { return std::move(systems_); }

 private:
    std::vector<NamedSystem> systems_;
    std::map<std::string, std::size_t> places_;
};

/// The curriculum of a name that is there.
const Curriculum* curriculum_of(const Ruleset& ruleset, const std::string& name) {
    return &*std::ranges::find(ruleset.curricula, name, &Curriculum::name);
}

std::string label_of(const Curriculum* a, const Curriculum* b) {
    return CurriculumPair{a->number <= b->number ? a : b, a->number <= b->number ? b : a}.label();
}

/// The share of training that a point of so many stands for: first, ..., last.
double fraction_of(std::int64_t point, std::int64_t points) {
    return static_cast<double>(point) / static_cast<double>(points - 1);
}

Experiment finished(const ComparedNetworks& compared, const char* comparison, Systems systems, std::vector<Pair> pairs,
                    std::vector<std::string> groups) {
    return {
        .name = compared.ruleset.name + "/" + comparison,
        .parts = {{.name = "all", .systems = systems.take(), .pairs = std::move(pairs), .has_independent_pairs = true}},
        .stored = {},
        .groups = std::move(groups)};
}

Experiment checks_experiment(const ComparedNetworks& compared) {
    const NetworkItem& item = **std::ranges::find(compared.items, compared.reference, &NetworkItem::group);
    Systems systems;
    std::vector<Pair> pairs;
    std::vector<std::string> groups;
    const std::size_t unchanged = systems.add(compared, item);
    for (const Change change : {Change::itself, Change::permuted_units, Change::rotated_units, Change::shuffled_time}) {
        groups.emplace_back(to_string(change));
        const auto source =
            std::make_shared<const Recorded>(compared.networks, item, compared.test, TrainingPoint{}, change);
        const std::size_t changed = systems.add(fmt::format("{} {}", item.name, groups.back()), source);
        pairs.push_back({unchanged, changed, {groups.back()}, {compared.unit(item)}});
    }
    const std::size_t again =
        systems.add(item.name + " retest", std::make_shared<const Recorded>(compared.networks, item, compared.retest));
    pairs.push_back({unchanged, again, {noise_floor}, {compared.unit(item)}});
    groups.emplace_back(noise_floor);
    return finished(compared, "checks", std::move(systems), std::move(pairs), std::move(groups));
}

Experiment groups_experiment(const ComparedNetworks& compared) {
    const std::vector<const NetworkItem*>& items = compared.items;
    Systems systems;
    std::vector<Pair> pairs;
    for (std::size_t i = 0; i < items.size(); ++i) {
        const NetworkItem& a = *items[i];
        const std::size_t place = systems.add(compared, a);
        for (std::size_t j = i + 1; j < items.size() && items[j]->setting == a.setting; ++j) {
            const NetworkItem& b = *items[j];
            const bool are_replicates = b.group == a.group;
            if (b.replicate != a.replicate && !are_replicates) continue;
            std::vector<Unit> units = {compared.unit(a)};
            if (are_replicates) units.push_back(compared.unit(b));
            pairs.push_back(
                {place, systems.add(compared, b), {label_of(a.curriculum, b.curriculum)}, std::move(units)});
        }
        const auto again = std::make_shared<const Recorded>(compared.networks, a, compared.retest);
        pairs.push_back({place, systems.add(a.name + " retest", again), {noise_floor}, {compared.unit(a)}});
    }

    std::vector<std::string> groups;
    for (const CurriculumPair& pair : curriculum_pairs(compared.ruleset)) groups.push_back(pair.label());
    groups.emplace_back(noise_floor);
    Experiment experiment = finished(compared, "groups", std::move(systems), std::move(pairs), std::move(groups));
    GroupAxis axis{"Dissimilarity to " + compared.reference, "group", {}, {{}}};
    const Curriculum* reference = curriculum_of(compared.ruleset, compared.reference);
    for (const Curriculum& curriculum : compared.ruleset.curricula) {
        axis.ticks.push_back(&curriculum == reference ? curriculum.name + " (its replicates)" : curriculum.name);
        axis.curves.front().groups.push_back(label_of(reference, &curriculum));
    }
    experiment.axes.push_back(std::move(axis));
    return experiment;
}

/// Pairs of networks of these groups that `groups` does not compare, in square tiles, so that few networks are in
/// memory at once.
Experiment settings_experiment(const ComparedNetworks& compared, const std::vector<std::string>& names) {
    std::vector<const NetworkItem*> items = compared.items;
    std::erase_if(items, [&](const auto* item) { return std::ranges::find(names, item->group) == names.end(); });

    constexpr std::size_t tile = 12;
    Systems systems;
    std::vector<Pair> pairs;
    const auto compare = [&](const NetworkItem& a, const NetworkItem& b) {
        if (a.setting == b.setting && (a.replicate == b.replicate || a.group == b.group)) return;
        const std::size_t place = systems.add(compared, a);
        pairs.push_back({place,
                         systems.add(compared, b),
                         {label_of(a.curriculum, b.curriculum)},
                         {compared.unit(a), compared.unit(b)}});
    };
    for (std::size_t first = 0; first < items.size(); first += tile)
        for (std::size_t second = first; second < items.size(); second += tile)
            for (std::size_t i = first; i < std::min(first + tile, items.size()); ++i)
                for (std::size_t j = std::max(second, i + 1); j < std::min(second + tile, items.size()); ++j)
                    compare(*items[i], *items[j]);

    std::vector<std::string> groups;
    for (std::size_t a = 0; a < names.size(); ++a)
        for (std::size_t b = a; b < names.size(); ++b)
            groups.push_back(
                label_of(curriculum_of(compared.ruleset, names[a]), curriculum_of(compared.ruleset, names[b])));
    return finished(compared, "settings", std::move(systems), std::move(pairs), std::move(groups));
}

Experiment learning_experiment(const ComparedNetworks& compared, const Config& config) {
    config.require_keys({"points", "match"});
    const std::int64_t points = config.integer_or("points", 6, 2, 100);
    const std::string matched_by = config.text_or("match", "fraction", texts_of(match_names));
    const auto match = value_of(match_names, matched_by);

    std::map<Unit, std::vector<const NetworkItem*>> units;
    for (const NetworkItem* item : compared.items) units[compared.unit(*item)].push_back(item);
    Systems systems;
    std::vector<Pair> pairs;
    const auto label = [](const std::string& group, double fraction) {
        return fmt::format("{} at {:.3g}", group, fraction);
    };
    for (const auto& [unit, items] : units) {
        const NetworkItem& reference = **std::ranges::find(items, compared.reference, &NetworkItem::group);
        for (std::int64_t point = 0; point < points; ++point) {
            const double fraction = fraction_of(point, points);
            const std::size_t place = systems.add(compared, reference, {.fraction = fraction});
            for (const NetworkItem* item : items) {
                const TrainingPoint matched{.fraction = fraction, .match = match, .reference = &reference};
                pairs.push_back({place, systems.add(compared, *item, matched), {label(item->group, fraction)}, {unit}});
            }
        }
    }

    std::vector<std::string> groups;
    for (const Curriculum& curriculum : compared.ruleset.curricula)
        for (std::int64_t point = 0; point < points; ++point)
            groups.push_back(label(curriculum.name, fraction_of(point, points)));
    Experiment experiment = finished(compared, "learning", std::move(systems), std::move(pairs), std::move(groups));
    experiment.job = learning_job;
    GroupAxis axis{
        fmt::format("Dissimilarity to {} over training, at states of the same {}", compared.reference, matched_by),
        "share of the reference's training",
        {},
        {}};
    for (std::int64_t point = 0; point < points; ++point)
        axis.ticks.push_back(fmt::format("{:.3g}", fraction_of(point, points)));
    for (const Curriculum& curriculum : compared.ruleset.curricula) {
        axis.curves.push_back({curriculum.name, {}});
        for (std::int64_t point = 0; point < points; ++point)
            axis.curves.back().groups.push_back(label(curriculum.name, fraction_of(point, points)));
    }
    experiment.axes.push_back(std::move(axis));
    return experiment;
}

/// The parts of a training that `config` says.
std::int64_t read_parts(const Config& config) {
    config.require_keys({"states", "parts"});
    return config.integer_or("parts", 4, 1, 100);
}

Experiment within_learning_experiment(const ComparedNetworks& compared, const Config& config) {
    const std::int64_t parts = read_parts(config);
    const std::int64_t states = config.integer_or("states", 2 * parts, std::max<std::int64_t>(2, parts), 100);
    const auto part_of = [&](std::int64_t state) { return state * parts / states + 1; };
    Systems systems;
    std::vector<Pair> pairs;
    std::vector<std::string> groups;
    for (const NetworkItem* item : compared.items) {
        if (item->rules.empty()) continue;
        for (std::int64_t a = 0; a < states; ++a)
            for (std::int64_t b = a + 1; b < states; ++b) {
                const std::size_t place = systems.add(compared, *item, {.fraction = fraction_of(a, states)});
                pairs.push_back({place,
                                 systems.add(compared, *item, {.fraction = fraction_of(b, states)}),
                                 {TrainingParts{item->curriculum, part_of(a), part_of(b)}.label()},
                                 {compared.unit(*item)}});
                if (std::ranges::find(groups, pairs.back().groups.front()) == groups.end())
                    groups.push_back(pairs.back().groups.front());
            }
    }
    Experiment experiment =
        finished(compared, "within_learning", std::move(systems), std::move(pairs), std::move(groups));
    experiment.job = learning_job;
    experiment.parts.front().needs_distinct_states = true;
    return experiment;
}

/// The task that the reference group learns last, unless the configuration names another one of the ruleset.
std::string compared_task(const Config& trajectories, const Ruleset& ruleset, const Curriculum& reference) {
    if (const Config tasks = trajectories.at_or_empty("tasks"); tasks.has(ruleset.name)) {
        const Config task = tasks.at(ruleset.name);
        if (std::ranges::find(ruleset.tasks, task.text()) == ruleset.tasks.end())
            throw task.error(fmt::format("the task '{}' is not in the ruleset", task.text()),
                             suggest(task.text(), ruleset.tasks));
        return task.text();
    }
    if (reference.train.empty())
        throw trajectories.error(fmt::format("the reference group '{}' of {} learns no task; say which one is compared",
                                             reference.name, ruleset.name),
                                 fmt::format("tasks: {{{}: {}}}", ruleset.name, ruleset.tasks.front()));
    return ruleset.tasks[reference.train.back()];
}

/// Throws InputError if test trials have no such period, or skip_ms leaves nothing of it.
Window read_window(const Config& trajectories, const NeurotaskData& data, const Ruleset& ruleset,
                   const std::string& task) {
    Window window{.data = data.item(task, "test")};
    window.rule = static_cast<std::size_t>(std::ranges::find(ruleset.tasks, task) - ruleset.tasks.begin());
    window.trials = static_cast<std::size_t>(trajectories.integer_or("trials", 200, 1, 100'000'000));
    if (trajectories.has("trials") && window.trials > window.data.recipe.sequences)
        throw trajectories.at("trials").error(
            fmt::format("there are only {} test trials", window.data.recipe.sequences));
    window.skip_ms = trajectories.number_or("skip_ms", 0, 0, 1e9);

    const Task& plugin = *data.task(task).task;
    const Trial trial = plugin.generate(Phase::test, 0, Stream(0));
    std::vector<std::string> periods;
    for (const Period& period : trial.periods) periods.push_back(period.name);
    window.period = trajectories.text_or("period", "stimulus", periods);
    const Period* period = find_period(trial.periods, window.period);
    if (period == nullptr)
        throw trajectories.error(fmt::format("{} has no period '{}'", task, window.period),
                                 suggest(window.period, periods));
    window.steps = period->end_step - period->first_step -
                   static_cast<Eigen::Index>(std::llround(window.skip_ms / plugin.step_ms()));
    const double period_ms = static_cast<double>(period->end_step - period->first_step) * plugin.step_ms();
    if (window.skip_ms + 2 * plugin.step_ms() > period_ms)
        throw trajectories.error(fmt::format("skip_ms {} leaves less than two steps of the {} ms of '{}'",
                                             window.skip_ms, period_ms, window.period));
    return window;
}

/// Those that `settings` names, of whatever ruleset.
std::vector<std::string> mapped_groups(const Config& comparisons, const NeurotaskNetworks& networks) {
    if (!comparisons.has("settings")) return {};
    const Config settings = comparisons.at("settings");
    settings.require_keys({"groups"});
    if (!comparisons.has("groups"))
        throw settings.error("these are the pairs that `groups` leaves, so that is needed, too");
    std::vector<std::string> names;
    for (const Ruleset& ruleset : networks.rulesets())
        for (const Curriculum& curriculum : ruleset.curricula) names.push_back(curriculum.name);
    if (names.empty()) return {};
    std::vector<std::string> mapped;
    for (const Config& group : settings.at("groups").elements(1)) mapped.push_back(group.text(names));
    return mapped;
}

}  // namespace

std::string CurriculumPair::label() const {
    return a->name + " | " + b->name;
}

std::string TrainingParts::label() const {
    return fmt::format("{}: {} | {}", curriculum->name, a, b);
}

std::vector<CurriculumPair> curriculum_pairs(const Ruleset& ruleset) {
    std::vector<CurriculumPair> pairs;
    for (std::size_t a = 0; a < ruleset.curricula.size(); ++a)
        for (std::size_t b = a; b < ruleset.curricula.size(); ++b)
            pairs.push_back({&ruleset.curricula[a], &ruleset.curricula[b]});
    return pairs;
}

NetworkComparisons read_comparisons(const Config& study, const NeurotaskData& data, const NeurotaskNetworks& networks) {
    NetworkComparisons read;
    if (study.at_or_empty("comparisons").items().empty()) return read;
    const Config trajectories = study.at_or_empty("trajectories");
    const Config comparisons = study.at("comparisons");
    trajectories.require_keys({"tasks", "trials", "period", "skip_ms", "pca"});
    std::vector<std::string> keys = texts_of(comparison_names);
    keys.emplace_back("reference");
    comparisons.require_keys(keys);
    std::vector<std::string> names;
    for (const Ruleset& ruleset : networks.rulesets()) names.push_back(ruleset.name);
    trajectories.at_or_empty("tasks").require_keys(names);

    const std::vector<std::string> mapped = mapped_groups(comparisons, networks);
    for (const Ruleset& ruleset : networks.rulesets()) {
        if (ruleset.curricula.empty()) continue;
        std::vector<std::string> groups;
        for (const Curriculum& curriculum : ruleset.curricula) groups.push_back(curriculum.name);
        const std::string reference = comparisons.has("reference") ? comparisons.at("reference").text() : "master";
        const auto found = std::ranges::find(ruleset.curricula, reference, &Curriculum::name);
        if (found == ruleset.curricula.end())
            throw comparisons.error(fmt::format("the ruleset {} has no reference group '{}'", ruleset.name, reference),
                                    suggest(reference, groups));
        const std::string task = compared_task(trajectories, ruleset, *found);
        ComparedNetworks compared{networks, ruleset, reference, read_window(trajectories, data, ruleset, task), {}, {}};
        compared.retest = compared.test;
        compared.retest.data = data.item(task, retest);
        for (const NetworkItem& item : networks.items())
            if (item.ruleset == &ruleset && item.curriculum != nullptr) compared.items.push_back(&item);
        read.references[ruleset.name] = reference;
        auto& of_map = read.mapped[ruleset.name];
        for (const std::string& group : groups)
            if (std::ranges::find(mapped, group) != mapped.end()) of_map.push_back(group);
        read.data.insert(read.data.end(), {compared.test.data, compared.retest.data});

        // All that is compared of a ruleset stands side by side.
        const auto set = std::make_shared<SystemSet>(SystemSet{.name = ruleset.name, .systems = {}});
        for (const NetworkItem* item : compared.items) set->systems.push_back({item->name, compared.at(*item, {})});
        const auto add = [&](Compared what, Experiment experiment, std::int64_t parts = 0) {
            experiment.set = set;
            read.kinds[experiment.name] = {&ruleset, what, parts};
            read.experiments.push_back(std::move(experiment));
        };
        for (const char* what : {"checks", "groups"})
            if (comparisons.has(what)) comparisons.at(what).require_keys(std::initializer_list<std::string>{});
        if (comparisons.has("checks")) add(Compared::checks, checks_experiment(compared));
        if (comparisons.has("groups")) add(Compared::groups, groups_experiment(compared));
        if (comparisons.has("settings")) add(Compared::settings, settings_experiment(compared, of_map));
        if (comparisons.has("learning"))
            add(Compared::learning, learning_experiment(compared, comparisons.at("learning")));
        if (comparisons.has("within_learning"))
            add(Compared::within_learning, within_learning_experiment(compared, comparisons.at("within_learning")),
                read_parts(comparisons.at("within_learning")));
    }
    return read;
}

}  // namespace repal
