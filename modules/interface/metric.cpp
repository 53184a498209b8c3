module;
#include <Eigen/Core>
#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>
module repal.metric;

namespace repal {

Embedding::~Embedding() = default;
Metric::~Metric() = default;

std::optional<std::vector<Invariance>> Metric::invariances() const {
    return {};
}

std::vector<std::shared_ptr<const Embedding>> Metric::harmonise(
    std::vector<std::shared_ptr<const Embedding>> embeddings) const {
    return embeddings;
}

EmbeddingArrays Embedding::arrays() const {
    return {};
}

std::unique_ptr<Embedding> Metric::restore(const EmbeddingArrays&) const {
    throw std::logic_error("the metric keeps no embeddings");
}

std::size_t Metric::pairs_per_batch() const {
    return 1;
}

std::vector<Score> Metric::compare_batch(std::span<const EmbeddingPair> pairs) const {
    std::vector<Score> scores;
    for (const auto& [a, b] : pairs) scores.push_back(compare(a, b));
    return scores;
}

std::string_view to_string(Invariance invariance) {
    constexpr std::array<std::string_view, 5> names = {"translation", "orthogonal", "scaling", "trial_order",
                                                       "step_order"};
    return names[static_cast<std::size_t>(invariance)];
}

std::optional<Score> require_corresponding_rows(const Shape& a, const Shape& b) {
    if (a.trials == b.trials && a.steps == b.steps) return {};
    return Score::without_value(Status::not_applicable, "samples must correspond one to one, but one system has " +
                                                            to_string(a) + " and the other " + to_string(b));
}

}  // namespace repal
