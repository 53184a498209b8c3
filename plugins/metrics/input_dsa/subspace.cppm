module;
#include <Eigen/Core>
#include <string>
#include <vector>
export module repal.subspace;

import repal.trajectories;

/// Linear systems with inputs, x(t+1) = A x(t) + B u(t) + offset and y(t) = C x(t) + offset, found from y and u.
namespace repal {

export struct Realisation {
    Eigen::MatrixXd a;           ///< (rank, rank)
    Eigen::MatrixXd b;           ///< (rank, input)
    Eigen::MatrixXd c;           ///< (channel, rank)
    std::string cause;           ///< why there is none; empty: there is
    double share_of_inputs = 1;  ///< of the variance of y that they tell beyond chance, where it is known
};

/// Places of the inputs that vary; the others are part of the offset.
export std::vector<Eigen::Index> varying_inputs(const Trajectories& x);

/// By subspace identification: Y_f, the next p = n_delays samples of y, regressed on [U_f; U_p; Y_p], the inputs of the
/// same steps and inputs and outputs of the p steps before. O = (the coefficients of Z_p = [U_p; Y_p]) Z_p = U S V^T;
/// the state is X = S^1/2 V^T of the first `rank` directions, C the first rows of U S^1/2, and [A B] the regression of
/// X(t+1) on [X(t); u(t)]. Windows and transitions never cross trials. All from sums over windows, less those of
/// their means.
/// Source: Van Overschee & De Moor 1996 (N4SID); Huang, Ostrow et al. 2025.
export Realisation identified(const Trajectories& x, Eigen::Index n_delays, Eigen::Index rank);

/// By regression alone: the state is that of HAVOK, rows of V of the delay embedding, [A B] its regression on the state
/// and the input before. Right where delays hold the state. Source: Proctor et al. 2016 (DMD with control).
export Realisation regressed(const Trajectories& x, Eigen::Index n_delays, Eigen::Index rank);

/// In coordinates in which every direction of the state is driven by the inputs as much as it shows in the outputs,
/// unique up to signs, or rotations among equal ones, whatever the statistics of the inputs. Needs A to be stable.
/// Source: Moore 1981 (balanced realisations).
export Realisation balanced(Realisation realisation);

}  // namespace repal
