#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

import repal.havok_options;
import repal.linalg;
import repal.metric;

namespace {

using Eigen::Index;
using repal::Option;

struct Spectrum {
    bool precedes(const Spectrum& other) const { return repal::precedes(eigenvalues, other.eigenvalues); }
    repal::EmbeddingArrays arrays() const {
        if (status != repal::Status::ok) return {};
        return {{"eigenvalues", eigenvalues}};
    }
    static Spectrum from(const repal::EmbeddingArrays& arrays) {
        const Eigen::MatrixXd& eigenvalues = arrays.at("eigenvalues");
        if (eigenvalues.cols() != 2 || !eigenvalues.allFinite())
            throw repal::InvalidTrajectories("what was kept of it are no eigenvalues");
        return {.eigenvalues = eigenvalues};
    }

    Eigen::MatrixXd eigenvalues;  ///< real part, imaginary part (rank, 2); empty: there are none, see cause
    repal::Status status = repal::Status::ok;
    std::string cause;
    std::string warning;  ///< that eigenvalues were set to 0
    std::size_t bytes = sizeof(Spectrum);
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
/// W^p = min over permutations s of sum_i |a_i - b_s(i)|^p / n, with p = `order` and n = `rank`: each has the mass 1 /
/// n.
///
/// An operator of a lower rank is one of rank n with further eigenvalues 0, so that mass without a partner goes to the
/// origin, where modes are that end at once. With one n for all systems W is a metric, and so is the angle, as arctan
/// is 0 at 0, rises and is concave. A small angle is W; any gives it back, W = tan(angle).
///
/// Eigenvalues tell how modes decay and turn, not how they overlap. If both operators are normal and p is 2, sqrt(n) W
/// is the smallest |A - U B U*| over unitary U (Hoffman & Wielandt 1953); else DSA tells more systems apart.
///
/// Source: Redman et al. 2024 (Wasserstein distance of Koopman eigenvalues); Ostrow et al. 2023, eqs. 2-4 (operator).
class EigenvalueWasserstein final : public repal::MetricOf<Spectrum> {
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
                .version = "1",
                .summary = "distance that the eigenvalues of one linear operator are moved to those of the other",
                .source = "Redman et al. 2024, Identifying equivalent training dynamics; operator: Ostrow et al. 2023",
                .invariances = {orthogonal, scaling, trial_order},
                .has_triangle_inequality = true,
                .options = repal::option_infos<Options>()};
    }

    explicit EigenvalueWasserstein(const Options& options) : options_(options) {}

 protected:
    Spectrum features(const repal::Trajectories& x) const override {
        const repal::Havok havok = options_.fitted_to(x);
        const Eigen::MatrixXd linear_operator = havok.operator_of_rank(havok.rank());
        Spectrum spectrum{.warning = options_.warning(havok)};
        if (!spectrum.warning.empty()) spectrum.warning += "; the other eigenvalues are 0";
        if (!linear_operator.allFinite()) {
            spectrum.status = repal::Status::failed;
            spectrum.cause = "the operator of a system is not finite";
            return spectrum;
        }
        const Eigen::EigenSolver<Eigen::MatrixXd> solver(linear_operator, /*computeEigenvectors=*/false);
        if (solver.info() != Eigen::Success || !solver.eigenvalues().allFinite()) {
            spectrum.status = repal::Status::not_converged;
            spectrum.cause = "the eigenvalues of the operator of a system did not converge";
            return spectrum;
        }
        spectrum.eigenvalues.resize(havok.rank(), 2);
        spectrum.eigenvalues << solver.eigenvalues().real(), solver.eigenvalues().imag();
        spectrum.bytes += sizeof(double) * static_cast<std::size_t>(spectrum.eigenvalues.size());
        return spectrum;
    }

    repal::Score distance(const Spectrum& a, const Spectrum& b) const override {
        for (const Spectrum* spectrum : {&a, &b})
            if (spectrum->status != repal::Status::ok)
                return repal::Score::without_value(spectrum->status, spectrum->cause);

        // With a 0 for each eigenvalue of the other system, all may go to the origin; further zeros would meet each
        // other.
        const Index both = a.eigenvalues.rows() + b.eigenvalues.rows();
        const Index size = std::max({std::min<Index>(options_.rank, both), a.eigenvalues.rows(), b.eigenvalues.rows()});
        Eigen::MatrixXd padded_a = Eigen::MatrixXd::Zero(size, 2);
        Eigen::MatrixXd padded_b = Eigen::MatrixXd::Zero(size, 2);
        padded_a.topRows(a.eigenvalues.rows()) = a.eigenvalues;
        padded_b.topRows(b.eigenvalues.rows()) = b.eigenvalues;
        Eigen::MatrixXd cost(size, size);
        for (Index j = 0; j < size; ++j) cost.col(j) = (padded_a.rowwise() - padded_b.row(j)).rowwise().norm();
        if (options_.order == 2) cost = cost.cwiseAbs2().eval();

        double moved = 0;
        const std::vector<Index> partners = cheapest_assignment(cost);
        for (Index i = 0; i < size; ++i) moved += cost(i, partners[static_cast<std::size_t>(i)]);
        const double mean = moved / static_cast<double>(options_.rank);
        return repal::Score::of(std::atan(options_.order == 2 ? std::sqrt(mean) : mean));
    }

 private:
    Options options_;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::MetricPlugin repal_metric =
    repal::metric_plugin<EigenvalueWasserstein>;
