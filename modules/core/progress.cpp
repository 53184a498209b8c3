module;
#include <cstddef>
#include <string>
module repal.progress;

namespace repal {

Progress::~Progress() = default;
void Progress::begin(const std::string& /*stage*/, std::size_t /*total*/) {}
void Progress::advance() {}

void Progress::drop() {}
void Progress::end() {}
void Progress::warn(const std::string& /*source*/, const std::string& /*text*/) {}
void Progress::say(const std::string& /*text*/) {}
bool Progress::is_stop_requested() const {
    return false;
}

void Progress::stop_if_requested() const {
    if (is_stop_requested()) throw Stopped();
}

const char* Stopped::what() const noexcept {
    return "stopped";
}

}  // namespace repal
