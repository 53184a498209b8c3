module;
#include <Eigen/Core>
#include <string>
export module repal.rsa.crossnobis;

import repal.repeats;

namespace repal {

/// Of conditions i < j.
export struct Crossnobis {
    Eigen::VectorXd distances;  ///< empty: there are none, see cause
    double shrinkage = 0;       ///< of the noise covariance
    std::string cause;
};

/// Cross-validated squared Mahalanobis distances of conditions, with b_c^f the pattern of condition c in repeat f of F,
/// P numbers in it, and W a noise precision:
///
///     d_ij = sum_{f != g} (b_i^f - b_j^f) W (b_i^g - b_j^g)^T / (F (F - 1) P)
///
/// Where repeats are no runs, so that f has no meaning across conditions, or conditions have other numbers of them,
/// products of two conditions are those of their means: the same expectation, whatever the order of the trials.
///
/// Expected to be 0 for equal conditions, so that negative values are right. W is the identity, or, `is_whitened`, the
/// inverse of the covariance of residuals, shrunk towards its diagonal as much as Schaefer & Strimmer 2005 estimate.
/// `patterns`: (trial, P).
/// Source: Walther et al. 2016.
export Crossnobis crossnobis(const Eigen::MatrixXd& patterns, const Repeats& repeats, bool is_whitened);

}  // namespace repal
