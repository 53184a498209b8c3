module;
#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <utility>

#include "core/eigen.hpp"
#include "lbfgs.hpp"
module repal.dsa.alignment;

import :optimisers;
import :overlap;

namespace repal {
namespace {

using ConstMatrixMap = Eigen::Map<const Eigen::MatrixXd>;
using MatrixMap = Eigen::Map<Eigen::MatrixXd>;

/// (I - W)^-1 (I + W) Z = 2 (I - W)^-1 Z - Z, with the memory for it.
template <class Scalar>
class Cayley {
 public:
    explicit Cayley(Eigen::Index n) : shifted_(n, n), lu_(n), result_(n, n) {}

    const Matrix<Scalar>& operator()(const Matrix<Scalar>& w, const Matrix<Scalar>& z) {
        shifted_ = -w;
        shifted_.diagonal().array() += 1;
        lu_.compute(shifted_);
        result_ = lu_.solve(z);
        result_ = result_ * 2 - z;
        return result_;
    }

 private:
    Matrix<Scalar> shifted_;
    Eigen::PartialPivLU<Matrix<Scalar>> lu_;
    Matrix<Scalar> result_;
};

/// 1 - g(Z) over the orthogonal matrices Z, column-major, in the chart Plus(Z, delta) = cayley(skew(scale * delta) / 2)
/// Z.
///
/// The chart is centred at each Z, so that it never gets near the point where one global Cayley chart ends. `scale`
/// makes the Hessian in these coordinates nearly the identity, which is what L-BFGS assumes at its start.
/// Coordinates: the planes (i, j), i > j, column by column.
class OrthogonalOverlap final : public ManifoldFunction {
 public:
    OrthogonalOverlap(const Overlap<double>& overlap, Eigen::MatrixXd scale)
        : overlap_(overlap),
          n_(overlap.rank()),
          scale_(std::move(scale)),
          cayley_(n_),
          w_(n_, n_),
          z_(n_, n_),
          product_(n_, n_),
          gradient_(n_, n_) {}

    int ambient_size() const override { return static_cast<int>(n_ * n_); }
    int tangent_size() const override { return static_cast<int>(n_ * (n_ - 1) / 2); }

    void plus(const double* z, const double* delta, double* result) const override {
        z_ = ConstMatrixMap(z, n_, n_);
        Eigen::Index plane = 0;
        w_.diagonal().setZero();
        for (Eigen::Index j = 0; j < n_; ++j)
            for (Eigen::Index i = j + 1; i < n_; ++i) {
                w_(i, j) = scale_(i, j) * delta[plane++] / 2;
                w_(j, i) = -w_(i, j);
            }
        MatrixMap(result, n_, n_) = cayley_(w_, z_);
    }

    /// The skew part of gradient Z^T.
    void pull_back(const double* z, const double* gradient, double* tangent) const override {
        z_ = ConstMatrixMap(z, n_, n_);
        gradient_ = ConstMatrixMap(gradient, n_, n_);
        product_.noalias() = gradient_ * z_.transpose();
        for (Eigen::Index j = 0; j < n_; ++j)
            for (Eigen::Index i = j + 1; i < n_; ++i) *tangent++ = scale_(i, j) * (product_(i, j) - product_(j, i));
    }

    double evaluate(const double* z, double* gradient) const override {
        z_ = ConstMatrixMap(z, n_, n_);
        const double value = 1 - overlap_.half_gradient(z_, product_, gradient_);
        if (gradient) MatrixMap(gradient, n_, n_) = gradient_ * -2;
        return value;
    }

 private:
    const Overlap<double>& overlap_;
    Eigen::Index n_;
    Eigen::MatrixXd scale_;
    // One descent owns one function and calls it from one thread. Eigen's own memory, not the solver's, for the
    // arithmetic: the order of a sum would depend on how a foreign pointer is aligned.
    mutable Cayley<double> cayley_;
    mutable Eigen::MatrixXd w_, z_, product_, gradient_;
};

/// Steps along a plane are divided by the square root of its curvature; flat planes count as moderately curved.
Eigen::MatrixXd chart_scale(const Overlap<double>& overlap, const Eigen::MatrixXd& z) {
    const Eigen::MatrixXd curvatures =
        overlap.plane_curvatures(overlap.turned_symmetric(z), overlap.turned_skew(z)).cwiseAbs();
    const double floor = 0.02 * curvatures.maxCoeff() + 1e-300;
    return curvatures.cwiseMax(floor).cwiseSqrt().cwiseInverse() / 2;
}

}  // namespace

template <class Scalar>
Matrix<Scalar> cayley(const Matrix<Scalar>& w, const Matrix<Scalar>& z) {
    return Cayley<Scalar>(w.rows())(w, z);
}

template Matrix<double> cayley(const Matrix<double>&, const Matrix<double>&);
template Matrix<float> cayley(const Matrix<float>&, const Matrix<float>&);

Candidate descend(const Overlap<double>& overlap, Candidate start, double gradient_tolerance, int max_iterations) {
    const OrthogonalOverlap function(overlap, chart_scale(overlap, start.z));
    Candidate end = start;
    end.iterations += minimise(function, end.z.data(), gradient_tolerance, max_iterations);
    end.overlap = overlap.value(end.z);
    return end.overlap >= start.overlap ? end : start;
}

}  // namespace repal
