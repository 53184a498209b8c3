module;
#include <Eigen/Core>
#include <string>
#include <string_view>
#include <vector>
export module repal.sample_grid;

import repal.trajectories;

namespace repal {

/// The rows of at most `most` samples, on a grid of trials and steps that is as square as they allow: so that few
/// trials are all in it, and many leave several steps of each. `steps`: 1, if a trial is one sample, else those of a
/// trial.
export std::vector<Eigen::Index> sample_grid(const Shape& shape, Eigen::Index steps, Eigen::Index most);

/// For metrics that hold a number for each pair of samples: those of the grid, and a warning if they are not all.
export struct GridSamples {
    RowMatrix rows;                    ///< (sample, channel)
    std::vector<Eigen::Index> row_of;  ///< of each sample in the trajectories
    std::string warning;
};
export GridSamples grid_samples(const Trajectories& x, Eigen::Index most);

}  // namespace repal
