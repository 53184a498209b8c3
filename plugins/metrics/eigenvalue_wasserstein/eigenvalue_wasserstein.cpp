#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <numbers>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

import repal.havok_metric;

namespace {

using Eigen::Index;
using repal::Option;

/// The eigenvalues of the operator of a system.
struct Spectrum final : repal::OperatorEmbedding {
    Spectrum(std::shared_ptr<const repal::Havok> fitted, Index used) : OperatorEmbedding(std::move(fitted), used) {
        const Eigen::MatrixXd linear_operator = havok().operator_of_rank(used);
        // Eigen does not return from what is not finite.
        if (!linear_operator.allFinite()) {
            status = repal::Status::failed;
            cause = "the operator of a system is not finite";
            return;
        }
        const Eigen::EigenSolver<Eigen::MatrixXd> solver(linear_operator, /*computeEigenvectors=*/false);
        if (solver.info() != Eigen::Success || !solver.eigenvalues().allFinite()) {
            status = repal::Status::not_converged;
            cause = "the eigenvalues of the operator of a system did not converge";
            return;
        }
        eigenvalues.resize(used, 2);
        eigenvalues << solver.eigenvalues().real(), solver.eigenvalues().imag();
        bytes = sizeof(double) * static_cast<std::size_t>(2 * havok().rank() * havok().rank() + eigenvalues.size());
    }

    Eigen::MatrixXd eigenvalues;  ///< real part, imaginary part (rank, 2); empty: there are none, see cause
    repal::Status status = repal::Status::ok;
    std::string cause;
};

/// The column of each row, all different, with the smallest sum of costs: rows are added one by one, each along the
/// shortest augmenting path of reduced costs, cost(i, j) - row_price[i] - column_price[j] >= 0. O(n^3).
/// Source: Jonker & Volgenant 1987.
std::vector<Index> cheapest_assignment(const Eigen::MatrixXd& cost) {
    const Index n = cost.rows();
    constexpr Index none = -1;
    Eigen::VectorXd row_price = Eigen::VectorXd::Zero(n);
    Eigen::VectorXd column_price = Eigen::VectorXd::Zero(n);
    std::vector<Index> row_of(n, none);
    std::vector<Index> column_of(n, none);
    for (Index added = 0; added < n; ++added) {
        Eigen::VectorXd length = Eigen::VectorXd::Constant(n, std::numeric_limits<double>::infinity());
        std::vector<Index> row_before(n, none);
        std::vector<Index> reached;  // columns with their shortest path, nearest first
        std::vector<bool> is_reached(n, false);
        Index end = none;
        double shortest = 0;
        for (Index row = added; row != none; row = row_of[end]) {
            Index nearest = none;
            for (Index column = 0; column < n; ++column) {
                if (is_reached[column]) continue;
                const double through = shortest + cost(row, column) - row_price[row] - column_price[column];
                if (through < length[column]) {
                    length[column] = through;
                    row_before[column] = row;
                }
                if (nearest == none || length[column] < length[nearest]) nearest = column;
            }
            end = nearest;
            shortest = length[end];
            is_reached[end] = true;
            reached.push_back(end);
        }
        // Reduced costs stay at least 0, and are 0 along the path.
        row_price[added] += shortest;
        for (const Index column : reached) {
            if (column == end) continue;
            column_price[column] -= shortest - length[column];
            row_price[row_of[column]] += shortest - length[column];
        }
        for (Index row = none; row != added;) {
            row = row_before[end];
            row_of[end] = row;
            std::swap(column_of[row], end);
        }
    }
    return column_of;
}

/// Angle arctan(W) of the Wasserstein distance W between the eigenvalues a and b of two systems' HAVOK operators:
/// W^p = min over permutations s of sum_i |a_i - b_s(i)|^p / n, with p = `order` and n the rank of both operators: each
/// eigenvalue has the mass 1 / n. Operators of different ranks are not compared: what eigenvalues one of them lacks is
/// not known.
///
/// With one n for all systems W is a metric, and so is the angle, as arctan is 0 at 0, rises and is concave. A small
/// angle is W; any gives it back, W = tan(angle).
///
/// Eigenvalues tell how modes decay and turn, not how they overlap. If both operators are normal and p is 2, sqrt(n) W
/// is the smallest |A - U B U*| over unitary U (Hoffman & Wielandt 1953); else DSA tells more systems apart.
///
/// Source: Redman et al. 2024 (Wasserstein distance of Koopman eigenvalues); Ostrow et al. 2023, eqs. 2-4 (operator).
class EigenvalueWasserstein final : public repal::HavokMetric<Spectrum> {
 public:
    struct Options : repal::HavokOptions {
        std::int64_t order = 1;

        static auto table() {
            return std::tuple_cat(
                HavokOptions::table(),
                std::tuple{Option{&Options::order,
                                  {.name = "order",
                                   .summary = "1: mean distance that eigenvalues are moved; 2: root mean square",
                                   .minimum = 1,
                                   .maximum = 2}}});
        }
    };

    static repal::MetricInfo info() {
        using enum repal::Invariance;
        return {.name = "eigenvalue_wasserstein",
                .version = "3",
                .summary = "distance that the eigenvalues of one linear operator are moved to those of the other",
                .source = "Redman et al. 2024, Identifying equivalent training dynamics; operator: Ostrow et al. 2023",
                .invariances = {orthogonal, scaling, trial_order},
                .has_triangle_inequality = true,
                .largest_rad = std::numbers::pi / 2,
                .needs_equal_steps = false,
                .values = {repal::rank_value()},
                .options = repal::option_infos<Options>()};
    }

    explicit EigenvalueWasserstein(const Options& options) : HavokMetric(options), order_(options.order) {}

 protected:
    repal::Score distance(const Spectrum& a, const Spectrum& b) const override {
        for (const Spectrum* spectrum : {&a, &b})
            if (spectrum->status != repal::Status::ok)
                return repal::Score::without_value(spectrum->status, spectrum->cause);
        if (repal::precedes(b.eigenvalues, a.eigenvalues)) return distance(b, a);

        const Index rank = a.eigenvalues.rows();
        Eigen::MatrixXd cost(rank, rank);
        for (Index j = 0; j < rank; ++j)
            cost.col(j) = (a.eigenvalues.rowwise() - b.eigenvalues.row(j)).rowwise().norm();
        if (order_ == 2) cost = cost.cwiseAbs2().eval();

        double moved = 0;
        const std::vector<Index> partners = cheapest_assignment(cost);
        for (Index i = 0; i < rank; ++i) moved += cost(i, partners[static_cast<std::size_t>(i)]);
        const double mean = moved / static_cast<double>(rank);
        return repal::Score::of(std::atan(order_ == 2 ? std::sqrt(mean) : mean));
    }

 private:
    std::int64_t order_;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::MetricPlugin repal_metric =
    repal::metric_plugin<EigenvalueWasserstein>;
