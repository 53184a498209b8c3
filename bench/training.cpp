/// Time of one training step (forward, backward, weight norms, Adam) of a leaky RNN or a leaky GRU, as one JSON line.
///
/// bench_training --cell leaky_rnn|leaky_gru|leaky_gru_legacy --hidden N --batch B --steps T --activation A
///     [--repeats 5]
///
/// Opponents' GRU is leaky_gru_legacy, without a reset gate; leaky_gru does half as much again.
#include <sys/resource.h>

#include <Eigen/Core>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "rnn/kernel/panels.hpp"

import repal.network;
import repal.rnn;
import repal.training;

namespace {

using namespace repal::rnn;

struct Options {
    std::map<std::string, std::string> values = {
        {"--cell", "leaky_rnn"}, {"--hidden", "128"}, {"--batch", "64"},  {"--steps", "400"},
        {"--inputs", "7"},       {"--outputs", "3"},  {"--repeats", "5"}, {"--activation", "softplus"}};

    const std::string& text(const std::string& name) const { return values.at(name); }
    int number(const std::string& name) const { return std::stoi(text(name)); }
};

auto named(const auto& names, const std::string& name) {
    const std::vector<std::string> known = repal::texts_of(names);
    if (std::ranges::find(known, name) == known.end()) throw std::invalid_argument(name);
    return repal::value_of(names, name);
}

double seconds_of(auto&& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
    const auto middle = values.begin() + std::ssize(values) / 2;
    std::ranges::nth_element(values, middle);
    return *middle;
}

double median_seconds(int repeats, auto&& work) {
    std::vector<double> seconds(repeats);
    for (double& s : seconds) s = seconds_of(work);
    return median(seconds);
}

double product_peak_gflops() {
    constexpr int n = 1024;
    const Eigen::MatrixXf a = Eigen::MatrixXf::Random(n, n), b = Eigen::MatrixXf::Random(n, n);
    Eigen::MatrixXf c(n, n);
    return 2.0 * n * n * n / median_seconds(5, [&] { c.noalias() = a * b; }) / 1e9;
}

/// Products of a panel and a tile that stay in the first-level cache: the most that fused multiply-adds can give here.
double multiply_add_peak_gflops() {
    constexpr int panels = 20000;
    constexpr std::size_t columns = 64;
    const std::vector<float> panel(columns * panel_rows, 1e-3f);
    const std::vector<Lanes> tile(columns, Lanes{} + 1e-3f);
    Block sums{};
    const double seconds = median_seconds(5, [&] {
        for (int p = 0; p < panels; ++p) sums = multiply_add(panel.data(), tile.data(), columns, sums);
    });
    const double is_used = sums[0][0] >= 0 ? 1 : 0;  // keeps the sums alive
    return is_used * 2.0 * panels * columns * panel_rows * lane_count / seconds / 1e9;
}

std::vector<float> uniform(std::size_t size, double bound, std::mt19937& random) {
    std::uniform_real_distribution<float> draw(float(-bound), float(bound));
    std::vector<float> values(size);
    for (float& v : values) v = draw(random);
    return values;
}

struct Training {
    NetworkShape shape;
    int sequences, steps;
    std::mt19937 random{1};
    repal::TrainingState state{.parameters = Parameters::zeros(shape),
                               .first_moment = Parameters::zeros(shape),
                               .second_moment = Parameters::zeros(shape)};
    std::vector<float> inputs = uniform(std::size_t(sequences) * steps * shape.inputs, 1.7, random);
    std::vector<int> labels = std::vector<int>(std::size_t(sequences) * steps);
    std::vector<float> weights = std::vector<float>(labels.size(), 1.0f / float(labels.size()));
    Backpropagation backpropagation{shape};
    // The norms of the weights are in the loss, as opponents have it.
    repal::TrainingOptions options{.l2_weight = 1e-4, .legacy_norms = true};
    std::int64_t updates = 0;

    Training(const NetworkShape& network, int sequence_count, int step_count)
        : shape(network), sequences(sequence_count), steps(step_count) {
        const double bound = 1 / std::sqrt(shape.hidden);
        Parameters& parameters = state.parameters;
        parameters.input = uniform(parameters.input.size(), 0.378, random);
        parameters.recurrent = uniform(parameters.recurrent.size(), bound, random);
        parameters.readout = uniform(parameters.readout.size(), bound, random);
        for (int& label : labels) label = int(random() % unsigned(shape.outputs));
    }

    void step() {
        const Objective objective{.loss = CrossEntropy{labels}, .weights = weights, .penalty = {}};
        const Stimulus stimulus{sequences, steps, inputs, {}};
        repal::descend(state, backpropagation.differentiate(state.parameters, stimulus, objective), options, ++updates);
    }

    /// Floating-point operations of the products that the mathematics needs: each is done once forward, twice back.
    double flops() const {
        const double gates = traits_of(shape.cell).gates;
        const double weights_used = shape.hidden * (gates * (shape.hidden + shape.inputs) + shape.outputs);
        return 3 * 2 * weights_used * steps * sequences;
    }
};

}  // namespace

int main(int argc, char** argv) try {
    Options options;
    for (int i = 1; i + 1 < argc; i += 2) options.values.at(argv[i]) = argv[i + 1];
    const NetworkShape shape{.cell = named(repal::cell_names, options.text("--cell")),
                             .activation = named(repal::activation_names, options.text("--activation")),
                             .inputs = options.number("--inputs"),
                             .hidden = options.number("--hidden"),
                             .outputs = options.number("--outputs")};
    Training training(shape, options.number("--batch"), options.number("--steps"));
    training.step();
    const double seconds = median_seconds(options.number("--repeats"), [&] { training.step(); });
    const double peak = product_peak_gflops();
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    std::printf(R"({"cell": "%s", "hidden": %d, "batch": %d, "steps": %d, "activation": "%s", )"
                R"("seconds_per_batch": %.6f, "sequences_per_second": %.1f, "gflops": %.1f, )"
                R"("gemm_peak_gflops": %.1f, "multiply_add_peak_gflops": %.1f, "peak_mb": %.1f})"
                "\n",
                options.text("--cell").c_str(), shape.hidden, training.sequences, training.steps,
                options.text("--activation").c_str(), seconds, training.sequences / seconds,
                training.flops() / seconds / 1e9, peak, multiply_add_peak_gflops(), double(usage.ru_maxrss) / 1024);
} catch (const std::exception&) {
    std::fputs(
        "usage: bench_training --cell leaky_rnn|leaky_gru|leaky_gru_legacy --hidden N --batch B --steps T "
        "--activation relu|leaky_relu|softplus|tanh [--inputs N] [--outputs N] [--repeats N]\n",
        stderr);
    return EXIT_FAILURE;
}
