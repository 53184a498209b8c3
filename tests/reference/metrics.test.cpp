/// The metrics beside values that NumPy computed from the definitions (data/reference.json; `note` there says how, and
/// rsa_and_eigenvalues.py makes those of RSA and of eigenvalues anew).
#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <Eigen/SVD>
#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/eigen.hpp"

import repal.config;
import repal.dissimilarity;
import repal.dsa.alignment;
import repal.havok;
import repal.linalg;
import repal.registry;
import repal.store;

namespace {

const std::string data_folder = REPAL_TEST_DATA;

const nlohmann::json& reference() {
    static const nlohmann::json json = nlohmann::json::parse(std::ifstream(data_folder + "/reference.json"));
    return json;
}

repal::Trajectories system_named(const std::string& name) {
    return repal::read_trajectories(data_folder + "/" + name + ".npy");
}

/// "a|b|c" as {"a", "b", "c"}
std::vector<std::string> split(std::string text) {
    std::vector<std::string> parts;
    for (std::size_t bar = 0; (bar = text.find('|')) != std::string::npos; text.erase(0, bar + 1))
        parts.push_back(text.substr(0, bar));
    parts.push_back(text);
    return parts;
}

const repal::Registry& registry() {
    static const repal::Registry loaded =
        repal::Registry::load(std::array{std::filesystem::path(REPAL_PLUGIN_DIRECTORY)});
    return loaded;
}

/// Options are "name=value".
repal::Score score_of(const std::string& metric_name, const std::string& a, const std::string& b,
                      std::vector<std::string> options = {}) {
    for (std::string& option : options) option.insert(0, metric_name + ".");
    const auto chosen = repal::choose_metric(registry().metric(metric_name), repal::Config::from_overrides(options));
    const auto both =
        chosen.metric->harmonise({chosen.metric->prepare(system_named(a)), chosen.metric->prepare(system_named(b))});
    return chosen.metric->compare(*both[0], *both[1]);
}

TEST(Reference, CkaIsWithinRounding) {
    for (const auto& [pair, expected] : reference().at("cka").items()) {
        const auto names = split(pair);

        const repal::Score score = score_of("cka", names[0], names[1]);

        EXPECT_NEAR(std::cos(score.angle_rad), expected.get<double>(), 1e-10) << pair;  // 40,000 rows, double
        if (names[0] == names[1]) EXPECT_EQ(score.angle_rad, 0) << pair;
    }
}

TEST(Reference, ProcrustesIsWithinRounding) {
    for (const auto& [pair, expected] : reference().at("procrustes_angle_rad").items()) {
        const auto names = split(pair);

        const repal::Score score = score_of("procrustes", names[0], names[1]);

        if (names[0] == names[1])
            EXPECT_EQ(score.angle_rad, 0) << pair;
        else
            EXPECT_NEAR(score.angle_rad, expected.get<double>(), 1e-9) << pair;
    }
}

TEST(Reference, RsaIsWithinRounding) {
    ASSERT_FALSE(reference().at("rsa_angle_rad").empty());
    for (const auto& [name, expected] : reference().at("rsa_angle_rad").items()) {
        const auto parts = split(name);  // a|b|conditions|distance|comparison

        const repal::Score score =
            score_of("rsa", parts[0], parts[1],
                     {"conditions=" + parts[2], "distance=" + parts[3], "comparison=" + parts[4], "max_conditions=64"});

        ASSERT_EQ(score.status, repal::Status::ok) << name << ": " << score.detail;
        EXPECT_NEAR(score.angle_rad, expected.get<double>(), 1e-9) << name;  // small ones of arccos have 1e-16 / angle
    }
}

TEST(Reference, EigenvaluesAreMovedAsFarAsScipySays) {
    constexpr double tolerance = 1e-6;  // as of the eigenvalues themselves, below
    ASSERT_FALSE(reference().at("eigenvalue_wasserstein").empty());
    for (const auto& [name, expected] : reference().at("eigenvalue_wasserstein").items()) {
        const auto parts = split(name);  // a|b|n10|tau2|rank6|tolerance1e-09|order1

        const repal::Score score = score_of(
            "eigenvalue_wasserstein", parts[0], parts[1],
            {"n_delays=" + parts[2].substr(1), "delay_interval=" + parts[3].substr(3), "rank=" + parts[4].substr(4),
             "rank_tolerance=" + parts[5].substr(9), "order=" + parts[6].substr(5), "common_rank=true"});

        ASSERT_EQ(score.status, repal::Status::ok) << name << ": " << score.detail;
        EXPECT_NEAR(std::tan(score.angle_rad), expected.at("distance").get<double>(), tolerance) << name;
    }
}

/// The largest distance of an expected eigenvalue from the nearest computed one.
double largest_gap(const nlohmann::json& expected, const Eigen::VectorXcd& computed) {
    double largest = 0;
    for (const auto& value : expected) {
        const std::complex<double> eigenvalue(value[0], value[1]);
        largest = std::max(largest, (computed.array() - eigenvalue).abs().minCoeff());
    }
    return largest;
}

TEST(Reference, HavokOperatorsHaveTheReferenceSpectra) {
    constexpr double tolerance = 1e-6;  // singular values fall to 1e-7 of the largest, so vectors have 1e-8
    ASSERT_FALSE(reference().at("havok").empty());
    for (const auto& [name, expected] : reference().at("havok").items()) {
        const auto parts = split(name);  // system|n10|tau2|rank6
        const repal::DelayEmbedding delays{.n_delays = std::stoi(parts[1].substr(1)),
                                           .delay_interval = std::stoi(parts[2].substr(3))};
        const int rank = std::stoi(parts[3].substr(4));

        const repal::Havok havok(system_named(parts[0]), delays, {.rank = rank});

        ASSERT_EQ(havok.rank(), rank) << name;
        const Eigen::MatrixXd linear_operator = havok.operator_of_rank(rank);
        const Eigen::VectorXcd eigenvalues = linear_operator.eigenvalues();
        EXPECT_LT(largest_gap(expected.at("eigenvalues"), eigenvalues), tolerance) << name;
        EXPECT_EQ(eigenvalues.size(), std::ssize(expected.at("eigenvalues")));
        const Eigen::VectorXd singular_values = Eigen::JacobiSVD<Eigen::MatrixXd>(linear_operator).singularValues();
        for (Eigen::Index i = 0; i < singular_values.size(); ++i)
            EXPECT_NEAR(singular_values[i], expected.at("operator_singular_values")[i].get<double>(), tolerance)
                << name;
        for (Eigen::Index i = 0; i < havok.products().singular_values.size(); ++i)
            EXPECT_NEAR(havok.products().singular_values[i], expected.at("hankel_singular_values")[i].get<double>(),
                        tolerance)
                << name;
    }
}

repal::Alignment alignment_of(const std::string& a, const std::string& b) {
    const auto linear_operator = [](const std::string& name) {
        return repal::AlignmentOperator(system_named(name).rows());
    };
    return repal::align(linear_operator(a), linear_operator(b));
}

TEST(Reference, AlignmentIsAsGoodAsTheBestKnownAndBetterThanAdam) {
    for (const auto& [pair, expected] : reference().at("alignment_objective").items()) {
        if (!expected.contains("adam")) continue;
        const auto names = split(pair);

        const repal::Alignment alignment = alignment_of(names[0], names[1]);

        EXPECT_TRUE(alignment.is_converged) << pair;
        EXPECT_LE(alignment.objective, expected.at("best_known").get<double>() + 1e-4) << pair;
        EXPECT_LT(alignment.objective, expected.at("adam").get<double>()) << pair;
        EXPECT_LE(alignment.lower_bound_rad, alignment.angle_rad) << pair;
    }
}

TEST(Reference, ConjugateOperatorsAreAtZero) {
    EXPECT_LT(alignment_of("conjugate20_a", "conjugate20_b").angle_rad, 1e-6);
}

}  // namespace
