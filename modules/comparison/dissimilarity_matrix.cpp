module;
#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <functional>
#include <numeric>
#include <string>
#include <utility>
#include <vector>
module repal.dissimilarity_matrix;

namespace repal {

DissimilarityMatrix complete_matrix(std::size_t n, const std::function<const Score*(std::size_t, std::size_t)>& score) {
    DissimilarityMatrix matrix;
    matrix.things.resize(n);
    std::iota(matrix.things.begin(), matrix.things.end(), std::size_t{0});
    const auto is_missing = [&](std::size_t a, std::size_t b) {
        const Score* one = score(a, b);
        return a != b && (one == nullptr || one->status != Status::ok);
    };
    std::vector<std::size_t> missing(n, 0);
    for (std::size_t a = 0; a < n; ++a)
        for (std::size_t b = 0; b < n; ++b) missing[a] += is_missing(a, b) ? 1 : 0;
    while (!matrix.things.empty()) {
        const auto worst = std::ranges::max_element(matrix.things, {}, [&](std::size_t i) { return missing[i]; });
        if (missing[*worst] == 0) break;
        const std::size_t out = *worst;
        std::string cause = "it was not compared with all others";
        for (const std::size_t other : matrix.things)
            if (is_missing(out, other)) {
                if (const Score* one = score(out, other)) cause = one->detail;
                break;
            }
        matrix.left_out.emplace_back(out, std::move(cause));
        matrix.things.erase(worst);
        for (const std::size_t other : matrix.things) missing[other] -= is_missing(out, other) ? 1 : 0;
    }
    if (n > 1 && matrix.things.size() == 1) {  // nothing is left to compare it with
        matrix.left_out.emplace_back(matrix.things.front(), "none of its pairs has a value");
        matrix.things.clear();
    }
    const auto size = static_cast<Eigen::Index>(matrix.things.size());
    matrix.values.setZero(size, size);
    for (Eigen::Index i = 0; i < size; ++i)
        for (Eigen::Index j = 0; j < size; ++j)
            if (i != j)
                matrix.values(i, j) =
                    score(matrix.things[static_cast<std::size_t>(i)], matrix.things[static_cast<std::size_t>(j)])
                        ->dissimilarity();
    return matrix;
}

}  // namespace repal
