module;
#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.linkage;

import repal.statistics;

namespace repal {
namespace {

/// The things below each branch, in the order of the leaves.
struct Branch {
    std::size_t number;
    std::vector<std::size_t> things;
};

double cophenetic_correlation(const Eigen::MatrixXd& distances, const Eigen::MatrixXd& heights) {
    std::vector<double> given;
    std::vector<double> met;
    for (Eigen::Index i = 0; i < distances.rows(); ++i)
        for (Eigen::Index j = i + 1; j < distances.rows(); ++j) {
            given.push_back(distances(i, j));
            met.push_back(heights(i, j));
        }
    return correlation(given, met);
}

}  // namespace

Tree average_linkage(const Eigen::MatrixXd& distances) {
    const auto n = static_cast<std::size_t>(distances.rows());
    Eigen::MatrixXd between = distances;  // of the branches that are left, at the places of their first things
    Eigen::MatrixXd heights = Eigen::MatrixXd::Zero(distances.rows(), distances.cols());
    std::vector<Branch> branches;
    std::vector<Eigen::Index> left;
    for (std::size_t thing = 0; thing < n; ++thing) {
        branches.push_back({thing, {thing}});
        left.push_back(static_cast<Eigen::Index>(thing));
    }
    Tree tree;
    while (left.size() > 1) {
        std::pair nearest(left[0], left[1]);
        double smallest = std::numeric_limits<double>::infinity();
        for (std::size_t i = 0; i < left.size(); ++i)
            for (std::size_t j = i + 1; j < left.size(); ++j)
                if (between(left[i], left[j]) < smallest) {
                    smallest = between(left[i], left[j]);
                    nearest = {left[i], left[j]};
                }
        const auto [at, gone] = nearest;
        Branch& kept = branches[static_cast<std::size_t>(at)];
        Branch& merged = branches[static_cast<std::size_t>(gone)];
        for (const std::size_t a : kept.things)
            for (const std::size_t b : merged.things)
                heights(static_cast<Eigen::Index>(a), static_cast<Eigen::Index>(b)) =
                    heights(static_cast<Eigen::Index>(b), static_cast<Eigen::Index>(a)) = smallest;
        const auto of_kept = static_cast<double>(kept.things.size());
        const auto of_merged = static_cast<double>(merged.things.size());
        std::erase(left, gone);
        for (const Eigen::Index other : left) {
            if (other == at) continue;
            between(at, other) = between(other, at) =
                (of_kept * between(at, other) + of_merged * between(gone, other)) / (of_kept + of_merged);
        }
        const auto [low, high] = std::minmax(kept.number, merged.number);
        tree.merges.push_back({low, high, smallest, kept.things.size() + merged.things.size()});
        kept.things.insert(kept.things.end(), merged.things.begin(), merged.things.end());
        kept.number = n + tree.merges.size() - 1;
    }
    if (!left.empty()) tree.leaves = branches[static_cast<std::size_t>(left.front())].things;
    tree.cophenetic = cophenetic_correlation(distances, heights);
    return tree;
}

}  // namespace repal
