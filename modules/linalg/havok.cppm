module;
#include <Eigen/Core>
#include <span>
#include <utility>
#include <vector>
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

    /// What an operator is made of, of the first directions.
    struct Products {
        Eigen::VectorXd singular_values;  ///< of H, falling: the first ones, at least as many as the rank
        Eigen::MatrixXd gram;             ///< V-^T V-
        Eigen::MatrixXd cross;            ///< V-^T V+
        Eigen::MatrixXd successors;       ///< V+^T V+
        Eigen::MatrixXd axes;             ///< U (n_delays * channels, rank): H = V S U^T
    };

    /// The leading directions that `gram` determines, of the products of more. Throws InvalidTrajectories if it
    /// determines none.
    static Havok determined(Products products, double min_transition_share);

    /// Of the products() of another one.
    explicit Havok(Products products) : products_(std::move(products)) {}

    Eigen::Index rank() const { return products_.gram.rows(); }
    const Products& products() const { return products_; }

    /// A of a rank from 1 to rank(); shape (rank, rank).
    Eigen::MatrixXd operator_of_rank(Eigen::Index rank) const;

 private:
    Products products_;
};

/// The operators of any weighting of the trials of a system, from products that add over trials: with z(t) the rows of
/// H, P_k = sum z z^T over trial k, and C_k = sum z(t) z(t+1)^T, of which every operator is made as Havok does.
///
/// Equal to the operator of the data to 1e-10 as long as the singular values used are above 1e-3 of the largest; where
/// they are not, the data are decomposed. Of more than 400 columns of H, the products are those of its first right
/// singular vectors, `rank` and ten but at least fifty: what is left out is noise to all weightings.
/// Memory: of up to 400 columns 1.5 trials (n_delays channels)^2 numbers and the data; of more the square of the
/// shorter side of H, while it is made.
export class HavokSums {
 public:
    /// Throws InvalidTrajectories as Havok does.
    HavokSums(const Trajectories& x, const DelayEmbedding& delays, const Havok::Limits& limits);

    /// weights: (trials), at least 0. Trials that are too short for the delays count for nothing.
    Havok of(std::span<const double> weights) const;

 private:
    struct OfTrial {
        Eigen::Index rows = 0;     ///< of H; 0: it is too short
        Eigen::VectorXd products;  ///< P_k, its lower triangle
        Eigen::MatrixXd lagged;    ///< C_k
        Eigen::VectorXd first;     ///< the first z, which is no successor
        Eigen::VectorXd last;      ///< the last z, which has none
    };

    Havok of_data(std::span<const double> weights) const;

    Trajectories x_;
    DelayEmbedding delays_;
    Havok::Limits limits_;
    std::vector<OfTrial> trials_;
    Eigen::MatrixXd directions_;  ///< into which the rows of H are projected; empty: not at all
    Eigen::MatrixXd start_;       ///< near the singular vectors of any weighting
};

}  // namespace repal
