module;
#include <Eigen/Core>
#include <cstddef>
#include <string>
#include <utility>
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

/// The data of a system cannot be used; says which value, or for how many steps it is too short.
export class InvalidTrajectories : public InputError {
 public:
    explicit InvalidTrajectories(std::string problem, std::string hint = {});
    ~InvalidTrajectories() override;
};

/// Trials as rows of channels: time or (trial, time) along rows, channels along columns, row-major.
export using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Equal-step trials of one system, indexed (trial, time, channel).
///
/// At least one trial, two steps and one channel; every value finite. Otherwise the factory throws
/// InvalidTrajectories.
export class Trajectories {
 public:
    /// `values` has trials * steps rows, time fastest, and one column a channel.
    static Trajectories from_rows(const Shape& shape, RowMatrix values);

    const Shape& shape() const { return shape_; }

    /// (time, channel) of one trial.
    auto trial(Eigen::Index k) const { return values_.middleRows(k * shape_.steps, shape_.steps); }

    /// (trial * time, channel), time fastest.
    const RowMatrix& rows() const { return values_; }

    bool operator==(const Trajectories& other) const;

 private:
    Trajectories(const Shape& shape, RowMatrix values) : shape_(shape), values_(std::move(values)) {}

    Shape shape_;
    RowMatrix values_;
};

}  // namespace repal
