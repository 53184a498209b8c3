module;
#include <Eigen/Core>
module repal.dsa.alignment:product;

import :overlap;

namespace repal {

/// out = a b. The matrices of the search are so small that Eigen spends a third of the time on repacking them; up to
/// `largest_small` rows this does not. Every number is one sum in the order of the columns of a, whatever the sizes.
/// `out` is neither a nor b.
template <class Scalar>
void multiply(const Matrix<Scalar>& a, const Matrix<Scalar>& b, Matrix<Scalar>& out);

}  // namespace repal
