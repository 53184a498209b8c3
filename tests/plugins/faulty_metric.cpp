#include <Eigen/Core>
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

import repal.metric;

namespace {

struct Level {
    repal::EmbeddingArrays arrays() const { return {{"mean", Eigen::MatrixXd::Constant(1, 1, mean + spoiled_by)}}; }
    static Level from(const repal::EmbeddingArrays& arrays) { return {arrays.at("mean")(0, 0)}; }
    bool precedes(const Level& other) const {
        return is_always_first || (mean < other.mean && (!is_half_ordered || std::fmod(1e6 * std::abs(mean), 2) < 1));
    }
    double mean = 0;
    double spoiled_by = 0;  ///< when it is kept
    bool is_always_first = false;
    bool is_half_ordered = false;
};

/// The difference of two means, wrong in the way that its option says.
class Faulty final : public repal::MetricOf<Level> {
 public:
    struct Options {
        std::string fault = "none";
        std::string when = "always";
        static auto table() {
            return std::tuple{
                repal::Option{&Options::fault,
                              {.name = "fault",
                               .summary = "what is wrong",
                               .choices = {"none",
                                           "throws_in_factory",
                                           "throws_in_prepare",
                                           "throws",
                                           "throws_number",
                                           "throws_latin1",
                                           "refuses_option",
                                           "nan",
                                           "negative",
                                           "asymmetric",
                                           "not_zero",
                                           "half_ordered",
                                           "unsafe",
                                           "random",
                                           "crashes",
                                           "crashes_in_prepare",
                                           "crashes_with_child",
                                           "exits",
                                           "hangs",
                                           "hangs_in_prepare",
                                           "invariance",
                                           "triangle",
                                           "bound",
                                           "batch",
                                           "harmonise",
                                           "harmonise_three",
                                           "restore",
                                           "permuted",
                                           "weights",
                                           "gain"}}},
                repal::Option{&Options::when,
                              {.name = "when",
                               .summary = "for which pairs; sometimes: of systems those with a mean below 0",
                               .choices = {"always", "sometimes"}}}};
        }
    };

    static repal::MetricInfo info() {
        return {.name = "faulty",
                .version = "1",
                .summary = "difference of means, wrong on purpose",
                .source = "none",
                .invariances = {repal::Invariance::trial_order, repal::Invariance::step_order},
                .has_triangle_inequality = true,
                .options = repal::option_infos<Options>()};
    }

    explicit Faulty(Options options) : options_(std::move(options)) {
        if (options_.fault == "throws_in_factory") throw std::runtime_error("the factory throws");
        if (options_.fault == "refuses_option") throw repal::InputError("fault", "it is refused", "take none");
    }

    std::vector<std::shared_ptr<const repal::Embedding>> harmonise(
        std::vector<std::shared_ptr<const repal::Embedding>> embeddings) const override {
        if (options_.fault == "harmonise") embeddings.pop_back();
        if (options_.fault == "harmonise_three" && embeddings.size() == 3) embeddings.pop_back();
        return embeddings;
    }

    std::size_t pairs_per_batch() const override { return options_.fault == "batch" ? 3 : 1; }
    std::vector<repal::Score> compare_batch(std::span<const repal::EmbeddingPair> pairs) const override {
        std::vector<repal::Score> scores = Metric::compare_batch(pairs);
        if (options_.fault == "batch") scores.back().angle_rad += 0.1;
        return scores;
    }

    std::unique_ptr<repal::TrialEmbeddings> prepare_trials(const repal::Trajectories& x) const override {
        if (options_.fault == "weights") return std::make_unique<Unweighted>(*this, x);
        return nullptr;
    }

    std::vector<std::optional<repal::HeldOut>> held_out(const repal::Trajectories& /*x*/,
                                                        const std::vector<bool>& /*is_training*/,
                                                        std::span<const Eigen::Index> ranks,
                                                        Eigen::Index /*first_target*/) const override {
        if (options_.fault != "gain") return {};
        const repal::HeldOut nothing{
            .gain = std::numeric_limits<double>::quiet_NaN(), .residual = 0, .mase = 1, .free_error = {}};
        return std::vector<std::optional<repal::HeldOut>>(ranks.size(), nothing);
    }

 protected:
    Level features(const repal::Trajectories& x) const override {
        if (options_.when == "always" || x.rows().mean() < 0) {
            if (options_.fault == "throws_in_prepare") throw std::runtime_error("prepare throws");
            if (options_.fault == "crashes_in_prepare") std::raise(SIGSEGV);
            if (options_.fault == "hangs_in_prepare") hang();
        }
        if (options_.fault == "invariance") return {std::tanh(x.rows().topRows(x.rows().rows() / 2).mean())};
        return {.mean = std::tanh(x.rows().mean()),
                .spoiled_by = options_.fault == "restore" ? 0.1 : 0,
                // With an order these two faults could not be seen.
                .is_always_first = options_.fault == "asymmetric" || options_.fault == "not_zero",
                .is_half_ordered = options_.fault == "half_ordered"};
    }

    repal::Score distance(const Level& a, const Level& b) const override {
        const double angle = std::abs(a.mean - b.mean);
        if (options_.when == "sometimes" && std::fmod(1e6 * angle, 3) < 1) return repal::Score::of(angle);
        const std::string& fault = options_.fault;
        if (fault == "throws") throw std::runtime_error("compare throws");
        if (fault == "throws_number") throw 7;
        if (fault == "throws_latin1") throw std::runtime_error("caf\xe9");
        if (fault == "nan") return repal::Score::of(std::numeric_limits<double>::quiet_NaN());
        if (fault == "negative") return repal::Score::of(-angle);
        if (fault == "asymmetric") return repal::Score::of(a.mean < b.mean ? angle : 2 * angle);
        if (fault == "not_zero") return repal::Score::of(angle + 0.1);
        if (fault == "unsafe") return repal::Score::of(shared(angle));
        if (fault == "random") return repal::Score::of(angle + 1e-9 * static_cast<double>(calls_++ % 7));
        if (fault == "crashes") std::raise(SIGSEGV);
        if (fault == "crashes_with_child" && std::system("sleep 6 &") == 0) std::raise(SIGSEGV);
        if (fault == "exits") std::exit(0);
        if (fault == "hangs") hang();
        if (fault == "triangle") return repal::Score::of(angle * angle);
        if (fault == "bound") return repal::Score::of(angle, angle + 0.1);
        return repal::Score::of(angle);
    }

    std::vector<repal::Score> permuted_distances(const Level& a, const Level& b,
                                                 std::span<const std::vector<Eigen::Index>> orders) const override {
        if (options_.fault != "permuted") return {};
        return std::vector<repal::Score>(orders.size(), repal::Score::of(std::abs(a.mean - b.mean) + 0.1));
    }

 private:
    /// All trials count once, whatever the weights.
    class Unweighted final : public repal::TrialEmbeddings {
     public:
        Unweighted(const Faulty& metric, repal::Trajectories x) : metric_(metric), x_(std::move(x)) {}
        std::unique_ptr<repal::Embedding> embedding(std::span<const double> /*weights*/) const override {
            return metric_.prepare(x_);
        }

     private:
        const Faulty& metric_;
        repal::Trajectories x_;
    };

    /// What another thread has put there in the meantime.
    double shared(double angle) const {
        shared_ = angle;
        std::this_thread::sleep_for(std::chrono::microseconds(200));
        return shared_;
    }

    static void hang() {
        while (true) std::this_thread::sleep_for(std::chrono::hours(1));
    }

    Options options_;
    mutable std::atomic<double> shared_ = 0;
    mutable std::atomic<int> calls_ = 0;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::MetricPlugin repal_metric =
    repal::metric_plugin<Faulty>;
