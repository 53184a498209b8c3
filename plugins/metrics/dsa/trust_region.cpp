module;
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/eigen.hpp"
module repal.dsa.alignment;

import :optimisers;
import :overlap;
import :product;

namespace repal {
namespace {

/// What is known of g at Z, with Z B Z^T = S + X of symmetric S and skew X.
template <class Scalar>
struct Point {
    Point(const Overlap<Scalar>& overlap, Matrix<Scalar> at)
        : z(std::move(at)),
          symmetric(overlap.turned_symmetric(z)),
          skew(overlap.turned_skew(z)),
          value(overlap.p.dot(symmetric.diagonal()) + overlap.k.cwiseProduct(skew).sum()) {
        Matrix<Scalar> half(overlap.rank(), overlap.rank());
        multiply(overlap.k, skew, half);
        half = overlap.p.asDiagonal() * symmetric - half;
        ascent = half - half.transpose();
        gradient_norm = ascent.norm();
    }

    Matrix<Scalar> z;
    Matrix<Scalar> symmetric, skew;
    Scalar value;           ///< g = <diag(p), S> + <K, X>
    Matrix<Scalar> ascent;  ///< Riemannian gradient, skew: [diag(p), S] - [K, X]
    Scalar gradient_norm;
};

/// Minus the second derivative of g(exp(W) Z) by the skew W, in float whatever the point: it only steers the steps.
///
///     H W = [K, [W, X]] - [diag(p), [W, S]]
///
/// up to a part that is skew (<V, H W> = -<W, H V>), of the size of the gradient, and without effect on <W, H W>. Left
/// out, that part saves one of four products.
class Hessian {
 public:
    template <class Scalar>
    Hessian(const Overlap<float>& rough, const Point<Scalar>& point)
        : overlap_(&rough), n_(rough.rank()), wide_(n_, 2 * n_), products_(n_, 2 * n_), turned_(n_, n_) {
        wide_.leftCols(n_) = point.symmetric.template cast<float>();
        wide_.rightCols(n_) = point.skew.template cast<float>();
        curvatures_ = rough.plane_curvatures(wide_.leftCols(n_), wide_.rightCols(n_));
    }

    const Matrix<float>& curvatures() const { return curvatures_; }  ///< of the planes

    void apply(const Matrix<float>& w, Matrix<float>& out) {
        multiply(w, wide_, products_);
        turned_ = products_.rightCols(n_) - products_.rightCols(n_).transpose();
        multiply(overlap_->k, turned_, out);
        // [diag(p), [W, S]] is the skew part of twice the entries of W S times p_i - p_j.
        for (Eigen::Index j = 0; j < n_; ++j)
            turned_.col(j) = out.col(j).array() - (overlap_->p.array() - overlap_->p[j]) * products_.col(j).array();
        out = turned_ - turned_.transpose();
    }

 private:
    const Overlap<float>* overlap_;
    Eigen::Index n_;
    Matrix<float> wide_;      ///< S beside X
    Matrix<float> products_;  ///< W times that
    Matrix<float> turned_;
    Matrix<float> curvatures_;
};

Matrix<double> retracted(const Matrix<float>& w, const Matrix<double>& z) {
    return cayley<double>(w.cast<double>() / 2, z);
}

/// Near exp(W) Z, as cayley(W/2) Z is, but of products alone: (I + V + V^2/2)^m made orthogonal, with V = W/m.
Matrix<float> retracted(Matrix<float> w, const Matrix<float>& z) {
    const Eigen::Index n = w.rows();
    float square = w.squaredNorm();
    int doublings = 0;
    for (; square > 2 && doublings < 20; ++doublings) {
        square /= 4;
        w /= 2;
    }

    // The singular values are sqrt(1 + |v|^4/4) with the eigenvalues v of V, and v^2 <= ||V||^2 / 2: at most 1.12, from
    // where two steps of Newton and Schulz end at the rounding of float; from 1.0001 one does.
    Matrix<float> x(n, n), y(n, n);
    multiply(w, w, y);
    y = y / 2 + w;
    y.diagonal().array() += 1;
    for (int step = square > 0.05F ? 0 : 1; step < 2; ++step) {
        multiply<float>(y.transpose(), y, x);
        x *= -0.5F;
        x.diagonal().array() += 1.5F;
        multiply(y, x, w);
        y.swap(w);
    }
    for (; doublings > 0; --doublings) {
        multiply(y, y, x);
        y.swap(x);
    }
    multiply(y, z, x);
    return x;
}

float inner(const Matrix<float>& x, const Matrix<float>& y) {
    return x.cwiseProduct(y).sum();
}

struct Step {
    Matrix<float> w;
    float predicted_gain = 0;
    int iterations = 0;
    bool is_at_border = false;
};

/// Steihaug's truncated conjugate gradients for max <ascent, W> - <W, H W>/2 with ||W||_D <= radius, preconditioned by
/// the diagonal D > 0.
Step truncated_step(Hessian& hessian, const Matrix<float>& ascent, const Matrix<float>& inverse_diagonal, float radius,
                    float tolerance, int max_iterations) {
    const Eigen::Index n = inverse_diagonal.rows();
    Step step{.w = Matrix<float>::Zero(n, n)};
    Matrix<float> residual = ascent;
    Matrix<float> scaled = residual.cwiseProduct(inverse_diagonal);
    Matrix<float> direction = scaled;
    Matrix<float> hessian_direction(n, n);
    float residual_scaled = inner(residual, scaled);
    const float stop = tolerance * residual.norm();
    float step_step = 0, step_direction = 0, direction_direction = residual_scaled;

    while (step.iterations < max_iterations) {
        ++step.iterations;
        hessian.apply(direction, hessian_direction);
        const float curvature = inner(direction, hessian_direction);
        const float length = residual_scaled / curvature;
        const float next = step_step + 2 * length * step_direction + length * length * direction_direction;
        if (!(curvature > 0) || next >= radius * radius) {
            const float discriminant =
                step_direction * step_direction + direction_direction * (radius * radius - step_step);
            const float to_border = (std::sqrt(std::max(0.0F, discriminant)) - step_direction) / direction_direction;
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
        scaled = residual.cwiseProduct(inverse_diagonal);
        const float next_residual_scaled = inner(residual, scaled);
        const float ratio = next_residual_scaled / residual_scaled;
        step_direction = ratio * (step_direction + length * direction_direction);
        direction_direction = next_residual_scaled + ratio * ratio * direction_direction;
        residual_scaled = next_residual_scaled;
        direction = scaled + direction * ratio;
    }
    return step;
}

/// Flatter planes count as curved as this share of the most curved one.
constexpr float flattest_curvature = 0.02F;

}  // namespace

template <class Scalar>
Candidate trust_region(const Overlap<Scalar>& overlap, Candidate start, double gradient_tolerance, int max_iterations) {
    // Below this the overlap is rounding, and only the gradient can tell whether a step was good.
    constexpr Scalar rounding = 100 * std::numeric_limits<Scalar>::epsilon();
    const auto wanted = static_cast<Scalar>(gradient_tolerance);
    const Overlap<float> rough = overlap.template cast<float>();
    Point<Scalar> point(overlap, start.z.template cast<Scalar>());
    Hessian hessian(rough, point);
    const float largest_curvature = hessian.curvatures().cwiseAbs().maxCoeff();
    float radius = std::sqrt(largest_curvature) / 2;
    for (int iteration = 0; iteration < max_iterations && point.gradient_norm > wanted; ++iteration) {
        const float floor = flattest_curvature * largest_curvature + std::numeric_limits<float>::min();
        const Matrix<float> inverse_diagonal = hessian.curvatures().cwiseAbs().cwiseMax(floor).cwiseInverse();
        // The Hessian in float bears no more than 1e-4.
        const auto gradient_norm = static_cast<float>(point.gradient_norm);
        const float tolerance =
            std::max({std::min(0.1F, gradient_norm), 0.3F * static_cast<float>(wanted) / gradient_norm, 1e-4F});
        const Step step =
            truncated_step(hessian, point.ascent.template cast<float>(), inverse_diagonal, radius, tolerance, 100);
        start.iterations += step.iterations;

        Point<Scalar> there(overlap, retracted(step.w, point.z));
        const auto predicted_gain = static_cast<Scalar>(step.predicted_gain);
        const Scalar quality = predicted_gain < rounding ? (there.gradient_norm < point.gradient_norm ? 1 : 0)
                                                         : (there.value - point.value) / predicted_gain;
        if (quality > Scalar(0.75) && step.is_at_border) radius *= 2;
        if (quality < Scalar(0.25)) radius /= 4;
        if (quality > Scalar(0.1)) {
            point = std::move(there);
            hessian = Hessian(rough, point);
        }
    }
    start.z = point.z.template cast<double>();
    start.overlap = static_cast<double>(point.value);
    start.gradient_norm = static_cast<double>(point.gradient_norm);
    return start;
}

template Candidate trust_region(const Overlap<double>&, Candidate, double, int);
template Candidate trust_region(const Overlap<float>&, Candidate, double, int);

}  // namespace repal
