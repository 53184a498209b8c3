module;
#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>
export module repal.trajectories;

export import repal.error;

namespace repal {

/// How many of each; named, so that the axes cannot be swapped by accident.
export struct Shape {
    Eigen::Index trials = 0;
    Eigen::Index steps = 0;
    Eigen::Index channels = 0;
    bool operator==(const Shape&) const = default;
};

/// "200 trials x 200 steps x 3 channels"
export std::string to_string(const Shape& shape);

/// Throws InvalidTrajectories unless there are two samples.
export void require_samples(const Shape& shape);

/// The data of a system cannot be used; says which value, or for how many steps it is too short.
export class InvalidTrajectories : public InputError {
 public:
    explicit InvalidTrajectories(std::string problem, std::string hint = {});
    ~InvalidTrajectories() override;
};

/// Trials as rows of channels: time or (trial, time) along rows, channels along columns, row-major.
export using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Trials of one system, indexed (trial, time, channel), and what is known beside the values: how long a step is, what
/// was put in, which trials repeat a condition.
///
/// At least one trial, one step in each and one channel; every value finite. Otherwise the factories throw
/// InvalidTrajectories. Metrics say how many steps they need: see Metric::least_steps().
export class Trajectories {
 public:
    /// Trials of equal length. `values` has trials * steps rows, time fastest, and one column a channel.
    static Trajectories from_rows(const Shape& shape, RowMatrix values);

    /// Trials of any lengths: each (time, channel).
    static Trajectories from_trials(std::span<const RowMatrix> trials);

    /// Shape::steps is that of the shortest trial.
    const Shape& shape() const { return shape_; }
    Eigen::Index steps(Eigen::Index trial) const { return first_row_[to_size(trial) + 1] - first_row_[to_size(trial)]; }
    bool has_equal_steps() const { return values_.rows() == shape_.trials * shape_.steps; }

    /// (time, channel) of one trial.
    auto trial(Eigen::Index k) const { return values_.middleRows(first_row_[to_size(k)], steps(k)); }

    /// (trial * time, channel), time fastest.
    const RowMatrix& rows() const { return values_; }

    /// The trials of these indices, in their order; one may be there more than once.
    Trajectories of_trials(std::span<const Eigen::Index> indices) const;

    /// The time of a step, in s; none if it is not known.
    std::optional<double> dt() const { return dt_; }
    /// (trial * time, input), as rows(); no column if there are none.
    const RowMatrix& inputs() const { return inputs_; }
    /// The condition of each trial; empty if they are not known.
    const std::vector<std::int64_t>& conditions() const { return conditions_; }

    /// `steps` steps of every trial, from step `first` on. Throws InvalidTrajectories unless every trial has them.
    Trajectories window(Eigen::Index first, Eigen::Index steps) const;

    /// The same trials of other channels, e.g. the principal components. `values` has as many rows as rows().
    Trajectories with_rows(RowMatrix values) const;

    /// The same with one of these said. Throws InvalidTrajectories unless dt is finite and positive, there is a row of
    /// finite inputs for each step, and a condition for each trial.
    Trajectories with_dt(std::optional<double> dt) const;
    Trajectories with_inputs(RowMatrix inputs) const;
    Trajectories with_conditions(std::vector<std::int64_t> conditions) const;

    bool operator==(const Trajectories& other) const;

 private:
    Trajectories(const Shape& shape, std::vector<Eigen::Index> first_row, RowMatrix values)
        : shape_(shape), first_row_(std::move(first_row)), values_(std::move(values)) {}

    static std::size_t to_size(Eigen::Index index) { return static_cast<std::size_t>(index); }

    Shape shape_;
    std::vector<Eigen::Index> first_row_;  ///< of each trial, and one behind the last
    RowMatrix values_;
    std::optional<double> dt_;
    RowMatrix inputs_;
    std::vector<std::int64_t> conditions_;
};

}  // namespace repal
