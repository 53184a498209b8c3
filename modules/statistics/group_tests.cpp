module;
#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.group_tests;

import repal.statistics;

namespace repal {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// -J squares J / 2, J = I - 11'/n: scalar products of points around their centroid. Source: Gower 1966.
MatrixXd gower(const MatrixXd& squares) {
    MatrixXd g = -0.5 * squares;
    g.rowwise() -= g.colwise().mean().eval();
    g.colwise() -= g.rowwise().mean().eval();
    return g;
}

/// An orthonormal basis of what the terms span around their means, all but one of them if `left_out` is one.
MatrixXd basis_of(std::span<const MatrixXd> terms, std::size_t left_out) {
    const Index n = terms.front().rows();
    Index columns = 0;
    for (std::size_t i = 0; i < terms.size(); ++i) columns += i == left_out ? 0 : terms[i].cols();
    MatrixXd design(n, columns);
    Index first = 0;
    for (std::size_t i = 0; i < terms.size(); ++i) {
        if (i == left_out) continue;
        design.middleCols(first, terms[i].cols()) = terms[i];
        first += terms[i].cols();
    }
    if (columns == 0) return design;
    design.rowwise() -= design.colwise().mean().eval();
    // Numbers in any unit weigh as much as labels in the choice of a rank.
    for (auto column : design.colwise())
        if (const double norm = column.norm(); norm > 0) column /= norm;
    Eigen::ColPivHouseholderQR<MatrixXd> qr(design);
    qr.setThreshold(1e-10);
    return qr.householderQ() * MatrixXd::Identity(n, qr.rank());
}

/// The number of the row of a design that each thing has; equal rows have one number.
std::vector<std::size_t> design_rows(std::span<const MatrixXd> terms) {
    std::map<std::vector<double>, std::size_t> numbers;
    std::vector<std::size_t> rows;
    for (Index i = 0; i < terms.front().rows(); ++i) {
        std::vector<double> row;
        for (const MatrixXd& term : terms)
            for (Index column = 0; column < term.cols(); ++column) row.push_back(term(i, column));
        rows.push_back(numbers.try_emplace(std::move(row), numbers.size()).first->second);
    }
    return rows;
}

/// tr(H G) of the projection H on what the terms span, all but one of them if `left_out` is one, with the rows of the
/// design in any order.
class Explained {
 public:
    /// `rows`: see design_rows(). `keeps_counts`: of the exchange.
    Explained(std::span<const MatrixXd> terms, std::size_t left_out, std::span<const std::size_t> rows,
              bool keeps_counts)
        : terms_(terms), left_out_(left_out), keeps_counts_(keeps_counts) {
        const MatrixXd basis = basis_of(terms, left_out);
        first_.resize(rows.empty() ? 0 : std::ranges::max(rows) + 1);
        by_row_.resize(std::ssize(first_), basis.cols());
        for (std::size_t i = 0; i < rows.size(); ++i) {
            first_[rows[i]] = static_cast<Index>(i);
            if (basis.cols() > 0) by_row_.row(static_cast<Index>(rows[i])) = basis.row(static_cast<Index>(i));
        }
    }

    Index rank() const { return by_row_.cols(); }

    double of(const MatrixXd& g, std::span<const std::size_t> rows) const {
        const MatrixXd basis = keeps_counts_ ? given(by_row_, rows) : basis_of(in_order(rows), left_out_);
        return (g * basis).cwiseProduct(basis).sum();
    }

 private:
    static MatrixXd given(const MatrixXd& by_row, std::span<const std::size_t> rows) {
        MatrixXd all(std::ssize(rows), by_row.cols());
        for (Index i = 0; i < all.rows() && all.cols() > 0; ++i)
            all.row(i) = by_row.row(static_cast<Index>(rows[static_cast<std::size_t>(i)]));
        return all;
    }

    /// Where rows are not as frequent as before, another basis is orthonormal.
    std::vector<MatrixXd> in_order(std::span<const std::size_t> rows) const {
        std::vector<MatrixXd> terms;
        for (const MatrixXd& term : terms_) terms.push_back(given(term(first_, Eigen::all), rows));
        return terms;
    }

    std::span<const MatrixXd> terms_;
    std::size_t left_out_;
    bool keeps_counts_;
    std::vector<Index> first_;  ///< a thing that has the row
    MatrixXd by_row_;           ///< of the basis
};

/// One-way F of values in groups that are numbered from 0 on; NaN if there is no degree of freedom or nothing varies.
double one_way_f(std::span<const double> values, std::span<const std::size_t> labels) {
    const std::size_t k = std::ranges::max(labels) + 1;
    std::vector<double> sums(k, 0);
    std::vector<double> counts(k, 0);
    for (std::size_t i = 0; i < values.size(); ++i) {
        sums[labels[i]] += values[i];
        counts[labels[i]] += 1;
    }
    const double mean_of_all = mean(values);
    double between = 0;
    double within = 0;
    double groups = 0;
    for (std::size_t group = 0; group < k; ++group) {
        if (counts[group] == 0) continue;
        const double difference = sums[group] / counts[group] - mean_of_all;
        between += counts[group] * difference * difference;
        groups += 1;
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double difference = values[i] - sums[labels[i]] / counts[labels[i]];
        within += difference * difference;
    }
    const double residual_df = static_cast<double>(values.size()) - groups;
    // What differs by rounding does not vary: both things of a group of two are as far from its centroid.
    double squares = 0;
    for (const double value : values) squares += value * value;
    constexpr double rounding = 1e-13;
    if (groups < 2 || residual_df < 1 || !(within > rounding * squares)) return not_a_number;
    return between / (groups - 1) / (within / residual_df);
}

}  // namespace

MatrixXd indicators(std::span<const std::size_t> labels) {
    MatrixXd columns =
        MatrixXd::Zero(static_cast<Index>(labels.size()), static_cast<Index>(std::ranges::max(labels) + 1));
    for (std::size_t i = 0; i < labels.size(); ++i) columns(static_cast<Index>(i), static_cast<Index>(labels[i])) = 1;
    return columns;
}

std::vector<std::size_t> labels_of(std::span<const double> numbers) {
    std::vector<double> values(numbers.begin(), numbers.end());
    std::ranges::sort(values);
    const auto repeated = std::ranges::unique(values);
    values.erase(repeated.begin(), repeated.end());
    std::vector<std::size_t> labels;
    for (const double number : numbers)
        labels.push_back(static_cast<std::size_t>(std::ranges::lower_bound(values, number) - values.begin()));
    return labels;
}

std::vector<ExplainedVariance> permanova(const MatrixXd& squares, std::span<const MatrixXd> terms,
                                         const Exchange& exchange, int resamples, const Stream& stream) {
    const MatrixXd g = gower(squares);
    const double total = g.trace();
    const std::vector<std::size_t> rows = design_rows(terms);
    const Explained whole(terms, terms.size(), rows, exchange.keeps_counts());
    const double residual = total - whole.of(g, rows);
    const auto residual_df = static_cast<double>(g.rows() - 1 - whole.rank());
    std::vector<ExplainedVariance> found;
    for (std::size_t i = 0; i < terms.size(); ++i) {
        const Explained others(terms, i, rows, exchange.keeps_counts());
        const auto df = static_cast<double>(whole.rank() - others.rank());
        const auto f_of = [&](std::span<const std::size_t> order) {
            const double of_whole = whole.of(g, order);
            const double of_residual = total - of_whole;
            // What is left of points that lie on each other is rounding.
            constexpr double rounding = 1e-13;
            if (df < 1 || residual_df < 1 || !(total > 0) || !(of_residual > rounding * total)) return not_a_number;
            return (of_whole - others.of(g, order)) / df / (of_residual / residual_df);
        };
        const double sum = whole.of(g, rows) - others.of(g, rows);
        found.push_back({.sum_of_squares = sum,
                         .residual = residual,
                         .df = df,
                         .residual_df = residual_df,
                         .r2 = sum / total,
                         .test = permutation_test(exchange, rows, f_of, resamples, stream.child(i))});
    }
    return found;
}

Spread spread_of_groups(const MatrixXd& squares, std::span<const std::size_t> labels, const Exchange& exchange,
                        int resamples, const Stream& stream) {
    // Scalar products of the things around the centroids of their groups: what is exchanged has no difference of place.
    MatrixXd shares = indicators(labels);
    for (auto column : shares.colwise()) column /= column.norm();
    MatrixXd around = gower(squares);
    around -= shares * (shares.transpose() * around);
    around -= (around * shares).eval() * shares.transpose();
    const auto distances_of = [&](std::span<const std::size_t> order) {
        const MatrixXd members = indicators(order);
        const Eigen::RowVectorXd counts = members.colwise().sum();
        const MatrixXd to_group = (around * members).array().rowwise() / counts.array();  // (thing, group)
        const Eigen::RowVectorXd of_groups = members.cwiseProduct(to_group).colwise().sum().array() / counts.array();
        std::vector<double> distances;
        for (std::size_t i = 0; i < order.size(); ++i) {
            const auto thing = static_cast<Index>(i);
            const auto group = static_cast<Index>(order[i]);
            const double square = around(thing, thing) - 2 * to_group(thing, group) + of_groups[group];
            distances.push_back(std::sqrt(std::max(0.0, square)));
        }
        return distances;
    };
    return {
        .distances = distances_of(labels),
        .test = permutation_test(
            exchange, labels, [&](std::span<const std::size_t> order) { return one_way_f(distances_of(order), order); },
            resamples, stream)};
}

PermutationTest anosim(const MatrixXd& squares, std::span<const std::size_t> labels, const Exchange& exchange,
                       int resamples, const Stream& stream) {
    std::vector<double> distances;
    const Index n = squares.rows();
    for (Index i = 0; i < n; ++i)
        for (Index j = i + 1; j < n; ++j) distances.push_back(squares(i, j));
    const std::vector<double> rank = ranks(distances);
    const auto r_of = [&](std::span<const std::size_t> order) {
        double within = 0;
        double between = 0;
        double n_within = 0;
        double n_between = 0;
        std::size_t pair = 0;
        for (std::size_t i = 0; i < order.size(); ++i)
            for (std::size_t j = i + 1; j < order.size(); ++j, ++pair) {
                const bool is_within = order[i] == order[j];
                (is_within ? within : between) += rank[pair];
                (is_within ? n_within : n_between) += 1;
            }
        if (n_within == 0 || n_between == 0) return not_a_number;
        return (between / n_between - within / n_within) / (static_cast<double>(rank.size()) / 2);
    };
    return permutation_test(exchange, labels, r_of, resamples, stream);
}

NearestNeighbours nearest_neighbours(const MatrixXd& squares, std::span<const std::size_t> labels,
                                     std::span<const std::size_t> subjects, const Exchange& exchange, int resamples,
                                     const Stream& stream) {
    NearestNeighbours found;
    const std::size_t n = labels.size();
    std::vector<std::vector<std::size_t>> nearest(n);
    double asked = 0;  // things that have others
    for (std::size_t i = 0; i < n; ++i) {
        double smallest = std::numeric_limits<double>::infinity();
        double others = 0;
        double alike = 0;
        for (std::size_t j = 0; j < n; ++j) {
            if (j == i || (!subjects.empty() && subjects[j] == subjects[i])) continue;
            others += 1;
            alike += labels[j] == labels[i] ? 1 : 0;
            const double square = squares(static_cast<Index>(i), static_cast<Index>(j));
            if (square > smallest) continue;
            if (square < smallest) nearest[i].clear();
            smallest = square;
            nearest[i].push_back(j);
        }
        found.nearest.push_back(nearest[i].empty() ? i : nearest[i].front());
        if (others == 0) continue;
        asked += 1;
        found.chance += alike / others;
    }
    found.chance /= asked;
    const auto accuracy_of = [&](std::span<const std::size_t> order) {
        double sum = 0;
        for (std::size_t i = 0; i < n; ++i) {
            const auto is_alike = [&](std::size_t j) { return order[j] == order[i]; };
            if (!nearest[i].empty())
                sum += static_cast<double>(std::ranges::count_if(nearest[i], is_alike)) /
                       static_cast<double>(nearest[i].size());
        }
        return sum / asked;
    };
    found.test = permutation_test(exchange, labels, accuracy_of, resamples, stream);
    return found;
}

double negative_share(const MatrixXd& squares) {
    const Eigen::VectorXd values =
        Eigen::SelfAdjointEigenSolver<MatrixXd>(gower(squares), Eigen::EigenvaluesOnly).eigenvalues();
    const double all = values.cwiseAbs().sum();
    return all > 0 ? -values.cwiseMin(0).sum() / all : 0;
}

MatrixXd centroid_squares(const MatrixXd& squares, std::span<const std::size_t> groups) {
    MatrixXd shares = indicators(groups);
    for (auto column : shares.colwise()) column /= column.sum();
    const MatrixXd means = shares.transpose() * squares * shares;
    MatrixXd between = means;
    between.colwise() -= means.diagonal() / 2;
    between.rowwise() -= means.diagonal().transpose() / 2;
    return between;
}

}  // namespace repal
