module;
#include <fmt/format.h>

#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>
module repal.spectrum;

namespace repal {

using Eigen::Index;
using Eigen::MatrixXcd;
using Eigen::MatrixXd;

Spectrum::Spectrum(std::shared_ptr<const Havok> fitted, Index used) : OperatorEmbedding(std::move(fitted), used) {
    const MatrixXd linear_operator = havok().operator_of_rank(used);
    // Eigen does not return from what is not finite.
    if (!linear_operator.allFinite()) {
        status_ = Status::failed;
        cause_ = "the operator of a system is not finite";
        return;
    }
    const Eigen::EigenSolver<MatrixXd> solver(linear_operator.transpose());
    if (solver.info() != Eigen::Success || !solver.eigenvalues().allFinite()) {
        status_ = Status::not_converged;
        cause_ = "the eigenvalues of the operator of a system did not converge";
        return;
    }
    eigenvalues = solver.eigenvalues();
    vectors = solver.eigenvectors();
    residuals = found_residuals();
    const Havok::Products& products = havok().products();
    bytes = sizeof(double) * static_cast<std::size_t>(3 * products.gram.size() + products.axes.size() +
                                                      3 * eigenvalues.size() + 2 * vectors.size());
}

Spectrum::~Spectrum() = default;

Eigen::VectorXd Spectrum::found_residuals() const {
    const Havok::Products& products = havok().products();
    const auto form = [&](const MatrixXd& matrix, Index i) -> std::complex<double> {
        const auto w = vectors.col(i);
        return w.dot(matrix.topLeftCorner(rank(), rank()).cast<std::complex<double>>() * w);
    };
    Eigen::VectorXd found(rank());
    for (Index i = 0; i < rank(); ++i) {
        const double now = form(products.gram, i).real();
        const double then = form(products.successors, i).real();
        const double both = (std::conj(eigenvalues[i]) * form(products.cross, i)).real();
        const double square = then - 2 * both + std::norm(eigenvalues[i]) * now;
        found[i] = std::sqrt(std::max(0.0, square) / now);
    }
    return found;
}

std::optional<Score> Spectrum::refused(const SpectrumOptions& options) const {
    if (status_ != Status::ok) return Score::without_value(status_, cause_);
    const auto not_applicable = [](std::string cause) {
        return Score::without_value(Status::not_applicable, std::move(cause));
    };
    if (options.kept > rank())
        return not_applicable(fmt::format("{} modes are to be kept of operators of rank {}", options.kept, rank()));
    if (options.modes == "all" && options.kept > 0 && options.kept != rank())
        return not_applicable(fmt::format("kept is {}, and all {} modes are compared: set modes to least_residual",
                                          options.kept, rank()));
    if (options.time == "continuous" && !(eigenvalues.cwiseAbs().minCoeff() > 0))
        return not_applicable("an eigenvalue of a system is 0 and has no logarithm");
    return {};
}

std::vector<Index> Spectrum::counted(const SpectrumOptions& options) const {
    std::vector<Index> order(static_cast<std::size_t>(rank()));
    std::iota(order.begin(), order.end(), Index{0});
    if (options.modes == "all" || options.kept == 0) return order;
    // Those of a conjugate pair differ by rounding, and what is below it is 0.
    constexpr double rounding = 1e-7;
    const auto place = [&](Index i) {
        return std::tuple(std::round(residuals[i] / rounding), -std::abs(eigenvalues[i]), eigenvalues[i].real(),
                          eigenvalues[i].imag());
    };
    std::ranges::sort(order, {}, place);
    auto end = static_cast<std::size_t>(options.kept);
    const auto is_pair = [&](Index i, Index j) {
        return eigenvalues[i] == std::conj(eigenvalues[j]) && eigenvalues[i].imag() != 0;
    };
    if (end < order.size() && is_pair(order[end - 1], order[end])) ++end;
    order.resize(end);
    return order;
}

std::complex<double> Spectrum::rate(Index mode, const SpectrumOptions& options) const {
    return options.time == "continuous" ? std::log(eigenvalues[mode]) : eigenvalues[mode];
}

std::vector<std::string> warning_of_pairs(std::size_t of_a, std::size_t of_b, const SpectrumOptions& options) {
    if (options.kept == 0 || options.modes == "all") return {};
    if (std::max(of_a, of_b) <= static_cast<std::size_t>(options.kept)) return {};
    return {fmt::format("{} modes are kept of one system and {} of the other, not {}: conjugate pairs stay together",
                        of_a, of_b, options.kept)};
}

}  // namespace repal
