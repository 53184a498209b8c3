/// Time of one training step (forward, backward, weight norms, Adam) of a leaky RNN or a leaky GRU, as one JSON line.
///
/// bench_training --cell leaky_rnn|leaky_gru|leaky_gru_reset --hidden N --batch B --steps T --activation A [--repeats
/// 5]
///
/// leaky_gru is the published one, without a reset gate, as opponents have it (the program's leaky_gru_legacy);
/// leaky_gru_reset has the gate that works (the program's leaky_gru) and does half as much again.
#include <sys/resource.h>

#include <Eigen/Core>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <initializer_list>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "rnn/kernel/backpropagation.hpp"
#include "rnn/kernel/panels.hpp"

namespace {

using namespace repal::rnn;

struct Options {
    std::map<std::string, std::string> values = {
        {"--cell", "leaky_rnn"}, {"--hidden", "128"}, {"--batch", "64"},  {"--steps", "400"},
        {"--inputs", "7"},       {"--outputs", "3"},  {"--repeats", "5"}, {"--activation", "softplus"}};

    const std::string& text(const std::string& name) const { return values.at(name); }
    int number(const std::string& name) const { return std::stoi(text(name)); }
};

Cell cell_named(const std::string& name) {
    return std::map<std::string, Cell>{
        {"leaky_rnn", Cell::leaky_rnn}, {"leaky_gru", Cell::leaky_gru_legacy}, {"leaky_gru_reset", Cell::leaky_gru}}
        .at(name);
}

Activation activation_named(const std::string& name) {
    return std::map<std::string, Activation>{{"relu", Activation::relu},
                                             {"leaky_relu", Activation::leaky_relu},
                                             {"softplus", Activation::softplus},
                                             {"tanh", Activation::tanh}}
        .at(name);
}

double seconds_of(auto&& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
    std::ranges::nth_element(values, values.begin() + values.size() / 2);
    return values[values.size() / 2];
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
    constexpr int panels = 20000, columns = 64;
    const std::vector<float> panel(columns * panel_rows, 1e-3f);
    const std::vector<Lanes> tile(columns, Lanes{} + 1e-3f);
    Block sums{};
    const double seconds = median_seconds(5, [&] {
        for (int p = 0; p < panels; ++p) sums = multiply_add(panel.data(), tile.data(), columns, sums);
    });
    const double is_used = sums[0][0] >= 0 ? 1 : 0;  // keeps the sums alive
    return is_used * 2.0 * panels * columns * panel_rows * lane_count / seconds / 1e9;
}

using Vector = Eigen::Map<Eigen::ArrayXf>;

/// Adam on one parameter matrix, whose gradient gets that of 1e-4 |parameters| first.
struct Adam {
    Eigen::ArrayXf mean, square;
    float mean_decay = 1, square_decay = 1;

    explicit Adam(std::size_t size) : mean(Eigen::ArrayXf::Zero(size)), square(Eigen::ArrayXf::Zero(size)) {}

    void update(std::vector<float>& parameters, const std::vector<float>& gradient) {
        Vector p(parameters.data(), Eigen::Index(parameters.size()));
        const Eigen::Map<const Eigen::ArrayXf> data_gradient(gradient.data(), Eigen::Index(gradient.size()));
        const float norm = p.matrix().norm();
        const auto g = data_gradient + (norm > 0 ? 1e-4f / norm : 0.0f) * p;
        mean_decay *= 0.9f;
        square_decay *= 0.999f;
        mean = 0.9f * mean + 0.1f * g;
        square = 0.999f * square + 0.001f * g.square();
        p -= 1e-3f / (1 - mean_decay) * mean / ((square / (1 - square_decay)).sqrt() + 1e-8f);
    }
};

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
    Parameters parameters = Parameters::zeros(shape);
    std::vector<float> inputs = uniform(std::size_t(sequences) * steps * shape.inputs, 1.7, random);
    std::vector<int> labels = std::vector<int>(std::size_t(sequences) * steps);
    std::vector<float> weights = std::vector<float>(labels.size(), 1.0f / float(labels.size()));
    Backpropagation backpropagation{shape};
    std::vector<Adam> adams;

    Training(const NetworkShape& network, int sequence_count, int step_count)
        : shape(network), sequences(sequence_count), steps(step_count) {
        const double bound = 1 / std::sqrt(shape.hidden);
        parameters.input = uniform(parameters.input.size(), 0.378, random);
        parameters.recurrent = uniform(parameters.recurrent.size(), bound, random);
        parameters.readout = uniform(parameters.readout.size(), bound, random);
        for (int& label : labels) label = int(random() % unsigned(shape.outputs));
        for (auto* p : {&parameters.input, &parameters.recurrent, &parameters.bias, &parameters.readout})
            adams.emplace_back(p->size());
    }

    void step() {
        const Objective objective{.loss = CrossEntropy{labels}, .weights = weights, .penalty = {}};
        const Stimulus stimulus{sequences, steps, inputs, {}};
        const Parameters& gradients = backpropagation.differentiate(parameters, stimulus, objective).gradients;
        adams[0].update(parameters.input, gradients.input);
        adams[1].update(parameters.recurrent, gradients.recurrent);
        adams[2].update(parameters.bias, gradients.bias);
        adams[3].update(parameters.readout, gradients.readout);
    }

    /// Floating-point operations of the products that the mathematics needs: each is done once forward, twice back.
    double flops() const {
        const double gates = shape.cell == Cell::leaky_rnn ? 1 : shape.cell == Cell::leaky_gru ? 3 : 2;
        const double weights_used = shape.hidden * (gates * (shape.hidden + shape.inputs) + shape.outputs);
        return 3 * 2 * weights_used * steps * sequences;
    }
};

}  // namespace

int main(int argc, char** argv) try {
    Options options;
    for (int i = 1; i + 1 < argc; i += 2) options.values.at(argv[i]) = argv[i + 1];
    const NetworkShape shape{.cell = cell_named(options.text("--cell")),
                             .activation = activation_named(options.text("--activation")),
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
        "usage: bench_training --cell leaky_rnn|leaky_gru|leaky_gru_reset --hidden N --batch B --steps T "
        "--activation relu|leaky_relu|softplus|tanh [--inputs N] [--outputs N] [--repeats N]\n",
        stderr);
    return EXIT_FAILURE;
}
