/// The family of metrics beside values that NumPy and SciPy computed from the formulas (data/family, metric_family.py).
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "core/eigen.hpp"

import repal.config;
import repal.dissimilarity;
import repal.registry;
import repal.store;

namespace {

using Json = nlohmann::json;

const std::string folder = std::string(REPAL_TEST_DATA) + "/family";

const Json& reference() {
    static const Json json = Json::parse(std::ifstream(folder + "/reference.json"));
    return json;
}

const repal::Registry& registry() {
    static const repal::Registry loaded =
        repal::Registry::load(std::array{std::filesystem::path(REPAL_PLUGIN_DIRECTORY)});
    return loaded;
}

/// "square_x" as trials: conditions_x.npy has three axes, others one trial of (time, channel).
repal::Trajectories system_named(const std::string& name) {
    return repal::read_trajectories(folder + "/" + name + ".npy");
}

/// What an entry of the file is of: a metric, the options that its name adds, and its first value's name.
struct Entry {
    std::string metric;
    std::string option = {};
    std::string value = {};
};

Entry entry_of(const std::string& id) {
    const std::size_t dot = id.find('.');
    const std::string family = id.substr(0, dot);
    const std::string rest = dot == std::string::npos ? "" : id.substr(dot + 1);
    if (id == "distance_correlation") return {"cka", "", "distance_correlation"};
    if (id.starts_with("gulp")) return {"cka", "kernel=ridge", "gulp"};
    if (family == "cka") {
        const std::string estimator = rest.substr(rest.rfind('.') + 1);
        return {"cka", "", estimator == "biased" ? "cka" : "cka_" + estimator};
    }
    if (family == "shape") return {"procrustes", "", ""};
    if (family == "over_time") return {rest, "", ""};
    if (id == "nbs") return {"procrustes", "", "nbs"};
    if (family == "cca")
        return {"cca", "", rest == "mean_squared" ? "mean_squared" : rest == "pwcca" ? "pwcca" : "mean"};
    if (family == "predictivity") return {"predictivity", "", "r2"};
    // CKNNA is not symmetric; the angle is of the mean of both orders.
    if (family == "neighbours") return {"neighbours", "measure=" + rest, rest == "cknna" ? "cknna_a_to_b" : rest};
    if (family == "matching")
        return {"matching", "correspondence=" + rest, rest == "soft" ? "soft_matching" : "one_to_one"};
    if (id == "rsa.kendall") return {"rsa", "", "tau_a"};
    if (id == "rsa.spearman") return {"rsa", "", "rho_a"};
    if (family == "rsa") return {"rsa", "", rest.substr(rest.find('.') + 1)};
    if (family == "sgot") return {"sgot", rest == "operators" ? "n_delays=1 rank=6" : "", "sgot"};
    if (family == "eigenvalue_wasserstein") return {"eigenvalue_wasserstein", "", "wasserstein"};
    if (family == "stochastic")
        return {"stochastic_shape", "",
                rest.starts_with("gaussian") ? "gaussian_distance"
                : rest == "energy"           ? "energy_distance"
                                             : ""};
    return {family, "", ""};
}

/// The names of further numbers, as the metrics have them.
const std::map<std::string, std::string> further = {
    {"r2_x_to_y", "r2_a_to_b"},
    {"r2_y_to_x", "r2_b_to_a"},
    {"r2_channel_mean_x_to_y", "r2_channel_mean_a_to_b"},
    {"r2_channel_mean_y_to_x", "r2_channel_mean_b_to_a"},
    {"pearson_mean_x_to_y", "pearson_mean_a_to_b"},
    {"pearson_mean_y_to_x", "pearson_mean_b_to_a"},
    {"pearson_median_x_to_y", "pearson_median_a_to_b"},
    {"pearson_median_y_to_x", "pearson_median_b_to_a"},
    {"weighted_by_x", "pwcca_a_to_b"},
    {"weighted_by_y", "pwcca_b_to_a"},
    {"with_distances", "second_order_of_distances"},
    {"soft_matching_distance", "soft_matching_distance"},
    {"mean_correlation", "mean_correlation"},
    {"bures_distance", "size_and_shape"},
    {"tau_b", "tau_b"},
    {"rho", "spearman"},
    {"u_statistic", "energy_distance_u"},
};

repal::Config config_of(const Json& entry, const Entry& of) {
    std::vector<std::string> overrides;
    const bool is_list = of.metric == "predictivity";
    for (const auto& [name, value] : entry["options"].items()) {
        if (name == "window" && value.is_number()) continue;  // of time
        if (name == "stride" || name == "scale") continue;
        std::string text = value.is_string() ? value.get<std::string>() : value.dump();
        if (is_list && name == "ridge" && !value.is_array()) text = "[" + text + "]";
        overrides.push_back(of.metric + "." + name + "=" + text);
    }
    std::istringstream words(of.option);
    for (std::string option; words >> option;) overrides.push_back(of.metric + "." + option);
    return repal::Config::from_overrides(overrides);
}

/// An operator as if it were fitted to white states.
std::unique_ptr<repal::Embedding> embedding_of(const repal::Metric& metric, const std::string& name) {
    const Eigen::MatrixXd linear_operator = system_named(name).rows();
    const Eigen::Index n = linear_operator.rows();
    const Eigen::MatrixXd identity = Eigen::MatrixXd::Identity(n, n);
    return metric.restore({{"singular_values", Eigen::VectorXd::Ones(n)},
                           {"gram", identity},
                           {"cross", linear_operator.transpose()},
                           {"successors", identity},
                           {"axes", identity}});
}

repal::Score score_of(const repal::ChosenMetric& chosen, const Json& entry) {
    if (entry.value("id", "") == "sgot.operators")
        return chosen.metric->compare(*embedding_of(*chosen.metric, entry["x"]),
                                      *embedding_of(*chosen.metric, entry["y"]));
    if (entry.value("id", "").starts_with("over_time")) {
        const auto windows = chosen.in_windows({entry["options"]["window"], entry["options"]["stride"]});
        return windows.metric->compare(*windows.metric->prepare(system_named(entry["x"])),
                                       *windows.metric->prepare(system_named(entry["y"])));
    }
    const auto a = chosen.metric->prepare(system_named(entry["x"]));
    const auto b = chosen.metric->prepare(system_named(entry["y"]));
    return chosen.metric->compare(*a, *b);
}

std::optional<double> value_named(const std::string& name, const repal::Score& score, const repal::MetricInfo& info) {
    for (std::size_t i = 0; i < info.values.size(); ++i)
        if (info.values[i].name == name) return score.values.at(i);
    return {};
}

void expect_reference(const Json& entry) {
    const Entry of = entry_of(entry["id"]);
    const auto chosen = repal::choose_metric(registry().metric(of.metric), config_of(entry, of));

    const repal::Score score = score_of(chosen, entry);

    const double tolerance = entry["tolerance"];
    if (entry["value"].is_null()) {
        EXPECT_EQ(score.status, repal::Status::not_applicable);
        return;
    }
    ASSERT_EQ(score.status, repal::Status::ok) << score.detail;
    // A search that ends lower is a better one.
    const bool is_search = of.metric == "stochastic_shape";
    if (is_search && !entry["angle_rad"].is_null())
        EXPECT_LE(score.angle_rad, entry["angle_rad"].get<double>() + tolerance);
    else if (of.value == "cknna_a_to_b")
        EXPECT_NEAR(std::cos(score.angle_rad), value_named("cknna", score, chosen.info).value(), tolerance);
    else if (!entry["angle_rad"].is_null())
        EXPECT_NEAR(score.angle_rad, entry["angle_rad"].get<double>(), tolerance);
    if (!of.value.empty())
        EXPECT_NEAR(value_named(of.value, score, chosen.info).value(), entry["value"].get<double>(), tolerance);
    if (!entry.contains("more")) return;
    for (const auto& [name, value] : entry["more"].items())
        if (const auto place = further.find(name); place != further.end() && !value.is_null())
            EXPECT_NEAR(value_named(place->second, score, chosen.info).value(), value.get<double>(), tolerance) << name;
}

class Family : public testing::TestWithParam<std::string> {};

TEST_P(Family, HasTheValuesOfItsFormulas) {
    std::size_t entries = 0;
    for (const Json& entry : reference()["values"]) {
        if (entry_of(entry["id"]).metric != GetParam()) continue;
        SCOPED_TRACE(entry.dump());
        expect_reference(entry);
        ++entries;
    }

    EXPECT_GT(entries, 5U);
}

INSTANTIATE_TEST_SUITE_P(Metrics, Family,
                         testing::Values("cka", "procrustes", "cca", "predictivity", "neighbours", "matching",
                                         "stochastic_shape", "rsa", "eigenvalue_wasserstein", "sgot"),
                         [](const auto& info) { return info.param; });

TEST(FamilyFailures, HaveTheirStatus) {
    for (const Json& entry : reference()["failures"]) {
        const Entry of{entry["plugin"]};
        if (!registry().metrics().contains(of.metric)) continue;
        const auto status = [&]() -> std::string {
            try {
                const auto chosen = repal::choose_metric(registry().metric(of.metric), config_of(entry, of));
                const repal::Score score = score_of(chosen, entry);
                EXPECT_FALSE(score.detail.empty()) << entry;
                return std::string(to_string(score.status));
            } catch (const repal::InputError& error) {
                EXPECT_FALSE(error.problem().empty()) << entry;
                return "input_error";
            }
        };

        EXPECT_EQ(status(), entry["status"].get<std::string>()) << entry;
    }
}

}  // namespace
