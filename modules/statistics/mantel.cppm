module;
#include <Eigen/Core>
export module repal.mantel;

export import repal.permutation;

/// Whether two matrices of distances between the same things go together.
namespace repal {

export enum class Correlation { pearson, spearman };

/// Correlation of the pairs of two symmetric matrices (thing, thing); rows and columns of the first are exchanged.
/// Source: Mantel 1967.
export PermutationTest mantel(const Eigen::MatrixXd& x, const Eigen::MatrixXd& y, Correlation correlation,
                              const Exchange& exchange, int resamples, const Stream& stream);

/// Pearson's correlation of x and y without what a third matrix tells of both. Liberal where both have spatial
/// structure (Guillot & Rousset 2013).
/// Source: Smouse, Long & Sokal 1986.
export PermutationTest partial_mantel(const Eigen::MatrixXd& x, const Eigen::MatrixXd& y, const Eigen::MatrixXd& z,
                                      const Exchange& exchange, int resamples, const Stream& stream);

}  // namespace repal
