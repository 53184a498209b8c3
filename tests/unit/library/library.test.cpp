#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <repal.h>

#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

using testing::HasSubstr;

/// What a function of the library gives, freed.
std::string text_of(int code, char* text) {
    if (code != REPAL_OK) return std::string("refused: ") + repal_error();
    std::string copy = text;
    repal_free(text);
    return copy;
}

template <class Handle, void (*free)(Handle*)>
struct Freed {
    void operator()(Handle* handle) const { free(handle); }
};
using Host = std::unique_ptr<repal_host, Freed<repal_host, repal_host_close>>;
using System = std::unique_ptr<repal_system, Freed<repal_system, repal_system_free>>;
using Comparison = std::unique_ptr<repal_comparison, Freed<repal_comparison, repal_comparison_free>>;
using Metric = std::unique_ptr<repal_metric, Freed<repal_metric, repal_metric_free>>;
using Embedding = std::unique_ptr<repal_embedding, Freed<repal_embedding, repal_embedding_free>>;
using Dataset = std::unique_ptr<repal_dataset, Freed<repal_dataset, repal_dataset_free>>;

Host host() {
    repal_host* opened = nullptr;
    EXPECT_EQ(repal_host_open(nullptr, &opened), REPAL_OK) << repal_error();
    return Host(opened);
}

constexpr std::int64_t trials = 6;
constexpr std::int64_t steps = 50;
constexpr std::int64_t channels = 3;

/// Rotations with a little noise, (trial, time, channel).
std::vector<double> rotation(double speed) {
    std::vector<double> values(trials * steps * channels);
    std::uint32_t state = 1;
    for (std::size_t i = 0; i < values.size(); ++i) {
        state = state * 1664525U + 1013904223U;
        const auto c = static_cast<double>(i % channels);
        const auto t = static_cast<double>(i / channels % steps);
        values[i] = std::cos(speed * t + c) + 0.1 * (state / 4294967296.0 - 0.5);
    }
    return values;
}

template <class Number>
std::vector<repal_trial> described(const std::vector<Number>& values, std::int64_t width = channels) {
    std::vector<repal_trial> all;
    for (std::int64_t k = 0; k < trials; ++k)
        all.push_back({.values = values.data() + k * steps * width,
                       .type = sizeof(Number) == sizeof(double) ? REPAL_DOUBLE : REPAL_FLOAT,
                       .steps = steps,
                       .channels = width,
                       .step_stride = width * static_cast<std::int64_t>(sizeof(Number)),
                       .channel_stride = sizeof(Number)});
    return all;
}

System system_of(const char* name, const std::vector<repal_trial>& given) {
    repal_system* made = nullptr;
    EXPECT_EQ(repal_system_create(name, given.data(), given.size(), &made), REPAL_OK) << repal_error();
    return System(made);
}

std::string compared(const repal_host* host, const std::vector<repal_system*>& systems, const char* options,
                     const repal_calls* calls = nullptr) {
    repal_comparison* made = nullptr;
    const int code = repal_compare(host, systems.data(), systems.size(), options, calls, &made);
    const Comparison held(made);
    char* json = nullptr;
    return text_of(code != REPAL_OK ? code : repal_comparison_json(made, &json), json);
}

class Library : public testing::Test {
 protected:
    Host host_ = host();
    std::vector<double> slow_ = rotation(0.1);
    std::vector<double> fast_ = rotation(0.3);
    System a_ = system_of("slow", described(slow_));
    System b_ = system_of("fast", described(fast_));

    std::string compare(const char* options, const repal_calls* calls = nullptr) {
        return compared(host_.get(), {a_.get(), b_.get()}, options, calls);
    }
};

TEST_F(Library, ValuesAreTheSameWhereverTheyLie) {
    const std::string expected = compare(R"({"metrics": {"procrustes": {}, "cka": {}}})");
    EXPECT_THAT(expected, HasSubstr("\"status\": \"ok\""));
    // Channels behind each other, last one first, times twice as far apart.
    std::vector<double> apart(2 * trials * steps * channels);
    for (std::int64_t k = 0; k < trials; ++k)
        for (std::int64_t t = 0; t < steps; ++t)
            for (std::int64_t c = 0; c < channels; ++c)
                apart[static_cast<std::size_t>(((k * channels + (channels - 1 - c)) * steps + t) * 2)] =
                    slow_[static_cast<std::size_t>((k * steps + t) * channels + c)];
    std::vector<repal_trial> strided;
    for (std::int64_t k = 0; k < trials; ++k)
        strided.push_back({.values = apart.data() + (k * channels + channels - 1) * steps * 2,
                           .type = REPAL_DOUBLE,
                           .steps = steps,
                           .channels = channels,
                           .step_stride = 2 * sizeof(double),
                           .channel_stride = -2 * steps * static_cast<std::int64_t>(sizeof(double))});
    const System other = system_of("slow", strided);
    EXPECT_EQ(compared(host_.get(), {other.get(), b_.get()}, R"({"metrics": {"procrustes": {}, "cka": {}}})"),
              expected);
    repal_trial view{};
    ASSERT_EQ(repal_system_trials(other.get()), trials);
    ASSERT_EQ(repal_system_trial(other.get(), 2, &view), REPAL_OK);
    EXPECT_EQ(std::memcmp(view.values, slow_.data() + 2 * steps * channels, steps * channels * sizeof(double)), 0);
    EXPECT_EQ(repal_system_trial(other.get(), trials, &view), REPAL_BAD_INPUT);
    EXPECT_THAT(repal_error(), HasSubstr("there is no trial 6 of 6"));
}

TEST_F(Library, WhatCannotBeUsedIsRefusedWithAText) {
    EXPECT_THAT(compare("{"), HasSubstr("JSON"));
    EXPECT_THAT(compare("[]"), HasSubstr("expected an object"));
    EXPECT_THAT(compare("{}"), HasSubstr("no metric is named"));
    EXPECT_THAT(compare(R"({"metric": {}})"), HasSubstr("did you mean 'metrics'?"));
    EXPECT_THAT(compare(R"({"metrics": ["cka"]})"), HasSubstr("expected an object from names to options"));
    EXPECT_THAT(compare(R"({"metrics": {"cka": {}}, "over_time": 5})"), HasSubstr("over_time: expected a text, got 5"));
    // Each level of which would be a call.
    const std::string deep =
        R"({"metrics": {"cka": {"a": )" + std::string(100'000, '[') + std::string(100'000, ']') + "}}}";
    EXPECT_THAT(compare(deep.c_str()), HasSubstr("more than 100 levels"));
    repal_metric* no_metric = nullptr;
    EXPECT_EQ(repal_metric_create(host_.get(), "cka", std::string(100'000, '[').c_str(), &no_metric), REPAL_BAD_INPUT);
    EXPECT_THAT(compare(R"({"metrics": {"cka": {"kernel": "a\"[[[]"}}})"), HasSubstr("cka.kernel"));
    EXPECT_THAT(compare(R"({"metrics": {"dsb": {}}})"), HasSubstr("did you mean 'dsa'?"));
    EXPECT_THAT(compare(R"({"metrics": {"dsa": {"rnk": 3}}})"), HasSubstr("did you mean 'rank'?"));
    EXPECT_THAT(compare(R"({"metrics": {"dsa": {"rank": "x"}}})"), HasSubstr("dsa.rank"));
    EXPECT_THAT(compare(R"({"metrics": {"dsa": 3}})"), HasSubstr("expected an object"));
    EXPECT_THAT(compare(R"({"metrics": {"cka": {}}, "calibrate": "yes"})"),
                HasSubstr("calibrate: expected true or false"));
    EXPECT_THAT(compared(host_.get(), {a_.get()}, R"({"metrics": {"cka": {}}})"), HasSubstr("two are compared"));
    EXPECT_THAT(compared(host_.get(), {a_.get(), nullptr}, R"({"metrics": {"cka": {}}})"), HasSubstr("null"));
    EXPECT_THAT(compared(nullptr, {a_.get(), b_.get()}, R"({"metrics": {"cka": {}}})"),
                HasSubstr("host: it is a null"));
    repal_system* none = nullptr;
    std::vector<double> broken = slow_;
    broken[100] = std::nan("");
    EXPECT_EQ(repal_system_create("broken", described(broken).data(), trials, &none), REPAL_BAD_INPUT);
    EXPECT_THAT(repal_error(), HasSubstr("broken: value nan at trial 0, step 33, channel 1"));
    EXPECT_EQ(repal_system_create("empty", nullptr, 0, &none), REPAL_BAD_INPUT);
    EXPECT_EQ(repal_system_create(nullptr, described(slow_).data(), trials, &none), REPAL_BAD_INPUT);
    EXPECT_EQ(repal_system_create("\xff\xfe", described(slow_).data(), trials, &none), REPAL_BAD_INPUT);
    EXPECT_STREQ(repal_error(), "name: the name of a system is no UTF-8");
    const repal_calls no_calls{.threads = -5, .user = nullptr, .progress = nullptr, .warn = nullptr};
    EXPECT_THAT(compare(R"({"metrics": {"cka": {}}})", &no_calls), HasSubstr("threads: expected a number"));
    EXPECT_EQ(repal_system_create("null", nullptr, 3, &none), REPAL_BAD_INPUT);
    std::vector<repal_trial> odd = described(slow_);
    odd[1].channels = 2;
    EXPECT_EQ(repal_system_create("odd", odd.data(), odd.size(), &none), REPAL_BAD_INPUT);
    odd[1] = {.values = slow_.data(), .type = 7, .steps = 1, .channels = 1, .step_stride = 0, .channel_stride = 0};
    EXPECT_EQ(repal_system_create("odd", odd.data(), odd.size(), &none), REPAL_BAD_INPUT);
    EXPECT_THAT(repal_error(), HasSubstr("odd, trial 1: unknown type 7"));
    odd[1].type = REPAL_DOUBLE;
    odd[1].steps = INT64_MAX;
    odd[1].channels = INT64_MAX;
    EXPECT_EQ(repal_system_create("odd", odd.data(), odd.size(), &none), REPAL_BAD_INPUT);
    odd[1].steps = -1;
    EXPECT_EQ(repal_system_create("odd", odd.data(), odd.size(), &none), REPAL_BAD_INPUT);
    EXPECT_EQ(none, nullptr);
    EXPECT_EQ(repal_system_set_dt(a_.get(), -1), REPAL_BAD_INPUT);
    const std::array<std::int64_t, 2> two = {1, 2};
    EXPECT_EQ(repal_system_set_conditions(a_.get(), two.data(), two.size()), REPAL_BAD_INPUT);
    EXPECT_EQ(repal_system_set_inputs(a_.get(), described(slow_).data(), trials - 1), REPAL_BAD_INPUT);
    EXPECT_THAT(repal_error(), HasSubstr("slow: inputs of 5 trials for 6 trials"));
    EXPECT_EQ(repal_system_set_dt(a_.get(), 0.01), REPAL_OK);
    EXPECT_THAT(compare(R"({"metrics": {"cka": {}}})"), HasSubstr("the time of a step is known of 1 of 2"));
    repal_free(nullptr);
    repal_system_free(nullptr);
    repal_host_close(nullptr);
    repal_comparison_free(nullptr);
    repal_metric_free(nullptr);
    repal_embedding_free(nullptr);
    repal_dataset_free(nullptr);
}

TEST_F(Library, InputsAndConditionsReachTheMetrics) {
    const std::vector<double> inputs = rotation(0.7);
    for (repal_system* system : {a_.get(), b_.get()})
        ASSERT_EQ(repal_system_set_inputs(system, described(inputs).data(), trials), REPAL_OK) << repal_error();
    EXPECT_THAT(compare(R"({"metrics": {"input_dsa": {"rank": 3, "n_delays": 2}}})"),
                HasSubstr("\"metric\": \"input_dsa\""));
    const std::array<std::int64_t, trials> conditions = {0, 0, 1, 1, 2, 2};
    for (repal_system* system : {a_.get(), b_.get()})
        ASSERT_EQ(repal_system_set_conditions(system, conditions.data(), conditions.size()), REPAL_OK) << repal_error();
    EXPECT_THAT(compare(R"({"metrics": {"rsa": {}}})"), HasSubstr("\"metric\": \"rsa\""));
}

TEST_F(Library, ProgressIsToldAndStopsTheWork) {
    struct Seen {
        std::vector<std::string> stages;
        std::vector<std::string> warnings;
        bool stops = false;
    } seen;
    repal_calls calls{
        .threads = 2,
        .user = &seen,
        .progress =
            [](void* user, const char* stage, size_t done, size_t total) {
                auto& all = *static_cast<Seen*>(user);
                EXPECT_LE(done, total);
                all.stages.emplace_back(stage);
                return all.stops ? 1 : 0;
            },
        .warn = [](void* user, const char* of,
                   const char* text) { static_cast<Seen*>(user)->warnings.push_back(std::string(of) + ": " + text); }};
    const char* options = R"({"metrics": {"dsa": {"rank": 3, "n_delays": 4}}, "calibrate": true})";
    EXPECT_THAT(compare(options, &calls), HasSubstr("p_differ"));
    EXPECT_GT(seen.stages.size(), 2);
    EXPECT_FALSE(seen.warnings.empty());
    seen.stops = true;
    repal_comparison* none = nullptr;
    const std::array<repal_system*, 2> both = {a_.get(), b_.get()};
    EXPECT_EQ(repal_compare(host_.get(), both.data(), both.size(), options, &calls, &none), REPAL_STOPPED);
    EXPECT_EQ(none, nullptr);
}

TEST_F(Library, AMetricStepByStepGivesWhatComparingGives) {
    for (const auto& [name, options, all] :
         {std::array{"dsa", R"({"rank": 4, "n_delays": 3})", R"({"metrics": {"dsa": {"rank": 4, "n_delays": 3}}})"},
          std::array{"cka", "", R"({"metrics": {"cka": {}}})"}}) {
        repal_metric* made = nullptr;
        ASSERT_EQ(repal_metric_create(host_.get(), name, options, &made), REPAL_OK) << repal_error();
        const Metric metric(made);
        std::array<repal_embedding*, 2> prepared{};
        ASSERT_EQ(repal_metric_prepare(metric.get(), a_.get(), &prepared[0]), REPAL_OK) << repal_error();
        ASSERT_EQ(repal_metric_prepare(metric.get(), b_.get(), &prepared[1]), REPAL_OK) << repal_error();
        const Embedding first(prepared[0]);
        const Embedding second(prepared[1]);
        char* json = nullptr;
        const std::string found = text_of(repal_metric_compare(metric.get(), prepared[0], prepared[1], &json), json);
        const auto angle = [](const std::string& text) {
            const std::size_t begin = text.find("\"angle_rad\"");
            return text.substr(begin, text.find('\n', begin) - begin);
        };
        EXPECT_EQ(angle(found), angle(compare(all)));
        repal_metric* other = nullptr;
        ASSERT_EQ(repal_metric_create(host_.get(), "procrustes", nullptr, &other), REPAL_OK) << repal_error();
        const Metric wrong(other);
        EXPECT_EQ(repal_metric_compare(wrong.get(), prepared[0], prepared[1], &json), REPAL_BAD_INPUT);
        EXPECT_THAT(repal_error(), HasSubstr("slow: it was prepared by "));
    }
    repal_metric* none = nullptr;
    EXPECT_EQ(repal_metric_create(host_.get(), "dsa", nullptr, &none), REPAL_BAD_INPUT);
    EXPECT_THAT(repal_error(), HasSubstr("it is chosen from the data of all that are compared"));
}

/// Compares the mean of all values; counts what it gives and takes back.
struct Means {
    std::atomic<int> held = 0;
    std::atomic<int> inside = 0;
    bool overlaps = false;
    int code = REPAL_OK;  ///< that comparing gives
    int preparing = REPAL_OK;

    repal_own_metric metric() {
        return {.user = this,
                .prepare =
                    [](void* user, const repal_trial* all, size_t n, void** embedding, char* why, size_t size) {
                        auto& means = *static_cast<Means*>(user);
                        const Entered entered(means);
                        std::strncpy(why, "there is no mean", size - 1);
                        if (means.preparing != REPAL_OK) return means.preparing;
                        double sum = 0;
                        for (size_t k = 0; k < n; ++k)
                            for (std::int64_t i = 0; i < all[k].steps * all[k].channels; ++i)
                                sum += static_cast<const double*>(all[k].values)[i];
                        *embedding = new double(sum / static_cast<double>(n));
                        ++means.held;
                        return means.preparing;
                    },
                .compare =
                    [](void* user, const void* a, const void* b, double* angle, char* why, size_t size) {
                        auto& means = *static_cast<Means*>(user);
                        const Entered entered(means);
                        *angle = std::atan(std::abs(*static_cast<const double*>(a) - *static_cast<const double*>(b)));
                        std::strncpy(why, "means are not everything", size - 1);
                        return means.code;
                    },
                .free =
                    [](void* user, void* embedding) {
                        --static_cast<Means*>(user)->held;
                        delete static_cast<double*>(embedding);
                    }};
    }

    struct Entered {
        explicit Entered(Means& of) : means(of) {
            if (means.inside++ > 0) means.overlaps = true;
        }
        ~Entered() { --means.inside; }
        Entered(const Entered&) = delete;
        Entered& operator=(const Entered&) = delete;
        Means& means;
    };
};

TEST_F(Library, AMetricOfOnesOwnIsComparedAndCalibrated) {
    Means means;
    const repal_own_metric metric = means.metric();
    ASSERT_EQ(repal_host_add_metric(host_.get(), R"({"name": "means", "summary": "of all values"})", &metric), REPAL_OK)
        << repal_error();
    char* json = nullptr;
    EXPECT_THAT(text_of(repal_plugins(host_.get(), &json), json), HasSubstr("of all values"));
    const repal_calls calls{.threads = 4, .user = nullptr, .progress = nullptr, .warn = nullptr};
    const std::string found = compare(R"({"metrics": {"means": {}}, "calibrate": true})", &calls);
    EXPECT_THAT(found, HasSubstr("\"status\": \"ok\""));
    EXPECT_EQ(means.held, 0);
    EXPECT_FALSE(means.overlaps);
    means.code = REPAL_BAD_INPUT;
    EXPECT_THAT(compare(R"({"metrics": {"means": {}}})"), HasSubstr("not_applicable"));
    means.code = 77;
    const std::string failed = compare(R"({"metrics": {"means": {}}})");
    EXPECT_THAT(failed, HasSubstr("\"status\": \"failed\""));
    EXPECT_THAT(failed, HasSubstr("means are not everything"));
    repal_metric* alone = nullptr;
    repal_embedding* no_embedding = nullptr;
    ASSERT_EQ(repal_metric_create(host_.get(), "means", nullptr, &alone), REPAL_OK) << repal_error();
    means.preparing = 77;
    EXPECT_EQ(repal_metric_prepare(alone, a_.get(), &no_embedding), REPAL_FAILED);
    EXPECT_THAT(repal_error(), HasSubstr("there is no mean"));
    EXPECT_EQ(no_embedding, nullptr);
    repal_metric_free(alone);
    EXPECT_EQ(repal_host_add_metric(host_.get(), R"({"name": "means"})", &metric), REPAL_BAD_INPUT);
    EXPECT_THAT(repal_error(), HasSubstr("there is a metric 'means' already"));
    EXPECT_EQ(repal_host_add_metric(host_.get(), R"({"name": "a", "corresponding": ["row"]})", &metric),
              REPAL_BAD_INPUT);
    EXPECT_THAT(repal_error(), HasSubstr("did you mean 'rows'?"));
}

TEST_F(Library, SettingsAreChosenAndValuesInListsAreTried) {
    const std::array<repal_system*, 2> both = {a_.get(), b_.get()};
    char* json = nullptr;
    const std::string found =
        text_of(repal_tune(host_.get(), both.data(), 2, R"({"metrics": {"dsa": {"rank": [2, 3], "n_delays": 4}}})",
                           nullptr, &json),
                json);
    EXPECT_THAT(found, HasSubstr("\"chosen\""));
    EXPECT_THAT(found, HasSubstr("\"rank\": 2"));
    EXPECT_THAT(found, HasSubstr("\"n_delays\": 4"));
    EXPECT_EQ(repal_tune(host_.get(), both.data(), 0, R"({"metrics": {"dsa": {}}})", nullptr, &json), REPAL_BAD_INPUT);
    EXPECT_EQ(repal_tune(host_.get(), both.data(), 2, R"({"metrics": {"cka": {}}})", nullptr, &json), REPAL_BAD_INPUT);
    EXPECT_THAT(repal_error(), HasSubstr("no option that is chosen from data"));
    EXPECT_EQ(repal_tune(host_.get(), both.data(), 2, R"({"metrics": {"dsa": {"rank": []}}})", nullptr, &json),
              REPAL_BAD_INPUT);
}

TEST_F(Library, SystemsAreSimulatedAndTrialsGenerated) {
    repal_system* made = nullptr;
    ASSERT_EQ(
        repal_simulate(host_.get(), "lorenz", R"({"system": {"task": "lorenz", "steps": 40}, "trials": 3})", &made),
        REPAL_OK)
        << repal_error();
    const System lorenz(made);
    EXPECT_EQ(repal_system_trials(lorenz.get()), 3);
    EXPECT_EQ(repal_simulate(host_.get(), "", R"({"system": {"task": "lorenx"}})", &made), REPAL_BAD_INPUT);
    EXPECT_THAT(repal_error(), HasSubstr("did you mean 'lorenz'?"));
    EXPECT_EQ(repal_simulate(host_.get(), "", R"({"system": {"task": "lorenz"}, "trials": 0})", &made),
              REPAL_BAD_INPUT);
    repal_dataset* drawn = nullptr;
    ASSERT_EQ(repal_dataset_create(host_.get(), "go_nogo", R"({"trials": 5})", &drawn), REPAL_OK) << repal_error();
    const Dataset dataset(drawn);
    char* json = nullptr;
    EXPECT_THAT(text_of(repal_dataset_json(dataset.get(), &json), json), HasSubstr("\"observations\""));
    const void* values = nullptr;
    EXPECT_EQ(repal_dataset_array(dataset.get(), "observations", &values), REPAL_OK);
    EXPECT_NE(values, nullptr);
    EXPECT_EQ(repal_dataset_array(dataset.get(), "nothing", &values), REPAL_BAD_INPUT);
    EXPECT_EQ(repal_dataset_create(host_.get(), "lorenz", nullptr, &drawn), REPAL_BAD_INPUT);
}

TEST_F(Library, ThreadsShareAHostAndSystems) {
    const std::string expected = compare(R"({"metrics": {"dsa": {"rank": 3, "n_delays": 4}, "cka": {}}})");
    std::atomic<int> different = 0;
    std::vector<std::jthread> all;
    for (int i = 0; i < 8; ++i)
        all.emplace_back([&] {
            for (int k = 0; k < 3; ++k) {
                if (compare(R"({"metrics": {"dsa": {"rank": 3, "n_delays": 4}, "cka": {}}})") != expected) ++different;
                // Each thread has an error of its own.
                if (compare(R"({"metrics": {"dsb": {}}})").find("did you mean 'dsa'") == std::string::npos) ++different;
            }
        });
    all.clear();
    EXPECT_EQ(different, 0);
}

TEST_F(Library, TenThousandHandlesAreMadeAndFreed) {
    for (int i = 0; i < 10'000; ++i) {
        const System system = system_of("slow", described(slow_));
        if (i % 100 != 0) continue;
        const std::string found = compared(host_.get(), {system.get(), b_.get()}, R"({"metrics": {"procrustes": {}}})");
        ASSERT_THAT(found, HasSubstr("\"ok\""));
    }
}

}  // namespace
