module;
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>
module repal.attractor_experiments;

namespace repal {
namespace {

using Selection = std::vector<std::size_t>;

/// All ordered selections of `length` distinct numbers below n, in lexicographic order.
std::vector<Selection> ordered_selections(std::size_t n, std::size_t length) {
    std::vector<Selection> selections = {{}};
    for (std::size_t position = 0; position < length; ++position) {
        std::vector<Selection> longer;
        for (const Selection& selection : selections)
            for (std::size_t next = 0; next < n; ++next) {
                if (std::ranges::find(selection, next) != selection.end()) continue;
                longer.push_back(selection);
                longer.back().push_back(next);
            }
        selections = std::move(longer);
    }
    return selections;
}

}  // namespace

Compositions::Compositions(const Config& config, const Simulations& simulations) {
    for (const auto& [name, motif] : config.at("basis").items())
        basis.emplace_back(name, simulations.systems.read(motif));
    if (basis.size() < 2) throw config.at("basis").error("a comparison needs two motifs");
    length = static_cast<std::size_t>(config.at("length").integer(1, std::ssize(basis)));
    motifs = ordered_selections(basis.size(), length);
    for (const Selection& selection : motifs) {
        std::string name;
        std::vector<Recipe> attached;
        for (const std::size_t motif : selection) {
            name += (name.empty() ? "" : "+") + basis[motif].first;
            attached.push_back(basis[motif].second);
        }
        names.push_back(std::move(name));
        recipes.push_back(Recipe::attached(std::move(attached)));
    }
}

std::size_t Compositions::shared_motifs(std::size_t a, std::size_t b) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        motifs[a], [&](std::size_t motif) { return std::ranges::find(motifs[b], motif) != motifs[b].end(); }));
}

std::size_t Compositions::shared_positions(std::size_t a, std::size_t b) const {
    std::size_t count = 0;
    for (std::size_t position = 0; position < length; ++position)
        count += motifs[a][position] == motifs[b][position] ? 1 : 0;
    return count;
}

std::vector<Unit> Compositions::units(std::size_t a, std::size_t b) const {
    std::vector<Unit> units;
    for (const std::size_t system : {a, b})
        for (const std::size_t motif : motifs[system])
            if (std::ranges::find(units, Unit{motif}) == units.end()) units.push_back({motif});
    return units;
}

Experiment motifs_experiment(const Config& config, const Simulations& simulations) {
    config.require_keys({"basis", "length"});
    const Compositions made(config, simulations);
    std::vector<NamedSystem> stored;
    for (const auto& [name, motif] : made.basis) stored.push_back({name, simulated(motif, simulations.sampling)});
    Part part{.name = "motifs"};
    const std::size_t n = made.names.size();
    for (std::size_t a = 0; a < n; ++a)
        part.systems.push_back({made.names[a], simulated(made.recipes[a], simulations.sampling)});
    stored.insert(stored.end(), part.systems.begin(), part.systems.end());
    auto set = std::make_shared<SystemSet>(SystemSet{"motifs", part.systems});

    for (std::size_t a = 0; a < n; ++a)
        for (std::size_t b = a + 1; b < n; ++b)
            part.pairs.push_back({a,
                                  b,
                                  {fmt::format("shared={}", made.shared_motifs(a, b)),
                                   fmt::format("same_position={}", made.shared_positions(a, b))},
                                  made.units(a, b)});
    for (std::size_t a = 0; a < n; ++a) {
        part.pairs.push_back({a, part.systems.size(), {noise_floor}, made.units(a, a)});
        part.systems.push_back({made.names[a] + " redrawn", simulated(made.recipes[a], simulations.sampling, 1)});
    }

    GroupAxis shared{"Dissimilarity by the motifs that two systems share", "motifs shared", {}, {{}}};
    GroupAxis same{"Dissimilarity by the positions with the same motif", "positions with the same motif", {}, {{}}};
    for (std::size_t count = 0; count <= made.length; ++count) {
        shared.ticks.push_back(fmt::format("{}", count));
        shared.curves.front().groups.push_back(fmt::format("shared={}", count));
        same.curves.front().groups.push_back(fmt::format("same_position={}", count));
    }
    same.ticks = shared.ticks;
    std::vector<std::string> groups = shared.curves.front().groups;
    groups.insert(groups.end(), same.curves.front().groups.begin(), same.curves.front().groups.end());
    groups.emplace_back(noise_floor);
    return {.name = "motifs",
            .parts = {std::move(part)},
            .stored = std::move(stored),
            .groups = std::move(groups),
            .axes = {std::move(shared), std::move(same)},
            .set = std::move(set),
            .floor_has_other_trials = simulations.sampling.is_shared};
}

}  // namespace repal
