module;
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <numbers>
#include <numeric>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"
module repal.calibration;

import repal.inference;
import repal.parallel;

namespace repal {
namespace {

using Eigen::Index;

constexpr Index least_trials = 4;  // for intervals and p

double square(double x) {
    return x * x;
}

/// Which group each trial is in, groups as equal as they can be.
std::vector<std::size_t> groups_of(Index trials, std::size_t n_groups, const std::string& system,
                                   const Stream& stream) {
    const auto n = static_cast<std::size_t>(trials);
    const std::vector<std::size_t> order = stream.child(system).permutation(n);
    std::vector<std::size_t> group(n);
    for (std::size_t i = 0; i < n; ++i) group[order[i]] = i % std::min(n, n_groups);
    return group;
}

std::size_t count_of(const std::vector<std::size_t>& groups) {
    return groups.empty() ? 0 : 1 + std::ranges::max(groups);
}

/// Weight 1 for all trials but those of a group.
TrialWeights without(const std::vector<std::size_t>& groups, std::size_t left_out) {
    TrialWeights weights;
    for (const std::size_t group : groups) weights.push_back(group == left_out ? 0 : 1);
    return weights;
}

TrialWeights all_of(Index trials) {
    return TrialWeights(static_cast<std::size_t>(trials), 1.0);
}

/// As many trials as there are, drawn with replacement.
TrialWeights bootstrap_of(Index trials, Stream stream) {
    TrialWeights weights(static_cast<std::size_t>(trials), 0.0);
    for (Index i = 0; i < trials; ++i) ++weights[stream.below(static_cast<std::uint64_t>(trials))];
    return weights;
}

/// A jackknife of one sample: sums that give bias and variance of the square and of the value.
struct LeftOut {
    std::vector<double> angles;

    double n() const { return static_cast<double>(angles.size()); }
    double bias_of_square(double whole) const {
        double mean = 0;
        for (const double angle : angles) mean += square(angle) / n();
        return (n() - 1) * (mean - square(whole));
    }
    double variance() const {
        const double mean = std::accumulate(angles.begin(), angles.end(), 0.0) / n();
        double sum = 0;
        for (const double angle : angles) sum += square(angle - mean);
        return (n() - 1) / n() * sum;
    }
};

/// Source: Efron and Tibshirani 1993, chapter 11; of squares, since noise adds to those.
void add_interval(PairCalibration& pair, double whole, std::span<const LeftOut> samples, double confidence,
                  double largest) {
    double corrected = square(whole);
    double variance = 0;
    double freedom = 0;
    for (const LeftOut& sample : samples) {
        if (sample.angles.size() < 2) return;
        corrected -= sample.bias_of_square(whole);
        variance += sample.variance();
        freedom += sample.n() - 1;
    }
    const double angle = std::sqrt(std::max(corrected, 0.0));
    const double width = quantile(boost::math::students_t(freedom), (1 + confidence) / 2) * std::sqrt(variance);
    pair.corrected_rad = std::min(angle, largest);
    pair.low_rad = std::clamp(angle - width, 0.0, largest);
    pair.high_rad = std::clamp(angle + width, 0.0, largest);
}

/// The trials that are drawn of a system: its own, or blocks of its only one.
struct Units {
    Trajectories x;
    std::string text;
    bool are_enough;
};

Units units_of(const Trajectories& x, Index window) {
    if (x.shape().trials > 1) return {x, fmt::format("{} trials", x.shape().trials), x.shape().trials >= least_trials};
    constexpr Index least_blocks = 8;
    const Index steps = std::max<Index>(50, 5 * window);
    const Index n = x.steps(0) / steps;
    if (n < least_blocks) return {x, "1 trial", false};
    std::vector<RowMatrix> blocks;
    for (Index i = 0; i < n; ++i) blocks.emplace_back(x.trial(0).middleRows(i * steps, steps));
    return {Trajectories::from_trials(blocks).with_dt(x.dt()),
            fmt::format("{} blocks of {} steps of one trial", n, steps), true};
}

/// Embeddings of weightings of one system, all at once, on all threads.
std::vector<PreparedSystem> embeddings_of(const ResampledSystem& system, const std::vector<TrialWeights>& weights) {
    std::vector<PreparedSystem> all;
    for (const TrialWeights& some : weights) all.push_back(system.embedding(some));
    return all;
}

void add_note(PairCalibration& pair, const std::string& note) {
    pair.note += (pair.note.empty() ? "" : "; ") + note;
}

double rms(const std::vector<double>& values) {
    double sum = 0;
    for (const double value : values) sum += square(value);
    return std::sqrt(sum / static_cast<double>(values.size()));
}

/// Calibration of a metric that draws the trials of each system on its own.
class OfDynamics {
 public:
    OfDynamics(const ChosenMetric& metric, const Part& part, const CalibrationOptions& options, const Stream& stream)
        : metric_(metric), part_(part), options_(options), stream_(stream) {}

    Calibration run(const std::vector<std::optional<double>>& angles, int jobs, Progress& progress) {
        const std::size_t n = part_.systems.size();
        found_.systems.resize(n);
        found_.pairs.resize(part_.pairs.size());
        left_out_.resize(n);
        whole_.resize(n);
        nulls_.resize(n);
        is_ready_.assign(n, false);
        progress.begin(metric_.name + ": noise floors", n);
        for_each_index(n, jobs, [&](std::size_t i) {
            progress.stop_if_requested();
            of_system(i);
            progress.advance();
        });
        progress.end();
        progress.begin(metric_.name + ": intervals", part_.pairs.size());
        for_each_index(part_.pairs.size(), jobs, [&](std::size_t p) {
            progress.stop_if_requested();
            of_pair(p, angles[p]);
            progress.advance();
        });
        progress.end();
        for (std::size_t i = 0; i < n; ++i) {
            constexpr double least_exponent = 0.25;
            if (const auto exponent = found_.systems[i].exponent; exponent && *exponent < least_exponent)
                found_.warnings.push_back(fmt::format(
                    "{}: the noise floor does not fall with more trials (exponent {:.2f}, expected 0.5): the rank is "
                    "too high, or the system has several regimes",
                    part_.systems[i].name, *exponent));
        }
        return std::move(found_);
    }

 private:
    std::optional<double> angle(const PreparedSystem& a, const PreparedSystem& b) const {
        return angle_between(*metric_.metric, a, b);
    }

    /// Angles between disjoint parts of a system, each a share of its trials.
    std::vector<double> angles_of_parts(const ResampledSystem& system, Index share, const Stream& stream) const {
        std::vector<double> angles;
        const auto n = static_cast<std::size_t>(system.trials());
        const std::size_t size = n / static_cast<std::size_t>(share);
        for (std::size_t split = 0; split < options_.splits; ++split) {
            const auto order = stream.child(system.name()).child(split).permutation(n);
            std::array<TrialWeights, 2> parts = {TrialWeights(n, 0.0), TrialWeights(n, 0.0)};
            for (std::size_t i = 0; i < size; ++i) {
                parts[0][order[i]] = 1;
                parts[1][order[size + i]] = 1;
            }
            if (const auto found = angle(system.embedding(parts[0]), system.embedding(parts[1])))
                angles.push_back(*found);
        }
        return angles;
    }

    void of_system(std::size_t i) {
        const NamedSystem& named = part_.systems[i];
        SystemCalibration& found = found_.systems[i];
        try {
            const Trajectories observed = named.system->observe({}).trajectories();
            const Index window = metric_.metric->least_steps() - 2;
            const Units units = units_of(observed, window);
            found.units = units.text;
            if (!units.are_enough) return;
            const ResampledSystem system(metric_, named.name, units.x);
            const auto k = static_cast<double>(system.trials());
            const double half = std::floor(k / 2);
            const std::vector<double> halves = angles_of_parts(system, 2, stream_.child("halves"));
            if (!halves.empty()) found.floor_rad = rms(halves) * std::sqrt(half / k);
            if (system.trials() >= 8) {
                const std::vector<double> quarters = angles_of_parts(system, 4, stream_.child("quarters"));
                if (!quarters.empty() && !halves.empty() && rms(halves) > 0)
                    found.exponent = std::log2(rms(quarters) / rms(halves));
            }
            add_channel_floor(i, units.x);
            const auto groups = groups_of(system.trials(), options_.groups, system.name(), stream_.child("jackknife"));
            std::vector<TrialWeights> weightings = {all_of(system.trials())};
            for (std::size_t g = 0; g < count_of(groups); ++g) weightings.push_back(without(groups, g));
            left_out_[i] = embeddings_of(system, weightings);
            whole_[i] = std::move(left_out_[i].front());
            left_out_[i].erase(left_out_[i].begin());
            for (std::size_t draw = 0; draw < options_.resamples / 2; ++draw) {
                const Stream draws = stream_.child("null").child(system.name()).child(draw);
                const auto first = system.embedding(bootstrap_of(system.trials(), draws.child("first")));
                const auto second = system.embedding(bootstrap_of(system.trials(), draws.child("second")));
                if (const auto null = angle(first, second)) nulls_[i].push_back(*null);
            }
            is_ready_[i] = true;
        } catch (const InputError&) {
            // The pairs of this system have no value, and say why.
        }
    }

    /// Halves of channels and of trials together, of systems wide enough.
    void add_channel_floor(std::size_t i, const Trajectories& x) {
        constexpr Index least_channels = 8;
        const Index channels = x.shape().channels;
        if (!has(metric_.invariances, Invariance::orthogonal) || channels < least_channels) return;
        std::vector<double> angles;
        const std::string& name = part_.systems[i].name;
        for (std::size_t split = 0; split < options_.splits; ++split) {
            const Stream draws = stream_.child("channels").child(name).child(split);
            const auto order = Stream(draws.child("channels")).permutation(static_cast<std::size_t>(channels));
            const auto [first, second] = halves_of(x.shape().trials, name, draws);
            std::array<PreparedSystem, 2> parts;
            for (const std::size_t side : {0U, 1U}) {
                RowMatrix rows(x.rows().rows(), channels / 2);
                for (Index c = 0; c < channels / 2; ++c)
                    rows.col(c) = x.rows().col(static_cast<Index>(
                        order[side * static_cast<std::size_t>(channels / 2) + static_cast<std::size_t>(c)]));
                const TrialWeights& weights = side == 0 ? first : second;
                std::vector<Index> chosen;
                for (std::size_t k = 0; k < weights.size(); ++k)
                    if (weights[k] > 0) chosen.push_back(static_cast<Index>(k));
                parts[side] =
                    prepare(metric_, name, Observed(x.with_rows(rows).of_trials(chosen)), Unsuitable::has_no_value);
            }
            if (const auto found = angle(parts[0], parts[1])) angles.push_back(*found);
        }
        if (!angles.empty()) found_.systems[i].floor_channels_rad = rms(angles) / std::numbers::sqrt2;
    }

    void of_pair(std::size_t p, const std::optional<double>& whole) {
        const auto [i, j] = std::pair(part_.pairs[p].a, part_.pairs[p].b);
        PairCalibration& pair = found_.pairs[p];
        const auto of_both = [&](auto SystemCalibration::* member) -> std::optional<double> {
            const auto& a = found_.systems[i].*member;
            const auto& b = found_.systems[j].*member;
            if (!a || !b) return {};
            return std::sqrt((square(*a) + square(*b)) / 2);
        };
        pair.floor_rad = of_both(&SystemCalibration::floor_rad);
        pair.floor_channels_rad = of_both(&SystemCalibration::floor_channels_rad);
        if (!is_ready_[i] || !is_ready_[j]) {
            const std::size_t poor = is_ready_[i] ? j : i;
            pair.note =
                fmt::format("{} has {}: intervals and p need {} trials", part_.systems[poor].name,
                            found_.systems[poor].units.empty() ? "no value" : found_.systems[poor].units, least_trials);
            return;
        }
        if (!whole) return;
        const auto reference = angle(whole_[i], whole_[j]);
        if (!reference) return;
        std::array<LeftOut, 2> samples;
        bool is_complete = true;
        for (const PreparedSystem& part : left_out_[i])
            if (const auto found = angle(part, whole_[j]))
                samples[0].angles.push_back(*found);
            else
                is_complete = false;
        for (const PreparedSystem& part : left_out_[j])
            if (const auto found = angle(whole_[i], part))
                samples[1].angles.push_back(*found);
            else
                is_complete = false;
        if (is_complete)
            add_interval(pair, *reference, samples, options_.confidence, std::numbers::pi);
        else
            pair.note = "without some trials the pair has no value, so that there is no interval";
        std::size_t as_large = 0;
        std::size_t n = 0;
        for (const std::size_t system : {i, j})
            for (const double null : nulls_[system]) {
                ++n;
                if (null >= *reference) ++as_large;
            }
        if (n == 2 * (options_.resamples / 2))
            pair.p_differ = static_cast<double>(as_large + 1) / static_cast<double>(n + 1);
    }

    const ChosenMetric& metric_;
    const Part& part_;
    const CalibrationOptions& options_;
    Stream stream_;
    Calibration found_;
    std::vector<std::vector<PreparedSystem>> left_out_;
    std::vector<PreparedSystem> whole_;
    std::vector<std::vector<double>> nulls_;
    std::vector<char> is_ready_;
};

/// Calibration of a metric that compares sample by sample: the same trials of all systems are drawn.
class OfSamples {
 public:
    OfSamples(const ChosenMetric& metric, const Part& part, const CalibrationOptions& options, const Stream& stream)
        : metric_(metric), part_(part), options_(options), stream_(stream) {}

    Calibration run(const std::vector<std::optional<double>>& angles, int jobs, Progress& progress) {
        Calibration found;
        found.systems.resize(part_.systems.size());
        found.pairs.resize(part_.pairs.size());
        for (std::size_t i = 0; i < part_.systems.size(); ++i) {
            observed_.push_back(part_.systems[i].system->observe({}).trajectories());
            found.systems[i].units = fmt::format("{} trials", observed_.back().shape().trials);
        }
        jackknife(found, angles, jobs, progress);
        permute(found, angles, jobs, progress);
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

    void jackknife(Calibration& found, const std::vector<std::optional<double>>& angles, int jobs,
                   Progress& progress) const {
        for (const Index trials : numbers_of_trials()) {
            if (trials < least_trials) {
                for (std::size_t p = 0; p < part_.pairs.size(); ++p)
                    if (is_usable(p, trials))
                        found.pairs[p].note = fmt::format("{} trials: intervals and p need {}", trials, least_trials);
                continue;
            }
            const auto groups = groups_of(trials, options_.groups, "all systems", stream_.child("jackknife"));
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
                const std::array samples = {LeftOut{left_out[p]}};
                add_interval(found.pairs[p], *angles[p], samples, options_.confidence, std::numbers::pi);
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
                stream_.child("permutations").child(part_.systems[i].name).child(k).permutation(order.size());
            orders.emplace_back(drawn.begin(), drawn.end());
        }
        return orders;
    }

    void permute(Calibration& found, const std::vector<std::optional<double>>& angles, int jobs,
                 Progress& progress) const {
        std::vector<PreparedSystem> whole(part_.systems.size());
        for_each_index(whole.size(), jobs, [&](std::size_t i) {
            whole[i] = prepare(metric_, part_.systems[i].name, Observed(observed_[i]), Unsuitable::has_no_value);
        });
        // Of two systems that whose name comes last is permuted, so that the order of files changes nothing.
        std::vector<std::vector<std::size_t>> pairs_of(part_.systems.size());
        for (std::size_t p = 0; p < part_.pairs.size(); ++p) {
            if (!angles[p]) continue;
            const auto [a, b] = std::pair(part_.pairs[p].a, part_.pairs[p].b);
            if (observed_[a].shape().trials > 1)
                pairs_of[part_.systems[a].name < part_.systems[b].name ? b : a].push_back(p);
        }
        progress.begin(metric_.name + ": trials permuted", part_.systems.size());
        for (std::size_t i = 0; i < part_.systems.size(); ++i) {
            if (!pairs_of[i].empty()) {
                const std::size_t wanted = options_.permutations;
                std::vector<std::vector<Index>> orders = orders_of(observed_[i].shape().trials, i);
                const bool is_exact = orders.size() < wanted;
                const double work = static_cast<double>(observed_[i].rows().size()) *
                                    static_cast<double>(observed_[i].shape().channels);
                constexpr double most_work = 1e11;  // multiplications for a pair
                const auto affordable = static_cast<std::size_t>(std::max(99.0, most_work / work));
                if (!is_exact && orders.size() > affordable) orders.resize(affordable);
                std::vector<std::vector<double>> nulls(orders.size());
                for_each_index(orders.size(), jobs, [&](std::size_t k) {
                    progress.stop_if_requested();
                    const PreparedSystem permuted = of_trials(i, orders[k]);
                    for (const std::size_t p : pairs_of[i]) {
                        const std::size_t other = part_.pairs[p].a == i ? part_.pairs[p].b : part_.pairs[p].a;
                        nulls[k].push_back(
                            angle_between(*metric_.metric, whole[other], permuted).value_or(std::numbers::pi));
                    }
                });
                for (std::size_t place = 0; place < pairs_of[i].size(); ++place) {
                    const std::size_t p = pairs_of[i][place];
                    std::vector<double> all = {*angles[p]};
                    for (const auto& of_order : nulls) all.push_back(of_order[place]);
                    add_relation(found.pairs[p], all, orders.size() < wanted && !is_exact);
                }
            }
            progress.advance();
        }
        progress.end();
    }

    /// `all`: the angle, and those of the null. Source: Phipson and Smyth 2010; Groeger et al. 2026 (the threshold).
    void add_relation(PairCalibration& pair, std::vector<double> all, bool has_fewer) const {
        // Rounding of another order of the same trials is no difference.
        const double reached = all.front() * (1 + 1e-12);
        const auto n = static_cast<double>(all.size());
        pair.p_relate = static_cast<double>(std::ranges::count_if(all, [&](double a) { return a <= reached; })) / n;
        std::ranges::sort(all);
        const auto place = static_cast<std::size_t>(n - std::ceil(options_.confidence * n - 1e-9));
        pair.chance_rad = all[std::min(place, all.size() - 1)];
        if (has_fewer)
            add_note(pair, fmt::format("{} permutations, since these data are large", all.size() - 1));
        else if (n < 100)
            add_note(pair, fmt::format("{} orders of the trials in all: p is at least {:.2g}", all.size(), 1 / n));
    }

    const ChosenMetric& metric_;
    const Part& part_;
    const CalibrationOptions& options_;
    Stream stream_;
    std::vector<Trajectories> observed_;
};

void adjust(std::vector<PairCalibration>& pairs, std::optional<double> PairCalibration::* p,
            std::optional<double> PairCalibration::* adjusted) {
    std::vector<double> values;
    for (const PairCalibration& pair : pairs)
        if (pair.*p) values.push_back(*(pair.*p));
    const std::vector<double> after = benjamini_hochberg(values);
    std::size_t next = 0;
    for (PairCalibration& pair : pairs)
        if (pair.*p) pair.*adjusted = after[next++];
}

}  // namespace

std::span<const CalibrationColumn> calibration_columns() {
    static constexpr std::array columns = {
        CalibrationColumn{"corrected_rad", &PairCalibration::corrected_rad},
        CalibrationColumn{"low_rad", &PairCalibration::low_rad},
        CalibrationColumn{"high_rad", &PairCalibration::high_rad},
        CalibrationColumn{"floor_rad", &PairCalibration::floor_rad},
        CalibrationColumn{"floor_channels_rad", &PairCalibration::floor_channels_rad},
        CalibrationColumn{"p_differ", &PairCalibration::p_differ},
        CalibrationColumn{"p_differ_adjusted", &PairCalibration::p_differ_adjusted},
        CalibrationColumn{"chance_rad", &PairCalibration::chance_rad},
        CalibrationColumn{"p_relate", &PairCalibration::p_relate},
        CalibrationColumn{"p_relate_adjusted", &PairCalibration::p_relate_adjusted}};
    return columns;
}

Calibration calibrate(const ChosenMetric& metric, const Part& part, const std::vector<std::optional<double>>& angles,
                      const CalibrationOptions& options, const Stream& stream, int jobs, Progress& progress) {
    Calibration found = metric.compares_samples()
                            ? OfSamples(metric, part, options, stream).run(angles, jobs, progress)
                            : OfDynamics(metric, part, options, stream).run(angles, jobs, progress);
    adjust(found.pairs, &PairCalibration::p_differ, &PairCalibration::p_differ_adjusted);
    adjust(found.pairs, &PairCalibration::p_relate, &PairCalibration::p_relate_adjusted);
    return found;
}

}  // namespace repal
