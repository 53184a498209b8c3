module;
#include <Eigen/Core>
export module repal.dsa.alignment;

namespace repal {

/// What the alignment needs of one operator, computed once per system: O(n^3).
///
/// A / ||A||_F = mean I + deviation U (diag(eigenvalues) + skew) U^T. The multiple of the identity is the same in every
/// basis, so that only the second term can be aligned; operators of slow dynamics are close to the identity, and
/// without it nothing is lost in rounding. In the basis U the symmetric part is diagonal, which makes one evaluation
/// of the objective cheap and its Hessian nearly diagonal.
export struct AlignmentOperator {
    /// a: (rank, rank), finite and not zero (the caller sees to that), rank >= 1.
    explicit AlignmentOperator(const Eigen::MatrixXd& a);

    Eigen::Index rank() const { return unit.rows(); }

    Eigen::MatrixXd unit;         ///< A / ||A||_F (rank, rank)
    double mean = 0;              ///< trace(unit) / rank
    double deviation = 0;         ///< ||unit - mean I||_F
    Eigen::MatrixXd basis;        ///< U (rank, rank), orthogonal
    Eigen::VectorXd eigenvalues;  ///< of the symmetric part of (unit - mean I) / deviation, rising (rank)
    Eigen::MatrixXd skew;         ///< U^T (skew part of (unit - mean I) / deviation) U (rank, rank)
    /// Sorted eigenvalues of the Hermitian parts of exp(i phi) (unit - mean I) / deviation, one column per angle phi of
    /// the certificate (rank, angles).
    Eigen::MatrixXd spectra;
};

export struct AlignmentOptions {
    int starts = 0;                    ///< descents of the search; 0: 1250 / rank, but 8 to 64
    double gradient_tolerance = 1e-9;  ///< of gradient_norm below
    int max_iterations = 500;          ///< of each optimiser
};

/// The best orthogonal change of basis between two operators.
export struct Alignment {
    Eigen::MatrixXd rotation;    ///< C (rank, rank), orthogonal, of either determinant
    double objective = 0;        ///< f(C), 0 to 4
    double angle_rad = 0;        ///< 2 asin(sqrt(f) / 2) = arccos <A, C B C^T> of the unit operators, 0 to pi
    double lower_bound_rad = 0;  ///< no C has a smaller angle; never above angle_rad
    /// How much larger the angle of the median descent is: 0 if all ended in one minimum, large where local minima
    /// differ, so that more starts may find a lower one.
    double restart_spread_rad = 0;
    /// Frobenius norm of the gradient of <A, exp(W) C B C^T exp(-W)> by the skew W, for A and B without their multiples
    /// of the identity and scaled to Frobenius norm 1: at most 2, whatever the scale of the operators.
    double gradient_norm = 0;
    bool is_converged = false;  ///< gradient_norm <= gradient_tolerance
    int iterations = 0;         ///< of the optimisers, over all starts
};

/// Minimises f(C) = || A/||A||_F - C (B/||B||_F) C^T ||_F^2 over all orthogonal C, rotations and reflections.
///
/// The problem is not convex. A fifth of the descents (5 at least) begins at starting points, informed and random ones,
/// which exact plane rotations improve; the others between two of the best minima so far. A trust region method
/// descends and finishes. The result is a local minimum; lower_bound_rad tells how far it can be from the lowest,
/// restart_spread_rad how much minima differ.
/// Deterministic. align(a, b) and align(b, a) give the same bits, up to the transposition of the rotation.
/// Both operators have the same rank (the caller sees to that).
/// Lower bound: Hoffman and Wielandt 1953, see certificate.cpp. Objective: Ostrow et al. 2023, eq. 6.
export Alignment align(const AlignmentOperator& a, const AlignmentOperator& b, const AlignmentOptions& options = {});

}  // namespace repal
