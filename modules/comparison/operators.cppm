module;
#include <Eigen/Core>
#include <memory>
#include <optional>
export module repal.operators;

export import repal.havok;
export import repal.prepared_systems;

/// The operators that a metric of dynamics has fitted, and what of them says how far they can be trusted.
namespace repal {

/// None of a metric without operators, or of a system without a value.
export std::shared_ptr<const Havok> operators_of(const ChosenMetric& metric, const NamedSystem& system,
                                                 const Observed& observed);

/// sqrt(norm(A)_F^2 - sum |eigenvalue|^2) / norm(A)_F: 0 of a normal operator; above 0.5 the eigenvalues do not tell
/// the dynamics. Source: Henrici 1962.
export double non_normality(const Eigen::MatrixXd& a);
export inline constexpr double large_non_normality = 0.5;

/// The directions of the delay embedding that noise does not explain: singular values above omega(beta) times their
/// median, beta = shorter / longer side. Of more than 400 columns none is told, since it would take long.
/// Source: Gavish and Donoho 2014 (unknown noise), omega by their polynomial.
export std::optional<Eigen::Index> rank_above_noise(const Trajectories& x, const DelayEmbedding& delays);

}  // namespace repal
