#include <memory>
#include <stdexcept>

import repal.metric;

namespace {

repal::MetricInfo info() {
    throw std::runtime_error("this plugin throws when it is asked who it is");
}
std::unique_ptr<repal::Metric> make(const repal::OptionValues&) {
    return nullptr;
}

}  // namespace

extern "C"
    [[gnu::visibility("default")]] constinit const repal::MetricPlugin repal_metric{repal::abi_tag, &info, &make};
