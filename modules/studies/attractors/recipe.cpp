module;
#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.recipe;

import repal.motif;

namespace repal {

class Recipe::Form {
 public:
    virtual ~Form() = default;
    virtual std::string identity() const = 0;
    virtual Trajectories simulate(const Sampling& sampling) const = 0;
};

namespace {

class Simulated final : public Recipe::Form {
 public:
    Simulated(const LoadedTask& task, const OptionValues& options)
        : identity_(fmt::format("{}-{}({})", task.info.name, task.info.version, canonical(task.info.options, options))),
          task_(task.make(options)) {}

    std::string identity() const override { return identity_; }

    Trajectories simulate(const Sampling& sampling) const override {
        Stream trials = Stream(sampling.seed).child("trials").child(sampling.draw);
        if (!sampling.is_shared) trials = trials.child(identity_);
        RowMatrix values;
        Shape shape{.trials = sampling.trials};
        for (Eigen::Index trial = 0; trial < shape.trials; ++trial) {
            const Trial drawn = generate(trials.child(static_cast<std::uint64_t>(trial)), trial);
            if (trial == 0) {
                shape.steps = drawn.observations.rows();
                shape.channels = drawn.observations.cols();
                values.resize(shape.trials * shape.steps, shape.channels);
            }
            if (drawn.observations.rows() != shape.steps || drawn.observations.cols() != shape.channels)
                throw InputError(
                    identity_,
                    fmt::format("trial {} has {} steps and {} channels, the first one {} and {}", trial,
                                drawn.observations.rows(), drawn.observations.cols(), shape.steps, shape.channels),
                    "only tasks whose test trials have one length can be compared");
            values.middleRows(trial * shape.steps, shape.steps) = drawn.observations;
        }
        return Trajectories::from_rows(shape, std::move(values));
    }

 private:
    Trial generate(const Stream& stream, Eigen::Index trial) const {
        try {
            return task_->generate(Phase::test, 0, stream);
        } catch (const InputError& error) {
            throw InputError(identity_, fmt::format("in trial {}: {}", trial, error.what()),
                             "a smaller dt may keep the simulation finite");
        }
    }

    std::string identity_;
    std::unique_ptr<Task> task_;
};

class Attached final : public Recipe::Form {
 public:
    explicit Attached(std::vector<Recipe> motifs) : motifs_(std::move(motifs)) {}

    std::string identity() const override {
        std::string list;
        for (const Recipe& motif : motifs_) list += (list.empty() ? "" : ",") + motif.identity();
        return "attach(" + list + ")";
    }

    Trajectories simulate(const Sampling& sampling) const override {
        std::vector<Trajectories> simulated;
        for (const Recipe& motif : motifs_) simulated.push_back(motif.simulate(sampling));
        return attach(simulated);
    }

 private:
    std::vector<Recipe> motifs_;
};

class Combined final : public Recipe::Form {
 public:
    Combined(Recipe base, Recipe added, double mixing)
        : base_(std::move(base)), added_(std::move(added)), mixing_(mixing) {}

    std::string identity() const override {
        return fmt::format("combine({},{},mixing={})", base_.identity(), added_.identity(), mixing_);
    }

    Trajectories simulate(const Sampling& sampling) const override {
        return combine(base_.simulate(sampling), added_.simulate(sampling), mixing_);
    }

 private:
    Recipe base_;
    Recipe added_;
    double mixing_;
};

class Reversed final : public Recipe::Form {
 public:
    explicit Reversed(Recipe motif) : motif_(std::move(motif)) {}

    std::string identity() const override { return "reverse(" + motif_.identity() + ")"; }

    Trajectories simulate(const Sampling& sampling) const override {
        return repal::reversed(motif_.simulate(sampling));
    }

 private:
    Recipe motif_;
};

class Noisy final : public Recipe::Form {
 public:
    Noisy(Recipe motif, double sigma, std::uint64_t draw) : motif_(std::move(motif)), sigma_(sigma), draw_(draw) {}

    std::string identity() const override {
        return fmt::format("noise({},sigma={},draw={})", motif_.identity(), sigma_, draw_);
    }

    Trajectories simulate(const Sampling& sampling) const override {
        const Stream noise = Stream(sampling.seed).child("noise").child(sampling.draw).child(identity());
        return with_noise(motif_.simulate(sampling), sigma_, noise);
    }

 private:
    Recipe motif_;
    double sigma_;
    std::uint64_t draw_;
};

}  // namespace

Recipe Recipe::simulated(const LoadedTask& task, const OptionValues& options) {
    return Recipe(std::make_shared<Simulated>(task, options));
}

Recipe Recipe::attached(std::vector<Recipe> motifs) {
    return Recipe(std::make_shared<Attached>(std::move(motifs)));
}

Recipe Recipe::combined(Recipe base, Recipe added, double mixing) {
    return Recipe(std::make_shared<Combined>(std::move(base), std::move(added), mixing));
}

Recipe Recipe::reversed(Recipe motif) {
    return Recipe(std::make_shared<Reversed>(std::move(motif)));
}

Recipe Recipe::noisy(Recipe motif, double sigma, std::uint64_t draw) {
    return Recipe(std::make_shared<Noisy>(std::move(motif), sigma, draw));
}

std::string Recipe::identity() const {
    return form_->identity();
}

Trajectories Recipe::simulate(const Sampling& sampling) const {
    return form_->simulate(sampling);
}

RecipeCatalogue::RecipeCatalogue(const Config& systems, Config defaults, const Registry& registry)
    : registry_(registry), defaults_(std::move(defaults)) {
    for (const auto& [name, value] : systems.items()) recipes_.emplace(name, read(value));
}

Recipe RecipeCatalogue::read(const Config& value) const {
    if (value.is_text()) {
        if (const auto found = recipes_.find(value.text()); found != recipes_.end()) return found->second;
        std::vector<std::string> names;
        for (const auto& entry : recipes_) names.push_back(entry.first);
        throw value.error(fmt::format("unknown system '{}'", value.text()), suggest(value.text(), names));
    }
    if (value.has("task")) return read_simulated(value);
    if (value.has("attach")) {
        value.require_keys({"attach"});
        std::vector<Recipe> motifs;
        for (const Config& motif : value.at("attach").elements(1)) motifs.push_back(read(motif));
        return Recipe::attached(std::move(motifs));
    }
    if (value.has("combine")) {
        value.require_keys({"combine", "mixing"});
        const std::vector<Config> parts = value.at("combine").elements(2);
        if (parts.size() != 2) throw value.at("combine").error("expected two systems: [base, added]");
        return Recipe::combined(read(parts[0]), read(parts[1]), value.at("mixing").number());
    }
    if (value.has("reverse")) {
        value.require_keys({"reverse"});
        return Recipe::reversed(read(value.at("reverse")));
    }
    if (value.has("noise")) {
        value.require_keys({"noise", "sigma", "draw"});
        return Recipe::noisy(read(value.at("noise")), value.at("sigma").number(0, 1),
                             static_cast<std::uint64_t>(value.integer_or("draw", 0, 0)));
    }
    value.require_keys({"task", "attach", "combine", "reverse", "noise"});
    throw value.error("expected the name of a system or one of: task, attach, combine, reverse, noise");
}

Recipe RecipeCatalogue::read_simulated(const Config& value) const {
    const Config task_name = value.at("task");
    const LoadedTask* task = nullptr;
    try {
        task = &registry_.task(task_name.text());
    } catch (const InputError& unknown) {
        throw task_name.error(unknown.problem(), unknown.hint());
    }
    const std::vector<std::string> other_keys = {"task"};
    OptionValues options = value.options(task->info.options, other_keys);
    for (const OptionInfo& option : task->info.options)
        if (!value.has(option.name) && defaults_.has(option.name)) options[option.name] = defaults_.option(option);
    return Recipe::simulated(*task, options);
}

}  // namespace repal
