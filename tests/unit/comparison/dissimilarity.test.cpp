#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <Eigen/Core>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/eigen.hpp"

import repal.dissimilarity;
import repal.progress;

namespace {

using repal::NamedSystem;
using repal::Pair;
using repal::Part;
using repal::Shape;
using repal::Status;
using repal::Trajectories;

constexpr Shape shape = {.trials = 1, .steps = 4, .channels = 1};

/// A constant value; counts how often it was asked.
class Constant final : public repal::System {
 public:
    explicit Constant(int value) : value_(value) {}

    std::string identity() const override { return std::to_string(value_); }
    bool is_ready(const std::filesystem::path&) const override { return is_there; }
    std::size_t bytes() const override { return claimed_bytes; }
    repal::Observed observe(const std::filesystem::path&) const override {
        ++times_observed;
        if (value_ < 0) throw repal::SystemFailed("it is negative");
        if (value_ == 0) throw repal::InvalidTrajectories("it is zero");
        return {Trajectories::from_rows(shape, repal::RowMatrix::Constant(4, 1, value_)), {"value " + identity(), 0.5}};
    }

    mutable std::atomic<int> times_observed = 0;
    bool is_there = true;
    std::size_t claimed_bytes = 0;

 private:
    int value_;
};

struct Value {
    bool precedes(const Value& other) const { return number < other.number; }
    repal::EmbeddingArrays arrays() const {
        if (!can_be_kept) throw std::runtime_error("no arrays");
        return {{"value", Eigen::MatrixXd::Constant(1, 1, number)}};
    }
    static Value from(const repal::EmbeddingArrays& arrays) { return {arrays.at("value")(0, 0)}; }
    double number;
    bool can_be_kept = true;
};

/// |a - b| / 100, kept on disk; harmonise() notes how many systems it saw.
class Difference final : public repal::MetricOf<Value> {
 public:
    std::size_t pairs_per_batch() const override { return batch; }
    std::vector<repal::Score> compare_batch(std::span<const repal::EmbeddingPair> pairs) const override {
        {
            const std::lock_guard lock(counting);
            batches.insert(pairs.size());
        }
        return Metric::compare_batch(pairs);
    }
    std::vector<std::shared_ptr<const repal::Embedding>> harmonise(
        std::vector<std::shared_ptr<const repal::Embedding>> embeddings) const override {
        n_harmonised = embeddings.size();
        if (loses_embeddings) embeddings.pop_back();
        return embeddings;
    }

    mutable std::atomic<std::size_t> n_harmonised = 0;
    mutable std::mutex counting;
    mutable std::multiset<std::size_t> batches;  ///< how many pairs each had
    std::size_t batch = 1;
    std::set<double> refuses_both;
    double throws_at = 0;
    double throws_number_at = 0;
    double cannot_keep = 0;
    bool loses_embeddings = false;

 protected:
    Value features(const Trajectories& x) const override {
        if (x.rows()(0, 0) == throws_at) throw std::runtime_error("no such value");
        if (x.rows()(0, 0) == throws_number_at) throw 7;
        return {.number = x.rows()(0, 0), .can_be_kept = x.rows()(0, 0) != cannot_keep};
    }
    repal::Score distance(const Value& a, const Value& b) const override {
        if (refuses_both == std::set{a.number, b.number}) throw std::runtime_error("not this pair");
        return repal::Score::of(std::abs(a.number - b.number) / 100);
    }
};

class Dissimilarity : public testing::Test {
 protected:
    Dissimilarity() { std::filesystem::remove_all(folder_); }
    ~Dissimilarity() override { std::filesystem::remove_all(folder_); }

    /// All pairs of systems with these values.
    Part part_of(const std::vector<int>& values) {
        Part part{.name = "all", .has_independent_pairs = true};
        for (const int value : values) {
            constants_.push_back(std::make_shared<Constant>(value));
            part.systems.push_back({"system " + std::to_string(value), constants_.back()});
        }
        for (std::size_t a = 0; a < values.size(); ++a)
            for (std::size_t b = a + 1; b < values.size(); ++b) part.pairs.push_back({a, b, {"all"}, {{a}, {b}}});
        return part;
    }

    std::vector<repal::PairResult> run(const std::vector<Part>& parts) {
        std::vector<repal::Experiment> experiments;
        for (const Part& part : parts)
            experiments.push_back({"experiment" + std::to_string(experiments.size()), {part}, {}, {"all"}});
        const repal::DissimilarityStage stage(experiments, {{"difference", "difference", metric_}});
        repal::Progress quiet;
        stage.run(stage.selected({}), folder_, {}, 2, quiet);
        std::vector<repal::PairResult> results;
        for (const auto& item : stage.items())
            for (const auto& result : stage.read_results(repal::ItemFiles(folder_), item)) results.push_back(result);
        return results;
    }

    std::filesystem::path folder_ =
        std::filesystem::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name();
    std::shared_ptr<Difference> metric_ = std::make_shared<Difference>();
    std::vector<std::shared_ptr<Constant>> constants_;
};

TEST_F(Dissimilarity, EmbedsEverySystemOnceForAllComparisons) {
    std::vector<int> values;
    for (int value = 1; value <= 60; ++value) values.push_back(value);
    const Part part = part_of(values);

    const auto results = run({part, part});

    ASSERT_EQ(results.size(), 2u * 60 * 59 / 2);
    EXPECT_DOUBLE_EQ(results[0].score.angle_rad, 0.01);
    EXPECT_EQ(results[0].a.name, "value 1");
    EXPECT_EQ(results[0].b.performance, 0.5);
    for (const auto& constant : constants_) EXPECT_EQ(constant->times_observed, 1);
}

// Two systems of a gigabyte each are all that is held at once, so every pair is an item of its own.
TEST_F(Dissimilarity, ItemsOfLargeSystemsAreSmall) {
    const Part part = part_of({1, 2, 3, 4});
    const auto n_items = [&] {
        return repal::DissimilarityStage({{"experiment", {part}, {}, {"all"}}}, {{"difference", "difference", metric_}})
            .items()
            .size();
    };
    EXPECT_EQ(n_items(), 1u);

    for (const auto& constant : constants_) constant->claimed_bytes = std::size_t{1} << 30;
    EXPECT_EQ(n_items(), 6u);
    EXPECT_EQ(run({part}).size(), 6u);
}

TEST_F(Dissimilarity, IndependentPairsHaveNoCommonForm) {
    Part part = part_of({1, 2, 3});
    run({part});
    EXPECT_EQ(metric_->n_harmonised, 0u);

    part.has_independent_pairs = false;
    run({part});
    EXPECT_EQ(metric_->n_harmonised, 3u);
}

TEST_F(Dissimilarity, TheCommonFormIsThatOfAllSystemsAlsoWhereFewPairsAreLeft) {
    Part part = part_of({1, 2, 3, 4});
    part.has_independent_pairs = false;
    repal::PreparedSystems prepared("", 0);
    repal::Progress quiet;
    const repal::KeptPairs kept{.find = [](std::size_t pair) -> std::optional<repal::PairResult> {
                                    if (pair == 0) return {};
                                    return repal::PairResult{.score = repal::Score::of(0)};
                                },
                                .add = {}};

    const auto results = compare_all({"difference", "difference", metric_}, part, prepared, 1, quiet, kept);

    EXPECT_EQ(metric_->n_harmonised, 4u);
    EXPECT_DOUBLE_EQ(results[0].score.angle_rad, 0.01);
    EXPECT_EQ(results[1].score.angle_rad, 0);
}

TEST_F(Dissimilarity, SystemWithoutAnEmbeddingFailsItsPairsOnly) {
    const auto results = run({part_of({1, 0, 2, -1})});

    const std::vector<Status> expected = {Status::not_applicable, Status::ok,    Status::failed, Status::not_applicable,
                                          Status::not_applicable, Status::failed};
    ASSERT_EQ(results.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(results[i].score.status, expected[i]) << i;
    EXPECT_EQ(results[0].score.detail, "system 0: it is zero");
    EXPECT_EQ(results[2].score.detail, "system -1: it is negative");
}

TEST_F(Dissimilarity, PairsOfMoreSystemsThanMemoryHoldsAreTheSame) {
    std::vector<int> values;
    for (int value = 1; value <= 12; ++value) values.push_back(value % 5 == 0 ? 5 - value : value);  // 0 and -5 fail
    const Part part = part_of(values);
    repal::Progress quiet;
    const auto results_of = [&](std::size_t max_bytes) {
        repal::PreparedSystems prepared("", max_bytes);
        return compare_all({"difference", "difference", metric_}, part, prepared, 2, quiet);
    };
    const auto expected = results_of(std::size_t{1} << 20);
    for (const auto& constant : constants_) {
        EXPECT_EQ(constant->times_observed, 1);
        constant->times_observed = 0;
    }

    const auto results = results_of(6 * 4 * sizeof(double));  // five stay, and the others pass by one by one

    ASSERT_EQ(results.size(), 12u * 11 / 2);
    for (std::size_t i = 0; i < results.size(); ++i) {
        EXPECT_EQ(results[i].score.status, expected[i].score.status) << i;
        if (expected[i].score.status == Status::ok) {
            EXPECT_EQ(results[i].score.angle_rad, expected[i].score.angle_rad) << i;
        }
        EXPECT_EQ(results[i].score.detail, expected[i].score.detail) << i;
        EXPECT_EQ(results[i].a.name, expected[i].a.name) << i;
    }
    EXPECT_EQ(constants_.front()->times_observed, 1) << "the first tile stays";
    int times = 0;
    for (const auto& constant : constants_) times += constant->times_observed;
    EXPECT_LE(times, 12 + 7 + 2) << "all pass by five, seven by the next five, two by each other";
    EXPECT_GT(times, 12);
}

TEST_F(Dissimilarity, WhateverAPluginThrowsFailsItsPairsOnly) {
    metric_->throws_at = 2;
    const auto results = run({part_of({1, 2, 3})});

    EXPECT_EQ(results[0].score.status, Status::failed);
    EXPECT_EQ(results[0].score.detail, "system 2: no such value");
    EXPECT_EQ(results[1].score.status, Status::ok);
    EXPECT_EQ(results[2].score.status, Status::failed);

    metric_->throws_at = 0;
    metric_->throws_number_at = 7;
    EXPECT_EQ(run({part_of({6, 7})})[0].score.detail, "system 7: what was thrown is not a std::exception");
}

TEST_F(Dissimilarity, SystemOfACommonFormMayNotFail) {
    Part part = part_of({1, 0});
    part.has_independent_pairs = false;
    EXPECT_THROW(run({part}), repal::InputError);
}

// The others have a common form without it; when it is there they are compared again, since that may be another one.
TEST_F(Dissimilarity, SystemThatFailsLeavesPairsOfACommonFormToBeComparedAgain) {
    Part part = part_of({1, 2, 3});
    part.has_independent_pairs = false;
    metric_->throws_at = 2;

    const auto results = run({part});
    EXPECT_EQ(metric_->n_harmonised, 2u);
    EXPECT_EQ(results[0].score.detail, "system 2: no such value");
    EXPECT_EQ(results[1].score.status, Status::ok);
    EXPECT_EQ(results[1].score.angle_rad, 0.02);
    EXPECT_EQ(results[2].score.status, Status::failed);

    // Pairs of which none has failed are not final either.
    part.pairs = {part.pairs[1]};
    EXPECT_EQ(run({part})[0].score.status, Status::ok);
    metric_->throws_at = 0;
    EXPECT_EQ(run({part})[0].score.status, Status::ok);
    EXPECT_EQ(metric_->n_harmonised, 3u);
}

TEST_F(Dissimilarity, WithoutACommonFormAllPairsFail) {
    Part part = part_of({1, 2, 3});
    part.has_independent_pairs = false;
    metric_->loses_embeddings = true;
    const auto results = run({part});
    ASSERT_EQ(results.size(), 3u);
    for (const auto& result : results) EXPECT_EQ(result.score.detail, "the metric did not give back 3 embeddings");
}

TEST_F(Dissimilarity, PairsAreComparedInTheBatchesThatTheMetricWants) {
    metric_->batch = 4;
    const auto results = run({part_of({1, 2, 3, 4})});

    ASSERT_EQ(results.size(), 6u);
    for (const auto& result : results) EXPECT_EQ(result.score.status, Status::ok);
    EXPECT_EQ(results[2].score.angle_rad, 0.03);
    EXPECT_EQ(metric_->batches, (std::multiset<std::size_t>{2, 4}));
}

TEST_F(Dissimilarity, OfABatchThatThrowsEachPairIsComparedAlone) {
    metric_->batch = 6;
    metric_->refuses_both = {1, 3};
    const auto results = run({part_of({1, 2, 3})});

    EXPECT_EQ(results[0].score.status, Status::ok);
    EXPECT_EQ(results[1].score.status, Status::failed);
    EXPECT_EQ(results[1].score.detail, "not this pair");
    EXPECT_EQ(results[2].score.status, Status::ok);
}

TEST_F(Dissimilarity, EmbeddingsOfLargeSystemsAreKeptOnDisk) {
    const Part part = part_of({1, 2});
    for (const auto& constant : constants_) constant->claimed_bytes = 1;
    const auto first = run({part});
    std::filesystem::remove_all(folder_ / "cells");
    const auto second = run({part});

    EXPECT_EQ(constants_[0]->times_observed, 1);
    EXPECT_EQ(second[0].score.angle_rad, first[0].score.angle_rad);
    EXPECT_EQ(second[0].a.name, "value 1");
    EXPECT_EQ(second[0].a.performance, 0.5);

    // A damaged file is made again.
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "embeddings"))
        std::filesystem::resize_file(entry.path(), 100);
    std::filesystem::remove_all(folder_ / "cells");
    EXPECT_EQ(run({part})[0].score.angle_rad, first[0].score.angle_rad);
    EXPECT_EQ(constants_[0]->times_observed, 2);
}

TEST_F(Dissimilarity, EmbeddingThatCannotSayItsArraysIsNotKept) {
    metric_->cannot_keep = 2;
    const Part part = part_of({1, 2});
    for (const auto& constant : constants_) constant->claimed_bytes = 1;

    EXPECT_EQ(run({part})[0].score.status, Status::ok);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_ / "embeddings"), {}), 1);
}

TEST_F(Dissimilarity, EmbeddingsOfSmallSystemsAreNot) {
    run({part_of({1, 2})});
    EXPECT_FALSE(std::filesystem::exists(folder_ / "embeddings"));
}

TEST_F(Dissimilarity, WaitsForSystemsThatAreNotThere) {
    const Part part = part_of({1, 2});
    constants_[1]->is_there = false;
    EXPECT_TRUE(run({part}).empty());
    EXPECT_EQ(constants_[0]->times_observed, 0);

    constants_[1]->is_there = true;
    EXPECT_EQ(run({part}).size(), 1u);
}

TEST_F(Dissimilarity, EqualStatesAreNotComparedWhereTheyMustDiffer) {
    Part part = part_of({5, 6});
    part.systems.push_back({"again", std::make_shared<Constant>(5)});
    part.pairs.push_back({0, 2, {"all"}, {{0}}});
    part.needs_distinct_states = true;

    const auto results = run({part});

    EXPECT_EQ(results[0].score.status, Status::ok);
    EXPECT_EQ(results[1].score.status, Status::not_applicable);
    EXPECT_EQ(results[1].score.detail, "both are value 5");
}

TEST(PreparedSystems, AreKeptUpToTheLimitTheLatestUsedFirst) {
    std::vector<std::shared_ptr<Constant>> constants;
    std::vector<NamedSystem> systems;
    for (int value = 1; value <= 4; ++value) {
        constants.push_back(std::make_shared<Constant>(value));
        systems.push_back({"system", constants.back()});
    }
    const repal::ChosenMetric metric{"difference", "difference", std::make_shared<Difference>()};
    repal::PreparedSystems prepared("", 3 * 4 * sizeof(double));  // of three systems

    prepared.of(metric, std::vector{systems[0], systems[1], systems[2]}, repal::Unsuitable::throws, 1);
    prepared.of(metric, std::vector{systems[0]}, repal::Unsuitable::throws,
                1);  // used again: the second is now the oldest
    prepared.of(metric, std::vector{systems[3]}, repal::Unsuitable::throws, 1);
    prepared.of(metric, std::vector{systems[0], systems[2], systems[3]}, repal::Unsuitable::throws, 1);
    EXPECT_EQ(constants[0]->times_observed, 1);
    EXPECT_EQ(constants[2]->times_observed, 1);
    EXPECT_EQ(constants[3]->times_observed, 1);

    prepared.of(metric, std::vector{systems[1]}, repal::Unsuitable::throws, 1);
    EXPECT_EQ(constants[1]->times_observed, 2);
}

// What is read from disk counts as well: with room for one, the other one is read again.
TEST_F(Dissimilarity, EmbeddingsThatWereReadAreKeptUpToTheLimit) {
    const Part part = part_of({1, 2});
    for (const auto& constant : constants_) constant->claimed_bytes = 100;
    const repal::ChosenMetric metric{"difference", "difference", metric_};
    repal::PreparedSystems(folder_, 150).of(metric, part.systems, repal::Unsuitable::throws, 1);
    repal::PreparedSystems prepared(folder_, 150);
    prepared.of(metric, part.systems, repal::Unsuitable::throws, 1);

    std::filesystem::remove_all(folder_ / "embeddings");
    prepared.of(metric, part.systems, repal::Unsuitable::throws, 1);

    EXPECT_EQ(constants_[0]->times_observed + constants_[1]->times_observed, 3);
}

TEST(CompareSafely, TakesNoAngleOrBoundThatCannotBe) {
    struct Given final : repal::Metric {
        std::unique_ptr<repal::Embedding> prepare(const Trajectories&) const override { return {}; }
        repal::Score compare(const repal::Embedding&, const repal::Embedding&) const override { return score; }
        repal::Score score;
    } metric;
    const auto detail_of = [&](double angle, std::optional<double> bound) {
        metric.score = repal::Score::of(angle, bound);
        const repal::Embedding embedding;
        const auto score = repal::compare_safely(metric, std::vector{repal::EmbeddingPair{embedding, embedding}})[0];
        EXPECT_EQ(score.status == Status::ok, score.detail.empty());
        return score.detail;
    };
    constexpr double infinity = std::numeric_limits<double>::infinity();
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();

    EXPECT_EQ(detail_of(0.2, 0.1), "");
    EXPECT_EQ(detail_of(0.2, 0.2), "");
    for (const double angle : {nan, infinity, -0.1}) EXPECT_THAT(detail_of(angle, {}), testing::HasSubstr("the angle"));
    for (const double bound : {nan, infinity, -infinity, 0.3})
        EXPECT_THAT(detail_of(0.2, bound), testing::HasSubstr("the lower bound"));
}

}  // namespace
