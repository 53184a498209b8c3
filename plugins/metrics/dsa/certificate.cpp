module;
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include "core/eigen.hpp"
module repal.dsa.alignment;

import :certificate;

namespace repal {
namespace {

constexpr Eigen::Index n_angles = 7;

}  // namespace

Eigen::MatrixXd certificate_spectra(const Eigen::VectorXd& eigenvalues, const Eigen::MatrixXd& skew) {
    const Eigen::Index n = eigenvalues.size();
    Eigen::MatrixXd spectra(n, n_angles);
    spectra.col(0) = eigenvalues;
    for (Eigen::Index k = 1; k < n_angles; ++k) {
        const double phi = std::numbers::pi / 2 * static_cast<double>(k) / (n_angles - 1);
        const double cosine = k == n_angles - 1 ? 0 : std::cos(phi);
        Eigen::MatrixXcd hermitian(n, n);
        hermitian.real() = (eigenvalues * cosine).asDiagonal();
        hermitian.imag() = skew * std::sin(phi);
        spectra.col(k) =
            Eigen::SelfAdjointEigenSolver<Eigen::MatrixXcd>(hermitian, Eigen::EigenvaluesOnly).eigenvalues();
    }
    return spectra;
}

double spectral_distance(const Eigen::MatrixXd& x, const Eigen::MatrixXd& y) {
    const Eigen::VectorXd squares = (x - y).colwise().squaredNorm().transpose();
    return std::sqrt((squares + squares.reverse()).maxCoeff());
}

}  // namespace repal
