module;
#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.havok;

namespace repal {
namespace {

// Of squares of singular values: squaring makes vectors of relative size s uncertain by 1e-16 / s^2, so that those are
// good to 1e-10.
constexpr double least_square = 1e-6;

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

/// The lower triangle of a symmetric matrix, column by column.
Eigen::VectorXd packed(const Eigen::MatrixXd& symmetric) {
    const Eigen::Index n = symmetric.rows();
    Eigen::VectorXd values(n * (n + 1) / 2);
    for (Eigen::Index column = 0, place = 0; column < n; place += n - column, ++column)
        values.segment(place, n - column) = symmetric.col(column).tail(n - column);
    return values;
}

Eigen::MatrixXd unpacked(const Eigen::VectorXd& values) {
    const Eigen::Index n = std::lround((std::sqrt(8.0 * static_cast<double>(values.size()) + 1) - 1) / 2);
    Eigen::MatrixXd symmetric(n, n);
    for (Eigen::Index column = 0, place = 0; column < n; place += n - column, ++column) {
        symmetric.col(column).tail(n - column) = values.segment(place, n - column);
        symmetric.row(column).tail(n - column) = values.segment(place, n - column).transpose();
    }
    return symmetric;
}

}  // namespace

Havok Havok::determined(Products products, double min_transition_share) {
    const Eigen::Index determined = determined_rank(products.gram, min_transition_share);
    if (determined == 0)
        throw InvalidTrajectories(
            "the first samples of the trials hold nothing from which the next could be predicted");
    for (Eigen::MatrixXd* square : {&products.gram, &products.cross, &products.successors})
        square->conservativeResize(determined, determined);
    products.axes.conservativeResize(Eigen::NoChange, determined);
    return Havok(std::move(products));
}

Havok::Havok(const Trajectories& x, const DelayEmbedding& delays, const Limits& limits) {
    delays.require_rows(x);
    if (const double scale = scale_into_range(x.rows().cwiseAbs().maxCoeff()); scale != 1) {
        *this = Havok(x.with_rows(x.rows() * scale), delays, limits);
        products_.singular_values /= scale;
        return;
    }
    Eigen::Index rows = 0;
    Eigen::Index transitions = 0;
    for (Eigen::Index trial = 0; trial < x.shape().trials; ++trial) {
        const Eigen::Index of_it = delays.rows(x.steps(trial));
        rows += of_it;
        transitions += std::max<Eigen::Index>(0, of_it - 1);
    }
    const Eigen::Index columns = delays.n_delays * x.shape().channels;
    const Eigen::Index leading = std::min({limits.rank, rows, columns});
    // (rows, leading), of H = U S V^T: its first columns of U, as the samples of V in the paper
    LeftSvd svd;
    Eigen::MatrixXd axes;  // its columns of V
    const std::vector<bool> all(static_cast<std::size_t>(x.shape().trials), true);
    const bool is_tall = rows > columns;
    Eigenpairs pairs = leading_eigenpairs(is_tall ? delays.gram(x, all) : delays.gram_of_rows(x, all), leading);
    const bool is_accurate = pairs.values[leading - 1] > least_square * pairs.values[0];
    if (is_accurate && !is_tall) {
        svd = {std::move(pairs.vectors), pairs.values.cwiseSqrt()};
    } else if (is_accurate) {
        svd.singular_values = pairs.values.cwiseSqrt();
        axes = std::move(pairs.vectors);
        const Eigen::MatrixXd whitening = axes * svd.singular_values.cwiseInverse().asDiagonal();
        svd.vectors.resize(rows, leading);
        Eigen::Index first = 0;
        for (Eigen::Index trial = 0; trial < x.shape().trials; ++trial) {
            const Eigen::Index of_it = delays.rows(x.steps(trial));
            svd.vectors.middleRows(first, of_it) = delays.projected(x, trial, whitening);
            first += of_it;
        }
    } else {
        svd = decomposed(delays(x), limits.rank);
    }

    const Eigen::Index rank =
        std::min({limits.rank, numerical_rank(svd.singular_values, limits.rank_tolerance), transitions});
    if (rank == 0) throw InvalidTrajectories("every value is 0, so there are no dynamics");

    if (axes.size() == 0)
        axes = delays.transposed_times(x, all, svd.vectors.leftCols(rank)) *
               svd.singular_values.head(rank).cwiseInverse().asDiagonal();

    Eigen::MatrixXd gram = Eigen::MatrixXd::Zero(rank, rank);
    Eigen::MatrixXd cross = Eigen::MatrixXd::Zero(rank, rank);
    Eigen::MatrixXd ends = Eigen::MatrixXd::Zero(rank, rank);
    Eigen::Index first = 0;
    for (Eigen::Index trial = 0; trial < x.shape().trials; ++trial) {
        const Eigen::Index of_it = delays.rows(x.steps(trial));
        if (of_it == 0) continue;
        const auto v = svd.vectors.block(first, 0, of_it, rank);
        gram.noalias() += v.topRows(of_it - 1).transpose() * v.topRows(of_it - 1);
        cross.noalias() += v.topRows(of_it - 1).transpose() * v.bottomRows(of_it - 1);
        // V+ has the last row instead of the first one.
        ends.noalias() += v.row(of_it - 1).transpose() * v.row(of_it - 1);
        ends.noalias() -= v.row(0).transpose() * v.row(0);
        first += of_it;
    }
    Eigen::MatrixXd successors = gram + ends;
    *this = determined({.singular_values = std::move(svd.singular_values),
                        .gram = std::move(gram),
                        .cross = std::move(cross),
                        .successors = std::move(successors),
                        .axes = axes.leftCols(rank)},
                       limits.min_transition_share);
}

HavokSums::HavokSums(const Trajectories& x, const DelayEmbedding& delays, const Havok::Limits& limits)
    : x_(x), delays_(delays), limits_(limits) {
    constexpr Eigen::Index most_columns = 400;
    delays.require_rows(x);
    if (const double scale = scale_into_range(x.rows().cwiseAbs().maxCoeff()); scale != 1)
        x_ = x_.with_rows(x.rows() * scale);
    if (delays.n_delays * x.shape().channels > most_columns) {
        const std::vector<bool> all(static_cast<std::size_t>(x.shape().trials), true);
        const Eigen::Index kept = std::max<Eigen::Index>(50, limits.rank + 10);
        directions_ = delays.directions(x_, all, kept).vectors;
    }
    for (Eigen::Index k = 0; k < x.shape().trials; ++k) {
        const Eigen::Index rows = delays.rows(x.steps(k));
        OfTrial& trial = trials_.emplace_back();
        if (rows == 0) continue;
        const Eigen::MatrixXd z =
            directions_.size() > 0 ? delays.projected(x_, k, directions_) : delays.of_trial(x_, k);
        trial.rows = rows;
        trial.products = packed(z.transpose() * z);
        trial.lagged.noalias() = z.topRows(rows - 1).transpose() * z.bottomRows(rows - 1);
        trial.first = z.topRows<1>().transpose();
        trial.last = z.bottomRows<1>().transpose();
    }
    // Near the eigenvectors of most weightings.
    Eigen::MatrixXd total;
    for (const OfTrial& trial : trials_)
        if (trial.rows > 0) total = total.size() == 0 ? unpacked(trial.products) : total + unpacked(trial.products);
    constexpr Eigen::Index spare = 6;  // as leading_eigenpairs wants
    start_ = approximate_eigenpairs(total, limits.rank + spare).vectors;
}

Havok HavokSums::of(std::span<const double> weights) const {
    Eigen::VectorXd packed_products;
    Eigen::MatrixXd lagged;
    Eigen::Index transitions = 0;
    for (std::size_t k = 0; k < trials_.size(); ++k) {
        if (trials_[k].rows == 0 || !(weights[k] > 0)) continue;
        if (packed_products.size() == 0) {
            packed_products.setZero(trials_[k].products.size());
            lagged.setZero(trials_[k].lagged.rows(), trials_[k].lagged.cols());
        }
        packed_products += weights[k] * trials_[k].products;
        lagged += weights[k] * trials_[k].lagged;
        transitions += trials_[k].rows - 1;
    }
    if (packed_products.size() == 0) throw InvalidTrajectories("no trial is left that is long enough for the delays");
    const Eigen::MatrixXd products = unpacked(packed_products);
    const Eigen::Index rank = std::min({limits_.rank, products.rows(), transitions});
    const Eigenpairs leading = leading_eigenpairs(products, rank, start_);
    if (!(leading.values[rank - 1] > least_square * leading.values[0])) return of_data(weights);

    const Eigen::MatrixXd whitening = leading.vectors * leading.values.cwiseSqrt().cwiseInverse().asDiagonal();
    Eigen::MatrixXd gram = whitening.transpose() * products * whitening;
    Eigen::MatrixXd successors = gram;
    for (std::size_t k = 0; k < trials_.size(); ++k) {
        if (trials_[k].rows == 0 || !(weights[k] > 0)) continue;
        const Eigen::VectorXd last = whitening.transpose() * trials_[k].last;
        gram.noalias() -= weights[k] * last * last.transpose();
        const Eigen::VectorXd first = whitening.transpose() * trials_[k].first;
        successors.noalias() -= weights[k] * first * first.transpose();
    }
    return Havok::determined(
        {.singular_values = leading.values.cwiseSqrt(),
         .gram = std::move(gram),
         .cross = whitening.transpose() * lagged * whitening,
         .successors = std::move(successors),
         .axes = directions_.size() > 0 ? Eigen::MatrixXd(directions_ * leading.vectors) : leading.vectors},
        limits_.min_transition_share);
}

Havok HavokSums::of_data(std::span<const double> weights) const {
    std::vector<RowMatrix> trials;
    for (std::size_t k = 0; k < weights.size(); ++k)
        if (trials_[k].rows > 0 && weights[k] > 0)
            trials.emplace_back(x_.trial(static_cast<Eigen::Index>(k)) * std::sqrt(weights[k]));
    return {Trajectories::from_trials(trials), delays_, limits_};
}

Eigen::MatrixXd Havok::operator_of_rank(Eigen::Index rank) const {
    return products_.gram.topLeftCorner(rank, rank).ldlt().solve(products_.cross.topLeftCorner(rank, rank)).transpose();
}

}  // namespace repal
