#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <ranges>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

import repal.dsa.alignment;
import repal.havok_options;
import repal.metric;

namespace {

using repal::Option;

/// The operator of one system, at its own rank or at one that harmonise() found for all.
struct DsaEmbedding final : repal::Embedding {
    DsaEmbedding(std::shared_ptr<const repal::Havok> fitted, Eigen::Index used)
        : havok(std::move(fitted)), rank(used), linear_operator(havok->operator_of_rank(used)) {
        // Havok has two matrices of this size, the operator six and the spectra of the certificate.
        const Eigen::Index numbers = 8 * havok->rank() * havok->rank() + linear_operator.spectra.size();
        bytes = sizeof(double) * static_cast<std::size_t>(numbers);
    }

    repal::EmbeddingArrays arrays() const override {
        return {{"singular_values", havok->singular_values()}, {"gram", havok->gram()}, {"cross", havok->cross()}};
    }

    std::shared_ptr<const repal::Havok> havok;
    Eigen::Index rank;
    repal::AlignmentOperator linear_operator;
};

/// Dynamical similarity analysis: min over orthogonal C of arccos(<A, C B C^T> / (||A||_F ||B||_F)), with A and B the
/// HAVOK operators of the two systems. The angle is between 0 and pi.
/// Source: Ostrow et al. 2023, eqs. 5-7.
class Dsa final : public repal::Metric {
 public:
    struct Options : repal::HavokOptions {
        bool common_rank = false;
        std::int64_t starts = repal::AlignmentOptions{}.starts;
        double gradient_tolerance = repal::AlignmentOptions{}.gradient_tolerance;
        std::int64_t max_iterations = repal::AlignmentOptions{}.max_iterations;

        static auto table() {
            return std::tuple_cat(
                HavokOptions::table(),
                std::tuple{
                    Option{&Options::common_rank,
                           {.name = "common_rank",
                            .summary = "use the smallest rank among the systems that are compared together; otherwise "
                                       "systems whose ranks differ are not comparable"}},
                    Option{&Options::starts,
                           {.name = "starts",
                            .summary = "starting points of the alignment; 0: 4300 / rank^1.5, but 8 to 64",
                            .minimum = 0,
                            .maximum = 100'000}},
                    Option{&Options::gradient_tolerance,
                           {.name = "gradient_tolerance",
                            .summary = "Riemannian gradient norm at which the alignment has converged",
                            .minimum = 1e-14,
                            .maximum = 1e-2}},
                    Option{&Options::max_iterations,
                           {.name = "max_iterations",
                            .summary = "of the alignment, from one start",
                            .minimum = 1,
                            .maximum = 1'000'000}}});
        }
    };

    static repal::MetricInfo info() {
        using enum repal::Invariance;
        return {.name = "dsa",
                .version = "3",
                .summary = "dynamical similarity analysis: angle between linear operators after the best rotation",
                .source = "Ostrow et al. 2023, Beyond geometry",
                .invariances = {orthogonal, scaling, trial_order},
                .has_triangle_inequality = true,
                .options = repal::option_infos<Options>()};
    }

    explicit Dsa(const Options& options) : options_(options) {}

    std::unique_ptr<repal::Embedding> prepare(const repal::Trajectories& x) const override {
        auto havok = std::make_shared<const repal::Havok>(options_.fitted_to(x));
        auto embedding = std::make_unique<DsaEmbedding>(havok, havok->rank());
        embedding->warning = options_.warning(*havok);
        return embedding;
    }

    std::unique_ptr<repal::Embedding> restore(const repal::EmbeddingArrays& arrays) const override {
        // The arrays come from a file that somebody may have changed.
        const Eigen::MatrixXd& gram = arrays.at("gram");
        const Eigen::MatrixXd& cross = arrays.at("cross");
        const Eigen::MatrixXd& singular_values = arrays.at("singular_values");
        if (gram.size() == 0 || gram.rows() != gram.cols() || cross.rows() != gram.rows() ||
            cross.cols() != gram.cols() || singular_values.rows() < gram.rows() || singular_values.cols() != 1 ||
            !gram.allFinite() || !cross.allFinite() || !singular_values.allFinite())
            throw repal::InvalidTrajectories("what was kept of it is no operator");
        auto havok = std::make_shared<const repal::Havok>(singular_values.col(0), gram, cross);
        return std::make_unique<DsaEmbedding>(havok, havok->rank());
    }

    std::vector<std::shared_ptr<const repal::Embedding>> harmonise(
        std::vector<std::shared_ptr<const repal::Embedding>> embeddings) const override {
        if (!options_.common_rank) return embeddings;
        const auto rank_of = [](const auto& embedding) { return static_cast<const DsaEmbedding&>(*embedding).rank; };
        const Eigen::Index smallest = std::ranges::min(embeddings | std::views::transform(rank_of));
        for (auto& embedding : embeddings)
            if (rank_of(embedding) > smallest)
                embedding =
                    std::make_shared<DsaEmbedding>(static_cast<const DsaEmbedding&>(*embedding).havok, smallest);
        return embeddings;
    }

    repal::Score compare(const repal::Embedding& a, const repal::Embedding& b) const override {
        const auto& first = static_cast<const DsaEmbedding&>(a);
        const auto& second = static_cast<const DsaEmbedding&>(b);
        if (first.rank != second.rank)
            return repal::Score::without_value(
                repal::Status::not_applicable,
                fmt::format("the operators have ranks {} and {}; set rank to {} or less, or common_rank to true",
                            first.rank, second.rank, std::min(first.rank, second.rank)));
        const repal::Alignment alignment = repal::align(first.linear_operator, second.linear_operator,
                                                        {.starts = static_cast<int>(options_.starts),
                                                         .gradient_tolerance = options_.gradient_tolerance,
                                                         .max_iterations = static_cast<int>(options_.max_iterations)});
        if (!alignment.is_converged)
            return repal::Score::without_value(repal::Status::not_converged,
                                               fmt::format("the gradient norm is {:.2g} after {} iterations",
                                                           alignment.gradient_norm, alignment.iterations));
        return repal::Score::of(alignment.angle_rad, alignment.lower_bound_rad);
    }

 private:
    Options options_;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::MetricPlugin repal_metric = repal::metric_plugin<Dsa>;
