#pragma once

namespace repal {

/// A smooth function on a manifold. Points, steps and gradients are arrays of numbers: neither Ceres' types nor Eigen's
/// may pass between the two link units (docs/decisions/002).
class ManifoldFunction {
 public:
    virtual ~ManifoldFunction() = default;

    /// How many numbers a point has.
    virtual int ambient_size() const = 0;
    /// How many coordinates a step has: the dimension of the manifold.
    virtual int tangent_size() const = 0;
    /// Writes the point that a step leads to.
    virtual void plus(const double* point, const double* step, double* result) const = 0;
    /// Writes the derivatives by the coordinates of a step, given those by the numbers of a point.
    virtual void pull_back(const double* point, const double* gradient, double* tangent) const = 0;
    /// The value; writes the derivatives by the numbers of the point too, unless `gradient` is null.
    virtual double evaluate(const double* point, double* gradient) const = 0;
};

/// Moves `point` down by L-BFGS with a line search, until no derivative exceeds `gradient_tolerance`, nothing is gained
/// any more or `max_iterations` are made. Returns how many points it evaluated as an iteration, the first one included.
[[gnu::visibility("default")]] int minimise(const ManifoldFunction& function, double* point, double gradient_tolerance,
                                            int max_iterations);

}  // namespace repal
