module;
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>
module repal.attractor_experiments;

namespace repal {

Experiment lorenz_experiment(const Config& config, const Simulations& simulations) {
    config.require_keys({"classes"});
    Part part{.name = "lorenz"};
    std::vector<Recipe> recipes;
    std::vector<std::size_t> class_of;
    const auto classes = config.at("classes").items();
    for (std::size_t c = 0; c < classes.size(); ++c)
        for (const Config& member : classes[c].second.elements(1)) {
            recipes.push_back(simulations.systems.read(member));
            part.systems.push_back({member.text(), simulated(recipes.back(), simulations.sampling)});
            class_of.push_back(c);
        }
    const std::vector<NamedSystem> systems = part.systems;

    for (std::size_t a = 0; a < systems.size(); ++a)
        for (std::size_t b = a + 1; b < systems.size(); ++b)
            part.pairs.push_back({a, b, {class_of[a] == class_of[b] ? "within" : "across"}, {{a}, {b}}});
    for (std::size_t a = 0; a < systems.size(); ++a) {
        part.pairs.push_back({a, part.systems.size(), {noise_floor}, {{a}}});
        part.systems.push_back({systems[a].name + " redrawn", simulated(recipes[a], simulations.sampling, 1)});
    }
    return {.name = "lorenz",
            .parts = {std::move(part)},
            .stored = systems,
            .groups = {"within", "across", noise_floor},
            .axes = {{"Pairs within a class of systems, and across classes",
                      "classes",
                      {"within", "across"},
                      {{"", {"within", "across"}}}}},
            .set = std::make_shared<SystemSet>(SystemSet{"lorenz", systems}),
            .floor_has_other_trials = simulations.sampling.is_shared};
}

}  // namespace repal
