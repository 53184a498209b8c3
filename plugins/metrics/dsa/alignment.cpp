module;
#include <Eigen/Core>
#include <Eigen/LU>
#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>
#include <vector>
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

Finish search(const Overlap& overlap, const AlignmentOperator& a, const AlignmentOperator& b,
              const AlignmentOptions& options) {
    std::vector<Candidate> candidates;
    for (Eigen::MatrixXd& z : structural_starts(overlap, a.basis, b.basis))
        candidates.push_back(sweep(overlap, {.z = std::move(z)}, 5, 1e-6));
    Stream stream = Stream(0).child("alignment");
    for (int i = static_cast<int>(candidates.size()); i < options.starts; ++i)
        candidates.push_back(sweep(overlap, {.z = random_orthogonal(overlap.rank(), stream)}, 5, 1e-6));
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const Candidate& x, const Candidate& y) { return x.overlap > y.overlap; });
    candidates.resize(std::min<std::size_t>(candidates.size(), 4));
    for (Candidate& candidate : candidates)
        candidate = descend(overlap, std::move(candidate), 1e-3, options.max_iterations);
    const auto best = std::max_element(candidates.begin(), candidates.end(),
                                       [](const Candidate& x, const Candidate& y) { return x.overlap < y.overlap; });
    return finish(overlap, *best, options.gradient_tolerance, options.max_iterations);
}

/// a before b in the order of repal.linalg.
Alignment align_ordered(const AlignmentOperator& a, const AlignmentOperator& b, const AlignmentOptions& options) {
    const Eigen::Index n = a.rank();
    const Eigen::MatrixXd identity = Eigen::MatrixXd::Identity(n, n);
    if (a.unit == b.unit) return {.rotation = identity, .is_converged = true};

    Alignment result{.rotation = identity, .is_converged = true};
    if (n > 1 && a.deviation > 0 && b.deviation > 0) {
        const Overlap overlap{a.eigenvalues, a.skew, b.eigenvalues, b.skew};
        const Finish end = search(overlap, a, b, options);
        result.rotation = orthogonalised(a.basis * end.candidate.z * b.basis.transpose());
        result.gradient_norm = end.gradient_norm;
        result.is_converged = end.gradient_norm <= options.gradient_tolerance;
        result.iterations = end.candidate.iterations;
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
