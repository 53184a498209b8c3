module;
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <utility>
module repal.dsa.alignment;

import :optimisers;
import :overlap;

namespace repal {
namespace {

/// -g(cayley(W/2) Z) as a quadratic function of the skew W around W = 0, with T = Z B Z^T = symmetric + skew:
/// slope -W0 and Hessian W -> -(skew part of 2 (diag(p) W S - K W L) - W sym(G)), G = 2 (diag(p) S - K L).
class LocalModel {
 public:
    LocalModel(const Overlap& overlap, const Eigen::MatrixXd& z)
        : overlap_(&overlap),
          n_(overlap.rank()),
          wide_(n_, 2 * n_),
          products_(n_, 2 * n_),
          turned_skew_(overlap.turned_skew(z)),
          left_(n_, n_),
          full_(n_, n_) {
        wide_.leftCols(n_) = overlap.turned_symmetric(z);
        Eigen::MatrixXd gradient = overlap.p.asDiagonal() * wide_.leftCols(n_);
        gradient.noalias() -= overlap.k * turned_skew_;
        gradient *= 2;
        wide_.rightCols(n_) = (gradient + gradient.transpose()) / 2;
        ascent_ = (gradient - gradient.transpose()) / 2;
        curvatures_ = plane_curvatures(overlap, wide_.leftCols(n_), turned_skew_);
    }

    /// Riemannian gradient of g, skew.
    const Eigen::MatrixXd& ascent() const { return ascent_; }
    const Eigen::MatrixXd& curvatures() const { return curvatures_; }

    void apply_hessian(const Eigen::MatrixXd& w, Eigen::MatrixXd& out) {
        products_.noalias() = w * wide_;
        left_.noalias() = overlap_->k * w;
        full_.noalias() = left_ * turned_skew_;
        full_ -= overlap_->p.asDiagonal() * products_.leftCols(n_);
        full_ = full_ * 2 + products_.rightCols(n_);
        out = (full_ - full_.transpose()) / 2;
    }

 private:
    const Overlap* overlap_;
    Eigen::Index n_;
    Eigen::MatrixXd wide_;      ///< symmetric part of Z B Z^T beside the symmetric part of the gradient
    Eigen::MatrixXd products_;  ///< W times that
    Eigen::MatrixXd turned_skew_, left_, full_, ascent_, curvatures_;
};

double inner(const Eigen::MatrixXd& x, const Eigen::MatrixXd& y) {
    return x.cwiseProduct(y).sum();
}

struct Step {
    Eigen::MatrixXd w;
    double predicted_gain = 0;
    int iterations = 0;
    bool is_at_border = false;
};

/// Steihaug's truncated conjugate gradients for max <ascent, W> - <W, H W>/2 with ||W||_D <= radius, preconditioned by
/// the diagonal D > 0.
Step truncated_step(LocalModel& model, const Eigen::MatrixXd& diagonal, double radius, double tolerance,
                    int max_iterations) {
    const Eigen::Index n = diagonal.rows();
    Step step{.w = Eigen::MatrixXd::Zero(n, n)};
    Eigen::MatrixXd residual = model.ascent();
    Eigen::MatrixXd scaled = residual.cwiseQuotient(diagonal);
    Eigen::MatrixXd direction = scaled;
    Eigen::MatrixXd hessian_direction(n, n);
    double residual_scaled = inner(residual, scaled);
    const double stop = tolerance * residual.norm();
    double step_step = 0, step_direction = 0, direction_direction = residual_scaled;

    while (step.iterations < max_iterations) {
        ++step.iterations;
        model.apply_hessian(direction, hessian_direction);
        const double curvature = inner(direction, hessian_direction);
        const double length = residual_scaled / curvature;
        const double next = step_step + 2 * length * step_direction + length * length * direction_direction;
        if (!(curvature > 0) || next >= radius * radius) {
            const double discriminant =
                step_direction * step_direction + direction_direction * (radius * radius - step_step);
            const double to_border = (std::sqrt(std::max(0.0, discriminant)) - step_direction) / direction_direction;
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
        const double next_residual_scaled = inner(residual, scaled);
        const double ratio = next_residual_scaled / residual_scaled;
        step_direction = ratio * (step_direction + length * direction_direction);
        direction_direction = next_residual_scaled + ratio * ratio * direction_direction;
        residual_scaled = next_residual_scaled;
        direction = scaled + direction * ratio;
    }
    return step;
}

}  // namespace

Finish finish(const Overlap& overlap, Candidate start, double gradient_tolerance, int max_iterations) {
    Finish best{.candidate = std::move(start)};
    LocalModel model(overlap, best.candidate.z);
    best.gradient_norm = model.ascent().norm();
    const double largest_curvature = model.curvatures().cwiseAbs().maxCoeff();
    double radius = 0.5 * std::sqrt(largest_curvature);
    for (int iteration = 0; iteration < max_iterations && best.gradient_norm > gradient_tolerance; ++iteration) {
        const Eigen::MatrixXd diagonal = model.curvatures().cwiseAbs().cwiseMax(0.02 * largest_curvature + 1e-300);
        const double tolerance =
            std::max(std::min(0.1, best.gradient_norm), 0.3 * gradient_tolerance / best.gradient_norm);
        const Step step = truncated_step(model, diagonal, radius, tolerance, 100);
        best.candidate.iterations += step.iterations;

        Eigen::MatrixXd z = cayley(step.w / 2, best.candidate.z);
        const double overlap_there = overlap.value(z);
        LocalModel model_there(overlap, z);
        const double gradient_there = model_there.ascent().norm();
        // Below the rounding of the overlap only the gradient can tell whether the step was good.
        const double gain = overlap_there - best.candidate.overlap;
        const bool is_rounding = step.predicted_gain < 1e-13;
        const double quality =
            is_rounding ? (gradient_there < best.gradient_norm ? 1.0 : 0.0) : gain / step.predicted_gain;
        if (quality > 0.75 && step.is_at_border) radius *= 2;
        if (quality < 0.25) radius *= 0.25;
        if (quality > 0.1) {
            best.candidate.z = std::move(z);
            best.candidate.overlap = overlap_there;
            best.gradient_norm = gradient_there;
            model = std::move(model_there);
        }
    }
    return best;
}

}  // namespace repal
