module;
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
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

std::size_t shared_motifs(const Selection& a, const Selection& b) {
    return static_cast<std::size_t>(
        std::ranges::count_if(a, [&](std::size_t motif) { return std::ranges::find(b, motif) != b.end(); }));
}

std::size_t shared_positions(const Selection& a, const Selection& b) {
    std::size_t count = 0;
    for (std::size_t position = 0; position < a.size(); ++position) count += a[position] == b[position] ? 1 : 0;
    return count;
}

}  // namespace

Experiment motifs_experiment(const Config& config, const Simulations& simulations) {
    config.require_keys({"basis", "length"});
    std::vector<std::string> names;
    std::vector<Recipe> basis;
    std::vector<NamedSystem> stored;
    for (const auto& [name, motif] : config.at("basis").items()) {
        names.push_back(name);
        basis.push_back(simulations.systems.read(motif));
        stored.push_back({name, simulated(basis.back(), simulations.sampling)});
    }
    const std::int64_t length = config.at("length").integer(1, std::max<std::int64_t>(1, std::ssize(basis)));
    const std::vector<Selection> selections = ordered_selections(basis.size(), static_cast<std::size_t>(length));

    Part part{.name = "motifs"};
    std::vector<Recipe> recipes;
    for (const Selection& selection : selections) {
        std::string name;
        std::vector<Recipe> motifs;
        for (const std::size_t motif : selection) {
            name += (name.empty() ? "" : "+") + names[motif];
            motifs.push_back(basis[motif]);
        }
        recipes.push_back(Recipe::attached(std::move(motifs)));
        part.systems.push_back({name, simulated(recipes.back(), simulations.sampling)});
    }
    stored.insert(stored.end(), part.systems.begin(), part.systems.end());

    for (std::size_t a = 0; a < selections.size(); ++a)
        for (std::size_t b = a + 1; b < selections.size(); ++b)
            part.pairs.push_back({a,
                                  b,
                                  {fmt::format("shared={}", shared_motifs(selections[a], selections[b])),
                                   fmt::format("same_position={}", shared_positions(selections[a], selections[b]))},
                                  {{a}, {b}}});
    for (std::size_t a = 0; a < selections.size(); ++a) {
        part.pairs.push_back({a, part.systems.size(), {noise_floor}, {{a}}});
        part.systems.push_back({part.systems[a].name + " redrawn", simulated(recipes[a], simulations.sampling, 1)});
    }

    GroupAxis shared{"Dissimilarity by the motifs that two systems share", "motifs shared", {}, {{}}};
    GroupAxis same{"Dissimilarity by the positions with the same motif", "positions with the same motif", {}, {{}}};
    for (std::int64_t count = 0; count <= length; ++count) {
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
            .axes = {std::move(shared), std::move(same)}};
}

}  // namespace repal
