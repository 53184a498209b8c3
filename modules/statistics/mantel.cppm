module;
#include <Eigen/Core>
#include <cstddef>
#include <span>
export module repal.mantel;

export import repal.permutation;

/// Whether two matrices of distances between the same things go together.
namespace repal {

export enum class Correlation { pearson, spearman };

/// Correlation of the pairs of two symmetric matrices (thing, thing); rows and columns of the first are exchanged.
/// `alike`: a number for each thing, equal for those that the first matrix does not tell apart, which are 0 apart;
/// empty: all differ. Source: Mantel 1967.
export PermutationTest mantel(const Eigen::MatrixXd& x, const Eigen::MatrixXd& y, Correlation correlation,
                              std::span<const std::size_t> alike, const Exchange& exchange, int resamples,
                              const Stream& stream);

/// Pearson's correlation of x and y without what a third matrix tells of both; NaN if that is all of one. Liberal where
/// both have spatial structure (Guillot & Rousset 2013). Source: Smouse, Long & Sokal 1986.
export PermutationTest partial_mantel(const Eigen::MatrixXd& x, const Eigen::MatrixXd& y, const Eigen::MatrixXd& z,
                                      std::span<const std::size_t> alike, const Exchange& exchange, int resamples,
                                      const Stream& stream);

}  // namespace repal
