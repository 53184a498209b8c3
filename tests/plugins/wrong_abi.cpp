#include <cstdlib>
#include <memory>

import repal.metric;

namespace {

// Nothing of a plugin may run before its tag was compared.
repal::MetricInfo info() {
    std::abort();
}
std::unique_ptr<repal::Metric> make(const repal::OptionValues&) {
    std::abort();
}

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const repal::MetricPlugin repal_metric{
    "repal interface 000000000000, clang 19", &info, &make};
