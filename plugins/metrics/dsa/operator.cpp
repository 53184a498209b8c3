module;
#include <Eigen/Eigenvalues>
#include <cassert>

#include "core/eigen.hpp"
module repal.dsa.alignment;

import :certificate;

namespace repal {

AlignmentOperator::AlignmentOperator(const Eigen::MatrixXd& a) {
    assert(a.rows() == a.cols() && a.rows() > 0 && a.allFinite());
    const Eigen::Index n = a.rows();
    // Scaled first, so that the squares of the norm stay in range; + 0.0 turns -0.0 into 0.0, for operators that
    // compare equal must be equal in their bits.
    const double largest = a.cwiseAbs().maxCoeff();
    assert(largest > 0);
    unit = a / largest;
    unit /= unit.norm();
    unit.array() += 0.0;
    mean = unit.trace() / static_cast<double>(n);

    Eigen::MatrixXd rest = unit;
    rest.diagonal().array() -= mean;
    deviation = rest.norm();
    if (deviation > 0) rest /= deviation;

    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> symmetric((rest + rest.transpose()) / 2);
    basis = symmetric.eigenvectors();
    eigenvalues = symmetric.eigenvalues();
    const Eigen::MatrixXd turned = basis.transpose() * ((rest - rest.transpose()) / 2) * basis;
    skew = (turned - turned.transpose()) / 2;
    spectra = certificate_spectra(eigenvalues, skew);
}

}  // namespace repal
