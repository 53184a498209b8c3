module;
#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
module repal.metric;

namespace repal {

Embedding::~Embedding() = default;
TrialEmbeddings::~TrialEmbeddings() = default;
Metric::~Metric() = default;

MetricInfo Metric::described(MetricInfo info) const {
    return info;
}

Eigen::Index Metric::least_steps() const {
    return 2;
}

std::unique_ptr<TrialEmbeddings> Metric::prepare_trials(const Trajectories&) const {
    return nullptr;
}

std::vector<Score> Metric::compare_permuted(const Embedding&, const Embedding&,
                                            std::span<const std::vector<Eigen::Index>>) const {
    return {};
}

std::vector<std::optional<HeldOut>> Metric::held_out(const Trajectories&, const std::vector<bool>&,
                                                     std::span<const Eigen::Index>, Eigen::Index) const {
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
    constexpr std::array<std::string_view, 8> names = {"translation",       "orthogonal",     "scaling",
                                                       "trial_order",       "step_order",     "permutation",
                                                       "invertible_linear", "channel_scaling"};
    return names[static_cast<std::size_t>(invariance)];
}

bool has(std::span<const Invariance> declared, Invariance invariance) {
    const auto is_declared = [&](Invariance one) { return std::ranges::find(declared, one) != declared.end(); };
    using enum Invariance;
    switch (invariance) {
        case permutation:
            return is_declared(permutation) || is_declared(orthogonal) || is_declared(invertible_linear);
        case orthogonal:
        case scaling:
        case channel_scaling:
            return is_declared(invariance) || is_declared(invertible_linear);
        default:
            return is_declared(invariance);
    }
}

std::string_view to_string(Family family) {
    constexpr std::array<std::string_view, 5> names = {"geometry", "dynamics", "representational", "predictive",
                                                       "single_channel"};
    return names[static_cast<std::size_t>(family)];
}

std::string_view to_string(Correspondence correspondence) {
    constexpr std::array<std::string_view, 3> names = {"rows", "conditions", "channels"};
    return names[static_cast<std::size_t>(correspondence)];
}

std::optional<Score> require_corresponding_rows(const Shape& a, const Shape& b) {
    if (a.trials == b.trials && a.steps == b.steps) return {};
    return Score::without_value(Status::not_applicable, "samples must correspond one to one, but one system has " +
                                                            to_string(a) + " and the other " + to_string(b));
}

std::optional<Score> require_corresponding_channels(const Shape& a, const Shape& b) {
    if (a.channels == b.channels) return {};
    return Score::without_value(Status::not_applicable, "channels must correspond one to one, but one system has " +
                                                            to_string(a) + " and the other " + to_string(b));
}

Score exchanged(Score score, std::span<const ValueInfo> values) {
    const std::size_t n = std::min(values.size(), score.values.size());
    for (std::size_t i = 1; i < n; ++i)
        if (values[i - 1].direction == Direction::a_to_b && values[i].direction == Direction::b_to_a)
            std::swap(score.values[i - 1], score.values[i]);
    return score;
}

}  // namespace repal
