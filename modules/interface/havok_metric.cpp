module;
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "core/eigen.hpp"
module repal.havok_metric;

namespace repal {

OperatorEmbedding::OperatorEmbedding(std::shared_ptr<const Havok> havok, Eigen::Index rank)
    : havok_(std::move(havok)), rank_(rank) {}

OperatorEmbedding::~OperatorEmbedding() = default;

EmbeddingArrays OperatorEmbedding::arrays() const {
    const Havok::Products& products = havok_->products();
    return {{"singular_values", products.singular_values},
            {"gram", products.gram},
            {"cross", products.cross},
            {"successors", products.successors},
            {"axes", products.axes}};
}

std::shared_ptr<const Havok> havok_of(const EmbeddingArrays& arrays) {
    const Eigen::MatrixXd& gram = arrays.at("gram");
    const Eigen::MatrixXd& cross = arrays.at("cross");
    const Eigen::MatrixXd& singular_values = arrays.at("singular_values");
    const Eigen::MatrixXd& successors = arrays.at("successors");
    const Eigen::MatrixXd& axes = arrays.at("axes");
    const auto is_square = [&](const Eigen::MatrixXd& matrix) {
        return matrix.rows() == gram.rows() && matrix.cols() == gram.rows() && matrix.allFinite();
    };
    if (gram.size() == 0 || !is_square(gram) || !is_square(cross) || !is_square(successors) ||
        axes.cols() != gram.rows() || !axes.allFinite() || singular_values.rows() < gram.rows() ||
        singular_values.cols() != 1)
        throw InvalidTrajectories("what was kept of it is no operator");
    return std::make_shared<const Havok>(Havok::Products{.singular_values = singular_values.col(0),
                                                         .gram = gram,
                                                         .cross = cross,
                                                         .successors = successors,
                                                         .axes = axes});
}

ValueInfo rank_value() {
    return {.name = "rank", .summary = "rank of the operators that were compared", .minimum = 1};
}

std::optional<Score> require_rank(const OperatorEmbedding& a, const OperatorEmbedding& b, Eigen::Index rank) {
    if (a.has_common_rank && b.has_common_rank && a.rank() == b.rank()) return {};
    const Eigen::Index smaller = std::min(a.rank(), b.rank());
    if (smaller == rank) return {};
    constexpr Eigen::Index least = 2;  // that a metric of operators tells apart
    return Score::without_value(
        Status::not_applicable,
        fmt::format("the data of {} determine no more than rank {} of {}{}", a.rank() == b.rank() ? "both" : "one",
                    smaller, rank,
                    smaller < least ? ", with which nothing is told apart"
                                    : fmt::format("; set rank to {} or less, or common_rank to true", smaller)));
}

}  // namespace repal
