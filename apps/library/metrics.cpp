#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <numbers>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "repal.h"

import library.handles;
import repal.comparison;
import repal.comparison_files;
import repal.metric;

struct repal_metric {
    repal::ChosenMetric chosen;
};

struct repal_embedding {
    std::string identity;  ///< of the metric that made it
    std::string name;
    Eigen::Index trials;
    repal::PreparedSystem system;
};

namespace {

using library::Json;

constexpr std::size_t room_for_why = 1024;

/// What a caller's function says went wrong.
std::string text_of(const std::array<char, room_for_why>& why, const std::string& otherwise) {
    const std::string text(why.begin(), std::ranges::find(why, '\0'));
    return text.empty() ? otherwise : text;
}

/// A metric of the caller's. Its functions are called one at a time.
class OwnMetric final : public repal::Metric {
 public:
    OwnMetric(const repal_own_metric& own, double largest_rad)
        : largest_rad_(largest_rad), shared_(std::make_shared<Shared>(own)) {}

    std::unique_ptr<repal::Embedding> prepare(const repal::Trajectories& x) const override {
        std::vector<repal_trial> trials;
        for (Eigen::Index k = 0; k < x.shape().trials; ++k) trials.push_back(library::view_of(x, k));
        std::array<char, room_for_why> why{};
        auto prepared = std::make_unique<Prepared>(shared_);
        const std::lock_guard lock(shared_->calling);
        const int code = shared_->own.prepare(shared_->own.user, trials.data(), trials.size(), &prepared->value,
                                              why.data(), why.size());
        if (code == REPAL_OK) return prepared;
        const std::string text = text_of(why, fmt::format("its prepare() returns {}", code));
        if (code == REPAL_BAD_INPUT) throw repal::InvalidTrajectories(text);
        throw std::runtime_error(text);
    }

    repal::Score compare(const repal::Embedding& a, const repal::Embedding& b) const override {
        repal::Score score = one_way(a, b);
        if (score.status != repal::Status::ok) return score;
        repal::Score other = one_way(b, a);
        constexpr double rounding = 1e-9;
        if (other.status == repal::Status::ok && std::abs(score.angle_rad - other.angle_rad) > rounding)
            return repal::Score::without_value(
                repal::Status::failed, fmt::format("its angle is {:.6g} rad, and {:.6g} with the systems exchanged",
                                                   score.angle_rad, other.angle_rad));
        return other.status == repal::Status::ok ? score : other;
    }

 private:
    repal::Score one_way(const repal::Embedding& a, const repal::Embedding& b) const {
        double angle_rad = std::numeric_limits<double>::quiet_NaN();
        std::array<char, room_for_why> why{};
        const std::lock_guard lock(shared_->calling);
        const int code =
            shared_->own.compare(shared_->own.user, static_cast<const Prepared&>(a).value,
                                 static_cast<const Prepared&>(b).value, &angle_rad, why.data(), why.size());
        if (code == REPAL_OK && angle_rad >= 0 && angle_rad <= largest_rad_) return repal::Score::of(angle_rad);
        if (code == REPAL_OK)
            return repal::Score::without_value(
                repal::Status::failed,
                fmt::format("its angle is {} rad, and it can be 0 to {:.6g}", angle_rad, largest_rad_));
        return repal::Score::without_value(
            code == REPAL_BAD_INPUT ? repal::Status::not_applicable : repal::Status::failed,
            text_of(why, fmt::format("its compare() returns {}", code)));
    }

    struct Shared {
        explicit Shared(const repal_own_metric& given) : own(given) {}
        repal_own_metric own;
        std::mutex calling;
    };

    struct Prepared final : repal::Embedding {
        explicit Prepared(std::shared_ptr<Shared> of) : shared(std::move(of)) {}
        Prepared(const Prepared&) = delete;
        Prepared& operator=(const Prepared&) = delete;
        ~Prepared() override {
            if (shared->own.free == nullptr || value == nullptr) return;
            const std::lock_guard lock(shared->calling);
            shared->own.free(shared->own.user, value);
        }
        std::shared_ptr<Shared> shared;
        void* value = nullptr;
    };

    double largest_rad_;
    std::shared_ptr<Shared> shared_;
};

template <class Value>
Value named(const std::string& key, const std::string& name, std::span<const Value> all) {
    std::vector<std::string> names;
    for (const Value value : all) {
        if (to_string(value) == name) return value;
        names.emplace_back(to_string(value));
    }
    throw repal::InputError(key, fmt::format("unknown '{}'", name), repal::suggest(name, names));
}

repal::MetricInfo info_in(const char* description) {
    const Json given = library::options_in(description, {"name", "version", "summary", "source", "corresponding",
                                                         "needs_equal_steps", "triangle_inequality", "largest_rad"});
    if (!given.contains("name")) throw repal::InputError("name", "a metric needs one");
    repal::MetricInfo info{.name = library::text_in(given, "name", ""),
                           .version = library::text_in(given, "version", "1"),
                           .summary = library::text_in(given, "summary", ""),
                           .source = library::text_in(given, "source", ""),
                           .invariances = {},
                           .has_triangle_inequality = library::answer_in(given, "triangle_inequality", false),
                           .largest_rad = given.value("largest_rad", std::numbers::pi),
                           .needs_equal_steps = library::answer_in(given, "needs_equal_steps", true),
                           .has_common_form = false,
                           .options = {}};
    constexpr std::array all = {repal::Correspondence::rows, repal::Correspondence::conditions,
                                repal::Correspondence::channels};
    const Json corresponding = given.value("corresponding", Json::array());
    if (!corresponding.is_array()) throw repal::InputError("corresponding", "expected a list");
    for (const Json& one : corresponding)
        info.corresponding.push_back(
            named<repal::Correspondence>("corresponding", one.get<std::string>(), std::span(all)));
    if (info.largest_rad <= 0 || info.largest_rad > std::numbers::pi)
        throw repal::InputError("largest_rad", fmt::format("{} is not above 0 and up to pi", info.largest_rad));
    return info;
}

repal::ChosenMetric chosen(const std::string& name, const char* options, const repal::Registry& registry) {
    const Json all = {{"metrics", {{name, library::json_in(options)}}}};
    repal::ChosenMetric metric = library::metrics_in(all, registry).front();
    const std::vector<std::string> missing = metric.automatic_options();
    if (!missing.empty())
        throw repal::InputError(name + "." + missing.front(), "it is chosen from the data of all that are compared",
                                "give a number, e.g. what tuning finds");
    return metric;
}

const repal::PreparedSystem& prepared_by(const repal_metric& metric, const repal_embedding& embedding) {
    if (embedding.identity != metric.chosen.identity)
        throw repal::InputError(embedding.name, "it was prepared by " + embedding.identity,
                                "here it would be " + metric.chosen.identity);
    return embedding.system;
}

repal::Score score_of(const repal::Metric& metric, const repal::PreparedSystem& a, const repal::PreparedSystem& b) {
    if (auto none = repal::score_without_comparing(a, b)) return *none;
    std::array both = {a, b};
    repal::harmonise(metric, both);
    if (auto none = repal::score_without_comparing(both[0], both[1])) return *none;
    const std::array pair = {repal::EmbeddingPair{*both[0].embedding, *both[1].embedding}};
    return repal::compare_safely(metric, pair).front();
}

}  // namespace

using library::guarded;
using library::require;

int repal_host_add_metric(repal_host* host, const char* description, const repal_own_metric* metric) {
    return guarded([&] {
        require(host != nullptr, "host");
        require(metric != nullptr, "metric");
        if (metric->prepare == nullptr || metric->compare == nullptr)
            throw repal::InputError("metric", "it needs prepare and compare");
        repal::MetricInfo info = info_in(description);
        const auto make = [own = *metric, largest = info.largest_rad](const repal::OptionValues& /*options*/) {
            return std::make_unique<OwnMetric>(own, largest);
        };
        host->registry.add({.info = std::move(info), .file = {}, .make = make});
    });
}

int repal_metric_create(const repal_host* host, const char* name, const char* options, repal_metric** metric) {
    return guarded([&] {
        require(host != nullptr, "host");
        require(name != nullptr, "name");
        require(metric != nullptr, "metric");
        *metric = new repal_metric{chosen(name, options, host->registry)};
    });
}

void repal_metric_free(repal_metric* metric) {
    delete metric;
}

int repal_metric_prepare(const repal_metric* metric, const repal_system* system, repal_embedding** embedding) {
    return guarded([&] {
        require(metric != nullptr, "metric");
        require(system != nullptr, "system");
        require(embedding != nullptr, "embedding");
        const auto& [name, held, content] = system->system;
        const repal::Observed observed = held->observe({});
        repal::PreparedSystem prepared = repal::prepare(metric->chosen, name, observed, repal::Unsuitable::throws);
        if (prepared.has_failed) throw std::runtime_error(prepared.cause);
        *embedding = new repal_embedding{metric->chosen.identity, name, observed.trajectories().shape().trials,
                                         std::move(prepared)};
    });
}

int repal_metric_compare(const repal_metric* metric, const repal_embedding* a, const repal_embedding* b, char** json) {
    return guarded([&] {
        require(metric != nullptr, "metric");
        require(a != nullptr, "a");
        require(b != nullptr, "b");
        const repal::ChosenMetric& used = metric->chosen;
        const repal::Comparison one{.metric = used.name,
                                    .a = a->name,
                                    .b = b->name,
                                    .score = score_of(*used.metric, prepared_by(*metric, *a), prepared_by(*metric, *b)),
                                    .settings = used.settings(),
                                    .trials_a = a->trials,
                                    .trials_b = b->trials,
                                    .values = used.info.values,
                                    .curves = used.info.curves};
        library::give(repal::json_of({one}), json);
    });
}

void repal_embedding_free(repal_embedding* embedding) {
    delete embedding;
}
