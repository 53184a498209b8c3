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

}  // namespace repal
