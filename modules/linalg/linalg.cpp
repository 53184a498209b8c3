module;
#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <Eigen/SVD>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.linalg;

import repal.memory;
import repal.random;

namespace repal {
namespace {

Eigen::MatrixXd orthonormal(const Eigen::MatrixXd& columns) {
    return Eigen::HouseholderQR<Eigen::MatrixXd>(columns).householderQ() *
           Eigen::MatrixXd::Identity(columns.rows(), columns.cols());
}

/// None if the leading vectors would not be accurate.
std::optional<LeftSvd> svd_by_gram(const Eigen::MatrixXd& x, Eigen::Index leading) {
    constexpr double smallest_share = 1e-6;  // of the squares
    const bool is_tall = x.rows() > x.cols();
    const Eigen::Index n = std::min(x.rows(), x.cols());
    Eigen::MatrixXd gram = Eigen::MatrixXd::Zero(n, n);
    if (is_tall)
        gram.selfadjointView<Eigen::Lower>().rankUpdate(x.transpose());
    else
        gram.selfadjointView<Eigen::Lower>().rankUpdate(x);
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram);
    const Eigen::VectorXd squares = solver.eigenvalues().reverse().cwiseMax(0);
    if (!(squares[leading - 1] > smallest_share * squares[0])) return {};

    LeftSvd svd{solver.eigenvectors().rightCols(leading).rowwise().reverse(), squares.cwiseSqrt()};
    if (is_tall) svd.vectors = x * svd.vectors * svd.singular_values.head(leading).cwiseInverse().asDiagonal();
    return svd;
}

/// `copies` of so many numbers.
void require_memory_of(Eigen::Index rows, Eigen::Index columns, double copies, const std::string& what) {
    const auto numbers = static_cast<double>(rows) * static_cast<double>(columns);
    require_memory(copies * numbers * sizeof(double), fmt::format("{} of {} x {}", what, rows, columns),
                   "use fewer delays (n_delays), principal components (pca), or fewer channels or trials");
}

}  // namespace

Eigen::Index DelayEmbedding::least_steps() const {
    // Divided, since the product of two large numbers is another one.
    constexpr Eigen::Index most = std::numeric_limits<Eigen::Index>::max();
    return n_delays - 1 > (most - 2) / delay_interval ? most : (n_delays - 1) * delay_interval + 2;
}

Eigen::Index DelayEmbedding::rows(Eigen::Index steps) const {
    return steps < least_steps() ? 0 : steps - (least_steps() - 2);
}

void DelayEmbedding::require_rows(const Trajectories& x) const {
    Eigen::Index longest = 0;
    for (Eigen::Index trial = 0; trial < x.shape().trials; ++trial) longest = std::max(longest, x.steps(trial));
    if (rows(longest) == 0)
        throw InvalidTrajectories(
            fmt::format("{} delays of {} steps need at least {:.0f} steps, the trials have {}", n_delays,
                        delay_interval, static_cast<double>(n_delays - 1) * static_cast<double>(delay_interval) + 2,
                        longest),
            "use fewer or shorter delays (n_delays, delay_interval)");
}

Eigen::MatrixXd DelayEmbedding::of_trial(const Trajectories& x, Eigen::Index trial) const {
    const Eigen::Index channels = x.shape().channels;
    const Eigen::Index n_rows = rows(x.steps(trial));
    Eigen::MatrixXd hankel(n_rows, n_delays * channels);
    for (Eigen::Index delay = 0; delay < n_delays; ++delay)
        hankel.middleCols(delay * channels, channels) =
            x.trial(trial).middleRows((n_delays - 1 - delay) * delay_interval, n_rows);
    for (Eigen::Index delay = 0; delay < weights.size(); ++delay)
        hankel.middleCols(delay * channels, channels) *= weights[delay];
    return hankel;
}

Eigen::MatrixXd DelayEmbedding::operator()(const Trajectories& x) const {
    require_rows(x);
    Eigen::Index n_rows = 0;
    for (Eigen::Index trial = 0; trial < x.shape().trials; ++trial) n_rows += rows(x.steps(trial));
    constexpr double copies = 3;  // with those of what decomposes it
    require_memory_of(n_rows, n_delays * x.shape().channels, copies, "a delay embedding");
    Eigen::MatrixXd hankel(n_rows, n_delays * x.shape().channels);
    Eigen::Index first = 0;
    for (Eigen::Index trial = 0; trial < x.shape().trials; ++trial) {
        const Eigen::Index of_it = rows(x.steps(trial));
        if (of_it > 0) hankel.middleRows(first, of_it) = of_trial(x, trial);
        first += of_it;
    }
    return hankel;
}

Eigen::MatrixXd DelayEmbedding::gram(const Trajectories& x, const std::vector<bool>& is_used) const {
    const Eigen::Index channels = x.shape().channels;
    constexpr double copies = 3;  // with those of what decomposes it
    require_memory_of(n_delays * channels, n_delays * channels, copies, "a matrix of products");
    Eigen::MatrixXd gram = Eigen::MatrixXd::Zero(n_delays * channels, n_delays * channels);
    // What comes and goes below leaves a digit less than the products of the rows themselves.
    constexpr Eigen::Index few_columns = 256;
    if (gram.cols() <= few_columns) {
        for (Eigen::Index trial = 0; trial < x.shape().trials; ++trial)
            if (is_used[static_cast<std::size_t>(trial)] && rows(x.steps(trial)) > 0)
                gram.selfadjointView<Eigen::Lower>().rankUpdate(of_trial(x, trial).transpose());
        gram.triangularView<Eigen::StrictlyUpper>() = Eigen::MatrixXd(gram.transpose());
        return gram;
    }
    // Windows of few rows have mostly steps that come and go; they are laid under each other, many to a product.
    Eigen::Index all_rows = 0;
    Eigen::Index all_shifts = 0;
    for (Eigen::Index trial = 0; trial < x.shape().trials; ++trial) {
        const Eigen::Index n_rows = is_used[static_cast<std::size_t>(trial)] ? rows(x.steps(trial)) : 0;
        all_rows += n_rows;
        all_shifts += std::min(delay_interval, n_rows);
    }
    constexpr Eigen::Index rows_of_product = 512;
    if (all_rows <= 4 * all_shifts) {
        Eigen::MatrixXd below(rows_of_product, gram.cols());
        Eigen::Index filled = 0;
        const auto add = [&] {
            gram.selfadjointView<Eigen::Lower>().rankUpdate(below.topRows(filled).transpose());
            filled = 0;
        };
        for (Eigen::Index trial = 0; trial < x.shape().trials; ++trial) {
            const Eigen::Index n_rows = is_used[static_cast<std::size_t>(trial)] ? rows(x.steps(trial)) : 0;
            if (n_rows == 0) continue;
            if (filled + n_rows > below.rows()) add();
            if (n_rows > below.rows()) below.resize(n_rows, gram.cols());
            below.middleRows(filled, n_rows) = of_trial(x, trial);
            filled += n_rows;
        }
        add();
        gram.triangularView<Eigen::StrictlyUpper>() = Eigen::MatrixXd(gram.transpose());
        return gram;
    }
    // (steps of all trials, channel), of those that come and go, at one lag before and after each other
    Eigen::MatrixXd front(x.shape().trials * std::min(delay_interval, x.rows().rows()), channels);
    Eigen::MatrixXd later(front.rows(), channels);
    for (Eigen::Index lag = 0; lag < n_delays; ++lag) {
        // The last block of a lag has the windows that begin with the trial; each one before it begins an interval
        // later, so that it lacks the first steps of the window and has as many more at its end.
        Eigen::MatrixXd block = Eigen::MatrixXd::Zero(channels, channels);
        for (Eigen::Index trial = 0; trial < x.shape().trials; ++trial) {
            const Eigen::Index n_rows = rows(x.steps(trial));
            if (n_rows == 0 || !is_used[static_cast<std::size_t>(trial)]) continue;
            const auto values = x.trial(trial);
            block.noalias() += values.middleRows(lag * delay_interval, n_rows).transpose() * values.topRows(n_rows);
        }
        for (Eigen::Index delay = n_delays - 1 - lag; delay >= 0; --delay) {
            auto of_delays = gram.block(delay * channels, (delay + lag) * channels, channels, channels);
            of_delays = block;
            if (weights.size() > 0) of_delays *= weights[delay] * weights[delay + lag];
            if (delay == 0) break;
            const Eigen::Index begin = (n_delays - 1 - delay - lag) * delay_interval;
            Eigen::MatrixXd change = Eigen::MatrixXd::Zero(channels, channels);
            for (const bool is_end : {true, false}) {
                Eigen::Index used = 0;
                for (Eigen::Index trial = 0; trial < x.shape().trials; ++trial) {
                    const Eigen::Index n_rows = rows(x.steps(trial));
                    if (n_rows == 0 || !is_used[static_cast<std::size_t>(trial)]) continue;
                    const auto values = x.trial(trial);
                    const Eigen::Index shift = std::min(delay_interval, n_rows);
                    const Eigen::Index first = begin + (is_end ? delay_interval + n_rows - shift : 0);
                    front.middleRows(used, shift) = values.middleRows(first, shift);
                    later.middleRows(used, shift) = values.middleRows(first + lag * delay_interval, shift);
                    used += shift;
                }
                const auto product = later.topRows(used).transpose() * front.topRows(used);
                if (is_end)
                    change.noalias() += product;
                else
                    change.noalias() -= product;
            }
            block += change;
        }
    }
    gram.triangularView<Eigen::StrictlyLower>() = Eigen::MatrixXd(gram.transpose());
    return gram;
}

Eigen::MatrixXd DelayEmbedding::gram_of_rows(const Trajectories& x, const std::vector<bool>& is_used) const {
    Eigen::Index n_rows = 0;
    for (Eigen::Index trial = 0; trial < x.shape().trials; ++trial)
        if (is_used[static_cast<std::size_t>(trial)]) n_rows += rows(x.steps(trial));
    constexpr double copies = 3;  // with those of what decomposes it
    require_memory_of(n_rows, n_rows, copies, "a matrix of products");
    Eigen::MatrixXd gram(n_rows, n_rows);
    Eigen::Index row = 0;
    for (Eigen::Index a = 0; a < x.shape().trials; ++a) {
        const Eigen::Index of_a = is_used[static_cast<std::size_t>(a)] ? rows(x.steps(a)) : 0;
        if (of_a == 0) continue;
        for (Eigen::Index b = a, column = row; b < x.shape().trials; ++b) {
            const Eigen::Index of_b = is_used[static_cast<std::size_t>(b)] ? rows(x.steps(b)) : 0;
            if (of_b == 0) continue;
            const Eigen::MatrixXd of_samples = x.trial(a) * x.trial(b).transpose();
            auto block = gram.block(row, column, of_a, of_b);
            block = of_samples.topLeftCorner(of_a, of_b);
            // The oldest delay comes first.
            if (weights.size() > 0) block *= weights[n_delays - 1] * weights[n_delays - 1];
            for (Eigen::Index delay = 1; delay < n_delays; ++delay) {
                const auto of_delay = of_samples.block(delay * delay_interval, delay * delay_interval, of_a, of_b);
                if (weights.size() > 0)
                    block += weights[n_delays - 1 - delay] * weights[n_delays - 1 - delay] * of_delay;
                else
                    block += of_delay;
            }
            if (b > a) gram.block(column, row, of_b, of_a) = block.transpose();
            column += of_b;
        }
        row += of_a;
    }
    return gram;
}

Eigenpairs DelayEmbedding::directions(const Trajectories& x, const std::vector<bool>& is_used, Eigen::Index n) const {
    Eigen::Index n_rows = 0;
    for (Eigen::Index trial = 0; trial < x.shape().trials; ++trial)
        if (is_used[static_cast<std::size_t>(trial)]) n_rows += rows(x.steps(trial));
    if (n_rows == 0 || n_rows >= n_delays * x.shape().channels) return approximate_eigenpairs(gram(x, is_used), n);

    // H H^T = U S^2 U^T, and H^T U = V S.
    const Eigenpairs of_rows = approximate_eigenpairs(gram_of_rows(x, is_used), n);
    constexpr double rounding = 1e-14;  // of squares
    Eigen::Index found = 1;
    while (found < of_rows.values.size() && of_rows.values[found] > rounding * of_rows.values[0]) ++found;
    // Without this, weak columns would hold a rounding of the strong ones.
    return {of_rows.values.head(found), orthonormal(transposed_times(x, is_used, of_rows.vectors.leftCols(found)))};
}

Eigen::MatrixXd DelayEmbedding::transposed_times(const Trajectories& x, const std::vector<bool>& is_used,
                                                 const Eigen::MatrixXd& left) const {
    const Eigen::Index channels = x.shape().channels;
    Eigen::MatrixXd product = Eigen::MatrixXd::Zero(n_delays * channels, left.cols());
    Eigen::Index first = 0;
    for (Eigen::Index trial = 0; trial < x.shape().trials; ++trial) {
        const Eigen::Index of_it = is_used[static_cast<std::size_t>(trial)] ? rows(x.steps(trial)) : 0;
        for (Eigen::Index delay = 0; delay < n_delays && of_it > 0; ++delay)
            product.middleRows(delay * channels, channels).noalias() +=
                x.trial(trial).middleRows((n_delays - 1 - delay) * delay_interval, of_it).transpose() *
                left.middleRows(first, of_it);
        first += of_it;
    }
    for (Eigen::Index delay = 0; delay < weights.size(); ++delay)
        product.middleRows(delay * channels, channels) *= weights[delay];
    return product;
}

Eigen::MatrixXd DelayEmbedding::projected(const Trajectories& x, Eigen::Index trial,
                                          const Eigen::MatrixXd& directions) const {
    const Eigen::Index channels = x.shape().channels;
    const Eigen::Index n_rows = rows(x.steps(trial));
    Eigen::MatrixXd weighted = directions;
    for (Eigen::Index delay = 0; delay < weights.size(); ++delay)
        weighted.middleRows(delay * channels, channels) *= weights[delay];
    Eigen::MatrixXd projected = Eigen::MatrixXd::Zero(n_rows, directions.cols());
    for (Eigen::Index delay = 0; delay < n_delays && n_rows > 0; ++delay)
        projected.noalias() += x.trial(trial).middleRows((n_delays - 1 - delay) * delay_interval, n_rows) *
                               weighted.middleRows(delay * channels, channels);
    return projected;
}

namespace {

/// Variances (times the rows), falling, and axes in the columns, as many as there are rows or channels.
std::pair<Eigen::VectorXd, Eigen::MatrixXd> principal_axes(const Eigen::MatrixXd& centred) {
    if (centred.rows() < centred.cols()) {  // thousands of channels of a few samples
        const Eigen::BDCSVD<Eigen::MatrixXd> svd(centred.transpose(), Eigen::ComputeThinU);
        return {svd.singularValues().cwiseAbs2(), svd.matrixU()};
    }
    Eigen::MatrixXd covariance = Eigen::MatrixXd::Zero(centred.cols(), centred.cols());
    covariance.selfadjointView<Eigen::Lower>().rankUpdate(centred.transpose());
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(covariance);
    return {solver.eigenvalues().reverse().cwiseMax(0), solver.eigenvectors().rowwise().reverse()};
}

}  // namespace

Trajectories Pca::operator()(const Trajectories& x) const {
    constexpr double copies = 2;
    require_memory_of(x.rows().rows(), x.rows().cols(), copies, "what is reduced to principal components");
    const double scale = scale_into_range(x.rows().cwiseAbs().maxCoeff());
    Eigen::MatrixXd centred = x.rows() * scale;
    centred.rowwise() -= centred.colwise().mean().eval();
    const auto [variances, found] = principal_axes(centred);
    Eigen::MatrixXd weights = found;

    Eigen::Index kept = std::min(components, variances.size());
    if (components == 0) {
        const double wanted = variance * variances.sum();
        double held = 0;
        while (kept < variances.size() && (kept == 0 || held < wanted)) held += variances[kept++];
    }
    for (Eigen::Index k = 0; k < kept; ++k) {
        Eigen::Index largest = 0;
        weights.col(k).cwiseAbs().maxCoeff(&largest);
        if (weights(largest, k) < 0) weights.col(k) *= -1;
    }
    RowMatrix reduced = centred * weights.leftCols(kept);
    reduced /= scale;
    return x.with_rows(std::move(reduced));
}

LeftSvd left_svd(const Eigen::MatrixXd& x, Eigen::Index leading) {
    if (const double scale = scale_into_range(x.cwiseAbs().maxCoeff()); scale != 1) {
        LeftSvd scaled = left_svd(x * scale, leading);
        scaled.singular_values /= scale;
        return scaled;
    }
    leading = std::min({leading, x.rows(), x.cols()});
    if (auto by_gram = svd_by_gram(x, leading)) return *std::move(by_gram);
    return decomposed(x, leading);
}

LeftSvd decomposed(const Eigen::MatrixXd& x, Eigen::Index leading) {
    leading = std::min({leading, x.rows(), x.cols()});
    if (x.rows() <= x.cols()) {
        const Eigen::BDCSVD<Eigen::MatrixXd> svd(x, Eigen::ComputeThinU);
        return {svd.matrixU().leftCols(leading), svd.singularValues()};
    }
    // A tall matrix has the singular values of its small triangular factor.
    const Eigen::HouseholderQR<Eigen::MatrixXd> qr(x);
    const Eigen::MatrixXd triangle = qr.matrixQR().topRows(x.cols()).triangularView<Eigen::Upper>();
    const Eigen::BDCSVD<Eigen::MatrixXd> svd(triangle, Eigen::ComputeThinU);
    Eigen::MatrixXd vectors = Eigen::MatrixXd::Zero(x.rows(), leading);
    vectors.topRows(x.cols()) = svd.matrixU().leftCols(leading);
    vectors.applyOnTheLeft(qr.householderQ());
    return {std::move(vectors), svd.singularValues()};
}

namespace {

/// The Ritz pairs of a symmetric matrix in the Krylov space [Y, P Y, ..., P^powers Y], Y orthonormal.
Eigenpairs krylov_pairs(const Eigen::MatrixXd& symmetric, const Eigen::MatrixXd& first, Eigen::Index powers) {
    const Eigen::Index block = first.cols();
    Eigen::MatrixXd space(symmetric.rows(), block * (powers + 1));
    space.leftCols(block) = first;
    for (Eigen::Index power = 1; power <= powers; ++power)
        // Without this, all columns would turn into the first eigenvector.
        space.middleCols(power * block, block) = orthonormal(symmetric * space.middleCols((power - 1) * block, block));
    const Eigen::MatrixXd basis = orthonormal(space);
    const Eigen::MatrixXd within = basis.transpose() * (symmetric * basis);
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(within);
    return {solver.eigenvalues().reverse().head(block),
            basis * solver.eigenvectors().rowwise().reverse().leftCols(block)};
}

constexpr Eigen::Index spare = 6;  // columns beyond those that are wanted, which converge first

Eigen::MatrixXd random_block(Eigen::Index rows, Eigen::Index columns) {
    Eigen::MatrixXd block(rows, columns);
    Stream draws = Stream(0).child("leading eigenpairs");
    for (double& value : block.reshaped()) value = draws.normal();
    return orthonormal(block);
}

Eigenpairs all_eigenpairs(const Eigen::MatrixXd& symmetric, Eigen::Index n) {
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(symmetric);
    return {solver.eigenvalues().reverse().head(n).cwiseMax(0), solver.eigenvectors().rowwise().reverse().leftCols(n)};
}

/// Dimensions of a Krylov space.
Eigen::Index dimensions_of(Eigen::Index block, Eigen::Index powers) {
    return block * (powers + 1);
}

}  // namespace

Eigenpairs leading_eigenpairs(const Eigen::MatrixXd& symmetric, Eigen::Index n, const Eigen::MatrixXd& start) {
    constexpr Eigen::Index powers = 4;
    constexpr int most_restarts = 6;
    // Of the residual, in units of the largest eigenvalue: rounding of the products, with a margin.
    constexpr double tolerance = 2e-14;
    n = std::min(n, symmetric.rows());
    // Where spaces are not small, beginning anew costs more than all eigenvectors.
    if (4 * dimensions_of(n + spare, powers) > symmetric.rows()) return all_eigenpairs(symmetric, n);
    Eigen::MatrixXd block = start.rows() == symmetric.rows() && start.cols() == n + spare
                                ? start
                                : random_block(symmetric.rows(), n + spare);
    double last = 1;
    for (int left = most_restarts; left > 0; --left) {
        Eigenpairs found = krylov_pairs(symmetric, block, powers);
        const Eigen::MatrixXd leading = found.vectors.leftCols(n);
        const double residual =
            (symmetric * leading - leading * found.values.head(n).asDiagonal()).colwise().norm().maxCoeff() /
            std::abs(found.values[0]);
        if (residual <= tolerance) return {found.values.head(n).cwiseMax(0), leading};
        // Where the gap is too small for that, it is seen at once.
        if (!(residual * std::pow(residual / last, left - 1) <= tolerance)) break;
        last = residual;
        block = std::move(found.vectors);
    }
    return all_eigenpairs(symmetric, n);
}

Eigenpairs approximate_eigenpairs(const Eigen::MatrixXd& symmetric, Eigen::Index n) {
    constexpr Eigen::Index powers = 6;
    n = std::min(n, symmetric.rows());
    if (2 * dimensions_of(n + spare, powers) > symmetric.rows()) return all_eigenpairs(symmetric, n);
    const Eigenpairs found = krylov_pairs(symmetric, random_block(symmetric.rows(), n + spare), powers);
    return {found.values.head(n).cwiseMax(0), found.vectors.leftCols(n)};
}

double scale_into_range(double largest) {
    constexpr int far = 200;  // powers of two: squares of 1e60, and sums of them, are far from the end of the range
    if (!(largest > 0)) return 1;
    const int exponent = std::ilogb(largest);
    if (std::abs(exponent) <= far) return 1;
    return std::ldexp(1.0, -std::max(exponent, -1000));
}

Eigen::Index numerical_rank(const Eigen::VectorXd& singular_values, double tolerance) {
    if (singular_values.size() == 0 || !(singular_values[0] > 0)) return 0;
    return (singular_values.array() > tolerance * singular_values[0]).count();
}

Eigen::MatrixXd centred_unit(const RowMatrix& x) {
    // Scaled first, so that neither the mean nor the norm of very large or small values leaves the range of double.
    const double largest = x.cwiseAbs().maxCoeff();
    if (!(largest > 0)) return {};
    Eigen::MatrixXd centred = x / largest;
    centred.rowwise() -= centred.colwise().mean().eval();
    const double norm = centred.norm();
    // What is left of equal rows is the rounding of their mean.
    const double rounding = 1e-15 * std::sqrt(static_cast<double>(x.size()));
    if (!(norm > rounding)) return {};
    return centred / norm;
}

double centred_norm(const RowMatrix& x) {
    const double largest = x.cwiseAbs().maxCoeff();
    if (!(largest > 0)) return 0;
    const RowMatrix scaled = x / largest;
    return largest * (scaled.rowwise() - scaled.colwise().mean()).norm();
}

double angle_between(const Eigen::VectorXd& a, const Eigen::VectorXd& b) {
    return 2 * std::atan2((a - b).norm(), (a + b).norm());
}

double aligned_angle(double cosine, const std::function<double()>& distance) {
    constexpr double is_small = 1 - 1e-4;  // arccos is good to 1e-12 below
    if (cosine <= is_small) return std::acos(std::max(-1.0, cosine));
    return 2 * std::asin(std::min(1.0, distance() / 2));
}

double nuclear_norm(const Eigen::MatrixXd& x) {
    return Eigen::BDCSVD<Eigen::MatrixXd>(x).singularValues().sum();
}

Eigen::MatrixXd polar_factor(const Eigen::MatrixXd& x) {
    const Eigen::BDCSVD<Eigen::MatrixXd> svd(x, Eigen::ComputeThinU | Eigen::ComputeThinV);
    return svd.matrixU() * svd.matrixV().transpose();
}

Eigen::MatrixXd narrowed(Eigen::MatrixXd x) {
    if (x.cols() <= x.rows()) return x;
    x.transposeInPlace();
    const Eigen::HouseholderQR<Eigen::Ref<Eigen::MatrixXd>> qr(x);
    return qr.matrixQR().topRows(x.cols()).triangularView<Eigen::Upper>().transpose();
}

bool precedes(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
    if (a.rows() != b.rows() || a.cols() != b.cols())
        return std::tuple(a.rows(), a.cols()) < std::tuple(b.rows(), b.cols());
    return std::lexicographical_compare(a.data(), a.data() + a.size(), b.data(), b.data() + b.size());
}

}  // namespace repal
