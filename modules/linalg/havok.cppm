module;
#include <Eigen/Core>
#include <utility>
export module repal.havok;

import repal.linalg;
import repal.trajectories;

namespace repal {

/// Hankel alternative view of Koopman: the dynamics of a system as one linear operator.
///
/// With H the delay embedding of all trials, H^T = U S V^T, and V-, V+ the rows of V without the last and without the
/// first sample of each trial, the operator of rank r is A = ((V-^T V-)^-1 V-^T V+)^T, by the first r columns of V
/// (principal-component regression).
/// Source: Brunton et al. 2017; Ostrow et al. 2023, eqs. 2-4.
export class Havok {
 public:
    /// The rank is the largest one, up to the requested, at which the data determine the operator:
    /// - the singular values of H that it uses are above rank_tolerance * the largest, and
    /// - every direction has at least min_transition_share of its energy in V-, that is in samples with a successor.
    ///   Trials of few delay rows fail here first. It bounds ||A||_2 by 1 / sqrt(min_transition_share).
    struct Limits {
        Eigen::Index rank = 10;  ///< requested
        double rank_tolerance = 1e-9;
        double min_transition_share = 0.01;
    };

    /// Throws InvalidTrajectories if the delays leave no transition or nothing is above the limits.
    Havok(const Trajectories& x, const DelayEmbedding& delays, const Limits& limits);

    /// What another one was made of: its singular_values(), gram() and cross().
    Havok(Eigen::VectorXd singular_values, Eigen::MatrixXd gram, Eigen::MatrixXd cross)
        : singular_values_(std::move(singular_values)), gram_(std::move(gram)), cross_(std::move(cross)) {}

    Eigen::Index rank() const { return gram_.rows(); }

    /// All singular values of H, falling.
    const Eigen::VectorXd& singular_values() const { return singular_values_; }

    const Eigen::MatrixXd& gram() const { return gram_; }    ///< V-^T V-, of the first rank() directions
    const Eigen::MatrixXd& cross() const { return cross_; }  ///< V-^T V+

    /// A of a rank from 1 to rank(); shape (rank, rank).
    Eigen::MatrixXd operator_of_rank(Eigen::Index rank) const;

 private:
    Eigen::VectorXd singular_values_;
    Eigen::MatrixXd gram_;
    Eigen::MatrixXd cross_;
};

}  // namespace repal
