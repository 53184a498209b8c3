module;
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.dsa.alignment;

import repal.random;
import :optimisers;
import :overlap;
import :search;
import :starts;

namespace repal {
namespace {

/// Where a descent ends. At 3e-3 the overlap hardly tells what it will be in the end (correlation 0.2), for many
/// descents are near saddle points; at 1e-3 it does (0.6).
constexpr double descended = 1e-3;
/// Near the end of what float can tell.
constexpr double settled = 1e-4;

/// Overlaps of descents that have settled differ by more than that if those of the minima do.
constexpr double told_in_float = 1e-5;
constexpr std::size_t most_finalists = 3;

/// Z B Z^T = A, up to rounding: no descent ends lower, and one that ends at the same in float would be less exact.
bool is_conjugation(const Overlap<double>& overlap, const Candidate& candidate) {
    return candidate.overlap > 1 - 1e-5 && overlap.value(candidate.z) > 1 - 1e-13;
}

/// The best minima so far, the best first, no two of them as near as `same`, from 0 to 1, or nearer.
class Minima {
 public:
    Minima(std::size_t most, double same) : most_(most), same_(same) {}

    std::size_t size() const { return all_.size(); }
    const Candidate& operator[](std::size_t i) const { return all_[i]; }

    void add(Candidate candidate) {
        const auto same =
            std::ranges::find_if(all_, [&](const Candidate& other) { return are_same(candidate, other); });
        if (same != all_.end()) {
            if (candidate.overlap <= same->overlap) return;
            all_.erase(same);
        }
        const auto place = std::ranges::upper_bound(all_, candidate.overlap, std::greater{}, &Candidate::overlap);
        all_.insert(place, std::move(candidate));
        if (all_.size() > most_) all_.pop_back();
    }

 private:
    bool are_same(const Candidate& x, const Candidate& y) const {
        return std::abs(x.z.cwiseProduct(y.z).sum()) > same_ * static_cast<double>(x.z.rows());
    }

    std::size_t most_;
    double same_;
    std::vector<Candidate> all_;
};

/// The minimum near a descent that has settled, counting its own iterations alone.
Candidate finished(const Overlap<double>& overlap, Candidate best, double gradient_tolerance, int max_iterations) {
    best.z = orthogonalised(orthogonalised(best.z));
    best.iterations = 0;
    best = trust_region(overlap, std::move(best), gradient_tolerance, max_iterations);
    if (best.gradient_norm > gradient_tolerance) {
        best = descend(overlap, best, gradient_tolerance, max_iterations);
        best = trust_region(overlap, std::move(best), gradient_tolerance, max_iterations);
    }
    return best;
}

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
}

}  // namespace

Found search(const Overlap<double>& overlap, const Eigen::MatrixXd& basis_a, const Eigen::MatrixXd& basis_b,
             int descents, double gradient_tolerance, int max_iterations) {
    const auto total = static_cast<std::size_t>(descents);
    const auto fresh = std::min(total, std::max<std::size_t>(5, total / 5));
    const Overlap<float> rough = overlap.cast<float>();
    Stream stream = Stream(0).child("alignment");
    std::vector<Eigen::MatrixXd> structural = structural_starts(overlap, basis_a, basis_b);
    Minima parents(fresh, 0.9);  // from between near ones a descent comes back to them
    Minima minima(most_finalists, 0.9999);
    std::vector<double> overlaps;
    int iterations = 0;
    for (std::size_t i = 0; i < total; ++i) {
        Candidate candidate;
        if (i < fresh || parents.size() < 2) {
            candidate.z = i < structural.size() ? std::move(structural[i]) : random_start(overlap.rank(), stream);
            candidate = sweep(overlap, candidate, 2, 1e-6);
        } else {
            const std::size_t first = i % parents.size();
            const std::size_t other = (first + 1 + stream.below(parents.size() - 1)) % parents.size();
            candidate.z = recombined(parents[first].z, parents[other].z, stream);
        }
        candidate = trust_region(rough, std::move(candidate), descended, max_iterations);
        iterations += candidate.iterations;
        overlaps.push_back(candidate.overlap);
        const bool is_lowest = is_conjugation(overlap, candidate);
        minima.add(candidate);
        parents.add(std::move(candidate));
        if (is_lowest) break;
    }

    // Others may gain more on the rest of the way, but hardly twice as much.
    std::vector<Candidate> finalists;
    double gain = 0;
    for (std::size_t i = 0; i < minima.size(); ++i) {
        if (i > 0 && minima[i].overlap + 2 * gain < finalists.front().overlap) break;
        finalists.push_back(trust_region(rough, minima[i], settled, max_iterations));
        iterations += finalists.back().iterations - minima[i].iterations;
        if (i == 0) gain = finalists.front().overlap - minima[0].overlap;
    }
    // Which of two is lower by less than float can tell is seen at their ends.
    const double highest = std::ranges::max(finalists, {}, &Candidate::overlap).overlap;
    Candidate best;
    for (Candidate& finalist : finalists) {
        if (finalist.overlap < highest - told_in_float) continue;
        Candidate end = finished(overlap, std::move(finalist), gradient_tolerance, max_iterations);
        iterations += end.iterations;
        const bool is_better = best.z.size() == 0 || end.overlap > best.overlap;
        if (is_better) best = std::move(end);
    }
    best.iterations = iterations;
    const double median_overlap = overlaps.size() == 1 ? best.overlap : median(std::move(overlaps));
    return {std::move(best), median_overlap};
}

}  // namespace repal
