/// Whether chosen settings order systems that are known, and whether p is what it says: by simulation.
#include <gtest/gtest.h>

#include <Eigen/QR>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"

import repal.calibration;
import repal.comparison;
import repal.config;
import repal.progress;
import repal.random;
import repal.registry;
import repal.tuning;

namespace {

using Eigen::Index;
using repal::RowMatrix;
using repal::Stream;
using repal::Trajectories;

const repal::Registry& registry() {
    static const repal::Registry loaded =
        repal::Registry::load(std::array{std::filesystem::path(REPAL_PLUGIN_DIRECTORY)});
    return loaded;
}

repal::ChosenMetric metric_named(const std::string& name, const std::vector<std::string>& overrides = {}) {
    return repal::choose_metric(name, registry(), repal::Config::from_overrides(overrides));
}

struct Size {
    Index trials = 10;
    Index steps = 200;
    Index channels = 8;
};

Eigen::MatrixXd normal_matrix(Index rows, Index columns, Stream stream) {
    Eigen::MatrixXd x(rows, columns);
    for (double& value : x.reshaped()) value = stream.normal();
    return x;
}

/// States of every trial, seen through random channels with noise. `begin` gives the first state of a trial, `next` the
/// one that follows.
Trajectories observed(const Size& size, double noise, const Stream& stream,
                      const std::function<Eigen::VectorXd(Stream&)>& begin,
                      const std::function<Eigen::VectorXd(const Eigen::VectorXd&, Stream&)>& next) {
    Stream draws = stream.child("trials");
    Eigen::VectorXd state = begin(draws);
    const Eigen::MatrixXd readout = normal_matrix(state.size(), size.channels, stream.child("channels"));
    RowMatrix rows(size.trials * size.steps, size.channels);
    for (Index trial = 0; trial < size.trials; ++trial) {
        state = begin(draws);
        for (Index step = 0; step < size.steps; ++step) {
            auto row = rows.row(trial * size.steps + step);
            row = state.transpose() * readout;
            for (double& value : row) value += noise * draws.normal();
            state = next(state, draws);
        }
    }
    return Trajectories::from_rows({size.trials, size.steps, size.channels}, std::move(rows));
}

/// A rotation of random phase by `speed` rad/s at steps of 0.05 s, whose radius falls by `decay` a second.
Trajectories rotation(double speed, double decay, const Size& size, double noise, const Stream& stream) {
    const double angle = 0.05 * speed;
    Eigen::Matrix2d turn;
    turn << std::cos(angle), -std::sin(angle), std::sin(angle), std::cos(angle);
    turn *= std::exp(-0.05 * decay);
    return observed(
        size, noise, stream,
        [](Stream& draws) -> Eigen::VectorXd {
            const double phase = 6.283185307179586 * draws.uniform();
            return Eigen::Vector2d(std::cos(phase), std::sin(phase));
        },
        [&](const Eigen::VectorXd& x, Stream&) -> Eigen::VectorXd { return turn * x; });
}

/// Three damped modes driven by noise, `mixed` of the way from one set of them to another.
Trajectories driven(double mixed, const Size& size, double noise, const Stream& stream) {
    Eigen::MatrixXd a = Eigen::MatrixXd::Zero(6, 6);
    for (Index mode = 0; mode < 3; ++mode) {
        const double from = std::array{0.1, 0.35, 0.7}[static_cast<std::size_t>(mode)];
        const double to = std::array{0.25, 0.5, 1.1}[static_cast<std::size_t>(mode)];
        const double angle = (1 - mixed) * from + mixed * to;
        Eigen::Matrix2d turn;
        turn << std::cos(angle), -std::sin(angle), std::sin(angle), std::cos(angle);
        a.block<2, 2>(2 * mode, 2 * mode) = 0.95 * turn;
    }
    const auto draw = [](Stream& draws) -> Eigen::VectorXd {
        Eigen::VectorXd x(6);
        for (double& value : x) value = draws.normal();
        return x;
    };
    return observed(size, noise, stream, draw, [&](const Eigen::VectorXd& x, Stream& draws) -> Eigen::VectorXd {
        return a * x + 0.3 * draw(draws);
    });
}

repal::Part part_of(const std::vector<Trajectories>& systems) {
    repal::Part part{.name = "known"};
    for (std::size_t i = 0; i < systems.size(); ++i) {
        const std::string name = "system " + std::to_string(i);
        part.systems.push_back({name, repal::given(name, systems[i])});
    }
    for (std::size_t a = 0; a < systems.size(); ++a)
        for (std::size_t b = a + 1; b < systems.size(); ++b) part.pairs.push_back({a, b, {}, {}});
    return part;
}

repal::Tuning tuned(const repal::ChosenMetric& metric, const repal::Part& part) {
    repal::Progress silent;
    return tune(metric, part.systems, default_axes(metric), Stream(0).child("tuning"), 2, silent);
}

std::vector<std::optional<double>> angles_of(const repal::ChosenMetric& metric, const repal::Part& part) {
    repal::Progress silent;
    repal::PreparedSystems prepared({}, 0);
    std::vector<std::optional<double>> angles;
    for (const repal::PairResult& result : compare_all(metric, part, prepared, 2, silent))
        angles.push_back(result.score.status == repal::Status::ok ? std::optional(result.score.angle_rad)
                                                                  : std::nullopt);
    return angles;
}

/// Two systems that are equal: the halves of one recording, through the same channels.
repal::Part two_recordings(const Trajectories& both) {
    const Index half = both.shape().trials / 2;
    std::vector<Index> first;
    std::vector<Index> second;
    for (Index k = 0; k < half; ++k) {
        first.push_back(k);
        second.push_back(half + k);
    }
    return part_of({both.of_trials(first), both.of_trials(second)});
}

/// Kendall's tau-b.
double rank_correlation(const std::vector<double>& x, const std::vector<double>& y) {
    double agreement = 0;
    double of_x = 0;
    double of_y = 0;
    const auto sign = [](double value) { return (value > 1e-9) - (value < -1e-9); };
    for (std::size_t i = 0; i < x.size(); ++i)
        for (std::size_t j = i + 1; j < x.size(); ++j) {
            const int a = sign(x[i] - x[j]);
            const int b = sign(y[i] - y[j]);
            agreement += a * b;
            of_x += a * a;
            of_y += b * b;
        }
    return agreement / std::sqrt(of_x * of_y);
}

/// How well the angles at chosen settings order four systems at known places on a line.
struct Family {
    std::string name;
    std::array<double, 4> places;
    std::function<Trajectories(double place, const Stream&)> system;
    std::int64_t true_rank;
};

std::vector<Family> families() {
    return {{"oscillators",
             {1, 1.1, 2, 4},
             [](double speed, const Stream& s) { return rotation(speed, 0, {}, 0.3, s); },
             2},
            {"few short trials",
             {1, 1.5, 2, 4},
             [](double speed, const Stream& s) { return rotation(speed, 0, {4, 100, 8}, 0.3, s); },
             2},
            {"decaying oscillators",
             {0, 0.3, 0.8, 2},
             [](double decay, const Stream& s) { return rotation(3, decay, {}, 0.05, s); },
             2},
            {"driven by noise",
             {0, 0.1, 0.35, 1},
             [](double mixed, const Stream& s) { return driven(mixed, {}, 0.3, s); },
             6}};
}

TEST(ChosenSettings, OrderSystemsThatAreKnown) {
    constexpr std::uint64_t seeds = 5;
    const repal::ChosenMetric dsa = metric_named("dsa");
    double sum = 0;
    for (const Family& family : families()) {
        double of_family = 0;
        std::uint64_t right_rank = 0;
        for (std::uint64_t seed = 0; seed < seeds; ++seed) {
            std::vector<Trajectories> systems;
            for (std::size_t i = 0; i < 4; ++i)
                systems.push_back(family.system(family.places[i], Stream(seed).child(family.name).child(i)));
            const repal::Part part = part_of(systems);
            const repal::Tuning tuning = tuned(dsa, part);
            ASSERT_TRUE(tuning.chosen) << family.name << ": " << tuning.cause;
            const auto& options = tuning.settings[*tuning.chosen].options;
            if (options.at("rank") == repal::OptionValue(family.true_rank)) ++right_rank;
            std::vector<double> found;
            std::vector<double> truth;
            const auto angles = angles_of(dsa.with(options), part);
            for (std::size_t p = 0; p < angles.size(); ++p) {
                found.push_back(angles[p].value_or(0));
                truth.push_back(std::abs(family.places[part.pairs[p].a] - family.places[part.pairs[p].b]));
            }
            of_family += rank_correlation(found, truth) / static_cast<double>(seeds);
        }
        EXPECT_GE(of_family, 0.5) << family.name;
        if (family.true_rank == 2) EXPECT_EQ(right_rank, seeds) << family.name;
        sum += of_family / static_cast<double>(families().size());
        RecordProperty(family.name, std::to_string(of_family));
    }
    EXPECT_GE(sum, 0.9);
}

/// Of n pairs with a chance of `level` each, more than this happen in one of 1000 runs.
std::size_t most_by_chance(std::size_t n, double level) {
    double term = std::pow(1 - level, static_cast<double>(n));
    double below = term;
    std::size_t k = 0;
    while (below < 0.999) {
        term *= static_cast<double>(n - k) / static_cast<double>(k + 1) * level / (1 - level);
        below += term;
        ++k;
    }
    return k;
}

TEST(PDiffer, IsSmallAtMostAsOftenAsItSaysForEqualSystems) {
    constexpr std::size_t n = 100;
    const repal::ChosenMetric dsa = metric_named("dsa", {"dsa.n_delays=4", "dsa.rank=2"});
    repal::CalibrationOptions options;
    options.splits = 1;
    options.groups = 4;
    options.resamples = 98;
    for (const Index trials : {4, 10}) {
        std::size_t small = 0;
        for (std::uint64_t i = 0; i < n; ++i) {
            const repal::Part part = two_recordings(rotation(1, 0, {2 * trials, 80, 4}, 0.3, Stream(i).child("equal")));
            repal::Progress silent;
            const auto found = calibrate(dsa, part, angles_of(dsa, part), options, Stream(i), 2, silent).front();
            ASSERT_TRUE(found.p_differ);
            small += *found.p_differ <= 0.05 ? 1 : 0;
        }
        EXPECT_LE(small, most_by_chance(n, 0.07)) << trials << " trials";
    }
}

TEST(PDiffer, IsSmallForSystemsThatDiffer) {
    const repal::ChosenMetric dsa = metric_named("dsa", {"dsa.n_delays=4", "dsa.rank=2"});
    const repal::Part part = part_of({rotation(1, 0, {}, 0.3, Stream(1)), rotation(1.1, 0, {}, 0.3, Stream(2))});
    repal::Progress silent;

    const auto found = calibrate(dsa, part, angles_of(dsa, part), {}, Stream(0), 2, silent).front();

    EXPECT_LE(*found.p_differ, 0.05);
    EXPECT_GT(*found.low_rad, 0);
    EXPECT_NEAR(*found.corrected_rad, 0.005, 0.001);
}

TEST(NoiseFloor, IsWhatTwoRecordingsOfOneSystemShow) {
    const repal::ChosenMetric dsa = metric_named("dsa", {"dsa.n_delays=4", "dsa.rank=6"});
    repal::CalibrationOptions options;
    options.resamples = 2;
    double floors = 0;
    double truly = 0;
    constexpr std::uint64_t n = 12;
    for (std::uint64_t i = 0; i < n; ++i) {
        const Stream seed = Stream(i).child("floor");
        const Trajectories both = driven(0, {20, 200, 8}, 0.3, seed);
        const repal::Part part = two_recordings(both);
        repal::Progress silent;
        const auto angles = angles_of(dsa, part);
        const auto found = calibrate(dsa, part, angles, options, Stream(i), 2, silent);
        floors += *found.front().floor_rad / static_cast<double>(n);
        truly += *angles.front() / static_cast<double>(n);
    }
    EXPECT_NEAR(floors, truly, 0.2 * truly);  // 12 draws of the truth scatter by some 10 %
}

// One trial of each: what is not locked in time is found in few, what is, in nearly all.
TEST(PRelate, OfOneTrialIsByShifts) {
    constexpr std::size_t n = 100;
    const repal::ChosenMetric cka = metric_named("cka");
    std::size_t small = 0;
    std::size_t small_of_related = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
        const auto autocorrelated = [&](const char* name) {
            return observed(
                {1, 1000, 4}, 0, Stream(i).child(name),
                [](Stream& draws) -> Eigen::VectorXd {
                    return Eigen::Vector3d(draws.normal(), draws.normal(), draws.normal());
                },
                [](const Eigen::VectorXd& x, Stream& draws) -> Eigen::VectorXd {
                    return 0.9 * x + 0.4 * Eigen::Vector3d(draws.normal(), draws.normal(), draws.normal());
                });
        };
        const auto p_of = [&](const Trajectories& x, const Trajectories& y) {
            const repal::Part part = part_of({x, y});
            repal::Progress silent;
            const auto pair = calibrate(cka, part, angles_of(cka, part), {}, Stream(i), 2, silent).front();
            EXPECT_TRUE(pair.p_relate) << pair.note;
            EXPECT_NE(pair.note.find("by shifts of one trial"), std::string::npos) << pair.note;
            return pair.p_relate.value_or(1);
        };
        const Trajectories x = autocorrelated("x");
        const Trajectories y = autocorrelated("y");
        small += p_of(x, y) <= 0.05 ? 1 : 0;
        small_of_related += p_of(x, x.with_rows(x.rows() + y.rows())) <= 0.05 ? 1 : 0;
    }
    EXPECT_LE(small, 12U);  // 5 % and 3.3 standard errors
    EXPECT_GE(small_of_related, 90U);
}

TEST(PRelate, IsUniformForRecordingsThatHaveNothingInCommon) {
    constexpr std::size_t n = 200;
    const repal::ChosenMetric cka = metric_named("cka");
    repal::CalibrationOptions options;
    options.permutations = 99;
    std::size_t small = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
        const auto autocorrelated = [&](const char* name) {
            return observed(
                {10, 60, 4}, 0, Stream(i).child(name),
                [](Stream& draws) -> Eigen::VectorXd {
                    return Eigen::Vector3d(draws.normal(), draws.normal(), draws.normal());
                },
                [](const Eigen::VectorXd& x, Stream& draws) -> Eigen::VectorXd {
                    return 0.95 * x + 0.3 * Eigen::Vector3d(draws.normal(), draws.normal(), draws.normal());
                });
        };
        const repal::Part part = part_of({autocorrelated("x"), autocorrelated("y")});
        repal::Progress silent;
        const auto found = calibrate(cka, part, angles_of(cka, part), options, Stream(i), 2, silent).front();
        ASSERT_TRUE(found.p_relate);
        small += *found.p_relate <= 0.05 ? 1 : 0;
    }
    EXPECT_LE(small, most_by_chance(n, 0.05));
    EXPECT_GE(small, 2u);  // fewer happen in one of 400 runs
}

}  // namespace
