module;
#include <cmath>
#include <numbers>
#include <utility>

#include "core/eigen.hpp"
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
    double upper_bound() const { return constant + std::sqrt(c1 * c1 + s1 * s1) + std::sqrt(c2 * c2 + s2 * s2); }
};

struct Turn {
    double cosine = 1;
    double sine = 0;
    double value = 0;
};

/// Angles of half a turn. The other half follows: c1 and s1 change sign there, c2 and s2 do not.
struct SampledAngles {
    Eigen::Array<double, 8, 1> cosine, sine, cosine2, sine2;
};

const SampledAngles& sampled_angles() {
    static const auto angles = [] {
        SampledAngles table;
        for (Eigen::Index i = 0; i < 8; ++i) {
            const double angle = std::numbers::pi * static_cast<double>(i) / 8;
            table.cosine[i] = std::cos(angle);
            table.sine[i] = std::sin(angle);
            table.cosine2[i] = std::cos(2 * angle);
            table.sine2[i] = std::sin(2 * angle);
        }
        return table;
    }();
    return angles;
}

/// A polynomial of degree two has at most two maxima; sixteen samples see the basin of the higher one.
Turn highest_sample(const TrigonometricPolynomial& f) {
    const SampledAngles& angles = sampled_angles();
    const Eigen::Array<double, 8, 1> odd = f.c1 * angles.cosine + f.s1 * angles.sine;
    const Eigen::Array<double, 8, 1> even = f.c2 * angles.cosine2 + f.s2 * angles.sine2;
    Eigen::Index highest = 0;
    const double value = f.constant + (even + odd.abs()).maxCoeff(&highest);
    const double sign = odd[highest] < 0 ? -1 : 1;
    return {sign * angles.cosine[highest], sign * angles.sine[highest], value};
}

Turn maximum(const TrigonometricPolynomial& f) {
    Turn best = highest_sample(f);
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

/// Columns that start at multiples of four doubles, filled up with zeros, for loops without a remainder.
class PaddedColumns {
 public:
    using Packet = Eigen::Array4d;

    explicit PaddedColumns(const Eigen::MatrixXd& x)
        : values_(Eigen::MatrixXd::Zero((x.rows() + 3) / 4 * 4, x.cols())) {
        values_.topRows(x.rows()) = x;
    }

    Eigen::Index packets() const { return values_.rows() / 4; }
    auto packet(Eigen::Index column, Eigen::Index k) const {
        return Eigen::Map<const Packet, Eigen::Aligned32>(values_.data() + column * values_.rows() + 4 * k);
    }
    auto packet(Eigen::Index column, Eigen::Index k) {
        return Eigen::Map<Packet, Eigen::Aligned32>(values_.data() + column * values_.rows() + 4 * k);
    }
    double& operator()(Eigen::Index row, Eigen::Index column) { return values_(row, column); }
    double operator()(Eigen::Index row, Eigen::Index column) const { return values_(row, column); }
    auto top(Eigen::Index rows) const { return values_.topRows(rows); }

    /// Columns i and j become c x_i + s x_j and sign (c x_j - s x_i).
    void turn(Eigen::Index i, Eigen::Index j, const Turn& turn, double sign) {
        for (Eigen::Index k = 0; k < packets(); ++k) {
            const Packet x_i = packet(i, k);
            const Packet x_j = packet(j, k);
            packet(i, k) = turn.cosine * x_i + turn.sine * x_j;
            packet(j, k) = (sign * turn.cosine) * x_j - (sign * turn.sine) * x_i;
        }
    }

 private:
    Eigen::MatrixXd values_;
};

/// Z and the parts of Z B Z^T, turned plane by plane.
class PlaneRotations {
 public:
    PlaneRotations(const Overlap<double>& overlap, const Eigen::MatrixXd& z)
        : p_(overlap.p),
          k_(overlap.k),
          q_(overlap.q),
          z_transposed_(z.transpose()),
          skew_(overlap.turned_skew(z)),
          diagonal_((z.array().square().matrix() * overlap.q)) {}

    /// Turns plane (i, j) to its maximum; returns the gain.
    double maximise(Eigen::Index i, Eigen::Index j, double threshold) {
        const double inner = k_(i, j) * skew_(i, j);
        const auto [ii, ij, ji, jj] = skew_products(i, j);
        const double gap = p_[i] - p_[j];
        const double c2 = gap * (diagonal_[i] - diagonal_[j]) / 2;
        const double s2 = gap * symmetric(i, j);
        const double both = ii + jj - 2 * inner;
        const TrigonometricPolynomial rotations{2 * inner, 2 * both, 2 * (ij - ji), c2, s2};
        const TrigonometricPolynomial reflections{-2 * inner, 2 * (ii - jj), 2 * (ij + ji), c2, s2};

        const double now = rotations(1, 0);
        Turn turn{.value = now + threshold};
        double sign = 1;
        if (rotations.upper_bound() > turn.value)
            if (const Turn best = maximum(rotations); best.value > turn.value) turn = best;
        if (reflections.upper_bound() > turn.value)
            if (const Turn best = maximum(reflections); best.value > turn.value) {
                turn = best;
                sign = -1;
            }
        if (turn.value <= now + threshold) return 0;
        apply(i, j, turn, sign);
        return turn.value - now;
    }

    Eigen::MatrixXd z() const { return z_transposed_.top(p_.size()).transpose(); }

 private:
    struct Products {
        double ii, ij, ji, jj;
    };

    /// Inner products of columns i and j of K with columns i and j of the skew part.
    Products skew_products(Eigen::Index i, Eigen::Index j) const {
        PaddedColumns::Packet ii = PaddedColumns::Packet::Zero(), ij = ii, ji = ii, jj = ii;
        for (Eigen::Index k = 0; k < k_.packets(); ++k) {
            const PaddedColumns::Packet k_i = k_.packet(i, k);
            const PaddedColumns::Packet k_j = k_.packet(j, k);
            const PaddedColumns::Packet x_i = skew_.packet(i, k);
            const PaddedColumns::Packet x_j = skew_.packet(j, k);
            ii += k_i * x_i;
            ij += k_i * x_j;
            ji += k_j * x_i;
            jj += k_j * x_j;
        }
        return {ii.sum(), ij.sum(), ji.sum(), jj.sum()};
    }

    /// (Z diag(q) Z^T)_ij
    double symmetric(Eigen::Index i, Eigen::Index j) const {
        PaddedColumns::Packet sum = PaddedColumns::Packet::Zero();
        for (Eigen::Index k = 0; k < z_transposed_.packets(); ++k)
            sum += z_transposed_.packet(i, k) * q_.packet(0, k) * z_transposed_.packet(j, k);
        return sum.sum();
    }

    /// Rows i and j become c x_i + s x_j and sign (c x_j - s x_i); likewise the columns.
    void apply(Eigen::Index i, Eigen::Index j, const Turn& turn, double sign) {
        const double cross = 2 * turn.cosine * turn.sine * symmetric(i, j);
        const double cosine_squared = turn.cosine * turn.cosine;
        const double sine_squared = turn.sine * turn.sine;
        const double diagonal_i = cosine_squared * diagonal_[i] + sine_squared * diagonal_[j] + cross;
        const double diagonal_j = cosine_squared * diagonal_[j] + sine_squared * diagonal_[i] - cross;
        diagonal_[i] = diagonal_i;
        diagonal_[j] = diagonal_j;

        z_transposed_.turn(i, j, turn, sign);
        const double in_plane = sign * skew_(j, i);  // the determinant times what was there
        skew_.turn(i, j, turn, sign);
        for (Eigen::Index row = 0; row < p_.size(); ++row) {
            skew_(i, row) = -skew_(row, i);
            skew_(j, row) = -skew_(row, j);
        }
        skew_(j, i) = in_plane;
        skew_(i, j) = -in_plane;
        skew_(i, i) = skew_(j, j) = 0;
    }

    const Eigen::VectorXd& p_;
    PaddedColumns k_;
    PaddedColumns q_;
    PaddedColumns z_transposed_;
    PaddedColumns skew_;
    Eigen::VectorXd diagonal_;  ///< of the symmetric part
};

}  // namespace

Candidate sweep(const Overlap<double>& overlap, const Candidate& start, int max_sweeps, double tolerance) {
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
