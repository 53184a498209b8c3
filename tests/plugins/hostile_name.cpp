#include <tuple>

import repal.metric;

namespace {

/// Its name would be markup in a page, and leave the folder of the results.
class HostileName final : public repal::MetricOf<double> {
 public:
    struct Options {
        static auto table() { return std::tuple{}; }
    };
    static repal::MetricInfo info() {
        return {.name = "../<img src=x>", .version = "1", .summary = "</script>", .source = "none"};
    }
    explicit HostileName(const Options&) {}

 protected:
    double features(const repal::Trajectories& x) const override { return x.rows().mean(); }
    repal::Score distance(const double& a, const double& b) const override {
        return repal::Score::of(a < b ? b - a : a - b);
    }
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::MetricPlugin repal_metric =
    repal::metric_plugin<HostileName>;
