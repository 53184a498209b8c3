module;
#include <fmt/format.h>

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.subspace;

import repal.linalg;

namespace repal {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

/// Rows of a trial of a system.
auto inputs_of(const Trajectories& x, Index trial) {
    Index first = 0;
    for (Index k = 0; k < trial; ++k) first += x.steps(k);
    return x.inputs().middleRows(first, x.steps(trial));
}

/// So many steps of a trial from each of `windows` steps on, side by side, the oldest first.
MatrixXd side_by_side(const Eigen::Ref<const MatrixXd>& steps, Index first, Index n, Index windows) {
    MatrixXd rows(windows, n * steps.cols());
    for (Index i = 0; i < n; ++i)
        rows.middleCols(i * steps.cols(), steps.cols()) = steps.middleRows(first + i, windows);
    return rows;
}

/// Eigenvalues and eigenvectors above `tolerance` of the largest.
Eigenpairs determined(const MatrixXd& symmetric, double tolerance) {
    const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(symmetric);
    const VectorXd values = solver.eigenvalues().reverse();
    Index n = 0;
    while (n < values.size() && values[n] > tolerance * values[0] && values[n] > 0) ++n;
    return {values.head(n), solver.eigenvectors().rowwise().reverse().leftCols(n)};
}

/// Less the means of its columns, with mean square 1, as one tolerance is for all; empty if no column varies.
RowMatrix standardised(const RowMatrix& rows) {
    if ((rows.colwise().maxCoeff().array() == rows.colwise().minCoeff().array()).all()) return {};
    RowMatrix values = rows * scale_into_range(rows.cwiseAbs().maxCoeff());  // no square leaves the range of double
    values.rowwise() -= values.colwise().mean().eval();
    return values / std::sqrt(values.squaredNorm() / static_cast<double>(values.size()));
}

Realisation without(std::string cause) {
    return {.a = {}, .b = {}, .c = {}, .cause = std::move(cause)};
}

/// Inputs vary in a direction if their square is above this part of the largest.
constexpr double excitation = 1e-10;

constexpr double rounding = 1e-12;  // of a Gram matrix

/// The squares of `cross` that a regression on variables of this Gram matrix tells. (variable, target)
double told_by(const MatrixXd& gram, const MatrixXd& cross) {
    const Eigenpairs of_known = determined(gram, rounding);
    return (cross.transpose() * of_known.vectors * of_known.values.cwiseSqrt().cwiseInverse().asDiagonal())
        .squaredNorm();
}

/// Sums of squares of a regression, on known variables and on some that are added.
struct Regression {
    double total;
    double by_known;
    double by_all;
    double n;      ///< samples
    double known;  ///< variables
    double added;
};

/// How much of what the known variables leave open the added ones tell, less what as many numbers tell by chance.
double added_share(const Regression& squares) {
    const double open = squares.total - squares.by_known;
    if (!(open > rounding * squares.total)) return 0;
    const double left = std::max(0.0, squares.total - squares.by_all);
    const double degrees = squares.n - squares.known - 1;
    if (degrees <= squares.added) return 1 - left / open;
    return 1 - left / (degrees - squares.added) / (open / degrees);
}

/// Sums over transitions from [state; input] to the state one step later.
class Transitions {
 public:
    Transitions(Index rank, Index inputs)
        : gram_(MatrixXd::Zero(rank + inputs, rank + inputs)),
          cross_(MatrixXd::Zero(rank + inputs, rank)),
          now_(VectorXd::Zero(rank + inputs)),
          later_(VectorXd::Zero(rank)) {}

    /// Of a trial: (step, rank) and, of all but the last step, (step, input).
    void add(const Eigen::Ref<const MatrixXd>& states, const Eigen::Ref<const MatrixXd>& inputs) {
        MatrixXd now(states.rows() - 1, gram_.cols());
        now << states.topRows(now.rows()), inputs;
        const auto later = states.bottomRows(now.rows());
        gram_.noalias() += now.transpose() * now;
        cross_.noalias() += now.transpose() * later;
        now_ += now.colwise().sum().transpose();
        later_ += later.colwise().sum().transpose();
        square_ += later.squaredNorm();
        count_ += static_cast<double>(now.rows());
    }

    /// How much inputs tell of what the state leaves open of the one a step later, see added_share(); how many
    /// directions of the inputs vary.
    struct Told {
        double share;
        Index directions;
    };
    Told told_by_inputs() const {
        const Index rank = cross_.cols();
        const Index inputs = gram_.cols() - rank;
        const MatrixXd centred = gram_ - now_ * now_.transpose() / count_;
        const MatrixXd with_later = cross_ - now_ * later_.transpose() / count_;
        const Eigenpairs of_inputs = determined(centred.bottomRightCorner(inputs, inputs), excitation);
        const double share =
            added_share({.total = square_ - later_.squaredNorm() / count_,
                         .by_known = told_by(centred.topLeftCorner(rank, rank), with_later.topRows(rank)),
                         .by_all = told_by(centred, with_later),
                         .n = count_,
                         .known = static_cast<double>(rank),
                         .added = static_cast<double>(inputs)});
        return {share, of_inputs.values.size()};
    }

    /// A and B of state' = A state + B input + offset.
    Realisation regression(MatrixXd c) const {
        constexpr double ridge = 1e-8;  // of the mean square
        MatrixXd regular = gram_ - now_ * now_.transpose() / count_;
        regular.diagonal().array() += ridge * regular.trace() / static_cast<double>(regular.rows());
        const MatrixXd both = regular.ldlt().solve(cross_ - now_ * later_.transpose() / count_).transpose();
        const Index rank = cross_.cols();
        return {.a = both.leftCols(rank), .b = both.rightCols(both.cols() - rank), .c = std::move(c), .cause = {}};
    }

 private:
    MatrixXd gram_;
    MatrixXd cross_;
    double square_ = 0;  ///< of the states one step later
    VectorXd now_;
    VectorXd later_;
    double count_ = 0;
};

/// P = A P A^T + W, by doubling.
MatrixXd accumulated(MatrixXd a, MatrixXd w) {
    constexpr int most = 60;
    for (int i = 0; i < most; ++i) {
        const MatrixXd change = a * w * a.transpose();
        w += change;
        a = (a * a).eval();
        if (change.norm() <= 1e-16 * w.norm()) break;
    }
    return w;
}

/// Activity and inputs, standardised.
struct Standardised {
    Trajectories x;
    std::string cause;  ///< why there are none; empty: there are

    explicit Standardised(const Trajectories& system) : x(system) {
        if (system.inputs().cols() == 0) {
            cause = "a system has no inputs: --inputs gives them, or the column inputs of a sheet";
            return;
        }
        const RowMatrix rows = standardised(system.rows());
        const RowMatrix inputs = standardised(system.inputs());
        if (rows.size() == 0)
            cause = "all samples of a system are equal, so there are no dynamics";
        else if (inputs.size() == 0)
            cause = "its inputs never vary";
        else
            x = system.with_rows(rows).with_inputs(inputs);
    }
};

}  // namespace

std::vector<Index> varying_inputs(const Trajectories& x) {
    std::vector<Index> varying;
    for (Index i = 0; i < x.inputs().cols(); ++i)
        if (x.inputs().col(i).minCoeff() != x.inputs().col(i).maxCoeff()) varying.push_back(i);
    return varying;
}

Realisation identified(const Trajectories& system, Index n_delays, Index rank) {
    const Standardised both(system);
    if (!both.cause.empty()) return without(both.cause);
    const Trajectories& x = both.x;
    const Index p = n_delays;
    const Index channels = x.shape().channels;
    const Index inputs = x.inputs().cols();
    constexpr Index most = 2000;
    if (p * channels > most)
        return without(fmt::format(
            "{} delays of {} channels are more than {}: use fewer, or principal components (pca)", p, channels, most));
    // Of [U_f; U_p; Y_p; Y_f]
    const Index of_past = p * (inputs + channels);
    const Index known = p * inputs + of_past;
    std::vector<MatrixXd> all_windows;
    Index columns = 0;
    for (Index k = 0; k < x.shape().trials; ++k) columns += std::max<Index>(0, x.steps(k) - 2 * p + 1);
    if (columns >= 2 && columns < known)
        return without(
            fmt::format("{} windows of {} steps cannot tell {} numbers of inputs and channels apart: use more "
                        "trials, or fewer delays, inputs or channels",
                        columns, 2 * p, known));
    MatrixXd products = MatrixXd::Zero(known + p * channels, known + p * channels);
    VectorXd sums = VectorXd::Zero(products.rows());
    for (Index k = 0; k < x.shape().trials; ++k) {
        const Index windows = x.steps(k) - 2 * p + 1;
        if (windows < 2) {
            all_windows.emplace_back();
            continue;
        }
        const MatrixXd y = x.trial(k);
        const MatrixXd u = inputs_of(x, k);
        MatrixXd rows(windows, products.cols());
        rows << side_by_side(u, p, p, windows), side_by_side(u, 0, p, windows), side_by_side(y, 0, p, windows),
            side_by_side(y, p, p, windows);
        products.selfadjointView<Eigen::Lower>().rankUpdate(rows.transpose());
        sums += rows.colwise().sum().transpose();
        all_windows.push_back(std::move(rows));
    }
    if (columns < 2) throw InvalidTrajectories(fmt::format("{} delays need trials of {} steps", p, 2 * p + 1));
    // An offset is fitted with everything else.
    products.selfadjointView<Eigen::Lower>().rankUpdate(sums, -1 / static_cast<double>(columns));
    products.triangularView<Eigen::StrictlyUpper>() = MatrixXd(products.transpose());

    const Eigenpairs of_inputs = determined(products.topLeftCorner(2 * p * inputs, 2 * p * inputs), excitation);
    const Index excited = of_inputs.values.size();
    if (excited < 2 * p * inputs)
        return without(
            fmt::format("the inputs vary in {} of {} directions of {} steps: nothing tells the others from the "
                        "state; use richer inputs or fewer delays",
                        excited, 2 * p * inputs, 2 * p));
    const MatrixXd with_future = products.bottomLeftCorner(p * channels, known).transpose();
    const double share_of_inputs = added_share(
        {.total = products.bottomRightCorner(p * channels, p * channels).trace(),
         .by_known = told_by(products.block(p * inputs, p * inputs, of_past, of_past), with_future.bottomRows(of_past)),
         .by_all = told_by(products.topLeftCorner(known, known), with_future),
         .n = static_cast<double>(columns),
         .known = static_cast<double>(of_past),
         .added = static_cast<double>(p * inputs)});
    const Eigenpairs of_known = determined(products.topLeftCorner(known, known), rounding);
    const MatrixXd coefficients = products.bottomLeftCorner(p * channels, known) * of_known.vectors *
                                  of_known.values.cwiseInverse().asDiagonal() * of_known.vectors.transpose();
    const MatrixXd of_state = coefficients.rightCols(of_past);
    const MatrixXd seen = of_state * products.block(p * inputs, p * inputs, of_past, of_past) * of_state.transpose();
    constexpr double weakest = 1e-14;  // of squares
    const Eigenpairs directions = determined((seen + seen.transpose()) / 2, weakest);
    if (directions.values.size() < rank)
        return without(fmt::format("the data determine no more than rank {} of {}", directions.values.size(), rank));
    const VectorXd root = directions.values.head(rank).cwiseSqrt().cwiseSqrt();  // S^1/2
    const MatrixXd gamma = directions.vectors.leftCols(rank) * root.asDiagonal();
    const MatrixXd state_of =
        root.cwiseInverse().asDiagonal() * directions.vectors.leftCols(rank).transpose() * of_state;

    Transitions transitions(rank, inputs);
    for (const MatrixXd& rows : all_windows)
        if (rows.size() > 0)
            transitions.add(rows.middleCols(p * inputs, of_past) * state_of.transpose(),
                            rows.topLeftCorner(rows.rows() - 1, inputs));
    Realisation found = transitions.regression(gamma.topRows(channels));
    found.share_of_inputs = share_of_inputs;
    return found;
}

Realisation regressed(const Trajectories& system, Index n_delays, Index rank) {
    const Standardised both(system);
    if (!both.cause.empty()) return without(both.cause);
    const Trajectories& x = both.x;
    const DelayEmbedding delays{.n_delays = n_delays};
    const LeftSvd svd = decomposed(delays(x), rank);
    constexpr double tolerance = 1e-9;
    if (const Index found = numerical_rank(svd.singular_values, tolerance); found < rank)
        return without(fmt::format("the data determine no more than rank {} of {}", found, rank));
    Transitions transitions(rank, x.inputs().cols());
    Index first = 0;
    for (Index k = 0; k < x.shape().trials; ++k) {
        const Index rows = delays.rows(x.steps(k));
        if (rows == 0) continue;
        // A row ends with step n_delays - 1 of the trial, whose input is in the next one.
        transitions.add(svd.vectors.block(first, 0, rows, rank), inputs_of(x, k).middleRows(n_delays - 1, rows - 1));
        first += rows;
    }
    const std::vector<bool> all(static_cast<std::size_t>(x.shape().trials), true);
    const MatrixXd axes = delays.transposed_times(x, all, svd.vectors.leftCols(rank));  // U S
    const Transitions::Told told = transitions.told_by_inputs();
    if (told.directions < x.inputs().cols())
        return without(
            fmt::format("the inputs vary in {} of {} directions: nothing tells what enters by one from what enters by "
                        "another; leave out those that the others tell",
                        told.directions, x.inputs().cols()));
    Realisation found = transitions.regression(axes.topRows(x.shape().channels));
    found.share_of_inputs = told.share;
    return found;
}

Realisation balanced(Realisation found) {
    if (!found.cause.empty()) return found;
    const double radius = Eigen::EigenSolver<MatrixXd>(found.a, false).eigenvalues().cwiseAbs().maxCoeff();
    if (!(radius < 1))
        return without(
            fmt::format("the dynamics grow, with a spectral radius of {:.4f}: they have no balanced "
                        "coordinates; set coordinates to data, or rank lower",
                        radius));
    const MatrixXd driven = accumulated(found.a, found.b * found.b.transpose());
    const MatrixXd shown = accumulated(found.a.transpose(), found.c.transpose() * found.c);
    const Eigen::SelfAdjointEigenSolver<MatrixXd> of_driven(driven);
    const VectorXd root = of_driven.eigenvalues().cwiseMax(0).cwiseSqrt();
    const MatrixXd l = of_driven.eigenvectors() * root.asDiagonal();
    const Eigen::SelfAdjointEigenSolver<MatrixXd> of_both(l.transpose() * shown * l);
    const VectorXd squares = of_both.eigenvalues().reverse();
    constexpr double tolerance = 1e-20;  // of squares of Hankel singular values
    Index n = 0;
    while (n < squares.size() && squares[n] > tolerance * squares[0] && squares[n] > 0) ++n;
    if (n < squares.size())
        return without(
            fmt::format("inputs and outputs have no more than {} of {} directions of the state in common; set "
                        "rank to {}",
                        n, squares.size(), n));
    // T = L U s^-1/2, and T^-1 = s^-1/2 U^T L^T Q s^-1... of s^2 = `squares`
    const VectorXd s = squares.cwiseSqrt();
    const MatrixXd u = of_both.eigenvectors().rowwise().reverse();
    const MatrixXd t = l * u * s.cwiseSqrt().cwiseInverse().asDiagonal();
    const MatrixXd inverse = s.array().pow(-1.5).matrix().asDiagonal() * u.transpose() * l.transpose() * shown;
    return {.a = inverse * found.a * t,
            .b = inverse * found.b,
            .c = found.c * t,
            .cause = {},
            .share_of_inputs = found.share_of_inputs};
}

}  // namespace repal
