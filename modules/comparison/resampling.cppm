module;
#include <Eigen/Core>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>
export module repal.resampling;

import repal.random;
export import repal.comparison;

/// Systems of which only some trials are looked at, to see how sure a comparison is. The unit that is drawn is a trial,
/// with all its pieces if it was cut; of a system of one trial its two halves in time stand for trials.
namespace repal {

/// Weights of the units of one system.
export using TrialWeights = std::vector<double>;

/// One system, as a metric sees it, of which embeddings of any weighting of its trials are made.
export class ResampledSystem {
 public:
    /// Throws InvalidTrajectories as Metric::prepare_trials().
    ResampledSystem(const ChosenMetric& metric, const NamedSystem& system, const Observed& observed);

    const std::string& key() const { return key_; }  ///< of random draws
    Eigen::Index units() const { return n_units_; }

    /// In which unit k counts weights[k] times: whole numbers, if the metric cannot do it from sums. Without an
    /// embedding where the metric gives none.
    PreparedSystem embedding(const TrialWeights& weights) const;

 private:
    std::string name_;
    std::string key_;
    std::shared_ptr<const Metric> metric_;
    std::shared_ptr<const Trajectories> x_;
    std::vector<std::size_t> unit_of_;  ///< each trial
    Eigen::Index n_units_;
    std::shared_ptr<const TrialEmbeddings> sums_;  ///< null: the metric has no such ability
};

/// Two disjoint halves of so many units, as equal as they can be and of one size, drawn by the key of the system.
export std::pair<TrialWeights, TrialWeights> halves_of(Eigen::Index units, const std::string& key,
                                                       const Stream& stream);

/// The first and the last part of a system of one trial, as two trials, with `gap` steps between them so that no window
/// is in both. Throws InvalidTrajectories if less than `least` steps are left in each.
export Trajectories in_two_parts(const Trajectories& x, Eigen::Index gap, Eigen::Index least);

/// The angle of two prepared systems in the common form of these two; none if they have no value.
export std::optional<double> angle_between(const Metric& metric, const PreparedSystem& a, const PreparedSystem& b);

/// The angles of two prepared systems with the trials of b in each of these orders, pi where they have no value; empty
/// if the metric cannot do it, see Metric::compare_permuted().
export std::vector<double> permuted_angles(const Metric& metric, const PreparedSystem& a, const PreparedSystem& b,
                                           std::span<const std::vector<Eigen::Index>> orders);

/// How far halves of one system are apart, and halves of two systems, in rad.
export struct Separation {
    double within = 0;   ///< mean over systems
    double between = 0;  ///< mean over pairs; NaN of one system
    double ratio = 0;    ///< between / within; 1: systems are as different as halves of one; NaN if it is not known
    std::size_t n_within = 0;
    std::size_t n_between = 0;
    std::vector<double> of_pairs = {};  ///< between, mean over splits: (0, 1), (0, 2), ...; NaN where there is none
};

/// Below this ratio, numbers tell nothing apart.
export inline constexpr double least_separation = 1.3;

/// The systems as the metric sees them; of one trial, its two parts stand for trials. One that cannot be embedded is
/// left out.
export std::vector<ResampledSystem> resampled(const ChosenMetric& metric, const std::vector<NamedSystem>& systems,
                                              int jobs);

/// Systems that are enough to choose settings by.
export inline constexpr std::size_t most_systems_that_choose = 12;

/// The systems in the order that the stream gives their keys: the same, whatever the order in which they came.
export std::vector<NamedSystem> in_drawn_order(const std::vector<NamedSystem>& systems, const Stream& stream);

/// The first most_systems_that_choose of them, so that sums over them are the same to the bit.
export std::vector<NamedSystem> some_of(const std::vector<NamedSystem>& systems, const Stream& stream);

/// Of `splits` random halves of some_of() the systems. A half that has no value is left out.
export Separation separation_of(const ChosenMetric& metric, const std::vector<NamedSystem>& systems, std::size_t splits,
                                const Stream& stream, int jobs);

/// Correlation over pairs between the angles of one half of the trials and those of the other, mean over splits: 1 if
/// both halves tell the same of the systems. Metrics that compare samples have the same trials of all systems in a
/// half. None of fewer than four systems.
export std::optional<double> reliability_of(const ChosenMetric& metric, const std::vector<NamedSystem>& systems,
                                            std::size_t splits, const Stream& stream, int jobs);
export inline constexpr std::size_t least_systems_for_reliability = 4;

}  // namespace repal
