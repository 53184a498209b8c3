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

/// Z B Z^T = A, up to rounding: no descent ends lower, and one that ends at the same in float would be less exact.
bool is_conjugation(const Overlap<double>& overlap, const Candidate& candidate) {
    return candidate.overlap > 1 - 1e-5 && overlap.value(candidate.z) > 1 - 1e-13;
}

/// The best minima so far, the best first, no two of them nearly the same.
class Minima {
 public:
    explicit Minima(std::size_t most) : most_(most) {}

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
    static bool are_same(const Candidate& x, const Candidate& y) {
        return std::abs(x.z.cwiseProduct(y.z).sum()) > 0.9 * static_cast<double>(x.z.rows());
    }

    std::size_t most_;
    std::vector<Candidate> all_;
};

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
    Minima minima(fresh);
    std::vector<double> overlaps;
    int iterations = 0;
    for (std::size_t i = 0; i < total; ++i) {
        Candidate candidate;
        if (i < fresh || minima.size() < 2) {
            candidate.z = i < structural.size() ? std::move(structural[i]) : random_start(overlap.rank(), stream);
            candidate = sweep(overlap, std::move(candidate), 2, 1e-6);
        } else {
            const std::size_t first = i % minima.size();
            const std::size_t other = (first + 1 + stream.below(minima.size() - 1)) % minima.size();
            candidate.z = recombined(minima[first].z, minima[other].z, stream);
        }
        candidate = trust_region(rough, std::move(candidate), descended, max_iterations);
        iterations += candidate.iterations;
        overlaps.push_back(candidate.overlap);
        const bool is_lowest = is_conjugation(overlap, candidate);
        minima.add(std::move(candidate));
        if (is_lowest) break;
    }

    // The second one may gain more on the rest of the way, but hardly twice as much.
    Candidate best = trust_region(rough, minima[0], settled, max_iterations);
    iterations += best.iterations - minima[0].iterations;
    const double gain = best.overlap - minima[0].overlap;
    if (minima.size() > 1 && minima[1].overlap + 2 * gain > best.overlap) {
        Candidate second = trust_region(rough, minima[1], settled, max_iterations);
        iterations += second.iterations - minima[1].iterations;
        if (second.overlap > best.overlap) best = std::move(second);
    }
    best.z = orthogonalised(orthogonalised(best.z));
    best.iterations = iterations;
    best = trust_region(overlap, std::move(best), gradient_tolerance, max_iterations);
    if (best.gradient_norm > gradient_tolerance) {
        best = descend(overlap, std::move(best), gradient_tolerance, max_iterations);
        best = trust_region(overlap, std::move(best), gradient_tolerance, max_iterations);
    }
    const double median_overlap = overlaps.size() == 1 ? best.overlap : median(std::move(overlaps));
    return {std::move(best), median_overlap};
}

}  // namespace repal
