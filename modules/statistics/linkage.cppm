module;
#include <Eigen/Core>
#include <cstddef>
#include <vector>
export module repal.linkage;

namespace repal {

/// Two branches that become one.
export struct Merge {
    std::size_t first;   ///< below n: a thing; n + m: what merge m made; the smaller number
    std::size_t second;  ///< likewise
    double height;       ///< mean distance of the things of one to those of the other
    std::size_t size;    ///< things of both
};

/// A tree of n things, by n - 1 merges of rising height.
export struct Tree {
    std::vector<Merge> merges;
    std::vector<std::size_t> leaves;  ///< things from one side of the tree to the other, so that branches do not cross
    double cophenetic = 0;            ///< correlation of the heights at which things meet and their distances
};

/// Average linkage (UPGMA) of a symmetric matrix (thing, thing). Of equal distances the first pair is merged.
/// Source: Sokal & Michener 1958.
export Tree average_linkage(const Eigen::MatrixXd& distances);

}  // namespace repal
