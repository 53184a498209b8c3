module;
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <numbers>
#include <numeric>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.calibration;

import repal.parallel;
import repal.sample_grid;

namespace repal {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;

/// Steps after which a trial is nearly independent of what it was: the first at which the autocorrelation of all
/// channels together is below 1/e; at most `most`.
Index autocorrelation_steps(const Trajectories& x, Index most) {
    RowMatrix values = x.trial(0);
    values.rowwise() -= values.colwise().mean().eval();
    values *= scale_into_range(values.cwiseAbs().maxCoeff());
    const double whole = values.squaredNorm();
    for (Index lag = 1; lag < most; ++lag) {
        const Index n = values.rows() - lag;
        if (values.topRows(n).cwiseProduct(values.bottomRows(n)).sum() < whole / std::numbers::e) return lag;
    }
    return most;
}

/// Whether means of trials are more like those of the next one than in 95 % of other orders.
bool drifts(const Trajectories& x) {
    constexpr Index least_trials = 5;
    const Index n = x.shape().trials;
    if (n < least_trials) return false;
    RowMatrix means(n, x.shape().channels);
    for (Index k = 0; k < n; ++k) means.row(k) = x.trial(k).colwise().mean();
    means.rowwise() -= means.colwise().mean().eval();
    means *= scale_into_range(means.cwiseAbs().maxCoeff());
    const MatrixXd products = means * means.transpose();
    const auto with_next = [&](const auto& trial_at) {
        double sum = 0;
        for (Index k = 0; k + 1 < n; ++k) sum += products(trial_at(k), trial_at(k + 1));
        return sum;
    };
    const double here = with_next([](Index k) { return k; });
    constexpr std::uint64_t orders = 199;
    std::uint64_t not_less = 1;
    for (std::uint64_t i = 0; i < orders; ++i) {
        const auto order = Stream(0).child("drift").child(i).permutation(static_cast<std::size_t>(n));
        const double there = with_next([&](Index k) { return static_cast<Index>(order[static_cast<std::size_t>(k)]); });
        if (there >= here) ++not_less;
    }
    constexpr std::uint64_t level = 20;
    return level * not_less <= orders + 1;
}

/// What a metric looks at of a system: trials that are left out, or in another order, are some of these.
Trajectories looked_at(const Trajectories& x, const MetricInfo& info) {
    const Shape& shape = x.shape();
    if ((info.most_samples == 0 && info.most_trials == 0) || !x.has_equal_steps()) return x;
    const bool is_of_steps = info.most_samples > 0;
    const std::vector<Index> rows =
        sample_grid(shape, is_of_steps ? shape.steps : 1, is_of_steps ? info.most_samples : info.most_trials);
    std::vector<Index> trials;
    std::vector<Index> steps;
    for (const Index row : rows) {
        if (trials.empty() || trials.back() != row / shape.steps) trials.push_back(row / shape.steps);
        if (trials.size() == 1) steps.push_back(row % shape.steps);
    }
    if (!is_of_steps) return std::ssize(trials) == shape.trials ? x : x.of_trials(trials);
    if (std::ssize(rows) == shape.trials * shape.steps) return x;
    RowMatrix values(std::ssize(rows), shape.channels);
    for (Index i = 0; i < values.rows(); ++i) values.row(i) = x.rows().row(rows[static_cast<std::size_t>(i)]);
    return Trajectories::from_rows(
        {.trials = std::ssize(trials), .steps = std::ssize(steps), .channels = shape.channels}, std::move(values));
}

/// Calibration of a metric that compares sample by sample: the same trials of all systems are drawn.
class OfSamples {
 public:
    OfSamples(const ChosenMetric& metric, const Part& part, const CalibrationOptions& options, const Stream& stream)
        : metric_(metric), part_(part), options_(options), stream_(stream) {}

    std::vector<PairCalibration> run(const std::vector<std::optional<double>>& angles, int jobs, Progress& progress) {
        std::vector<PairCalibration> found(part_.pairs.size());
        for (const NamedSystem& named : part_.systems)
            observed_.push_back(looked_at(named.system->observe({}).trajectories(), metric_.info));
        jackknife(found, angles, jobs, progress);
        permute(found, angles, jobs, progress);
        shift(found, angles, jobs, progress);
        if (options_.is_family_wise) permute_all(found, angles, jobs, progress);
        return found;
    }

 private:
    /// The systems with so many trials are those that can have values with each other.
    std::set<Index> numbers_of_trials() const {
        std::set<Index> numbers;
        for (const Trajectories& x : observed_) numbers.insert(x.shape().trials);
        return numbers;
    }

    PreparedSystem of_trials(std::size_t i, const std::vector<Index>& trials) const {
        return prepare(metric_, part_.systems[i].name, Observed(observed_[i].of_trials(trials)),
                       Unsuitable::has_no_value);
    }

    bool is_usable(std::size_t p, Index trials) const {
        return observed_[part_.pairs[p].a].shape().trials == trials &&
               observed_[part_.pairs[p].b].shape().trials == trials;
    }

    void jackknife(std::vector<PairCalibration>& found, const std::vector<std::optional<double>>& angles, int jobs,
                   Progress& progress) const {
        if (metric_.info.depends_on_size) {
            for (PairCalibration& pair : found)
                add_note(pair, "no interval: the value changes with the number of samples itself");
            return;
        }
        for (const Index trials : numbers_of_trials()) {
            if (trials < least_trials) {
                for (std::size_t p = 0; p < part_.pairs.size(); ++p)
                    if (is_usable(p, trials))
                        add_note(found[p], trials == 1 ? fmt::format("1 trial: intervals need {}", least_trials)
                                                       : fmt::format("{} trials: intervals and p_differ need {}",
                                                                     trials, least_trials));
                continue;
            }
            const auto groups = trial_groups(trials, options_.groups, "all systems", stream_.child("jackknife"));
            std::vector<std::vector<double>> left_out(part_.pairs.size());
            progress.begin(metric_.name + ": intervals", count_of(groups));
            for (std::size_t g = 0; g < count_of(groups); ++g) {
                std::vector<Index> kept;
                for (std::size_t k = 0; k < groups.size(); ++k)
                    if (groups[k] != g) kept.push_back(static_cast<Index>(k));
                std::vector<PreparedSystem> systems(part_.systems.size());
                for_each_index(systems.size(), jobs, [&](std::size_t i) {
                    if (observed_[i].shape().trials == trials) systems[i] = of_trials(i, kept);
                });
                for_each_index(part_.pairs.size(), jobs, [&](std::size_t p) {
                    progress.stop_if_requested();
                    if (!is_usable(p, trials) || !angles[p]) return;
                    if (const auto angle =
                            angle_between(*metric_.metric, systems[part_.pairs[p].a], systems[part_.pairs[p].b]))
                        left_out[p].push_back(*angle);
                });
                progress.advance();
            }
            progress.end();
            for (std::size_t p = 0; p < part_.pairs.size(); ++p) {
                if (!is_usable(p, trials) || !angles[p] || left_out[p].size() != count_of(groups)) continue;
                add_interval(found[p], *angles[p], std::span(&left_out[p], 1), options_.confidence,
                             metric_.info.largest_rad);
            }
        }
    }

    /// Orders of the trials of one of two systems: all, if they are few, the one that there is left out.
    std::vector<std::vector<Index>> orders_of(Index trials, std::size_t i) const {
        std::vector<Index> order(static_cast<std::size_t>(trials));
        std::iota(order.begin(), order.end(), Index{0});
        std::size_t all = 1;
        for (Index k = 2; k <= trials && all <= options_.permutations + 1; ++k) all *= static_cast<std::size_t>(k);
        std::vector<std::vector<Index>> orders;
        if (all <= options_.permutations + 1) {
            while (std::ranges::next_permutation(order).found) orders.push_back(order);
            return orders;
        }
        for (std::size_t k = 0; k < options_.permutations; ++k) {
            const auto drawn =
                stream_.child("permutations").child(part_.systems[i].key()).child(k).permutation(order.size());
            orders.emplace_back(drawn.begin(), drawn.end());
        }
        return orders;
    }

    std::size_t affordable_permutations(std::size_t i) const {
        constexpr double most_work = 1e11;  // multiplications for a pair
        const double work =
            static_cast<double>(observed_[i].rows().size()) * static_cast<double>(observed_[i].shape().channels);
        return static_cast<std::size_t>(std::max(99.0, most_work / work));
    }

    /// Angles of pairs of system i with its trials in each of the orders: (pair, order).
    std::vector<std::vector<double>> nulls_of(std::size_t i, const std::vector<std::size_t>& pairs,
                                              const std::vector<std::vector<Index>>& orders,
                                              const std::vector<PreparedSystem>& whole, int jobs,
                                              Progress& progress) const {
        std::vector<std::vector<double>> nulls(pairs.size());
        const auto other_of = [&](std::size_t p) -> const PreparedSystem& {
            return whole[part_.pairs[p].a == i ? part_.pairs[p].b : part_.pairs[p].a];
        };
        for_each_index(pairs.size(), jobs, [&](std::size_t place) {
            progress.stop_if_requested();
            nulls[place] = permuted_angles(*metric_.metric, other_of(pairs[place]), whole[i], orders);
        });
        if (std::ranges::none_of(nulls, &std::vector<double>::empty)) return nulls;
        // The metric cannot do it of the whole, so that each order is prepared, for all pairs.
        nulls.assign(pairs.size(), std::vector<double>(orders.size()));
        for_each_index(orders.size(), jobs, [&](std::size_t k) {
            progress.stop_if_requested();
            const PreparedSystem permuted = of_trials(i, orders[k]);
            for (std::size_t place = 0; place < pairs.size(); ++place)
                nulls[place][k] =
                    angle_between(*metric_.metric, other_of(pairs[place]), permuted).value_or(std::numbers::pi);
        });
        return nulls;
    }

    void permute(std::vector<PairCalibration>& found, const std::vector<std::optional<double>>& angles, int jobs,
                 Progress& progress) const {
        std::vector<PreparedSystem> whole(part_.systems.size());
        for_each_index(whole.size(), jobs, [&](std::size_t i) {
            whole[i] = prepare(metric_, part_.systems[i].name, Observed(observed_[i]), Unsuitable::has_no_value);
        });
        // Of two systems that whose key comes last is permuted, so that the order of files changes nothing.
        std::vector<std::vector<std::size_t>> pairs_of(part_.systems.size());
        for (std::size_t p = 0; p < part_.pairs.size(); ++p) {
            if (!angles[p]) continue;
            const auto [a, b] = std::pair(part_.pairs[p].a, part_.pairs[p].b);
            if (observed_[a].shape().trials > 1)
                pairs_of[part_.systems[a].key() < part_.systems[b].key() ? b : a].push_back(p);
        }
        std::vector<char> has_drift(observed_.size());
        for_each_index(has_drift.size(), jobs, [&](std::size_t i) { has_drift[i] = drifts(observed_[i]) ? 1 : 0; });
        progress.begin(metric_.name + ": trials permuted", part_.systems.size());
        for (std::size_t i = 0; i < part_.systems.size(); ++i) {
            if (!pairs_of[i].empty()) {
                const std::size_t wanted = options_.permutations;
                std::vector<std::vector<Index>> orders = orders_of(observed_[i].shape().trials, i);
                const bool is_exact = orders.size() < wanted;
                if (!is_exact) orders.resize(std::min(orders.size(), affordable_permutations(i)));
                const std::vector<std::vector<double>> nulls = nulls_of(i, pairs_of[i], orders, whole, jobs, progress);
                for (std::size_t place = 0; place < pairs_of[i].size(); ++place) {
                    const std::size_t p = pairs_of[i][place];
                    std::vector<double> all = {*angles[p]};
                    all.insert(all.end(), nulls[place].begin(), nulls[place].end());
                    add_relation(found[p], all, orders.size() < wanted && !is_exact);
                    if (has_drift[part_.pairs[p].a] != 0 && has_drift[part_.pairs[p].b] != 0)
                        add_note(found[p],
                                 "trials of both are like those before them: if they drift, p_relate is too small");
                }
            }
            progress.advance();
        }
        progress.end();
    }

    /// Each draw permutes the trials of every system once, the same for all its pairs, so that the largest of all pairs
    /// has a distribution: similarities in units of the spread of their own nulls. Source: Westfall and Young 1993.
    void permute_all(std::vector<PairCalibration>& found, const std::vector<std::optional<double>>& angles, int jobs,
                     Progress& progress) const {
        std::size_t draws = options_.permutations;
        for (std::size_t i = 0; i < observed_.size(); ++i) draws = std::min(draws, affordable_permutations(i));
        std::vector<std::size_t> pairs;
        for (std::size_t p = 0; p < part_.pairs.size(); ++p)
            if (angles[p] && observed_[part_.pairs[p].a].shape().trials > 1) pairs.push_back(p);
        std::vector<std::vector<double>> similarities(draws);  // of these pairs
        progress.begin(metric_.name + ": trials of all permuted", draws);
        for_each_index(draws, jobs, [&](std::size_t k) {
            progress.stop_if_requested();
            std::vector<PreparedSystem> permuted(part_.systems.size());
            for (std::size_t i = 0; i < permuted.size(); ++i) {
                const auto order = stream_.child("permutations of all")
                                       .child(part_.systems[i].key())
                                       .child(k)
                                       .permutation(static_cast<std::size_t>(observed_[i].shape().trials));
                permuted[i] = of_trials(i, {order.begin(), order.end()});
            }
            for (const std::size_t p : pairs)
                similarities[k].push_back(
                    std::cos(angle_between(*metric_.metric, permuted[part_.pairs[p].a], permuted[part_.pairs[p].b])
                                 .value_or(std::numbers::pi)));
            progress.advance();
        });
        progress.end();
        std::vector<double> largest(draws, -std::numeric_limits<double>::infinity());
        std::vector<double> observed(pairs.size(), std::numeric_limits<double>::quiet_NaN());
        for (std::size_t place = 0; place < pairs.size(); ++place) {
            std::vector<double> nulls;
            for (const auto& of_draw : similarities) nulls.push_back(of_draw[place]);
            const double centre = mean(nulls);
            const double spread = standard_error(nulls) * std::sqrt(static_cast<double>(draws));
            if (!(spread > 0)) continue;
            // Rounding of another order of the same trials is no difference.
            observed[place] = (std::cos(*angles[pairs[place]]) - centre) / spread - 1e-9;
            for (std::size_t k = 0; k < draws; ++k) largest[k] = std::max(largest[k], (nulls[k] - centre) / spread);
        }
        for (std::size_t place = 0; place < pairs.size(); ++place) {
            if (!std::isfinite(observed[place])) continue;
            const auto reached = std::ranges::count_if(largest, [&](double value) { return value >= observed[place]; });
            const double p = static_cast<double>(reached + 1) / static_cast<double>(draws + 1);
            // Other draws than those of p_relate, below which none of all pairs can be.
            found[pairs[place]].p_relate_adjusted = std::max(p, found[pairs[place]].p_relate.value_or(0));
        }
    }

    /// Systems of one trial: the middle half of one, against stretches of the other that are as long, at lags one
    /// autocorrelation time apart. Nothing that both share locked in time is at a lag. Source: Harris 2020.
    void shift(std::vector<PairCalibration>& found, const std::vector<std::optional<double>>& angles, int jobs,
               Progress& progress) const {
        for_each_index(part_.pairs.size(), jobs, [&](std::size_t p) {
            progress.stop_if_requested();
            if (!angles[p] || !is_usable(p, 1)) return;
            // Of two systems that whose key comes last is shifted, so that the order of files changes nothing.
            std::size_t stays = part_.pairs[p].a;
            std::size_t moves = part_.pairs[p].b;
            if (part_.systems[moves].key() < part_.systems[stays].key()) std::swap(stays, moves);
            const Index most = observed_[stays].steps(0) / 4;
            const Index apart = std::max({Index{1}, autocorrelation_steps(observed_[stays], most),
                                          autocorrelation_steps(observed_[moves], most)});
            const auto middle_at = [&](std::size_t i, Index lag) {
                const std::vector<RowMatrix> middle = {
                    observed_[i].trial(0).middleRows(most + lag, observed_[i].steps(0) - 2 * most)};
                return prepare(metric_, part_.systems[i].name,
                               Observed(Trajectories::from_trials(middle).with_dt(observed_[i].dt())),
                               Unsuitable::has_no_value);
            };
            const PreparedSystem still = middle_at(stays, 0);
            std::vector<double> all;
            for (Index lag = 0; lag <= most; lag += apart)
                for (const Index side : {-1, 1}) {
                    if (lag == 0 && side > 0) continue;
                    const auto angle = angle_between(*metric_.metric, still, middle_at(moves, side * lag));
                    if (!angle) return;
                    all.push_back(*angle);
                }
            const std::size_t lags = all.size();
            constexpr std::size_t enough = 5;
            if (lags < enough) {
                add_note(found[p], fmt::format("one trial of {} steps that are correlated over {}: too short for a p",
                                               observed_[stays].steps(0), apart));
                return;
            }
            add_relation(found[p], std::move(all), false);
            add_note(found[p], fmt::format("p by shifts of one trial, every {} steps: approximate", apart));
        });
    }

    /// `all`: the angle, and those of the null. Source: Phipson and Smyth 2010; Groeger et al. 2026 (the threshold).
    void add_relation(PairCalibration& pair, std::vector<double> all, bool has_fewer) const {
        // Rounding of another order of the same trials is no difference.
        const double reached = all.front() * (1 + 1e-12);
        const auto n = static_cast<double>(all.size());
        pair.p_relate = static_cast<double>(std::ranges::count_if(all, [&](double a) { return a <= reached; })) / n;
        pair.null_rad = null_quantiles({all.begin() + 1, all.end()});
        std::ranges::sort(all);
        const auto place = static_cast<std::size_t>(n - std::ceil(options_.confidence * n - 1e-9));
        pair.chance_rad = all[std::min(place, all.size() - 1)];
        if (has_fewer)
            add_note(pair, fmt::format("{} permutations, since these data are large", all.size() - 1));
        else if (n < 100)
            add_note(pair, fmt::format("{} orders in all: p is at least {:.2g}", all.size(), 1 / n));
    }

    const ChosenMetric& metric_;
    const Part& part_;
    const CalibrationOptions& options_;
    Stream stream_;
    std::vector<Trajectories> observed_;
};

}  // namespace

std::vector<PairCalibration> calibrate_samples(const ChosenMetric& metric, const Part& part,
                                               const std::vector<std::optional<double>>& angles,
                                               const CalibrationOptions& options, const Stream& stream, int jobs,
                                               Progress& progress) {
    return OfSamples(metric, part, options, stream).run(angles, jobs, progress);
}

}  // namespace repal
