module;
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <limits>
#include <memory>
#include <numbers>
#include <numeric>
#include <optional>
#include <ratio>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.conformance;

import :test_systems;
import repal.parallel;
import repal.random;
import repal.trajectories;

namespace repal {
namespace {

constexpr int n_threads = 8;
constexpr std::uint64_t n_tries = 5;
// Angles of size 1, of operators with condition numbers of 1000 or so.
constexpr double rounding_rad = 1e-6;

Finding failed(std::string detail) {
    return {Verdict::failed, std::move(detail)};
}

std::string text_of(const Score& score) {
    if (score.status == Status::ok) return fmt::format("{} rad", score.angle_rad);
    return fmt::format("{} ({})", to_string(score.status), score.detail);
}

/// NaN is equal to itself.
bool is_same(const std::vector<double>& a, const std::vector<double>& b) {
    return std::ranges::equal(a, b, [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}

bool is_same(const Score& a, const Score& b) {
    const bool is_same_angle = a.status != Status::ok || a.angle_rad == b.angle_rad;
    return a.status == b.status && is_same_angle && a.lower_bound_rad == b.lower_bound_rad && a.detail == b.detail &&
           is_same(a.values, b.values) &&
           std::ranges::equal(a.curves, b.curves,
                              [](const auto& one, const auto& other) { return is_same(one, other); });
}

/// What is wrong with the values of a score; empty if nothing.
std::string fault_of(const std::vector<double>& values, const std::vector<ValueInfo>& infos) {
    if (values.size() != infos.size())
        return fmt::format("a score has {} values, and {} are described", values.size(), infos.size());
    for (std::size_t i = 0; i < values.size(); ++i)
        if (values[i] < infos[i].minimum - rounding_rad || values[i] > infos[i].maximum + rounding_rad)
            return fmt::format("the value {} is {}, and it is said to be from {} to {}", infos[i].name, values[i],
                               infos[i].minimum, infos[i].maximum);
    return "";
}

/// What is wrong with a score by itself; empty if nothing.
std::string fault_of(const Score& score, const MetricInfo& info) {
    if (score.status != Status::ok) return score.detail.empty() ? "it says no cause" : "";
    if (!std::isfinite(score.angle_rad)) return fmt::format("the angle {} has the status ok", score.angle_rad);
    if (score.angle_rad < 0) return fmt::format("the angle {} rad is negative", score.angle_rad);
    if (score.angle_rad > std::numbers::pi + rounding_rad)
        return fmt::format("the angle {} rad is above pi", score.angle_rad);
    if (score.angle_rad > info.largest_rad + rounding_rad)
        return fmt::format("the angle {} rad is above the largest one, {} rad", score.angle_rad, info.largest_rad);
    if (score.lower_bound_rad && !(*score.lower_bound_rad <= score.angle_rad))
        return fmt::format("the lower bound {} rad is above the angle {} rad", *score.lower_bound_rad, score.angle_rad);
    return fault_of(score.values, info.values);
}

double milliseconds_of(const std::function<void()>& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

class MetricChecks {
 public:
    MetricChecks(const LoadedMetric& loaded, OptionValues options) : loaded_(loaded), options_(std::move(options)) {
        metric_ = loaded_.make(options_);
        if (metric_ == nullptr) throw std::runtime_error("it made nothing");
        info_ = metric_->described(loaded_.info);
    }

    Finding describes_itself() const {
        const MetricInfo& info = loaded_.info;
        for (const auto& [text, name] :
             {std::pair(info.version, "version"), std::pair(info.summary, "summary"), std::pair(info.source, "source")})
            if (text.empty()) return failed(fmt::format("it has no {}", name));
        for (const OptionInfo& option : info.options) {
            require_valid(option, option.default_value);
            if (option.summary.empty()) return failed(fmt::format("its option {} has no summary", option.name));
        }
        return {};
    }

    Finding compares_random_systems() const {
        double low = std::numbers::pi;
        double high = 0;
        for (std::uint64_t i = 0; i < n_tries; ++i) {
            const Score result = score(system(2 * i), system(2 * i + 1));
            if (const std::string fault = fault_of(result, info_); !fault.empty()) return failed(fault);
            if (result.status != Status::ok)
                return failed(fmt::format("of two usual systems ({}) it says {}", to_string(usual), text_of(result)));
            low = std::min(low, result.angle_rad);
            high = std::max(high, result.angle_rad);
        }
        if (high == 0) return {Verdict::noted, "all systems are equal to it"};
        if (low == 0)
            return {Verdict::noted, "some different systems are equal to it; do their features say otherwise?"};
        return {Verdict::passed, fmt::format("{:.3g} to {:.3g} rad", low, high)};
    }

    Finding is_zero_of_itself() const {
        for (std::uint64_t i = 0; i < n_tries; ++i) {
            const Score result = score(system(i), system(i));
            if (result.status != Status::ok || std::abs(result.angle_rad) > rounding_rad)
                return failed(fmt::format("a system and itself: {}", text_of(result)));
        }
        return {};
    }

    Finding is_symmetric() const {
        for (std::uint64_t i = 0; i < n_tries; ++i) {
            const Score forth = score(system(2 * i), system(2 * i + 1));
            const Score back = score(system(2 * i + 1), system(2 * i));
            if (!is_same(forth, exchanged(back, info_.values)))
                return failed(fmt::format("d(a, b) is {}, d(b, a) is {}", text_of(forth), text_of(back)));
        }
        return {};
    }

    Finding survives_odd_input() const {
        const Trajectories x = system(0);
        std::size_t refused = 0;
        const auto systems = odd_systems();
        for (const auto& [name, odd] : systems) {
            try {
                const Score result = score(x, odd);
                if (const std::string fault = fault_of(result, info_); !fault.empty())
                    return failed(fmt::format("{}: {}", name, fault));
                if (result.status == Status::failed)
                    return failed(fmt::format("{}: {}; what the metric does not define is not_applicable", name,
                                              text_of(result)));
                refused += result.status == Status::ok ? 0 : 1;
            } catch (const InvalidTrajectories&) {
                ++refused;
            } catch (const std::exception& error) {
                return failed(fmt::format("{}: it throws '{}'; what cannot be embedded is InvalidTrajectories", name,
                                          error.what()));
            }
        }
        return {Verdict::passed, fmt::format("{} of {} are refused, with a cause", refused, systems.size())};
    }

    Finding is_invariant(Invariance invariance) const {
        const bool is_declared = has(info_.invariances, invariance);
        double largest = 0;
        for (std::uint64_t i = 0; i < n_tries; ++i) {
            const Trajectories a = system(2 * i);
            const Trajectories b = system(2 * i + 1);
            const Score before = score(a, b);
            const Score after = score(a, changed(b, invariance, stream_.child("change").child(i)));
            if (before.status != Status::ok || after.status != Status::ok)
                return is_declared ? failed(fmt::format("it says {} before and {} after the change", text_of(before),
                                                        text_of(after)))
                                   : Finding{Verdict::passed, "not declared, and no value after the change"};
            largest = std::max(largest, std::abs(before.angle_rad - after.angle_rad));
        }
        const bool holds = largest <= rounding_rad;
        if (is_declared && !holds)
            return failed(fmt::format("declared, but the angle changes by up to {:.2g} rad", largest));
        if (!is_declared && holds) return {Verdict::noted, "not declared, but it holds"};
        if (is_declared) return {Verdict::passed, fmt::format("declared, holds to {:.1g} rad", largest)};
        return {Verdict::passed, fmt::format("not declared; the angle changes by up to {:.2g} rad", largest)};
    }

    Finding has_triangle_inequality() const {
        double excess = -std::numbers::pi;
        for (std::uint64_t i = 0; i < 4 * n_tries; ++i) {
            // Every other triple is of different widths, where they can be compared.
            const bool is_mixed = i % 2 == 1;
            const Trajectories a = is_mixed ? wide_system(3 * i, 3) : system(3 * i);
            const Trajectories b = is_mixed ? wide_system(3 * i + 1, 8) : system(3 * i + 1);
            const Trajectories c = system(3 * i + 2);
            const Score direct = score(a, c);
            if (direct.status != Status::ok) continue;
            // An upper bound may be too large by as much as it is above the lower one.
            const double gap = direct.lower_bound_rad ? direct.angle_rad - *direct.lower_bound_rad : 0;
            excess = std::max(excess, direct.angle_rad - gap - score(a, b).angle_rad - score(b, c).angle_rad);
        }
        const bool holds = excess <= rounding_rad;
        if (!info_.has_triangle_inequality)
            return {Verdict::noted, holds ? "not declared; no violation was found" : "not declared; it does not hold"};
        if (!holds) return failed(fmt::format("declared, but violated by {:.2g} rad", excess));
        return {};
    }

    Finding is_deterministic() const {
        const auto other = loaded_.make(options_);
        for (std::uint64_t i = 0; i < n_tries; ++i) {
            const Score first = score(system(2 * i), system(2 * i + 1));
            for (const Metric* metric : {metric_.get(), metric_.get(), std::as_const(other).get()}) {
                const Score again = score(*metric, system(2 * i), system(2 * i + 1));
                if (!is_same(first, again))
                    return failed(fmt::format("the same pair gives {} and {}", text_of(first), text_of(again)));
            }
        }
        return {};
    }

    Finding is_thread_safe() const {
        constexpr std::size_t n = 6;
        constexpr std::size_t rounds = 16;
        std::vector<Trajectories> systems;
        for (std::uint64_t i = 0; i < n; ++i) systems.push_back(system(i));
        std::vector<Score> alone;
        for (std::size_t i = 0; i < n; ++i) alone.push_back(score(systems[i], systems[(i + 1) % n]));
        std::vector<Score> together(n * rounds);
        for_each_index(n * rounds, n_threads,
                       [&](std::size_t w) { together[w] = score(systems[w % n], systems[(w + 1) % n]); });
        for (std::size_t w = 0; w < together.size(); ++w)
            if (!is_same(together[w], alone[w % n]))
                return failed(fmt::format("one thread gives {}, {} threads give {}", text_of(alone[w % n]), n_threads,
                                          text_of(together[w])));
        return {};
    }

    Finding harmonises() const {
        std::vector<std::shared_ptr<const Embedding>> embeddings;
        for (std::uint64_t i = 0; i < 4; ++i) embeddings.push_back(metric_->prepare(system(i)));
        const auto common = metric_->harmonise(embeddings);
        if (common.size() != embeddings.size())
            return failed(fmt::format("harmonise() gives back {} embeddings for {}", common.size(), embeddings.size()));
        for (const auto& embedding : common)
            if (embedding == nullptr) return failed("harmonise() gives back no embedding");
        if (!loaded_.info.has_common_form && common != embeddings)
            return failed("harmonise() gives back other embeddings, and MetricInfo::has_common_form is false");
        if (!is_same(metric_->compare(*common[0], *common[1]), metric_->compare(*common[0], *common[1])))
            return failed("harmonised embeddings give two values for one pair");
        return {};
    }

    Finding keeps_embeddings() const {
        const auto a = metric_->prepare(system(0));
        const auto b = metric_->prepare(system(1));
        if (a->arrays().empty()) return {Verdict::noted, "not used: a study prepares its systems in every process"};
        for (const auto& [name, matrix] : a->arrays())
            if (name.empty() || !std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) || c == '_'; }))
                return failed(fmt::format("an array has the name '{}'; names are of letters, digits and _", name));
        const auto restored = metric_->restore(a->arrays());
        if (restored == nullptr) return failed("restore() gives nothing");
        const Score before = metric_->compare(*a, *b);
        const Score after = metric_->compare(*restored, *b);
        if (!is_same(before, after))
            return failed(fmt::format("{}, but {} with the restored embedding", text_of(before), text_of(after)));
        return {};
    }

    Finding compares_batches() const {
        const std::size_t batch = metric_->pairs_per_batch();
        if (batch == 0) return failed("pairs_per_batch() is 0");
        std::vector<std::unique_ptr<Embedding>> embeddings;
        for (std::uint64_t i = 0; i <= std::min<std::size_t>(batch, 20); ++i)
            embeddings.push_back(metric_->prepare(system(i)));
        std::vector<EmbeddingPair> pairs;
        for (std::size_t i = 1; i < embeddings.size(); ++i) pairs.push_back({*embeddings[i - 1], *embeddings[i]});
        const std::vector<Score> together = metric_->compare_batch(pairs);
        if (together.size() != pairs.size())
            return failed(fmt::format("compare_batch() gives {} scores for {} pairs", together.size(), pairs.size()));
        for (std::size_t i = 0; i < pairs.size(); ++i) {
            const Score alone = metric_->compare(pairs[i].a, pairs[i].b);
            if (!is_same(alone, together[i]))
                return failed(
                    fmt::format("compare() gives {}, compare_batch() {}", text_of(alone), text_of(together[i])));
        }
        if (batch == 1) return {Verdict::noted, "not used: pairs are compared one by one"};
        return {Verdict::passed, fmt::format("{} pairs at once", batch)};
    }

    Finding weighs_trials() const {
        const Trajectories x = system(0);
        const auto trials = metric_->prepare_trials(x);
        if (trials == nullptr) return {Verdict::noted, "not used: trials are drawn and prepared anew"};
        const auto n = static_cast<std::size_t>(x.shape().trials);
        const std::vector<double> all(n, 1.0);
        std::vector<double> some(n, 0.0);
        std::vector<Eigen::Index> chosen;
        for (std::size_t k = 0; k < n; k += 2) {
            some[k] = 1;
            chosen.push_back(static_cast<Eigen::Index>(k));
        }
        const auto other = metric_->prepare(system(1));
        const auto angle_of = [&](const Embedding& embedding) { return metric_->compare(embedding, *other); };
        for (const auto& [name, weights, whole] :
             {std::tuple("all weights 1", all, x), std::tuple("weights 0 and 1", some, x.of_trials(chosen))}) {
            const Score from_sums = angle_of(*trials->embedding(weights));
            const Score from_data = angle_of(*metric_->prepare(whole));
            if (from_sums.status != from_data.status ||
                (from_sums.status == Status::ok && std::abs(from_sums.angle_rad - from_data.angle_rad) > rounding_rad))
                return failed(fmt::format("{}: {}, but prepare() of these trials gives {}", name, text_of(from_sums),
                                          text_of(from_data)));
        }
        // Trials in another order, with their weights.
        std::vector<Eigen::Index> reversed(n);
        std::iota(reversed.rbegin(), reversed.rend(), Eigen::Index{0});
        const auto in_other_order = metric_->prepare_trials(x.of_trials(reversed));
        std::ranges::reverse(some);
        const Score turned = angle_of(*in_other_order->embedding(some));
        std::ranges::reverse(some);
        const Score straight = angle_of(*trials->embedding(some));
        if (turned.status != straight.status ||
            (turned.status == Status::ok && std::abs(turned.angle_rad - straight.angle_rad) > rounding_rad))
            return failed(
                fmt::format("{}, but {} with the trials in another order", text_of(straight), text_of(turned)));
        return {};
    }

    Finding permutes_trials() const {
        const Trajectories x = system(0);
        std::vector<Eigen::Index> reversed(static_cast<std::size_t>(x.shape().trials));
        std::iota(reversed.rbegin(), reversed.rend(), Eigen::Index{0});
        std::vector<std::vector<Eigen::Index>> orders;
        // More than there are trials, for what such a metric makes once for all of them.
        while (orders.size() < 2 * reversed.size() + 2) {
            orders.push_back(reversed);
            std::ranges::rotate(reversed, reversed.begin() + 1);
        }
        const auto other = metric_->prepare(system(1));
        const std::vector<Score> permuted = metric_->compare_permuted(*other, *metric_->prepare(x), orders);
        if (permuted.empty()) return {Verdict::noted, "not used: permuted systems are prepared anew"};
        if (permuted.size() != orders.size())
            return failed(
                fmt::format("compare_permuted() gives {} scores for {} orders", permuted.size(), orders.size()));
        for (std::size_t i = 0; i < orders.size(); ++i) {
            const Score anew = metric_->compare(*other, *metric_->prepare(x.of_trials(orders[i])));
            if (anew.status != permuted[i].status ||
                (anew.status == Status::ok && std::abs(anew.angle_rad - permuted[i].angle_rad) > rounding_rad))
                return failed(
                    fmt::format("compare() gives {}, compare_permuted() {}", text_of(anew), text_of(permuted[i])));
        }
        return {};
    }

    Finding foretells() const {
        const Trajectories x = system(0);
        std::vector<bool> is_training(static_cast<std::size_t>(x.shape().trials), false);
        for (std::size_t k = 0; k < is_training.size(); k += 2) is_training[k] = true;
        const std::vector<Eigen::Index> ranks = {1, 2, 4};
        const Eigen::Index first_target = std::min<Eigen::Index>(x.shape().steps / 2, metric_->least_steps());
        const auto found = metric_->held_out(x, is_training, ranks, first_target);
        if (found.empty()) return {Verdict::noted, "not used: `repal tune` compares halves of systems instead"};
        if (found.size() != ranks.size())
            return failed(fmt::format("held_out() gives {} results for {} ranks", found.size(), ranks.size()));
        double best = -std::numeric_limits<double>::infinity();
        for (const auto& one : found) {
            if (!one) continue;
            if (!std::isfinite(one->gain) || !(one->residual >= 0))
                return failed(fmt::format("a gain of {} and a residual of {}", one->gain, one->residual));
            best = std::max(best, one->gain);
        }
        return {Verdict::passed, fmt::format("the gain is up to {:.3g}", best)};
    }

    Finding costs() const {
        std::vector<double> preparing;
        std::vector<double> comparing;
        for (std::uint64_t i = 0; i < n_tries; ++i) {
            const Trajectories a = system(2 * i);
            std::unique_ptr<Embedding> first;
            preparing.push_back(milliseconds_of([&] { first = metric_->prepare(a); }));
            const auto second = metric_->prepare(system(2 * i + 1));
            comparing.push_back(milliseconds_of([&] { metric_->compare(*first, *second); }));
        }
        return {Verdict::passed, fmt::format("{:.3g} ms a system ({}), {:.3g} ms a pair", median(preparing),
                                             to_string(usual), median(comparing))};
    }

 private:
    Trajectories system(std::uint64_t i) const { return random_system(stream_.child(i)); }
    Trajectories wide_system(std::uint64_t i, Eigen::Index channels) const {
        return random_system(stream_.child(i), {usual.trials, usual.steps, channels});
    }
    Score score(const Metric& metric, const Trajectories& a, const Trajectories& b) const {
        const auto first = metric.prepare(a);
        const auto second = metric.prepare(b);
        if (first == nullptr || second == nullptr) throw std::runtime_error("prepare() gives nothing");
        return metric.compare(*first, *second);
    }
    Score score(const Trajectories& a, const Trajectories& b) const { return score(*metric_, a, b); }

    const LoadedMetric& loaded_;
    OptionValues options_;
    std::unique_ptr<Metric> metric_;
    MetricInfo info_;  ///< with the options
    Stream stream_ = Stream(2).child("conformance");
};

}  // namespace

std::vector<Check> checks_of(const LoadedMetric& metric, const OptionValues& options) {
    const auto checks = std::make_shared<const MetricChecks>(metric, options);
    const auto check = [&](std::string name, Finding (MetricChecks::*run)() const) {
        return Check{std::move(name), [checks, run] { return (*checks.*run)(); }};
    };
    std::vector<Check> all = {
        check("describes itself", &MetricChecks::describes_itself),
        check("compares random systems", &MetricChecks::compares_random_systems),
        check("d(x, x) = 0", &MetricChecks::is_zero_of_itself),
        check("d(a, b) = d(b, a), to the bit", &MetricChecks::is_symmetric),
        check("odd input: a value or a cause", &MetricChecks::survives_odd_input),
    };
    for (const Invariance invariance : all_invariances)
        all.push_back({fmt::format("invariance: {}", to_string(invariance)),
                       [checks, invariance] { return checks->is_invariant(invariance); }});
    for (auto& last : {
             check("triangle inequality", &MetricChecks::has_triangle_inequality),
             check("same bits every time", &MetricChecks::is_deterministic),
             check(fmt::format("same bits in {} threads", n_threads), &MetricChecks::is_thread_safe),
             check("harmonise()", &MetricChecks::harmonises),
             check("ability: embeddings are kept", &MetricChecks::keeps_embeddings),
             check("ability: batches of pairs", &MetricChecks::compares_batches),
             check("ability: permuted trials", &MetricChecks::permutes_trials),
             check("ability: weighted trials", &MetricChecks::weighs_trials),
             check("ability: held-out prediction", &MetricChecks::foretells),
             check("cost", &MetricChecks::costs),
         })
        all.push_back(last);
    return all;
}

}  // namespace repal
