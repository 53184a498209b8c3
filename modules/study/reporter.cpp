module;
#include <cstddef>
#include <string>
module repal.reporter;

namespace repal {

Reporter::~Reporter() = default;
void Reporter::begin(const std::string& /*stage*/, std::size_t /*total*/) {}
void Reporter::advance() {}
void Reporter::end() {}
void Reporter::warn(const std::string& /*source*/, const std::string& /*text*/) {}
void Reporter::say(const std::string& /*text*/) {}
bool Reporter::is_stop_requested() const {
    return false;
}

void Reporter::stop_if_requested() const {
    if (is_stop_requested()) throw Stopped();
}

const char* Stopped::what() const noexcept {
    return "stopped";
}

}  // namespace repal
