#pragma once

/// Eigen for a source file that imports a module of repal: include it before the first import.
///
/// A class that a module has instantiated loses the bodies of its friend templates in the importer (clang 19), so that
/// `2.0 * matrix` would not link. Instantiated here, before the import, they are kept.

#include <Eigen/Core>

namespace repal {

template <class Scalar>
inline constexpr bool eigen_is_complete =
    sizeof(Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>) > 0 &&
    sizeof(Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>) > 0 &&
    sizeof(Eigen::Matrix<Scalar, Eigen::Dynamic, 1>) > 0 && sizeof(Eigen::Matrix<Scalar, 1, Eigen::Dynamic>) > 0 &&
    sizeof(Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic>) > 0 &&
    sizeof(Eigen::Array<Scalar, Eigen::Dynamic, 1>) > 0;

static_assert(eigen_is_complete<double> && eigen_is_complete<float>);

}  // namespace repal
