#include <memory>
#include <stdexcept>

import repal.metric;

namespace {

[[maybe_unused]] const int thrown = []() -> int {
    throw std::runtime_error("this plugin throws while it is loaded");
}();

repal::MetricInfo info() {
    return {.name = "throws_at_load"};
}
std::unique_ptr<repal::Metric> make(const repal::OptionValues&) {
    return nullptr;
}

}  // namespace

extern "C"
    [[gnu::visibility("default")]] constinit const repal::MetricPlugin repal_metric{repal::abi_tag, &info, &make};
