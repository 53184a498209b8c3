module;
#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <algorithm>

#include "core/eigen.hpp"
module repal.havok;

namespace repal {
namespace {

/// Share of the energy of the weakest direction among the first `rank` ones. Falls with the rank (Cauchy interlacing).
double smallest_share(const Eigen::MatrixXd& gram, Eigen::Index rank) {
    const Eigen::MatrixXd leading = gram.topLeftCorner(rank, rank);
    return Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(leading, Eigen::EigenvaluesOnly).eigenvalues()[0];
}

Eigen::Index determined_rank(const Eigen::MatrixXd& gram, double min_share) {
    Eigen::Index determined = 0;
    for (Eigen::Index too_large = gram.rows() + 1; too_large - determined > 1;) {
        const Eigen::Index middle = (determined + too_large) / 2;
        (smallest_share(gram, middle) >= min_share ? determined : too_large) = middle;
    }
    return determined;
}

}  // namespace

Havok::Havok(const Trajectories& x, const DelayEmbedding& delays, const Limits& limits) {
    const Eigen::Index rows = delays.rows_per_trial(x.shape());
    const Eigen::Index transitions = x.shape().trials * (rows - 1);
    LeftSvd svd = left_svd(delays(x), limits.rank);
    singular_values_ = std::move(svd.singular_values);

    const Eigen::Index rank =
        std::min({limits.rank, numerical_rank(singular_values_, limits.rank_tolerance), transitions});
    if (rank == 0) throw InvalidTrajectories("every value is 0, so there are no dynamics");

    gram_.setZero(rank, rank);
    cross_.setZero(rank, rank);
    for (Eigen::Index trial = 0; trial < x.shape().trials; ++trial) {
        const auto v = svd.vectors.block(trial * rows, 0, rows, rank);
        gram_.noalias() += v.topRows(rows - 1).transpose() * v.topRows(rows - 1);
        cross_.noalias() += v.topRows(rows - 1).transpose() * v.bottomRows(rows - 1);
    }

    const Eigen::Index determined = determined_rank(gram_, limits.min_transition_share);
    if (determined == 0)
        throw InvalidTrajectories(
            "the first samples of the trials hold nothing from which the next could be predicted");
    gram_ = gram_.topLeftCorner(determined, determined).eval();
    cross_ = cross_.topLeftCorner(determined, determined).eval();
}

Eigen::MatrixXd Havok::operator_of_rank(Eigen::Index rank) const {
    return gram_.topLeftCorner(rank, rank).ldlt().solve(cross_.topLeftCorner(rank, rank)).transpose();
}

}  // namespace repal
