module;
#include <Eigen/Core>
#include <cstddef>
#include <span>
#include <vector>
export module repal.scaling;

namespace repal {

/// Points in a plane whose distances are near to given ones.
export struct PlaneMap {
    Eigen::MatrixXd points;  ///< (thing, 2), centred; the largest coordinate of each axis is positive
    double stress = 0;       ///< sqrt(sum (d - D)^2 / sum D^2), of the distances d on the map and D given
};

/// Classical multidimensional scaling of a symmetric matrix with zeros on its diagonal, at least one row.
/// Source: Torgerson 1952.
export PlaneMap classical_scaling(const Eigen::MatrixXd& distances);

/// How often the nearest other thing has the same label.
export struct NearestNeighbours {
    std::vector<std::size_t> nearest;  ///< of each thing; the first of several
    double accuracy = 0;               ///< share of things, a tie counting with the share of its members
    double chance = 0;                 ///< expected for labels in random order
};
/// At least two things.
export NearestNeighbours nearest_neighbours(const Eigen::MatrixXd& distances, std::span<const std::size_t> labels);

}  // namespace repal
