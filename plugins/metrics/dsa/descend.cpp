module;
#include <ceres/gradient_problem.h>
#include <ceres/gradient_problem_solver.h>
#include <ceres/manifold.h>

#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <utility>

#include "core/eigen.hpp"
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

/// The orthogonal matrices Z, column-major, in the chart Plus(Z, delta) = cayley(skew(scale * delta) / 2) Z.
///
/// The chart is centred at each Z, so that it never gets near the point where one global Cayley chart ends. `scale`
/// makes the Hessian in these coordinates nearly the identity, which is what L-BFGS assumes at its start.
/// Coordinates: the planes (i, j), i > j, column by column.
class OrthogonalMatrices final : public ceres::Manifold {
 public:
    explicit OrthogonalMatrices(Eigen::MatrixXd scale)
        : n_(scale.rows()),
          scale_(std::move(scale)),
          cayley_(n_),
          w_(n_, n_),
          z_(n_, n_),
          product_(n_, n_),
          gradient_(n_, n_) {}

    int AmbientSize() const override { return static_cast<int>(n_ * n_); }
    int TangentSize() const override { return static_cast<int>(n_ * (n_ - 1) / 2); }

    bool Plus(const double* z, const double* delta, double* result) const override {
        z_ = ConstMatrixMap(z, n_, n_);
        Eigen::Index plane = 0;
        w_.diagonal().setZero();
        for (Eigen::Index j = 0; j < n_; ++j)
            for (Eigen::Index i = j + 1; i < n_; ++i) {
                w_(i, j) = scale_(i, j) * delta[plane++] / 2;
                w_(j, i) = -w_(i, j);
            }
        MatrixMap(result, n_, n_) = cayley_(w_, z_);
        return true;
    }

    /// Gives every gradient in the coordinates of the chart: the skew part of gradient Z^T, scaled.
    bool RightMultiplyByPlusJacobian(const double* z, const int count, const double* gradients,
                                     double* tangents) const override {
        z_ = ConstMatrixMap(z, n_, n_);
        for (int k = 0; k < count; ++k, gradients += AmbientSize()) {
            gradient_ = ConstMatrixMap(gradients, n_, n_);
            product_.noalias() = gradient_ * z_.transpose();
            for (Eigen::Index j = 0; j < n_; ++j)
                for (Eigen::Index i = j + 1; i < n_; ++i)
                    *tangents++ = scale_(i, j) * (product_(i, j) - product_(j, i));
        }
        return true;
    }

    // The solver of gradient problems asks for none of these.
    bool PlusJacobian(const double*, double*) const override { return false; }
    bool Minus(const double*, const double*, double*) const override { return false; }
    bool MinusJacobian(const double*, double*) const override { return false; }

 private:
    Eigen::Index n_;
    Eigen::MatrixXd scale_;
    // One descent owns one manifold and calls it from one thread. Eigen's own memory, not the solver's, for the
    // arithmetic: the order of a sum would depend on how a foreign pointer is aligned.
    mutable Cayley<double> cayley_;
    mutable Eigen::MatrixXd w_, z_, product_, gradient_;
};

/// 1 - g(Z).
class Distance final : public ceres::FirstOrderFunction {
 public:
    explicit Distance(const Overlap<double>& overlap)
        : overlap_(overlap), n_(overlap.rank()), z_(n_, n_), product_(n_, n_), gradient_(n_, n_) {}

    int NumParameters() const override { return static_cast<int>(n_ * n_); }

    bool Evaluate(const double* z, double* cost, double* gradient) const override {
        z_ = ConstMatrixMap(z, n_, n_);
        *cost = 1 - overlap_.half_gradient(z_, product_, gradient_);
        if (gradient) MatrixMap(gradient, n_, n_) = gradient_ * -2;
        return true;
    }

 private:
    const Overlap<double>& overlap_;
    Eigen::Index n_;
    mutable Eigen::MatrixXd z_, product_, gradient_;  // as above
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

Eigen::MatrixXd orthogonalised(const Eigen::MatrixXd& x) {
    return x * (Eigen::MatrixXd::Identity(x.cols(), x.cols()) * 3 - x.transpose() * x) / 2;
}

template Matrix<double> cayley(const Matrix<double>&, const Matrix<double>&);
template Matrix<float> cayley(const Matrix<float>&, const Matrix<float>&);

Candidate descend(const Overlap<double>& overlap, const Candidate& start, double gradient_tolerance,
                  int max_iterations) {
    // The problem owns both.
    const ceres::GradientProblem problem(new Distance(overlap), new OrthogonalMatrices(chart_scale(overlap, start.z)));
    ceres::GradientProblemSolver::Options options;
    options.logging_type = ceres::SILENT;
    options.max_num_iterations = max_iterations;
    options.gradient_tolerance = gradient_tolerance;
    options.function_tolerance = 0;
    options.parameter_tolerance = 0;
    ceres::GradientProblemSolver::Summary summary;
    Candidate end = start;
    ceres::Solve(options, problem, end.z.data(), &summary);
    end.iterations += static_cast<int>(summary.iterations.size());
    end.overlap = overlap.value(end.z);
    return end.overlap >= start.overlap ? end : start;
}

}  // namespace repal
