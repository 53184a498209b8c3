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

std::optional<Score> require_equal_ranks(const OperatorEmbedding& a, const OperatorEmbedding& b) {
    if (a.rank() == b.rank()) return {};
    return Score::without_value(Status::not_applicable,
                                fmt::format("the operators have ranks {} and {}, since the data of one determine no "
                                            "more; set rank to {} or less, or common_rank to true",
                                            a.rank(), b.rank(), std::min(a.rank(), b.rank())));
}

}  // namespace repal
