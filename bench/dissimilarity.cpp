/// bench_dissimilarity [--networks 8] [--trials 200] [--steps 200] [--units 128] [--components 20] [--n_delays 33]
///                     [--delay_interval 6] [--rank 50] [--systems FOLDER] ['METRIC OPTION=VALUE...' ...]
///
/// Random networks driven by noise, or the arrays of a folder: seconds to embed each and to compare each pair on one
/// thread, medians, as one line of JSON for each metric. Of the networks, PCA is part of embedding for metrics of
/// operators, such as DSA; the others see all units. Metrics that are named have the options that are given and no PCA.
#include <sys/resource.h>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "core/eigen.hpp"

import repal.config;
import repal.comparison;
import repal.linalg;
import repal.random;
import repal.registry;
import repal.store;

namespace {

using Values = std::map<std::string, long>;

double seconds_of(const std::function<void()>& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
    std::ranges::nth_element(values, values.begin() + std::ssize(values) / 2);
    return values[values.size() / 2];
}

/// h' = 0.82 h + 0.18 tanh(W h + W_in x), two inputs of constant mean and white noise as in the decision tasks.
repal::Trajectories network_at_work(const Values& values, repal::Stream stream) {
    const long units = values.at("units");
    const auto gaussian = [&](Eigen::Index rows, Eigen::Index columns, double deviation) {
        Eigen::MatrixXd x(rows, columns);
        for (double& value : x.reshaped()) value = deviation * stream.normal();
        return x;
    };
    const Eigen::MatrixXd recurrent = gaussian(units, units, 1.2 / std::sqrt(static_cast<double>(units)));
    const Eigen::MatrixXd input = gaussian(units, 2, 0.5);
    repal::RowMatrix rows(values.at("trials") * values.at("steps"), units);
    for (Eigen::Index trial = 0; trial < values.at("trials"); ++trial) {
        const Eigen::VectorXd mean = gaussian(2, 1, 1);
        Eigen::VectorXd state = Eigen::VectorXd::Zero(units);
        for (Eigen::Index step = 0; step < values.at("steps"); ++step) {
            const Eigen::VectorXd drive = recurrent * state + input * (mean + gaussian(2, 1, 0.22));
            state = 0.82 * state + 0.18 * drive.array().tanh().matrix();
            rows.row(trial * values.at("steps") + step) = state;
        }
    }
    return repal::Trajectories::from_rows({values.at("trials"), values.at("steps"), units}, std::move(rows));
}

std::vector<repal::Trajectories> systems_of(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        if (entry.path().extension() == ".npy") files.push_back(entry.path());
    std::ranges::sort(files);
    std::vector<repal::Trajectories> systems;
    for (const auto& file : files) systems.push_back(repal::read_trajectories(file.string()));
    return systems;
}

void measure(const repal::ChosenMetric& metric, const std::string& name,
             const std::vector<repal::Trajectories>& systems, const repal::Pca* pca) {
    std::vector<std::shared_ptr<const repal::Embedding>> embeddings;
    std::vector<double> embedding_seconds;
    for (const repal::Trajectories& x : systems)
        embedding_seconds.push_back(
            seconds_of([&] { embeddings.push_back(metric.metric->prepare(pca == nullptr ? x : (*pca)(x))); }));
    embeddings = metric.metric->harmonise(std::move(embeddings));
    std::vector<double> pair_seconds;
    for (std::size_t a = 0; a < embeddings.size(); ++a)
        for (std::size_t b = a + 1; b < embeddings.size(); ++b)
            pair_seconds.push_back(seconds_of([&] {
                const repal::EmbeddingPair pair{*embeddings[a], *embeddings[b]};
                compare_safely(*metric.metric, {&pair, 1});
            }));
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    fmt::print(R"({{"metric": "{}", "embeddings_per_second": {:.3g}, "pairs_per_second": {:.3g}, "peak_mb": {}}})"
               "\n",
               name, 1 / median(embedding_seconds), 1 / median(pair_seconds), usage.ru_maxrss / 1024);
}

void measure_at_size(const repal::LoadedMetric& loaded, const std::vector<repal::Trajectories>& systems,
                     const Values& values) {
    std::vector<std::string> overrides;
    for (const repal::OptionInfo& option : loaded.info.options) {
        if (values.contains(option.name))
            overrides.push_back(fmt::format("{}.{}={}", loaded.info.name, option.name, values.at(option.name)));
        if (option.name == "common_rank") overrides.push_back(fmt::format("{}.common_rank=true", loaded.info.name));
    }
    const repal::Pca pca{.components = values.at("components")};
    measure(repal::choose_metric(loaded, repal::Config::from_overrides(overrides)), loaded.info.name, systems,
            overrides.empty() ? nullptr : &pca);
}

/// "cka estimator=debiased"
void measure_named(const std::string& named, const repal::Registry& registry,
                   const std::vector<repal::Trajectories>& systems) {
    std::istringstream words(named);
    std::string metric;
    words >> metric;
    std::vector<std::string> overrides;
    for (std::string option; words >> option;) overrides.push_back(fmt::format("{}.{}", metric, option));
    measure(repal::choose_metric(metric, registry, repal::Config::from_overrides(overrides)), named, systems, nullptr);
}

}  // namespace

int main(int argc, char** argv) try {
    Values values = {{"networks", 8}, {"trials", 200},  {"steps", 200},        {"units", 128},
                     {"rank", 50},    {"n_delays", 33}, {"delay_interval", 6}, {"components", 20}};
    std::filesystem::path folder;
    std::vector<std::string> named;
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (!arguments[i].starts_with("--")) {
            named.push_back(arguments[i]);
        } else if (arguments[i] == "--systems") {
            folder = arguments.at(++i);
        } else {
            values.at(arguments[i].substr(2)) = std::stol(arguments.at(i + 1));
            ++i;
        }
    }
    std::vector<repal::Trajectories> systems;
    if (!folder.empty()) systems = systems_of(folder);
    for (long i = 0; folder.empty() && i < values.at("networks"); ++i)
        systems.push_back(network_at_work(values, repal::Stream(1).child(static_cast<std::uint64_t>(i))));
    const auto registry = repal::Registry::load(repal::plugin_path({}));
    for (const std::string& metric : named) measure_named(metric, registry, systems);
    if (named.empty())
        for (const auto& entry : registry.metrics()) measure_at_size(entry.second, systems, values);
} catch (const std::exception& error) {
    fmt::print(stderr, "bench_dissimilarity: {}\n", error.what());
    return EXIT_FAILURE;
}
