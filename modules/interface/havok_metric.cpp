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
    return {{"singular_values", havok_->singular_values()}, {"gram", havok_->gram()}, {"cross", havok_->cross()}};
}

std::shared_ptr<const Havok> havok_of(const EmbeddingArrays& arrays) {
    const Eigen::MatrixXd& gram = arrays.at("gram");
    const Eigen::MatrixXd& cross = arrays.at("cross");
    const Eigen::MatrixXd& singular_values = arrays.at("singular_values");
    if (gram.size() == 0 || gram.rows() != gram.cols() || cross.rows() != gram.rows() || cross.cols() != gram.cols() ||
        singular_values.rows() < gram.rows() || singular_values.cols() != 1 || !gram.allFinite() || !cross.allFinite())
        throw InvalidTrajectories("what was kept of it is no operator");
    return std::make_shared<const Havok>(singular_values.col(0), gram, cross);
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
