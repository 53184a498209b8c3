/// bench_alignment A.npy B.npy [--starts N]: aligns two operators on one thread and prints one line of JSON.
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "core/eigen.hpp"

import repal.dsa.alignment;
import repal.store;

int main(int argc, char** argv) try {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    repal::AlignmentOptions options;
    if (arguments.size() == 4 && arguments[2] == "--starts")
        options.starts = std::stoi(arguments[3]);
    else if (arguments.size() != 2)
        throw repal::InputError("", "usage: bench_alignment A.npy B.npy [--starts N]");
    const Eigen::MatrixXd a = repal::read_trajectories(arguments[0]).rows();
    const Eigen::MatrixXd b = repal::read_trajectories(arguments[1]).rows();
    if (a.rows() != a.cols() || b.rows() != b.cols() || a.rows() != b.rows())
        throw repal::InputError("", fmt::format("operators must be square and of one size, here {} x {} and {} x {}",
                                                a.rows(), a.cols(), b.rows(), b.cols()));

    const auto begin = std::chrono::steady_clock::now();
    const repal::Alignment result = align(repal::AlignmentOperator(a), repal::AlignmentOperator(b), options);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;

    fmt::print(R"({{"objective": {:.17g}, "angle_rad": {:.17g}, "lower_bound_rad": {:.17g}, "seconds": {:.6g}, )"
               R"("restart_spread_rad": {:.3g}, "gradient_norm": {:.3g}, "is_converged": {}, "iterations": {}}})"
               "\n",
               result.objective, result.angle_rad, result.lower_bound_rad, seconds.count(), result.restart_spread_rad,
               result.gradient_norm, result.is_converged, result.iterations);
} catch (const std::exception& error) {
    fmt::print(stderr, "bench_alignment: {}\n", error.what());
    return EXIT_FAILURE;
}
