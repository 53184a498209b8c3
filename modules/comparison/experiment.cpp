module;
#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>
module repal.experiment;

namespace repal {
namespace {

class Given final : public System {
 public:
    Given(std::string identity, Observed observed) : identity_(std::move(identity)), observed_(std::move(observed)) {}

    std::string identity() const override { return identity_; }
    Observed observe(const std::filesystem::path& /*results*/) const override { return observed_; }

 private:
    std::string identity_;
    Observed observed_;
};

}  // namespace

System::~System() = default;

bool System::is_ready(const std::filesystem::path& /*results*/) const {
    return true;
}

std::size_t System::bytes() const {
    return 0;
}

std::shared_ptr<const System> given(std::string identity, Observed observed) {
    return std::make_shared<const Given>(std::move(identity), std::move(observed));
}

std::vector<std::size_t> Observed::units() const {
    std::vector<std::size_t> units = units_;
    if (n_units() == static_cast<std::size_t>(trajectories().shape().trials)) {
        units.resize(n_units());
        std::iota(units.begin(), units.end(), std::size_t{0});
    }
    return units;
}

std::size_t Observed::n_units() const {
    const std::size_t n = units_.empty() ? 0 : 1 + std::ranges::max(units_);
    return n > 1 ? n : static_cast<std::size_t>(trajectories().shape().trials);
}

Observed Observed::with(Trajectories trajectories) const {
    Observed changed(std::move(trajectories), state);
    changed.units_ = units_;
    changed.trial_names_ = trial_names_;
    changed.is_cut = is_cut;
    changed.are_steps_cut = are_steps_cut;
    return changed;
}

Observed Observed::of_units(const std::vector<double>& weights) const {
    const std::vector<std::size_t> all = units();
    std::vector<std::size_t> number(weights.size(), 0);  // of a unit among those that are left
    std::size_t next = 0;
    for (std::size_t unit = 0; unit < weights.size(); ++unit)
        if (weights[unit] > 0) number[unit] = next++;
    std::vector<Eigen::Index> trials;
    std::vector<std::size_t> left;
    for (std::size_t k = 0; k < all.size(); ++k) {
        if (!(weights[all[k]] > 0)) continue;
        trials.push_back(static_cast<Eigen::Index>(k));
        left.push_back(number[all[k]]);
    }
    Observed some(trajectories().of_trials(trials), state);
    some.units_ = std::move(left);
    if (!trial_names_.empty())
        for (const Eigen::Index k : trials) some.trial_names_.push_back(trial_names_[static_cast<std::size_t>(k)]);
    some.is_cut = is_cut;
    some.are_steps_cut = are_steps_cut;
    return some;
}

bool Observed::has_rising_names() const {
    return std::ranges::is_sorted(trial_names_, {}, usual_order);
}

Observed Observed::in_order_of_names() const {
    std::vector<Eigen::Index> order(trial_names_.size());
    std::iota(order.begin(), order.end(), Eigen::Index{0});
    std::ranges::sort(order, {}, [&](Eigen::Index k) {
        return std::pair(usual_order(trial_names_[static_cast<std::size_t>(k)]), k);
    });
    Observed ordered(trajectories().of_trials(order), state);
    ordered.is_reordered = true;
    ordered.is_cut = is_cut;
    ordered.are_steps_cut = are_steps_cut;
    for (const Eigen::Index k : order) {
        ordered.trial_names_.push_back(trial_names_[static_cast<std::size_t>(k)]);
        if (!units_.empty()) ordered.units_.push_back(units_[static_cast<std::size_t>(k)]);
    }
    return ordered;
}

}  // namespace repal
