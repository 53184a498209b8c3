/// bench_alignment A.npy B.npy [--starts N]: aligns two operators and prints one line of JSON.
#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/eigen.hpp"

import repal.dsa.alignment;

namespace {

/// A 2-D float64 array of a .npy file, version 1.
Eigen::MatrixXd read_npy(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    char prefix[10];
    if (!file.read(prefix, sizeof prefix) || std::memcmp(prefix, "\x93NUMPY\x01\x00", 8) != 0)
        throw std::runtime_error(path + ": not a .npy file of version 1");
    std::string header(static_cast<unsigned char>(prefix[8]) + 256u * static_cast<unsigned char>(prefix[9]), ' ');
    file.read(header.data(), static_cast<std::streamsize>(header.size()));
    static const std::regex form(
        R"(\{'descr': '<f8', 'fortran_order': (True|False), 'shape': \((\d+), (\d+)\), \}\s*)");
    std::smatch match;
    if (!std::regex_match(header, match, form)) throw std::runtime_error(path + ": not a matrix of float64");
    const bool is_column_major = match[1] == "True";
    const Eigen::Index rows = std::stol(match[2]);
    const Eigen::Index columns = std::stol(match[3]);
    Eigen::MatrixXd values = is_column_major ? Eigen::MatrixXd(rows, columns) : Eigen::MatrixXd(columns, rows);
    if (!file.read(reinterpret_cast<char*>(values.data()), values.size() * 8))
        throw std::runtime_error(path + ": too short");
    return is_column_major ? values : values.transpose();
}

}  // namespace

int main(int argc, char** argv) try {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    repal::AlignmentOptions options;
    if (arguments.size() == 4 && arguments[2] == "--starts")
        options.starts = std::stoi(arguments[3]);
    else if (arguments.size() != 2)
        throw std::runtime_error("usage: bench_alignment A.npy B.npy [--starts N]");
    const Eigen::MatrixXd a = read_npy(arguments[0]);
    const Eigen::MatrixXd b = read_npy(arguments[1]);

    const auto begin = std::chrono::steady_clock::now();
    const repal::Alignment result = align(repal::AlignmentOperator(a), repal::AlignmentOperator(b), options);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;

    fmt::print(R"({{"objective": {:.17g}, "angle_rad": {:.17g}, "lower_bound_rad": {:.17g}, "seconds": {:.6g}, )"
               R"("gradient_norm": {:.3g}, "is_converged": {}, "iterations": {}}})"
               "\n",
               result.objective, result.angle_rad, result.lower_bound_rad, seconds.count(), result.gradient_norm,
               result.is_converged, result.iterations);
} catch (const std::exception& error) {
    fmt::print(stderr, "bench_alignment: {}\n", error.what());
    return EXIT_FAILURE;
}
