module;
#include <Eigen/Core>
module repal.dsa.alignment:certificate;

namespace repal {

/// Sorted eigenvalues of the Hermitian parts of exp(i phi) X for X = diag(eigenvalues) + skew and the angles
/// phi = 0, ..., pi/2 of the certificate, one column per angle.
Eigen::MatrixXd certificate_spectra(const Eigen::VectorXd& eigenvalues, const Eigen::MatrixXd& skew);

/// A lower bound of || X - C Y C^T ||_F over all orthogonal C, from the spectra of X and Y.
///
/// H(phi) = cos(phi) S + i sin(phi) K is the Hermitian part of exp(i phi) X, X = S + K. The square of any ||X||_F is
/// ||H(phi)||^2 + ||H(phi + pi/2)||^2, and || H_X - C H_Y C^T ||_F is at least the distance of the sorted spectra
/// (Hoffman and Wielandt 1953). For real X the spectrum of H(phi + pi/2) is minus that of H(pi/2 - phi). Every phi
/// gives a bound; phi = 0 is that of the symmetric and the skew part. The largest counts.
double spectral_distance(const Eigen::MatrixXd& x, const Eigen::MatrixXd& y);

}  // namespace repal
