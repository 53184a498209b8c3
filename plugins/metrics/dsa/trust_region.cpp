module;
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/eigen.hpp"
module repal.dsa.alignment;

import :optimisers;
import :overlap;

namespace repal {
namespace {

/// -g(cayley(W/2) Z) as a quadratic function of the skew W around W = 0, with T = Z B Z^T = symmetric + skew:
/// slope -W0 and Hessian W -> -(skew part of 2 (diag(p) W S - K W L) - W sym(G)), G = 2 (diag(p) S - K L).
template <class Scalar>
class LocalModel {
 public:
    LocalModel(const Overlap<Scalar>& overlap, const Matrix<Scalar>& z)
        : overlap_(&overlap),
          n_(overlap.rank()),
          wide_(n_, 2 * n_),
          products_(n_, 2 * n_),
          turned_skew_(overlap.turned_skew(z)),
          left_(n_, n_),
          full_(n_, n_) {
        wide_.leftCols(n_) = overlap.turned_symmetric(z);
        Matrix<Scalar> gradient = overlap.p.asDiagonal() * wide_.leftCols(n_);
        gradient.noalias() -= overlap.k * turned_skew_;
        gradient *= 2;
        wide_.rightCols(n_) = (gradient + gradient.transpose()) / 2;
        ascent_ = (gradient - gradient.transpose()) / 2;
        curvatures_ = overlap.plane_curvatures(wide_.leftCols(n_), turned_skew_);
    }

    /// Riemannian gradient of g, skew.
    const Matrix<Scalar>& ascent() const { return ascent_; }
    const Matrix<Scalar>& curvatures() const { return curvatures_; }

    void apply_hessian(const Matrix<Scalar>& w, Matrix<Scalar>& out) {
        products_.noalias() = w * wide_;
        left_.noalias() = overlap_->k * w;
        full_.noalias() = left_ * turned_skew_;
        full_ -= overlap_->p.asDiagonal() * products_.leftCols(n_);
        full_ = full_ * 2 + products_.rightCols(n_);
        out = (full_ - full_.transpose()) / 2;
    }

 private:
    const Overlap<Scalar>* overlap_;
    Eigen::Index n_;
    Matrix<Scalar> wide_;      ///< symmetric part of Z B Z^T beside the symmetric part of the gradient
    Matrix<Scalar> products_;  ///< W times that
    Matrix<Scalar> turned_skew_, left_, full_, ascent_, curvatures_;
};

template <class Scalar>
Scalar inner(const Matrix<Scalar>& x, const Matrix<Scalar>& y) {
    return x.cwiseProduct(y).sum();
}

template <class Scalar>
struct Step {
    Matrix<Scalar> w;
    Scalar predicted_gain = 0;
    int iterations = 0;
    bool is_at_border = false;
};

/// Steihaug's truncated conjugate gradients for max <ascent, W> - <W, H W>/2 with ||W||_D <= radius, preconditioned by
/// the diagonal D > 0.
template <class Scalar>
Step<Scalar> truncated_step(LocalModel<Scalar>& model, const Matrix<Scalar>& diagonal, Scalar radius, Scalar tolerance,
                            int max_iterations) {
    const Eigen::Index n = diagonal.rows();
    Step<Scalar> step{.w = Matrix<Scalar>::Zero(n, n)};
    Matrix<Scalar> residual = model.ascent();
    Matrix<Scalar> scaled = residual.cwiseQuotient(diagonal);
    Matrix<Scalar> direction = scaled;
    Matrix<Scalar> hessian_direction(n, n);
    Scalar residual_scaled = inner(residual, scaled);
    const Scalar stop = tolerance * residual.norm();
    Scalar step_step = 0, step_direction = 0, direction_direction = residual_scaled;

    while (step.iterations < max_iterations) {
        ++step.iterations;
        model.apply_hessian(direction, hessian_direction);
        const Scalar curvature = inner(direction, hessian_direction);
        const Scalar length = residual_scaled / curvature;
        const Scalar next = step_step + 2 * length * step_direction + length * length * direction_direction;
        if (!(curvature > 0) || next >= radius * radius) {
            const Scalar discriminant =
                step_direction * step_direction + direction_direction * (radius * radius - step_step);
            const Scalar to_border =
                (std::sqrt(std::max(Scalar(0), discriminant)) - step_direction) / direction_direction;
            step.w += direction * to_border;
            step.predicted_gain += to_border * residual_scaled - to_border * to_border * curvature / 2;
            step.is_at_border = true;
            return step;
        }
        step.w += direction * length;
        step.predicted_gain += length * residual_scaled / 2;
        step_step = next;
        residual -= hessian_direction * length;
        if (residual.norm() <= stop) break;
        scaled = residual.cwiseQuotient(diagonal);
        const Scalar next_residual_scaled = inner(residual, scaled);
        const Scalar ratio = next_residual_scaled / residual_scaled;
        step_direction = ratio * (step_direction + length * direction_direction);
        direction_direction = next_residual_scaled + ratio * ratio * direction_direction;
        residual_scaled = next_residual_scaled;
        direction = scaled + direction * ratio;
    }
    return step;
}

}  // namespace

template <class Scalar>
Candidate trust_region(const Overlap<Scalar>& overlap, Candidate start, double gradient_tolerance, int max_iterations) {
    // Below this the overlap is rounding, and only the gradient can tell whether a step was good.
    constexpr Scalar rounding = 100 * std::numeric_limits<Scalar>::epsilon();
    constexpr Scalar tiny = std::numeric_limits<Scalar>::min();
    const auto wanted = static_cast<Scalar>(gradient_tolerance);
    Matrix<Scalar> z = start.z.template cast<Scalar>();
    Scalar value = overlap.value(z);
    LocalModel<Scalar> model(overlap, z);
    Scalar gradient_norm = model.ascent().norm();
    const Scalar largest_curvature = model.curvatures().cwiseAbs().maxCoeff();
    Scalar radius = std::sqrt(largest_curvature) / 2;
    for (int iteration = 0; iteration < max_iterations && gradient_norm > wanted; ++iteration) {
        const Matrix<Scalar> diagonal = model.curvatures().cwiseAbs().cwiseMax(Scalar(0.02) * largest_curvature + tiny);
        const Scalar tolerance = std::max(std::min(Scalar(0.1), gradient_norm), Scalar(0.3) * wanted / gradient_norm);
        const Step<Scalar> step = truncated_step(model, diagonal, radius, tolerance, 100);
        start.iterations += step.iterations;

        Matrix<Scalar> z_there = cayley<Scalar>(step.w / 2, z);
        const Scalar value_there = overlap.value(z_there);
        LocalModel<Scalar> model_there(overlap, z_there);
        const Scalar gradient_there = model_there.ascent().norm();
        const Scalar quality = step.predicted_gain < rounding ? (gradient_there < gradient_norm ? 1 : 0)
                                                              : (value_there - value) / step.predicted_gain;
        if (quality > Scalar(0.75) && step.is_at_border) radius *= 2;
        if (quality < Scalar(0.25)) radius /= 4;
        if (quality > Scalar(0.1)) {
            z = std::move(z_there);
            value = value_there;
            gradient_norm = gradient_there;
            model = std::move(model_there);
        }
    }
    start.z = z.template cast<double>();
    start.overlap = static_cast<double>(value);
    start.gradient_norm = static_cast<double>(gradient_norm);
    return start;
}

template Candidate trust_region(const Overlap<double>&, Candidate, double, int);
template Candidate trust_region(const Overlap<float>&, Candidate, double, int);

}  // namespace repal
