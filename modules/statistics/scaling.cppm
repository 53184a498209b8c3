module;
#include <Eigen/Core>
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

}  // namespace repal
