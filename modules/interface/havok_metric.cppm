module;
#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>
export module repal.havok_metric;

export import repal.havok_options;
export import repal.metric;

namespace repal {

/// What a metric of operators knows of a system: its operators of all ranks, and the rank that is used, its own or one
/// that all systems of a comparison have.
export class OperatorEmbedding : public Embedding {
 public:
    OperatorEmbedding(std::shared_ptr<const Havok> havok, Eigen::Index rank);
    ~OperatorEmbedding() override;

    const Havok& havok() const { return *havok_; }
    const std::shared_ptr<const Havok>& shared_havok() const { return havok_; }
    Eigen::Index rank() const { return rank_; }

    EmbeddingArrays arrays() const final;

    bool has_common_rank = false;  ///< the rank is that of all systems of a comparison, not its own

 private:
    std::shared_ptr<const Havok> havok_;
    Eigen::Index rank_;
};

/// The operators that arrays() was of. Throws InvalidTrajectories if they are none: a file may have been changed.
export std::shared_ptr<const Havok> havok_of(const EmbeddingArrays& arrays);

/// The rank of the operators that were compared, as a value of a score.
export ValueInfo rank_value();

/// Why two operators cannot be compared; nothing if both have the rank, or the one that all systems have in common.
export std::optional<Score> require_rank(const OperatorEmbedding& a, const OperatorEmbedding& b, Eigen::Index rank);

/// A metric of HAVOK operators, with all abilities that these give. `Fitted`, an OperatorEmbedding, is made of them and
/// a rank; distance() sees two of one rank. The first of MetricInfo::values is rank_value(), which is filled in here.
export template <class Fitted>
class HavokMetric : public Metric {
 public:
    explicit HavokMetric(HavokOptions options) : havok_options_(std::move(options)) {}

    std::unique_ptr<Embedding> prepare(const Trajectories& x) const final {
        return embedding_of(havok_options_.fitted_to(x), havok_options_);
    }

    std::unique_ptr<Embedding> restore(const EmbeddingArrays& arrays) const final {
        auto havok = havok_of(arrays);
        return std::make_unique<Fitted>(havok, havok->rank());
    }

    std::vector<std::shared_ptr<const Embedding>> harmonise(
        std::vector<std::shared_ptr<const Embedding>> embeddings) const final {
        if (!havok_options_.common_rank || embeddings.empty()) return embeddings;
        const auto fitted = [](const auto& embedding) -> const Fitted& {
            return static_cast<const Fitted&>(*embedding);
        };
        Eigen::Index smallest = fitted(embeddings.front()).rank();
        for (const auto& embedding : embeddings) smallest = std::min(smallest, fitted(embedding).rank());
        for (auto& embedding : embeddings) {
            auto common = fitted(embedding).rank() > smallest
                              ? std::make_shared<Fitted>(fitted(embedding).shared_havok(), smallest)
                              : std::make_shared<Fitted>(fitted(embedding));
            common->has_common_rank = true;
            embedding = std::move(common);
        }
        return embeddings;
    }

    Score compare(const Embedding& a, const Embedding& b) const final {
        const auto& first = static_cast<const Fitted&>(a);
        const auto& second = static_cast<const Fitted&>(b);
        if (auto refused = require_rank(first, second, havok_options_.rank)) return *refused;
        Score score = distance(first, second);
        if (score.status == Status::ok) score.values.insert(score.values.begin(), static_cast<double>(first.rank()));
        return score;
    }

    Eigen::Index least_steps() const final { return havok_options_.delays().least_steps(); }

    std::unique_ptr<TrialEmbeddings> prepare_trials(const Trajectories& x) const final {
        auto sums = havok_options_.sums_of(x);
        return sums ? std::make_unique<Trials>(*std::move(sums), havok_options_) : nullptr;
    }

    std::vector<std::optional<HeldOut>> held_out(const Trajectories& x, const std::vector<bool>& is_training,
                                                 std::span<const Eigen::Index> ranks,
                                                 Eigen::Index first_target) const final {
        return havok_options_.held_out(x, is_training, ranks, first_target);
    }

 protected:
    /// The same bits in both orders.
    virtual Score distance(const Fitted& a, const Fitted& b) const = 0;

 private:
    static std::unique_ptr<Embedding> embedding_of(Havok fitted, const HavokOptions& options) {
        auto havok = std::make_shared<const Havok>(std::move(fitted));
        auto embedding = std::make_unique<Fitted>(havok, havok->rank());
        embedding->warning = options.warning(*havok);
        return embedding;
    }

    class Trials final : public TrialEmbeddings {
     public:
        Trials(HavokSums sums, HavokOptions options) : sums_(std::move(sums)), options_(std::move(options)) {}
        std::unique_ptr<Embedding> embedding(std::span<const double> weights) const override {
            return embedding_of(sums_.of(weights), options_);
        }

     private:
        HavokSums sums_;
        HavokOptions options_;
    };

    HavokOptions havok_options_;
};

}  // namespace repal
