module;
#include <Eigen/LU>
#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.dsa.alignment;

import repal.linalg;
import repal.random;
import :certificate;
import :optimisers;
import :overlap;
import :starts;

namespace repal {
namespace {

double angle_of(double objective) {
    return 2 * std::asin(std::min(1.0, std::sqrt(objective) / 2));
}

/// A rotation by accumulated products is orthogonal up to rounding; one step of Newton and Schulz removes that.
Eigen::MatrixXd orthogonalised(const Eigen::MatrixXd& x) {
    return x * (Eigen::MatrixXd::Identity(x.cols(), x.cols()) * 3 - x.transpose() * x) / 2;
}

/// 48 for rank 20, 12 for rank 50: fewer where each costs more.
int number_of_starts(const AlignmentOptions& options, Eigen::Index rank) {
    if (options.starts > 0) return options.starts;
    return static_cast<int>(std::clamp(4300 / std::pow(static_cast<double>(rank), 1.5), 8.0, 64.0));
}

void keep_best(std::vector<Candidate>& candidates, std::size_t n) {
    std::ranges::stable_sort(candidates, std::greater{}, &Candidate::overlap);
    candidates.resize(std::min(candidates.size(), n));
}

/// Towards the maximum of the basin, in float: its rounding is far below what tells basins apart.
Candidate approach(const Overlap<double>& overlap, const Overlap<float>& rough, Candidate start, double tolerance,
                   int max_iterations) {
    Candidate end = trust_region(rough, std::move(start), tolerance, max_iterations);
    end.z = orthogonalised(orthogonalised(end.z));
    end.overlap = overlap.value(end.z);
    return end;
}

/// Basins differ by a percent, and nothing cheap tells them apart: the value after sweeps hardly correlates with the
/// maximum that they lead to. So every start is followed some way, and the best ones ever further.
Candidate search(const Overlap<double>& overlap, const AlignmentOperator& a, const AlignmentOperator& b,
                 const AlignmentOptions& options) {
    std::vector<Candidate> candidates;
    for (Eigen::MatrixXd& z : structural_starts(overlap, a.basis, b.basis)) candidates.push_back({.z = std::move(z)});
    const auto starts = static_cast<std::size_t>(number_of_starts(options, overlap.rank()));
    Stream stream = Stream(0).child("alignment");
    while (candidates.size() < starts) candidates.push_back({.z = random_start(overlap.rank(), stream)});
    candidates.resize(starts);

    const Overlap<float> rough = overlap.cast<float>();
    for (Candidate& candidate : candidates) {
        candidate = sweep(overlap, std::move(candidate), 2, 1e-6);
        candidate = approach(overlap, rough, std::move(candidate), 3e-3, options.max_iterations);
    }
    keep_best(candidates, (starts + 2) / 3);
    for (Candidate& candidate : candidates)
        candidate = approach(overlap, rough, std::move(candidate), 1e-3, options.max_iterations);
    keep_best(candidates, 2);
    for (Candidate& candidate : candidates)
        candidate = descend(overlap, std::move(candidate), 1e-4, options.max_iterations);
    keep_best(candidates, 1);
    return trust_region(overlap, std::move(candidates.front()), options.gradient_tolerance, options.max_iterations);
}

/// a before b in the order of repal.linalg.
Alignment align_ordered(const AlignmentOperator& a, const AlignmentOperator& b, const AlignmentOptions& options) {
    const Eigen::Index n = a.rank();
    const Eigen::MatrixXd identity = Eigen::MatrixXd::Identity(n, n);
    if (a.unit == b.unit) return {.rotation = identity, .is_converged = true};

    Alignment result{.rotation = identity, .is_converged = true};
    if (n > 1 && a.deviation > 0 && b.deviation > 0) {
        const Overlap<double> overlap{a.eigenvalues, a.skew, b.eigenvalues, b.skew};
        const Candidate end = search(overlap, a, b, options);
        result.rotation = orthogonalised(a.basis * end.z * b.basis.transpose());
        result.gradient_norm = end.gradient_norm;
        result.is_converged = end.gradient_norm <= options.gradient_tolerance;
        result.iterations = end.iterations;
    }

    Eigen::MatrixXd rest_a = a.unit;
    rest_a.diagonal().array() -= a.mean;
    Eigen::MatrixXd rest_b = b.unit;
    rest_b.diagonal().array() -= b.mean;
    const double identities = static_cast<double>(n) * (a.mean - b.mean) * (a.mean - b.mean);
    result.objective = identities + (rest_a - result.rotation * rest_b * result.rotation.transpose()).squaredNorm();
    result.angle_rad = angle_of(result.objective);

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
