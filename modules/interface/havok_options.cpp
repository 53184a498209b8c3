module;
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.havok_options;

namespace repal {

Trajectories HavokOptions::centred(const Trajectories& x, const std::vector<bool>& is_used) const {
    const bool is_course = centre == "course";
    if (!is_course && centre != "mean") return x;
    Eigen::Index longest = 0;
    for (Eigen::Index k = 0; k < x.shape().trials; ++k) longest = std::max(longest, x.steps(k));
    // (step, channel) sums of the used trials that are so long, or one row for all steps
    const double scale = scale_into_range(x.rows().cwiseAbs().maxCoeff());
    RowMatrix mean = RowMatrix::Zero(is_course ? longest : 1, x.shape().channels);
    Eigen::VectorXd n = Eigen::VectorXd::Zero(mean.rows());
    for (Eigen::Index k = 0; k < x.shape().trials; ++k) {
        if (!is_used[static_cast<std::size_t>(k)]) continue;
        if (is_course)
            mean.topRows(x.steps(k)) += x.trial(k) * scale;
        else
            mean += (x.trial(k) * scale).colwise().sum();
        n.head(is_course ? x.steps(k) : 1).array() += is_course ? 1.0 : static_cast<double>(x.steps(k));
    }
    mean = (n.cwiseMax(1).cwiseInverse().asDiagonal() * mean / scale).eval();
    RowMatrix centred = x.rows();
    Eigen::Index first = 0;
    for (Eigen::Index k = 0; k < x.shape().trials; ++k) {
        if (is_course)
            centred.middleRows(first, x.steps(k)) -= mean.topRows(x.steps(k));
        else
            centred.middleRows(first, x.steps(k)).rowwise() -= mean.row(0);
        first += x.steps(k);
    }
    return x.with_rows(std::move(centred));
}

DelayEmbedding HavokOptions::weighted_delays() const {
    DelayEmbedding delays = this->delays();
    if (window != "hann") return delays;
    delays.weights.resize(n_delays);
    for (Eigen::Index i = 0; i < n_delays; ++i) {
        const double place = (static_cast<double>(i) + 0.5) / static_cast<double>(n_delays);
        delays.weights[i] = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * place);
    }
    return delays;
}

Havok HavokOptions::fitted_to(const Trajectories& x) const {
    if (centre == "none") return {x, weighted_delays(), limits()};
    return {centred(x, std::vector<bool>(static_cast<std::size_t>(x.shape().trials), true)), weighted_delays(),
            limits()};
}

std::optional<HavokSums> HavokOptions::sums_of(const Trajectories& x) const {
    if (centre != "none") return {};
    return HavokSums(x, weighted_delays(), limits());
}

std::string HavokOptions::warning(const Havok& havok) const {
    if (havok.rank() >= rank) return {};
    return fmt::format("rank {} is capped to {}: the data determine no more", rank, havok.rank());
}

}  // namespace repal
