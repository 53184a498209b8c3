#include <Eigen/Core>
#include <limits>
#include <stdexcept>
#include <tuple>

import repal.metric;

namespace {

/// Throws, returns NaN or returns an angle, by the data.
class Unreliable final : public repal::MetricOf<double> {
 public:
    struct Options {
        static auto table() { return std::tuple{}; }
    };
    static repal::MetricInfo info() {
        return {.name = "unreliable", .version = "1", .summary = "fails for some pairs", .source = "none"};
    }
    explicit Unreliable(const Options&) {}

 protected:
    double features(const repal::Trajectories& x) const override { return x.rows().sum(); }
    repal::Score distance(const double& a, const double& b) const override {
        const auto kind = static_cast<long>(1e6 * (a + b)) % 3;
        if (kind == 0) throw std::runtime_error("this metric throws for some pairs");
        return repal::Score::of(kind == 1 ? std::numeric_limits<double>::quiet_NaN() : 0.5);
    }
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::MetricPlugin repal_metric =
    repal::metric_plugin<Unreliable>;
