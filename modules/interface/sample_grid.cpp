module;
#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>
module repal.sample_grid;

namespace repal {

using Eigen::Index;

std::vector<Index> sample_grid(const Shape& shape, Index steps, Index most) {
    const auto side = static_cast<Index>(std::sqrt(static_cast<double>(most)));
    const Index trials = std::min(shape.trials, std::max(side, most / steps));
    const Index kept = std::min(steps, most / trials);
    std::vector<Index> rows;
    for (Index k = 0; k < trials; ++k)  // the middles of equal parts
        for (Index t = 0; t < kept; ++t)
            rows.push_back((2 * k + 1) * shape.trials / (2 * trials) * shape.steps + (2 * t + 1) * steps / (2 * kept));
    return rows;
}

GridSamples grid_samples(const Trajectories& x, Index most) {
    const Shape& shape = x.shape();
    GridSamples samples{.rows = {}, .row_of = sample_grid(shape, shape.steps, most), .warning = {}};
    const auto n = static_cast<Index>(samples.row_of.size());
    samples.rows.resize(n, shape.channels);
    for (Index i = 0; i < n; ++i) samples.rows.row(i) = x.rows().row(samples.row_of[static_cast<std::size_t>(i)]);
    if (n < shape.trials * shape.steps)
        samples.warning = fmt::format("{} of {} samples are compared, evenly spaced: max_samples is {}", n,
                                      shape.trials * shape.steps, most);
    return samples;
}

}  // namespace repal
