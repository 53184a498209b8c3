module;
#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.havok_options;

namespace repal {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;

/// The rows of H in the coordinates of the model, v(t), of one trial.
struct Projected {
    Index trial;
    MatrixXd v;  ///< (rows, rank)
};

/// Sums over held-out trials that the errors of all ranks share: at horizon h, with x(t+h) the targets.
struct Targets {
    double energy = 0;       ///< sum |x(t+h)|^2
    double around_mean = 0;  ///< the same of x less the mean of the training trials
    double change = 0;       ///< sum |x(t+h) - x(t)|^2
    double absolute_change = 0;
    Index n = 0;         ///< targets
    MatrixXd with_rows;  ///< X = sum x(t+h) v(t)^T (channel, rank)
    MatrixXd of_rows;    ///< W = sum v(t) v(t)^T
};

/// V-^T V-, V-^T V+ and V+^T V+ of some trials.
struct Transitions {
    explicit Transitions(Index rank) : before(MatrixXd::Zero(rank, rank)), across(before), after(before) {}

    void add(const MatrixXd& v) {
        const auto early = v.topRows(v.rows() - 1);
        const auto late = v.bottomRows(v.rows() - 1);
        before.noalias() += early.transpose() * early;
        across.noalias() += early.transpose() * late;
        after.noalias() += late.transpose() * late;
    }

    MatrixXd before;
    MatrixXd across;
    MatrixXd after;
};

/// A model of one half, and the other half.
class Split {
 public:
    Split(const Trajectories& x, const DelayEmbedding& delays, const std::vector<bool>& is_training, Index rank,
          Index first_target)
        : x_(x), delays_(delays), first_target_(first_target), training_(0), held_out_(0) {
        const Eigenpairs leading = delays.directions(x, is_training, rank);
        // Of squares; below that, a direction of the Gram matrix is rounding.
        constexpr double rounding = 1e-14;
        Index bearable = 0;
        while (bearable < leading.values.size() && leading.values[bearable] > rounding * leading.values[0]) ++bearable;
        const MatrixXd whitening =
            leading.vectors.leftCols(bearable) * leading.values.head(bearable).cwiseSqrt().cwiseInverse().asDiagonal();
        readout_ = whitening.topRows(x.shape().channels) * leading.values.head(bearable).asDiagonal();
        training_ = Transitions(bearable);
        held_out_ = Transitions(bearable);
        mean_ = Eigen::RowVectorXd::Zero(x.shape().channels);
        Index samples = 0;
        for (Index k = 0; k < x.shape().trials; ++k) {
            const bool is_of_training = is_training[static_cast<std::size_t>(k)];
            if (is_of_training) {
                mean_ += x.trial(k).colwise().sum();
                samples += x.steps(k);
            }
            if (delays.rows(x.steps(k)) == 0 || bearable == 0) continue;
            MatrixXd v = delays.projected(x, k, whitening);
            (is_of_training ? training_ : held_out_).add(v);
            if (!is_of_training) rows_.push_back({k, std::move(v)});
        }
        if (samples > 0) mean_ /= static_cast<double>(samples);
        for (std::size_t i = 0; i < horizons.size(); ++i) targets_[i] = targets_of(horizons[i]);
    }

    std::optional<HeldOut> model_of_rank(Index rank, double min_transition_share) const {
        const Targets& next = targets_[0];
        if (rank > readout_.cols() || next.n == 0) return {};
        const MatrixXd gram = training_.before.topLeftCorner(rank, rank);
        const Eigen::SelfAdjointEigenSolver<MatrixXd> shares(gram, Eigen::EigenvaluesOnly);
        if (!(shares.eigenvalues()[0] >= min_transition_share)) return {};
        const MatrixXd model = gram.ldlt().solve(training_.across.topLeftCorner(rank, rank)).transpose();
        if (!model.allFinite()) return {};

        HeldOut found{.gain = 0, .residual = 0, .mase = 0, .free_error = {}, .modes = modes_of(model)};
        for (const HeldOutMode& mode : found.modes) found.residual += mode.residual;
        found.residual /= static_cast<double>(rank);
        MatrixXd forecast = readout_.leftCols(rank);  // F = G A^h
        for (std::size_t i = 0, step = 0; i < horizons.size(); ++i) {
            for (; static_cast<Index>(step) < horizons[i]; ++step) forecast = (forecast * model).eval();
            found.free_error.push_back(targets_[i].n > 0
                                           ? squared_error(targets_[i], forecast) / targets_[i].around_mean
                                           : std::numeric_limits<double>::quiet_NaN());
            if (i > 0) continue;
            const auto scalars = static_cast<double>(next.n * x_.shape().channels);
            const auto numbers = static_cast<double>(rank * rank);
            found.gain = std::log(std::min(next.change, next.around_mean) / squared_error(next, forecast)) -
                         numbers * std::log(scalars) / scalars;
            found.mase = absolute_error(forecast) / next.absolute_change;
        }
        if (!std::isfinite(found.gain) || !std::isfinite(found.residual)) return {};
        return found;
    }

 private:
    /// Rows of a trial from which first_target or later is next, and that have a target: [first, end), by the step of
    /// their newest sample.
    std::pair<Index, Index> rows_before(Index trial, Index horizon) const {
        const Index window = delays_.least_steps() - 2;
        const Index first = std::max<Index>(0, first_target_ - 1 - window);
        return {first, std::max(first, delays_.rows(x_.steps(trial)) - horizon)};
    }

    Targets targets_of(Index horizon) const {
        const Index rank = readout_.cols();
        Targets sums{.with_rows = MatrixXd::Zero(x_.shape().channels, rank), .of_rows = MatrixXd::Zero(rank, rank)};
        for (const auto& [trial, v] : rows_) {
            const auto [first, end] = rows_before(trial, horizon);
            const Index n = end - first;
            if (n <= 0) continue;
            const Index window = delays_.least_steps() - 2;
            const auto now = x_.trial(trial).middleRows(first + window, n);
            const auto later = x_.trial(trial).middleRows(first + window + horizon, n);
            const auto rows = v.middleRows(first, n);
            sums.n += n;
            sums.energy += later.squaredNorm();
            sums.around_mean += (later.rowwise() - mean_).squaredNorm();
            sums.change += (later - now).squaredNorm();
            if (horizon == 1) sums.absolute_change += (later - now).cwiseAbs().sum();
            sums.with_rows.noalias() += later.transpose() * rows;
            sums.of_rows.noalias() += rows.transpose() * rows;
        }
        return sums;
    }

    static double squared_error(const Targets& sums, const MatrixXd& forecast) {
        const Index rank = forecast.cols();
        const double error = sums.energy - 2 * forecast.cwiseProduct(sums.with_rows.leftCols(rank)).sum() +
                             (forecast * sums.of_rows.topLeftCorner(rank, rank)).cwiseProduct(forecast).sum();
        // What is predicted to the last digit leaves the rounding of the three terms.
        constexpr double rounding = 1e-13;
        return std::max(error, rounding * sums.energy);
    }

    /// Sum of the absolute errors of the next sample.
    double absolute_error(const MatrixXd& forecast) const {
        double sum = 0;
        for (const auto& [trial, v] : rows_) {
            const auto [first, end] = rows_before(trial, 1);
            if (end <= first) continue;
            const Index window = delays_.least_steps() - 2;
            const auto rows = v.block(first, 0, end - first, forecast.cols());
            sum += (x_.trial(trial).middleRows(first + window + 1, end - first) - rows * forecast.transpose())
                       .cwiseAbs()
                       .sum();
        }
        return sum;
    }

    /// The residual of a mode w, A^T w = lambda w, is |V+ w - lambda V- w| / |V- w| in the held-out trials.
    /// Source: Colbrook and Townsend 2024, algorithm 2.
    std::vector<HeldOutMode> modes_of(const MatrixXd& model) const {
        const Index rank = model.rows();
        const Eigen::EigenSolver<MatrixXd> modes(model.transpose());
        const MatrixXd before = held_out_.before.topLeftCorner(rank, rank);
        const MatrixXd across = held_out_.across.topLeftCorner(rank, rank);
        const MatrixXd after = held_out_.after.topLeftCorner(rank, rank);
        std::vector<HeldOutMode> found;
        for (Index mode = 0; mode < rank; ++mode) {
            const Eigen::VectorXcd w = modes.eigenvectors().col(mode);
            const std::complex<double> value = modes.eigenvalues()[mode];
            const double energy = w.dot(before * w).real();
            const double error =
                w.dot(after * w).real() - 2 * (std::conj(value) * w.dot(across * w)).real() + std::norm(value) * energy;
            found.push_back({value, std::sqrt(std::max(error, 0.0) / energy)});
        }
        return found;
    }

    const Trajectories& x_;
    DelayEmbedding delays_;
    Index first_target_;
    MatrixXd readout_;  ///< G: x(t) = G v(t) (channel, rank)
    Eigen::RowVectorXd mean_;
    Transitions training_;
    Transitions held_out_;
    std::vector<Projected> rows_;  ///< of the held-out trials
    std::array<Targets, horizons.size()> targets_;
};

}  // namespace

std::vector<std::optional<HeldOut>> HavokOptions::held_out(const Trajectories& x, const std::vector<bool>& is_training,
                                                           std::span<const Index> ranks, Index first_target) const {
    std::vector<std::optional<HeldOut>> found(ranks.size());
    Trajectories seen = centred(x, is_training);
    if (const double scale = scale_into_range(seen.rows().cwiseAbs().maxCoeff()); scale != 1)
        seen = seen.with_rows(seen.rows() * scale);
    const Split split(seen, delays(), is_training, ranks.empty() ? 1 : std::ranges::max(ranks), first_target);
    for (std::size_t i = 0; i < ranks.size(); ++i) found[i] = split.model_of_rank(ranks[i], min_transition_share);
    return found;
}

}  // namespace repal
