module;
#include <fmt/format.h>

#include <string>
#include <string_view>
module repal.hash;

namespace repal {

std::string hash_hex(std::string_view text) {
    return fmt::format("{:016x}", hash(text));
}

}  // namespace repal
