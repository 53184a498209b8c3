module;
#include <Eigen/Core>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <utility>
module repal.dsa.alignment;

import :optimisers;
import :overlap;

namespace repal {
namespace {

/// constant + c1 cos t + s1 sin t + c2 cos 2t + s2 sin 2t: the overlap as a function of one plane's angle.
struct TrigonometricPolynomial {
    double constant = 0;
    double c1 = 0;
    double s1 = 0;
    double c2 = 0;
    double s2 = 0;

    double operator()(double cosine, double sine) const {
        return constant + c1 * cosine + s1 * sine + c2 * (cosine * cosine - sine * sine) + s2 * 2 * sine * cosine;
    }
    double upper_bound() const { return constant + std::hypot(c1, s1) + std::hypot(c2, s2); }
};

struct Turn {
    double cosine = 1;
    double sine = 0;
    double value = 0;
};

struct Angle {
    double cosine;
    double sine;
};

/// A polynomial of degree two has at most two maxima; sixteen samples see the basin of the higher one.
const std::array<Angle, 16>& sampled_angles() {
    static const auto angles = [] {
        std::array<Angle, 16> table{};
        for (std::size_t i = 0; i < table.size(); ++i) {
            const double angle = 2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(table.size());
            table[i] = {std::cos(angle), std::sin(angle)};
        }
        return table;
    }();
    return angles;
}

Turn maximum(const TrigonometricPolynomial& f) {
    Turn best{.value = f(1, 0)};
    for (const auto& [cosine, sine] : sampled_angles())
        if (const double value = f(cosine, sine); value > best.value) best = {cosine, sine, value};
    for (int step = 0; step < 4; ++step) {
        const double cosine2 = best.cosine * best.cosine - best.sine * best.sine;
        const double sine2 = 2 * best.sine * best.cosine;
        const double slope = -f.c1 * best.sine + f.s1 * best.cosine + 2 * (f.s2 * cosine2 - f.c2 * sine2);
        const double curvature = -f.c1 * best.cosine - f.s1 * best.sine - 4 * (f.c2 * cosine2 + f.s2 * sine2);
        if (!(curvature < 0)) break;
        // tan(angle / 2), not the angle: cosine and sine then need no library call and stay on the circle.
        const double half = -slope / (2 * curvature);
        if (std::abs(half) > 0.25) break;
        const double scale = 1 / (1 + half * half);
        const double step_cosine = (1 - half * half) * scale;
        const double step_sine = 2 * half * scale;
        const double cosine = best.cosine * step_cosine - best.sine * step_sine;
        const double sine = best.sine * step_cosine + best.cosine * step_sine;
        const double value = f(cosine, sine);
        if (!(value > best.value)) break;
        best = {cosine, sine, value};
    }
    return best;
}

/// Z and the parts of Z B Z^T, turned plane by plane.
class PlaneRotations {
 public:
    PlaneRotations(const Overlap& overlap, const Eigen::MatrixXd& z)
        : overlap_(overlap),
          symmetric_(overlap.turned_symmetric(z)),
          skew_(overlap.turned_skew(z)),
          z_transposed_(z.transpose()) {}

    /// Turns plane (i, j) to its maximum; returns the gain.
    double maximise(Eigen::Index i, Eigen::Index j, double threshold) {
        const double inner = overlap_.k(i, j) * skew_(i, j);
        const double ii = overlap_.k.col(i).dot(skew_.col(i)) - inner;
        const double jj = overlap_.k.col(j).dot(skew_.col(j)) - inner;
        const double ij = overlap_.k.col(i).dot(skew_.col(j));
        const double ji = overlap_.k.col(j).dot(skew_.col(i));
        const double gap = overlap_.p[i] - overlap_.p[j];
        const double c2 = gap * (symmetric_(i, i) - symmetric_(j, j)) / 2;
        const double s2 = gap * symmetric_(i, j);
        const TrigonometricPolynomial rotations{2 * inner, 2 * (ii + jj), 2 * (ij - ji), c2, s2};
        const TrigonometricPolynomial reflections{-2 * inner, 2 * (ii - jj), 2 * (ij + ji), c2, s2};

        const double now = rotations(1, 0);
        Turn turn{.value = now + threshold};
        bool reflects = false;
        if (rotations.upper_bound() > turn.value)
            if (const Turn best = maximum(rotations); best.value > turn.value) turn = best;
        if (reflections.upper_bound() > turn.value)
            if (const Turn best = maximum(reflections); best.value > turn.value) {
                turn = best;
                reflects = true;
            }
        if (turn.value <= now + threshold) return 0;
        apply(i, j, turn, reflects);
        return turn.value - now;
    }

    Eigen::MatrixXd z() const { return z_transposed_.transpose(); }

 private:
    /// Rows i and j become c x_i + s x_j and +-(-s x_i + c x_j); likewise the columns.
    void apply(Eigen::Index i, Eigen::Index j, const Turn& turn, bool reflects) {
        const double cosine = turn.cosine;
        const double sine = turn.sine;
        const double sign = reflects ? -1 : 1;
        const auto turn_columns = [&](Eigen::MatrixXd& x) {
            double* column_i = x.col(i).data();
            double* column_j = x.col(j).data();
            for (Eigen::Index row = 0; row < x.rows(); ++row) {
                const double x_i = column_i[row];
                const double x_j = column_j[row];
                column_i[row] = cosine * x_i + sine * x_j;
                column_j[row] = sign * (cosine * x_j - sine * x_i);
            }
        };
        const auto turn_block = [&](Eigen::MatrixXd& x) {
            const double x_ii = cosine * x(i, i) + sine * x(j, i);
            const double x_ij = cosine * x(i, j) + sine * x(j, j);
            const double x_ji = sign * (cosine * x(j, i) - sine * x(i, i));
            const double x_jj = sign * (cosine * x(j, j) - sine * x(i, j));
            x(i, i) = x_ii, x(i, j) = x_ij, x(j, i) = x_ji, x(j, j) = x_jj;
        };
        turn_columns(z_transposed_);
        turn_columns(symmetric_);
        turn_block(symmetric_);
        turn_columns(skew_);
        turn_block(skew_);
        // The rows follow from the columns by symmetry.
        for (Eigen::Index row = 0; row < symmetric_.rows(); ++row) {
            if (row == i || row == j) continue;
            symmetric_(i, row) = symmetric_(row, i);
            symmetric_(j, row) = symmetric_(row, j);
            skew_(i, row) = -skew_(row, i);
            skew_(j, row) = -skew_(row, j);
        }
        symmetric_(i, j) = symmetric_(j, i);
        skew_(i, j) = -skew_(j, i);
        skew_(i, i) = skew_(j, j) = 0;
    }

    const Overlap& overlap_;
    Eigen::MatrixXd symmetric_;
    Eigen::MatrixXd skew_;
    Eigen::MatrixXd z_transposed_;
};

}  // namespace

Candidate sweep(const Overlap& overlap, Candidate start, int max_sweeps, double tolerance) {
    const Eigen::Index n = overlap.rank();
    PlaneRotations planes(overlap, start.z);
    const double threshold = tolerance / static_cast<double>(n * n);
    int sweeps = 0;
    for (bool is_stationary = false; sweeps < max_sweeps && !is_stationary; ++sweeps) {
        double gain = 0;
        for (Eigen::Index i = 0; i < n; ++i)
            for (Eigen::Index j = i + 1; j < n; ++j) gain += planes.maximise(i, j, threshold);
        is_stationary = gain < tolerance;
    }
    Candidate swept{.z = planes.z(), .iterations = start.iterations + sweeps};
    swept.overlap = overlap.value(swept.z);
    return swept;
}

}  // namespace repal
