module;
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "core/eigen.hpp"
module repal.scaling;

namespace repal {

PlaneMap classical_scaling(const Eigen::MatrixXd& distances) {
    const Eigen::Index n = distances.rows();
    Eigen::MatrixXd gram = -0.5 * distances.array().square().matrix();
    gram.rowwise() -= gram.colwise().mean().eval();
    gram.colwise() -= gram.rowwise().mean().eval();
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram);

    PlaneMap map{.points = Eigen::MatrixXd::Zero(n, 2)};
    for (Eigen::Index axis = 0; axis < std::min<Eigen::Index>(2, n); ++axis) {
        const Eigen::Index place = n - 1 - axis;
        map.points.col(axis) = solver.eigenvectors().col(place) * std::sqrt(std::max(0.0, solver.eigenvalues()[place]));
        Eigen::Index largest = 0;
        map.points.col(axis).cwiseAbs().maxCoeff(&largest);
        if (map.points(largest, axis) < 0) map.points.col(axis) *= -1;
    }
    double difference = 0;
    double all = 0;
    for (Eigen::Index a = 0; a < n; ++a)
        for (Eigen::Index b = a + 1; b < n; ++b) {
            const double on_map = (map.points.row(a) - map.points.row(b)).norm();
            difference += (on_map - distances(a, b)) * (on_map - distances(a, b));
            all += distances(a, b) * distances(a, b);
        }
    map.stress = all > 0 ? std::sqrt(difference / all) : 0;
    return map;
}

}  // namespace repal
