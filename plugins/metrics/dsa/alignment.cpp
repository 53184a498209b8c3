module;
#include <Eigen/Core>
#include <algorithm>
#include <cassert>
#include <cmath>

#include "core/eigen.hpp"
module repal.dsa.alignment;

import repal.linalg;
import :certificate;
import :optimisers;
import :overlap;
import :search;

namespace repal {
namespace {

double angle_of(double objective) {
    return 2 * std::asin(std::min(1.0, std::sqrt(objective) / 2));
}

/// 62 for rank 20, 25 for rank 50: fewer where each costs more.
int number_of_descents(const AlignmentOptions& options, Eigen::Index rank) {
    if (options.starts > 0) return options.starts;
    return static_cast<int>(std::clamp<Eigen::Index>(1250 / rank, 8, 64));
}

/// a before b in the order of repal.linalg.
Alignment align_ordered(const AlignmentOperator& a, const AlignmentOperator& b, const AlignmentOptions& options) {
    const Eigen::Index n = a.rank();
    const Eigen::MatrixXd identity = Eigen::MatrixXd::Identity(n, n);
    if (a.unit == b.unit) return {.rotation = identity, .is_converged = true};

    Alignment result{.rotation = identity, .is_converged = true};
    double median_excess = 0;
    if (n > 1 && a.deviation > 0 && b.deviation > 0) {
        const Overlap<double> overlap{a.eigenvalues, a.skew, b.eigenvalues, b.skew};
        const Found found = search(overlap, a.basis, b.basis, number_of_descents(options, n),
                                   options.gradient_tolerance, options.max_iterations);
        result.rotation = orthogonalised(a.basis * found.best.z * b.basis.transpose());
        result.gradient_norm = found.best.gradient_norm;
        result.is_converged = result.gradient_norm <= options.gradient_tolerance;
        result.iterations = found.best.iterations;
        median_excess = std::max(0.0, 2 * a.deviation * b.deviation * (found.best.overlap - found.median_overlap));
    }

    Eigen::MatrixXd rest_a = a.unit;
    rest_a.diagonal().array() -= a.mean;
    Eigen::MatrixXd rest_b = b.unit;
    rest_b.diagonal().array() -= b.mean;
    const double identities = static_cast<double>(n) * (a.mean - b.mean) * (a.mean - b.mean);
    result.objective = identities + (rest_a - result.rotation * rest_b * result.rotation.transpose()).squaredNorm();
    result.angle_rad = angle_of(result.objective);
    result.restart_spread_rad = angle_of(result.objective + median_excess) - result.angle_rad;

    // Eigenvalues of unit matrices are exact to a small multiple of n epsilon.
    const double rounding = 1e-15 * static_cast<double>(n);
    const double spectral =
        std::max(0.0, spectral_distance(a.spectra * a.deviation, b.spectra * b.deviation) - rounding);
    result.lower_bound_rad = std::min(angle_of(identities + spectral * spectral), result.angle_rad);
    return result;
}

}  // namespace

Alignment align(const AlignmentOperator& a, const AlignmentOperator& b, const AlignmentOptions& options) {
    assert(a.rank() == b.rank());
    if (!precedes(b.unit, a.unit)) return align_ordered(a, b, options);
    Alignment result = align_ordered(b, a, options);
    result.rotation.transposeInPlace();
    return result;
}

}  // namespace repal
