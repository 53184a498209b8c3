#pragma once
#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <vector>

/// The example of which vegan 2.6-4 (adonis2, betadisper with type centroid, anosim, mantel, mantel.partial, hclust and
/// cophenetic in R) was asked for reference values: nine points in three groups.
namespace known {

inline Eigen::MatrixXd points() {
    Eigen::MatrixXd x(9, 3);
    for (int i = 1; i <= 9; ++i)
        for (int j = 1; j <= 3; ++j)
            x(i - 1, j - 1) = std::sin(1.7 * i * j) + (i > 3 && j == 1 ? 0.8 : 0) + (i > 6 && j == 2 ? 1.1 : 0);
    return x;
}

inline Eigen::MatrixXd other_points() {
    Eigen::MatrixXd x = points();
    for (int i = 1; i <= 9; ++i)
        for (int j = 1; j <= 3; ++j) x(i - 1, j - 1) += 0.5 * std::cos(i * j);
    return x;
}

inline Eigen::MatrixXd distances_of(const Eigen::MatrixXd& points) {
    Eigen::MatrixXd distances(points.rows(), points.rows());
    for (Eigen::Index a = 0; a < points.rows(); ++a)
        for (Eigen::Index b = 0; b < points.rows(); ++b) distances(a, b) = (points.row(a) - points.row(b)).norm();
    return distances;
}

inline Eigen::MatrixXd squares() {
    return distances_of(points()).array().square();
}

const std::vector<std::size_t> groups = {0, 0, 0, 1, 1, 1, 2, 2, 2};
const std::vector<double> stage = {1, 2, 3, 1, 2, 3, 1, 2, 3};
const std::vector<std::size_t> strata = {0, 1, 2, 0, 1, 2, 0, 1, 2};

}  // namespace known
