module;
#include <Eigen/Core>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>
export module repal.dissimilarity_matrix;

export import repal.score;

namespace repal {

/// Dissimilarities of all pairs of some things, in units of pi/2; none is missing.
export struct DissimilarityMatrix {
    std::vector<std::size_t> things;                            ///< that are there, rising
    std::vector<std::pair<std::size_t, std::string>> left_out;  ///< the others, and why
    Eigen::MatrixXd values;                                     ///< (thing, thing), as `things`
};

/// Of n things; the one with the most missing values is left out until none is missing. `score`: of two things, null if
/// they were not compared.
export DissimilarityMatrix complete_matrix(std::size_t n,
                                           const std::function<const Score*(std::size_t, std::size_t)>& score);

}  // namespace repal
