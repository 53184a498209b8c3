module;
#include <Eigen/Core>
#include <cstddef>
#include <span>
#include <vector>
export module repal.group_tests;

export import repal.permutation;

/// Whether labels or numbers of things have to do with the distances between them. n is that of the things: pairs are
/// not independent.
///
/// `squares`: squared distances (thing, thing), symmetric, of at least two things; those of centroids may be negative.
namespace repal {

/// A factor as columns of a design: (thing, label), 1 where a thing has the label.
export Eigen::MatrixXd indicators(std::span<const std::size_t> labels);

/// Numbers of the things with equal values, from 0 on in their order.
export std::vector<std::size_t> labels_of(std::span<const double> numbers);

/// How much of the squared distances a term of a design explains beside the other terms.
export struct ExplainedVariance {
    double sum_of_squares;
    double residual;  ///< of the whole design
    double df;
    double residual_df;
    double r2;             ///< share of all; outside of [0, 1] where distances are not Euclidean
    PermutationTest test;  ///< of F = (sum_of_squares / df) / (residual / residual_df)
};

/// PERMANOVA: for each term, columns (thing, column) of labels or numbers, its marginal effect. Rows of the design are
/// exchanged as wholes. NaN where nothing is left over, or a term adds nothing to the others.
/// Source: Anderson 2001; McArdle & Anderson 2001.
export std::vector<ExplainedVariance> permanova(const Eigen::MatrixXd& squares, std::span<const Eigen::MatrixXd> terms,
                                                const Exchange& exchange, int resamples, const Stream& stream);

/// How far things are from the centroids of their groups.
export struct Spread {
    std::vector<double> distances;  ///< of each thing
    PermutationTest test;           ///< of the one-way F of the distances
};

/// Whether groups differ in spread. Things are exchanged around the centroids of their groups, so that p is not of a
/// difference of place.
/// Source: Anderson 2006, centroids and least-squares residuals.
export Spread spread_of_groups(const Eigen::MatrixXd& squares, std::span<const std::size_t> labels,
                               const Exchange& exchange, int resamples, const Stream& stream);

/// (mean rank between - mean rank within groups) / (n (n - 1) / 4), of the ranks of all distances.
/// Source: Clarke 1993.
export PermutationTest anosim(const Eigen::MatrixXd& squares, std::span<const std::size_t> labels,
                              const Exchange& exchange, int resamples, const Stream& stream);

/// How often the nearest other thing has the same label.
export struct NearestNeighbours {
    std::vector<std::size_t> nearest;  ///< of each thing; the first of several, itself if there is no other
    double chance = 0;                 ///< of the accuracy, expected for labels in random order
    PermutationTest test;              ///< of the accuracy: share of things, a tie counting with that of its members
};

/// `subjects`: things of the same are no neighbours; empty: all are.
export NearestNeighbours nearest_neighbours(const Eigen::MatrixXd& squares, std::span<const std::size_t> labels,
                                            std::span<const std::size_t> subjects, const Exchange& exchange,
                                            int resamples, const Stream& stream);

/// Sum of negative eigenvalues of the doubly centred squares over that of all absolute ones: how far distances are from
/// those of points.
export double negative_share(const Eigen::MatrixXd& squares);

/// Squared distances between the centroids of groups of things, (group, group).
export Eigen::MatrixXd centroid_squares(const Eigen::MatrixXd& squares, std::span<const std::size_t> groups);

}  // namespace repal
